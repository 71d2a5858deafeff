//! The SVG: boxes in columns by their longest way from a source, those that branch below each other.
//!
//! A text is as wide as its letters are many, in a font of one width, so that nothing has to be measured.

use std::fmt::Write as _;

use super::{Drawn, NodeKind, Picture};

/// How wide a letter is, as a share of the font's size. A little more than in the fonts that are asked for.
const LETTER: f64 = 0.615;
const NAME: f64 = 13.0;
const TEXT: f64 = 11.0;
const LINE: f64 = 16.0;
const PADDING: f64 = 12.0;
const NARROWEST: f64 = 96.0;
const ROW_GAP: f64 = 28.0;
const COLUMN_GAP: f64 = 48.0;
const MARGIN: f64 = 12.0;
/// How many letters a line has at most.
const LONGEST: usize = 32;

const INK: &str = "#1f2328";
const FAINT: &str = "#59636e";
const PAPER: &str = "#f6f8fa";
const STROKE: &str = "#848d97";
const MARK: &str = "#d97706";
const MARK_PAPER: &str = "#fff3d6";

pub(super) fn svg(picture: &Picture) -> String {
    let layout = Layout::of(picture);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {w} {h}\" width=\"{w}\" height=\"{h}\" role=\"img\" \
         font-family=\"ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace\">\n",
        w = layout.width.ceil(),
        h = layout.height.ceil(),
    );
    let names: Vec<_> = picture.nodes.iter().map(|node| &*node.name).collect();
    let _ = writeln!(text, "<title>{}</title>", escaped(&names.join(", ")));
    for (way, arrow) in layout.ways.iter().zip(&picture.arrows) {
        let dashes = match arrow.is_of_failures {
            true => " stroke-dasharray=\"4 4\"",
            false => "",
        };
        let _ = writeln!(
            text,
            "<path d=\"{}\" fill=\"none\" stroke=\"{STROKE}\" stroke-width=\"1.5\"{dashes}/>",
            way.path
        );
        let (x, y) = way.tip;
        let _ = writeln!(
            text,
            "<path d=\"M{:.1} {:.1}L{x:.1} {y:.1}L{:.1} {:.1}z\" fill=\"{STROKE}\"/>",
            x - 8.0,
            y - 4.0,
            x - 8.0,
            y + 4.0
        );
    }
    for (way, arrow) in layout.ways.iter().zip(&picture.arrows) {
        if let Some(label) = &arrow.label {
            let width = label_width(label);
            let (x, y) = way.middle;
            let (paper, stroke) = match arrow.is_full {
                true => (MARK_PAPER, MARK),
                false => (PAPER, STROKE),
            };
            let _ = writeln!(
                text,
                "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"18\" rx=\"9\" fill=\"{paper}\" stroke=\"{stroke}\"/>\
                 <text x=\"{x:.1}\" y=\"{:.1}\" font-size=\"{TEXT}\" fill=\"{INK}\" text-anchor=\"middle\">{}</text>",
                x - width / 2.0,
                y - 9.0,
                y + 4.0,
                escaped(label)
            );
        }
    }
    for (node, frame) in picture.nodes.iter().zip(&layout.frames) {
        draw(&mut text, node, frame);
    }
    text + "</svg>\n"
}

fn draw(text: &mut String, node: &Drawn, frame: &Frame) {
    let Frame {
        x,
        y,
        width,
        height,
        ..
    } = frame;
    let round = match node.kind {
        NodeKind::Source | NodeKind::Output => 18.0,
        _ => 5.0,
    };
    let (stroke, thick) = match node.is_bottleneck {
        true => (MARK, 2.5),
        false => (STROKE, 1.2),
    };
    let _ = writeln!(
        text,
        "<g><title>{}</title><rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"{round}\" \
         fill=\"{PAPER}\" stroke=\"{stroke}\" stroke-width=\"{thick}\"/>",
        escaped(&node.name)
    );
    let (middle, mut line) = (x + width / 2.0, y + PADDING + 10.0);
    let mut write = |size: f64, weight: &str, ink: &str, content: &str| {
        let _ = writeln!(
            text,
            "<text x=\"{middle:.1}\" y=\"{line:.1}\" font-size=\"{size}\" font-weight=\"{weight}\" fill=\"{ink}\" \
             text-anchor=\"middle\">{}</text>",
            escaped(content)
        );
        line += LINE;
    };
    write(NAME, "bold", INK, &clipped(&node.name));
    for content in wrapped(node) {
        write(TEXT, "normal", FAINT, &content);
    }
    if let Some(busy) = node.busy {
        let (bar, fill) = (
            width - 2.0 * PADDING,
            if node.is_bottleneck { MARK } else { STROKE },
        );
        for (length, color) in [(bar, "#d8dee4"), (bar * busy, fill)] {
            let _ = writeln!(
                text,
                "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{length:.1}\" height=\"4\" rx=\"2\" fill=\"{color}\"/>",
                x + PADDING,
                y + height - 10.0
            );
        }
    }
    text.push_str("</g>\n");
}

/// Where everything is.
struct Layout {
    frames: Vec<Frame>,
    ways: Vec<Way>,
    width: f64,
    height: f64,
}

#[derive(Clone, Default)]
struct Frame {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

impl Frame {
    fn middle(&self) -> f64 {
        self.y + self.height / 2.0
    }
}

/// The way of an arrow.
struct Way {
    path: String,
    tip: (f64, f64),
    /// The middle of its last part.
    middle: (f64, f64),
}

/// A place in a column: a node's, or that of an arrow that passes by.
struct Place {
    column: usize,
    node: Option<usize>,
    /// Its neighbours in the columns before and behind.
    before: Vec<usize>,
    behind: Vec<usize>,
    row: f64,
}

impl Layout {
    fn of(picture: &Picture) -> Self {
        let columns = columns(picture);
        let (mut places, ways) = places(picture, &columns);
        arrange(&mut places);
        let count = columns.iter().max().map_or(0, |last| last + 1);
        let mut widths = vec![0.0_f64; count];
        let mut gaps = vec![COLUMN_GAP; count];
        let mut row_height = 0.0_f64;
        for (node, column) in picture.nodes.iter().zip(&columns) {
            widths[*column] = widths[*column].max(width(node));
            row_height = row_height.max(height(node));
        }
        for arrow in &picture.arrows {
            if let Some(label) = &arrow.label {
                let gap = &mut gaps[columns[arrow.to] - 1];
                *gap = gap.max(label_width(label) + 44.0);
            }
        }
        let lefts = widths.iter().zip(&gaps).scan(MARGIN, |x, (width, gap)| {
            let left = *x;
            *x += width + gap;
            Some(left)
        });
        let lefts: Vec<_> = lefts.collect();
        let mut frames: Vec<_> = places
            .iter()
            .map(|place| {
                let middle = MARGIN + row_height / 2.0 + place.row * (row_height + ROW_GAP);
                let height = place.node.map_or(0.0, |node| height(&picture.nodes[node]));
                Frame {
                    x: lefts[place.column],
                    y: middle - height / 2.0,
                    width: widths[place.column],
                    height,
                }
            })
            .collect();
        // What only passes by leaves room above the boxes, or below.
        let top = frames.iter().map(|frame| frame.y).fold(f64::MAX, f64::min);
        for frame in &mut frames {
            frame.y -= top - MARGIN;
        }
        let bottom = frames.iter().map(|frame| frame.y + frame.height);
        let bottom = bottom.fold(0.0, f64::max);
        let last = count.saturating_sub(1);
        Layout {
            ways: ways.iter().map(|way| draw_way(way, &frames)).collect(),
            width: lefts.last().map_or(0.0, |left| left + widths[last]) + MARGIN,
            height: bottom + MARGIN,
            frames,
        }
    }
}

/// The column of each node: the longest way from a source. A source is just before what it leads to.
fn columns(picture: &Picture) -> Vec<usize> {
    let mut columns = vec![0_usize; picture.nodes.len()];
    // A node comes before those that it leads to.
    for place in 0..columns.len() {
        for arrow in picture.arrows.iter().filter(|arrow| arrow.to == place) {
            columns[place] = columns[place].max(columns[arrow.from] + 1);
        }
    }
    for place in 0..columns.len() {
        let next = picture.arrows.iter().filter(|arrow| arrow.from == place);
        if picture.nodes[place].kind == NodeKind::Source
            && let Some(first) = next.map(|arrow| columns[arrow.to]).min()
        {
            columns[place] = first.saturating_sub(1);
        }
    }
    columns
}

/// A place for each node, then one in each column that an arrow passes by; and the places on each arrow's way.
fn places(picture: &Picture, columns: &[usize]) -> (Vec<Place>, Vec<Vec<usize>>) {
    let new = |column: usize, node: Option<usize>| Place {
        column,
        node,
        before: Vec::new(),
        behind: Vec::new(),
        row: 0.0,
    };
    let nodes = columns.iter().enumerate();
    let mut places: Vec<_> = nodes
        .map(|(node, column)| new(*column, Some(node)))
        .collect();
    let mut ways = Vec::new();
    for arrow in &picture.arrows {
        let mut way = vec![arrow.from];
        for column in columns[arrow.from] + 1..columns[arrow.to] {
            way.push(places.len());
            places.push(new(column, None));
        }
        way.push(arrow.to);
        for step in way.windows(2) {
            places[step[0]].behind.push(step[1]);
            places[step[1]].before.push(step[0]);
        }
        ways.push(way);
    }
    (places, ways)
}

/// Gives each place its row: near its neighbours', so that few arrows cross.
fn arrange(places: &mut [Place]) {
    let count = places
        .iter()
        .map(|place| place.column + 1)
        .max()
        .unwrap_or(0);
    let mut columns = vec![Vec::new(); count];
    for (index, place) in places.iter().enumerate() {
        columns[place.column].push(index);
    }
    for column in &columns {
        for (row, index) in column.iter().enumerate() {
            places[*index].row = row as f64;
        }
    }
    for sweep in 0..4 {
        let forward = sweep % 2 == 0;
        for step in 0..count {
            let column = &mut columns[if forward { step } else { count - 1 - step }];
            let wish = |index: usize| {
                let place = &places[index];
                let near = if forward {
                    &place.before
                } else {
                    &place.behind
                };
                let sum: f64 = near.iter().map(|other| places[*other].row).sum();
                match near.len() {
                    0 => place.row,
                    near => sum / near as f64,
                }
            };
            column.sort_by(|a, b| wish(*a).total_cmp(&wish(*b)));
            for (row, index) in column.iter().enumerate() {
                places[*index].row = row as f64;
            }
        }
    }
    // Each column in the middle.
    let most = columns.iter().map(Vec::len).max().unwrap_or(0);
    for column in &columns {
        let shift = (most - column.len()) as f64 / 2.0;
        column.iter().for_each(|index| places[*index].row += shift);
    }
}

fn draw_way(way: &[usize], frames: &[Frame]) -> Way {
    let first = &frames[way[0]];
    let (mut x, mut y) = (first.x + first.width, first.middle());
    let mut path = format!("M{x:.1} {y:.1}");
    let (mut tip, mut middle) = ((x, y), (x, y));
    for (step, place) in way.iter().enumerate().skip(1) {
        let frame = &frames[*place];
        tip = (frame.x, frame.middle());
        middle = ((x + tip.0) / 2.0, (y + tip.1) / 2.0);
        // Not as far as the tip's point, which is thinner than the line.
        let end = if step + 1 == way.len() {
            tip.0 - 4.0
        } else {
            tip.0
        };
        let _ = write!(
            path,
            "C{m:.1} {y:.1} {m:.1} {:.1} {end:.1} {:.1}",
            tip.1,
            tip.1,
            m = middle.0
        );
        (x, y) = (frame.x + frame.width, tip.1);
        if step + 1 < way.len() {
            let _ = write!(path, "H{x:.1}");
        }
    }
    Way { path, tip, middle }
}

fn width(node: &Drawn) -> f64 {
    let name = letters(&clipped(&node.name)) * NAME;
    let lines = wrapped(node).into_iter().map(|line| letters(&line) * TEXT);
    let widest = lines.fold(name, f64::max) * LETTER;
    (widest + 2.0 * PADDING).max(NARROWEST)
}

fn height(node: &Drawn) -> f64 {
    let bar = if node.busy.is_some() { 8.0 } else { 0.0 };
    (1 + wrapped(node).len()) as f64 * LINE + 2.0 * PADDING - 4.0 + bar
}

fn label_width(label: &str) -> f64 {
    letters(label) * TEXT * LETTER + 14.0
}

/// How many letters wide a text is. What is not of the first scripts may be twice as wide as they are.
fn letters(text: &str) -> f64 {
    text.chars().map(breadth).sum::<usize>() as f64
}

fn breadth(letter: char) -> usize {
    // Punctuation and arrows are among the others.
    let narrow = letter < '\u{1100}' || ('\u{2000}'..'\u{2e80}').contains(&letter);
    if narrow { 1 } else { 2 }
}

fn clipped(text: &str) -> String {
    if letters(text) <= LONGEST as f64 {
        return text.to_owned();
    }
    let mut room = LONGEST - 1;
    let fits = text.chars().take_while(|letter| {
        let fits = breadth(*letter) <= room;
        room = room.saturating_sub(breadth(*letter));
        fits
    });
    fits.chain(['…']).collect()
}

/// The lines below the name, none too long.
fn wrapped(node: &Drawn) -> Vec<String> {
    let mut lines = Vec::new();
    for text in &node.lines {
        let mut line = String::new();
        for word in text.split(' ') {
            if !line.is_empty() && letters(&line) + 1.0 + letters(word) > LONGEST as f64 {
                lines.push(clipped(&std::mem::take(&mut line)));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(clipped(&line));
    }
    lines
}

/// As text, whatever it means elsewhere. What no XML may contain is left out.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\u{fffe}' | '\u{ffff}' => {}
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::Picture;
    use super::{Layout, MARGIN};
    use crate::pipeline::blueprint::{Blueprint, BlueprintNode, NodeId, NodeKind};
    use crate::pipeline::board::Board;

    fn node(
        name: &str,
        kind: NodeKind,
        workers: usize,
        buffer: usize,
        notes: &[&str],
    ) -> BlueprintNode {
        BlueprintNode {
            id: NodeId::fresh(),
            name: name.into(),
            kind,
            workers,
            buffer,
            ordered: false,
            may_fail: false,
            notes: notes.iter().map(|note| (*note).to_owned()).collect(),
            item_bytes: 8,
        }
    }

    /// Two sources, one of which branches; a way that is longer than the other; and names that are hard to print.
    fn branching() -> Blueprint {
        let mut orders = Blueprint::default();
        orders.push(node("channel", NodeKind::Source, 0, 0, &[]));
        let notes = ["ordered", "retry 3 times, 10ms apart"];
        orders.push(node("parse", NodeKind::Stage, 4, 0, &notes));
        orders.push(node("is it urgent?", NodeKind::Branch, 1, 64, &[]));
        let branch = orders.ends().to_vec();
        let name = "ask the far-away service for a price & tax <EU>";
        let notes = ["timeout 5s", "circuit breaker", "rate limit 100/s"];
        orders.push(node(name, NodeKind::Stage, 32, 500, &notes));
        orders.push(node("split", NodeKind::FlatMap, 2, 64, &[]));
        let slow = orders.ends().to_vec();
        orders.set_ends(branch);
        orders.push(node("\"quick\" path", NodeKind::Filter, 1, 64, &[]));
        let ends = [orders.ends().to_vec(), slow].concat();
        orders.set_ends(ends);
        let mut all = Blueprint::default();
        all.push(node("stream", NodeKind::Source, 0, 0, &[]));
        all.push(node("注文を確認する", NodeKind::Stage, 1, 64, &[]));
        all.beside(orders);
        all.push(node("write", NodeKind::Batch, 8, 1000, &["100 or 50ms"]));
        all.push(node("output", NodeKind::Output, 0, 0, &[]));
        all
    }

    #[test]
    fn boxes_are_apart_and_no_arrow_goes_backwards() {
        let blueprint = branching();
        let mut report = Board::new(std::sync::Arc::new(blueprint.clone())).report();
        report.received = 1_204_331;
        report.delivered = 1_190_007;
        report.elapsed = Duration::from_secs(10);
        for (place, stage) in report.stages.iter_mut().enumerate() {
            stage.items_in = 1_204_331 - 1000 * place as u64;
            stage.items_out = 1_200_000 - 1000 * place as u64;
            stage.queued = stage.buffer.min(100 * place);
            stage.running = stage.workers;
            stage.busy = Duration::from_secs(1 + place as u64) * stage.workers as u32;
            stage.failed = 17 * place as u64;
        }
        for report in [None, Some(&report)] {
            let picture = Picture::of(&blueprint, report);
            let layout = Layout::of(&picture);
            let frames = &layout.frames[..picture.nodes.len()];
            for (place, a) in frames.iter().enumerate() {
                assert!(a.x >= MARGIN && a.x + a.width <= layout.width);
                assert!(a.y >= MARGIN && a.y + a.height <= layout.height);
                for b in &frames[..place] {
                    let beside = a.x + a.width <= b.x || b.x + b.width <= a.x;
                    assert!(beside || a.y + a.height <= b.y || b.y + b.height <= a.y);
                }
            }
            for arrow in &picture.arrows {
                let (from, to) = (&frames[arrow.from], &frames[arrow.to]);
                assert!(from.x + from.width < to.x);
            }
        }
    }
}
