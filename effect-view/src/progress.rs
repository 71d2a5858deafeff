//! Progress in the program's own terminal: a line for each stage. Where there is no terminal, a line every five seconds.

use std::time::{Duration, Instant};

use effect_core::{Cx, Effect, Env, Never, effect};
use effect_stream::PipelineHandle;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::rows::{Row, Rows};
use crate::wire::{Plan, Snapshot};

/// Shows the progress of a run while it runs, on the standard error: for each stage what it has done, how fast, what failed, its
/// queue, and which stage the others wait for.
///
/// In a terminal these are lines that change in place; with `NO_COLOR` set, without colors. Elsewhere, such as in a log, it is one line
/// every five seconds, and one at the end.
///
/// # Examples
///
/// ```
/// use effect_core::{effect, Cx, Never};
/// use effect_stream::{stage_sync, Channel, Pipeline, Stream};
/// use effect_view::ProgressView;
///
/// # #[tokio::main]
/// # async fn main() {
/// let program = effect(async |cx: Cx<()>| {
///     let connected = Pipeline::from_stream(Stream::range(0..3))
///         .via(stage_sync("double", |n: u32| Ok::<_, Never>(2 * n)))
///         .to_channel(Channel::bounded(8));
///     let view = cx.fork(ProgressView::attach(&connected.handle()));
///     let report = cx.run(connected.run()).await;
///     // It has shown the end.
///     cx.run(view.join()).await?;
///     Ok::<_, Never>(report.unwrap().delivered)
/// });
/// assert_eq!(program.await.unwrap(), 3);
/// # }
/// ```
#[derive(Debug)]
pub struct ProgressView {
    every: Duration,
    lines_every: Duration,
    target: Target,
}

#[derive(Debug)]
enum Target {
    Terminal { bars: MultiProgress, colored: bool },
    Lines(fn(&str)),
}

impl ProgressView {
    /// Shows the progress of a run until it has ended. To be forked beside the run.
    pub fn attach<R: Env>(handle: &PipelineHandle) -> Effect<R, Never, ()> {
        let target = ProgressDrawTarget::stderr();
        let view = if target.is_hidden() {
            ProgressView::in_lines(|line| eprintln!("{line}"))
        } else {
            let colored = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
            ProgressView::in_terminal(target, colored)
        };
        view.show(handle)
    }

    /// Draws in a terminal, with colors or without.
    pub fn in_terminal(target: ProgressDrawTarget, colored: bool) -> Self {
        let bars = MultiProgress::with_draw_target(target);
        ProgressView::to(Target::Terminal { bars, colored })
    }

    /// Writes lines, with what ends none of them.
    pub fn in_lines(write: fn(&str)) -> Self {
        ProgressView::to(Target::Lines(write))
    }

    fn to(target: Target) -> Self {
        ProgressView {
            every: Duration::from_millis(200),
            lines_every: Duration::from_secs(5),
            target,
        }
    }

    /// Shows the progress of a run until it has ended, where this view is.
    pub fn show<R: Env>(self, handle: &PipelineHandle) -> Effect<R, Never, ()> {
        let handle = handle.clone();
        effect(async move |cx: Cx<R>| {
            let every = match &self.target {
                Target::Terminal { .. } => self.every,
                Target::Lines(_) => self.lines_every,
            };
            let mut rows = Rows::new(Plan::of(handle.name(), handle.blueprint()));
            let mut screen = Screen::new(self.target, &rows);
            let mut before: Option<Instant> = None;
            let clock = cx.clone();
            let shown = handle.clone().reports(every).run_for_each(move |report| {
                let now = clock.now();
                let after = before.map_or(Duration::ZERO, |before| now - before);
                let has_ended = handle.has_ended() && report.in_flight() == 0;
                rows.see(Snapshot::of(&report, has_ended), after);
                // At once, there is nothing to say yet.
                if before.is_some() || has_ended {
                    screen.draw(&rows);
                }
                before = Some(now);
                async { Ok::<(), Never>(()) }
            });
            cx.run(shown).await
        })
        .erase_once()
    }
}

enum Screen {
    Bars {
        bars: Vec<ProgressBar>,
        total: ProgressBar,
        colored: bool,
        width: usize,
    },
    Lines(fn(&str)),
}

impl Screen {
    fn new(target: Target, rows: &Rows) -> Self {
        let (multi, colored) = match target {
            Target::Terminal { bars, colored } => (bars, colored),
            Target::Lines(write) => return Screen::Lines(write),
        };
        let plain = ProgressStyle::with_template("{wide_msg}").expect("it is a template");
        let names = rows.rows().map(|row| row.name.chars().count());
        let add = || {
            let bar = multi.add(ProgressBar::new_spinner());
            bar.set_style(plain.clone());
            bar
        };
        Screen::Bars {
            width: names.max().unwrap_or(0).min(LONGEST),
            bars: rows.rows().map(|_| add()).collect(),
            total: add(),
            colored,
        }
    }

    fn draw(&mut self, rows: &Rows) {
        let (bars, total, colored, width) = match self {
            Screen::Lines(write) => return write(&in_one_line(rows)),
            Screen::Bars {
                bars,
                total,
                colored,
                width,
            } => (bars, total, *colored, *width),
        };
        for (bar, row) in bars.iter().zip(rows.rows()) {
            let line = stage_line(&row, width);
            bar.set_message(match row.is_bottleneck && colored {
                true => format!("\u{1b}[33m{line}\u{1b}[0m"),
                false => line,
            });
        }
        total.set_message(rows.last().line.clone());
        if rows.last().has_ended {
            bars.iter().for_each(ProgressBar::abandon);
            total.abandon();
        }
    }
}

/// How long a name is shown.
const LONGEST: usize = 24;

fn stage_line(row: &Row, width: usize) -> String {
    let name: String = row.name.chars().take(width).collect();
    let mut line = format!(
        "{name:<width$} {:>6} {:>8}",
        row.done_in_short(),
        row.rate_in_short(),
    );
    if row.workers > 0 {
        let queue = match row.buffer {
            0 => String::new(),
            buffer => format!("{}/{buffer}", row.now.queued),
        };
        line += &format!("  {} {queue:<9}", row.queue_bar(10));
        line += &format!(" {:>3.0} % busy", 100.0 * row.now.busy);
    }
    if row.now.failed > 0 {
        line += &format!("  {} failed", row.now.failed);
    }
    if row.is_bottleneck {
        line += "  < bottleneck";
    }
    line.trim_end().to_owned()
}

/// All in one line, for logs.
fn in_one_line(rows: &Rows) -> String {
    let name = &rows.plan().name;
    let stages = rows.rows().filter(|row| row.workers > 0).map(|row| {
        let mark = if row.is_bottleneck {
            " (bottleneck)"
        } else {
            ""
        };
        format!("{} {}{mark}", row.name, row.rate_in_short())
    });
    let stages: Vec<_> = stages.collect();
    format!("{name}: {}; {}", rows.last().line, stages.join(", "))
}
