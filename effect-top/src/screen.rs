//! The screen: a table of stages, below it the samples, and a line that adds up.

use std::time::Duration;

use effect_view::Row as Stage;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Cell, Paragraph, Row, Table};

use crate::app::App;

/// How long a name is shown.
const LONGEST: usize = 28;

/// Draws what is known.
pub fn draw(frame: &mut Frame<'_>, app: &App) {
    let stages = app.rows.plan().stages.len() as u16;
    let area = frame.area();
    let table_height = (stages + 1).min(area.height.saturating_sub(3));
    let [title, table, samples, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(table_height),
        Constraint::Min(0),
        Constraint::Length(1),
    ])
    .areas(area);
    frame.render_widget(Paragraph::new(heading(app)), title);
    frame.render_widget(stage_table(app), table);
    if samples.height > 1 {
        draw_samples(frame, app, samples);
    }
    let faint = Style::new().add_modifier(Modifier::DIM);
    let keys = match &app.notice {
        Some(notice) => notice.clone(),
        None => "↑↓ stage   t tap   +/- more or fewer samples   q quit".to_owned(),
    };
    frame.render_widget(Paragraph::new(keys).style(faint), foot);
}

fn heading(app: &App) -> Line<'_> {
    let last = app.rows.last();
    let state = match (app.is_lost, last.has_ended) {
        (_, true) => "ended",
        (true, false) => "connection lost",
        (false, false) => "running",
    };
    let bold = Style::new().add_modifier(Modifier::BOLD);
    Line::from(vec![
        Span::styled(plain(&app.rows.plan().name), bold),
        format!(
            "  {state}, {:.0} s  {}",
            last.elapsed.as_secs_f64(),
            last.line
        )
        .into(),
    ])
}

fn stage_table(app: &App) -> Table<'_> {
    let names = app.rows.rows().map(|row| row.name.chars().count());
    let name = names.max().unwrap_or(0).clamp(5, LONGEST) as u16;
    let widths = [
        Constraint::Length(2),
        Constraint::Length(name),
        Constraint::Length(7),
        Constraint::Length(8),
        Constraint::Length(7),
        Constraint::Length(7),
        Constraint::Length(20),
        Constraint::Length(11),
        Constraint::Length(7),
        Constraint::Length(7),
    ];
    let titles = [
        "", "STAGE", "   DONE", "    RATE", " FAILED", "RETRIED", "QUEUE", "BUSY", "    P50",
        "    P99",
    ];
    let header = Row::new(titles).style(Style::new().add_modifier(Modifier::REVERSED));
    let rows = app.rows.rows().enumerate().map(|(place, row)| {
        let mut style = Style::new();
        if row.is_bottleneck {
            style = style.fg(Color::Yellow).add_modifier(Modifier::BOLD);
        }
        if place == app.selected {
            style = style.add_modifier(Modifier::UNDERLINED);
        }
        // Where there are no colors, they are told by these.
        let mark = match (place == app.selected, row.is_bottleneck) {
            (true, true) => ">!",
            (true, false) => ">",
            (false, true) => " !",
            (false, false) => "",
        };
        cells(&row, mark).style(style)
    });
    Table::new(rows, widths).header(header).column_spacing(1)
}

fn cells(row: &Stage, mark: &'static str) -> Row<'static> {
    let works = row.workers > 0;
    let if_works = |text: String| if works { text } else { String::new() };
    let queue = match row.buffer {
        0 => String::new(),
        buffer => format!("{} {}/{buffer}", row.queue_bar(8), row.now.queued),
    };
    let busy = format!(
        "{:>3.0}% {}/{}",
        100.0 * row.now.busy,
        row.now.running,
        row.workers
    );
    let count = |count: u64| match count {
        0 => String::new(),
        count => format!("{count:>7}"),
    };
    let cells = [
        mark.to_owned(),
        clipped(&plain(&row.name)),
        format!("{:>7}", row.done_in_short()),
        format!("{:>8}", row.rate_in_short()),
        count(row.now.failed),
        count(row.now.retried),
        queue,
        if_works(busy),
        if_works(format!("{:>7}", time(row.now.median))),
        if_works(format!("{:>7}", time(row.now.p99))),
    ];
    Row::new(cells.map(Cell::from))
}

fn draw_samples(frame: &mut Frame<'_>, app: &App, area: ratatui::layout::Rect) {
    let title = match &app.tapped {
        Some(stage) if app.every == 1 => format!(" {}: items ", plain(stage)),
        Some(stage) => format!(" {}: one of {} items ", plain(stage), app.every),
        None => " no stage is tapped ".to_owned(),
    };
    let room = usize::from(area.height.saturating_sub(1));
    let newest = app.samples.len().saturating_sub(room);
    let lines = app.samples.iter().skip(newest);
    let lines: Vec<_> = lines.map(|item| Line::from(plain(item))).collect();
    let block = Block::new()
        .borders(ratatui::widgets::Borders::TOP)
        .title(title);
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

/// What an item says may be anything: no control character of it gets to the terminal.
fn plain(text: &str) -> String {
    text.replace(char::is_control, " ")
}

fn clipped(name: &str) -> String {
    if name.chars().count() <= LONGEST {
        return name.to_owned();
    }
    name.chars().take(LONGEST - 1).chain(['…']).collect()
}

/// A duration in six letters.
fn time(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    match nanos {
        0 => "-".to_owned(),
        1..1_000 => format!("{nanos}ns"),
        1_000..1_000_000 => format!("{:.3}", nanos as f64 / 1e3).short("us"),
        1_000_000..1_000_000_000 => format!("{:.3}", nanos as f64 / 1e6).short("ms"),
        _ => format!("{:.3}", nanos as f64 / 1e9).short("s"),
    }
}

trait Short {
    fn short(self, unit: &str) -> String;
}

impl Short for String {
    /// Three digits of a number, with a unit.
    fn short(self, unit: &str) -> String {
        let digits: String = self.chars().take(4).collect();
        format!("{}{unit}", digits.trim_end_matches('.'))
    }
}
