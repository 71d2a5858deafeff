//! A pipeline in words: its stages, and how much can be inside of it at most.

use std::borrow::Cow;
use std::fmt;

use super::blueprint::{Blueprint, BlueprintNode, NodeKind};

/// A pipeline in words, before it runs: a line for each stage, and how much can be inside of it at most.
///
/// It comes from [`Pipeline::explain`](crate::Pipeline::explain). Nothing is run for it.
///
/// # Examples
///
/// ```
/// use effect_stream::{stage_sync, Channel, Pipeline, Stream};
///
/// let pipeline = Pipeline::<(), _, _>::from_stream(Stream::from_iter(["1", "2"]))
///     .via(stage_sync("parse", str::parse::<u64>).workers(4).buffer(100).ordered())
///     .filter("even", |n| n % 2 == 0)
///     .to_channel(Channel::bounded(16));
/// let explanation = pipeline.explain();
/// assert_eq!(
///     explanation.to_string(),
///     "\
/// stream  source
/// parse   stage   4 workers  buffer 100  16 B an item  ordered
/// even    filter  1 worker   buffer 64    8 B an item
/// output  output                          8 B an item
/// at most 170 items inside: 2.1 KiB, without what they own elsewhere"
/// );
/// // Four workers of an ordered stage, one more that may go first, and one that filters.
/// assert_eq!(explanation.most_inside(), Some(100 + 4 + 1 + 64 + 1));
/// ```
#[derive(Clone)]
pub struct Explanation {
    blueprint: Blueprint,
}

impl Explanation {
    pub(super) fn of(blueprint: &Blueprint) -> Self {
        Explanation {
            blueprint: blueprint.clone(),
        }
    }

    /// The stages, and how they are joined.
    pub fn blueprint(&self) -> &Blueprint {
        &self.blueprint
    }

    /// How many items can be inside at most, whatever the producer and the consumer do: those in the buffers, and those that
    /// workers have. An ordered stage may have one more than it has workers, if all of these wait for it.
    ///
    /// What has gone into the output and the error channel is not inside, and a batch is one item. `None` where nothing bounds it but what one item
    /// becomes: in an ordered [`flat_map`](crate::Pipeline::flat_map).
    pub fn most_inside(&self) -> Option<usize> {
        self.most(|held| held.waiting + held.worked_at)
    }

    /// How many bytes these items take at most, without what they own elsewhere, such as the text of a `String`. A batch counts with
    /// the items in it; a clone that a stage keeps to [try again](crate::Stage::retry) does not.
    pub fn most_bytes(&self) -> Option<usize> {
        self.most(|held| held.waiting * held.item + held.worked_at * held.either)
    }

    fn most(&self, of: impl Fn(Held) -> usize) -> Option<usize> {
        let nodes = self.blueprint.nodes();
        let endless = |node: &BlueprintNode| node.kind == NodeKind::FlatMap && node.ordered;
        let places = 0..nodes.len();
        (!nodes.iter().any(endless)).then(|| places.map(|place| of(self.held(place))).sum())
    }

    /// What a node can have at most.
    fn held(&self, place: usize) -> Held {
        let node = &self.blueprint.nodes()[place];
        let next = self.blueprint.edges().iter().filter(|edge| edge.0 == place);
        let results = next.map(|(_, to)| item_bytes(&self.blueprint, *to));
        let item = item_bytes(&self.blueprint, place);
        Held {
            waiting: node.buffer,
            worked_at: node.workers + usize::from(node.ordered) + self.in_hand(place),
            item,
            // A worker has an item, or what came of it.
            either: results.max().unwrap_or(0).max(item),
        }
    }

    /// Where there is no buffer, a stream's next item is held until a worker takes it.
    fn in_hand(&self, place: usize) -> usize {
        let nodes = self.blueprint.nodes();
        let of_stream = |(from, to): &&(usize, usize)| {
            *to == place && nodes[*from].kind == NodeKind::Source && &*nodes[*from].name == "stream"
        };
        let node = &nodes[place];
        let waits = node.workers > 0 && node.buffer == 0;
        usize::from(waits && self.blueprint.edges().iter().any(|edge| of_stream(&edge)))
    }
}

/// What a node can have at most, and how large that is.
struct Held {
    waiting: usize,
    worked_at: usize,
    item: usize,
    either: usize,
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nodes = self.blueprint.nodes();
        let lines = (0..nodes.len()).map(|place| cells(&self.blueprint, place));
        let lines: Vec<_> = lines.collect();
        let widths: [usize; COLUMNS] = std::array::from_fn(|column| {
            let widths = lines.iter().map(|line| line[column].chars().count());
            widths.max().unwrap_or(0)
        });
        for line in &lines {
            let mut text = String::new();
            for (column, (cell, width)) in line.iter().zip(widths).enumerate() {
                text += &match (column, width) {
                    (_, 0) => continue,
                    (SIZE, _) => format!("{cell:>width$}  "),
                    _ => format!("{cell:<width$}  "),
                };
            }
            writeln!(f, "{}", text.trim_end())?;
        }
        match (self.most_inside(), self.most_bytes()) {
            (Some(items), Some(bytes)) => write!(
                f,
                "at most {items} items inside: {}, without what they own elsewhere",
                Bytes(bytes)
            ),
            _ => f.write_str("as many items inside as an ordered stage makes of one"),
        }
    }
}

/// The size of an item that comes to a node; of a batch, with what is in it.
fn item_bytes(blueprint: &Blueprint, place: usize) -> usize {
    let nodes = blueprint.nodes();
    let before = blueprint.edges().iter().filter(|edge| edge.1 == place);
    let batches = before
        .map(|edge| &nodes[edge.0])
        .filter(|node| node.kind == NodeKind::Batch);
    let inside = batches.map(|batch| batch.buffer * batch.item_bytes).max();
    nodes[place].item_bytes + inside.unwrap_or(0)
}

const COLUMNS: usize = 6;
/// The column that is aligned to the right.
const SIZE: usize = 4;

fn cells(blueprint: &Blueprint, place: usize) -> [String; COLUMNS] {
    let node = &blueprint.nodes()[place];
    let mut notes = node.notes.clone();
    // It is below what it comes from, unless the line branches.
    let before = blueprint.edges().iter().filter(|edge| edge.1 == place);
    let before: Vec<_> = before.map(|edge| edge.0).collect();
    let source = node.kind == NodeKind::Source;
    if !source && before != [place.wrapping_sub(1)] {
        let names = before.iter().map(|from| &blueprint.nodes()[*from].name);
        let names: Vec<_> = names.map(|name| plain(name)).collect();
        notes.insert(0, format!("from {}", names.join(" and ")));
    }
    let bytes = Bytes(item_bytes(blueprint, place));
    [
        plain(&node.name).into_owned(),
        kind(node.kind).to_owned(),
        workers(node),
        buffer(node),
        if source {
            String::new()
        } else {
            format!("{bytes} an item")
        },
        plain(&notes.join(", ")).into_owned(),
    ]
}

/// The word for a kind.
pub(super) fn kind(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::Source => "source",
        NodeKind::Stage => "stage",
        NodeKind::Filter => "filter",
        NodeKind::FlatMap => "flat map",
        NodeKind::Batch => "batch",
        NodeKind::Branch => "branch",
        NodeKind::Output => "output",
    }
}

/// How many workers, where there are some.
pub(super) fn workers(node: &BlueprintNode) -> String {
    match node.workers {
        0 => String::new(),
        1 => "1 worker".to_owned(),
        workers => format!("{workers} workers"),
    }
}

/// How large the buffer is, where there are workers who could have one.
pub(super) fn buffer(node: &BlueprintNode) -> String {
    match (node.workers, node.buffer) {
        (0, 0) => String::new(),
        (_, 0) => "no buffer".to_owned(),
        (_, buffer) => format!("buffer {buffer}"),
    }
}

/// A text on one line.
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    if text.contains(char::is_control) {
        text.replace(char::is_control, " ").into()
    } else {
        text.into()
    }
}

/// So many bytes, in words.
struct Bytes(usize);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 1024 {
            return write!(f, "{} B", self.0);
        }
        let mut size = self.0 as f64;
        let mut units = ["KiB", "MiB", "GiB", "TiB"].into_iter();
        let mut unit = "B";
        while size >= 1024.0
            && let Some(next) = units.next()
        {
            size /= 1024.0;
            unit = next;
        }
        write!(f, "{size:.1} {unit}")
    }
}

impl fmt::Debug for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Explanation").field(&self.blueprint).finish()
    }
}
