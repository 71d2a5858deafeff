//! The blueprint of a pipeline: its stages and how they are joined, without anything that runs.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::tap::Tap;

/// What a node of a pipeline is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NodeKind {
    /// Where items come from.
    Source,
    /// A stage: one item in, one out.
    Stage,
    /// A stage that lets some items through.
    Filter,
    /// A stage that makes any number of items of one.
    FlatMap,
    /// Where several items become one.
    Batch,
    /// Where the line branches: each item goes one of two ways.
    Branch,
    /// Where items are delivered.
    Output,
}

/// A node of a pipeline, as it was described.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BlueprintNode {
    pub(super) id: NodeId,
    /// Its name.
    pub name: Arc<str>,
    /// What it is.
    pub kind: NodeKind,
    /// How many workers it has.
    pub workers: usize,
    /// How many items may wait before it.
    pub buffer: usize,
    /// Whether its results go on in the order in which its items came.
    pub ordered: bool,
    /// Whether it calls what may fail.
    pub(super) may_fail: bool,
    /// What else was asked of it, in words: `retry`, `timeout 5s`.
    pub notes: Vec<String>,
    /// The size of one item that comes to it, in bytes, without what that owns elsewhere.
    pub item_bytes: usize,
}

/// Which node it is, of all that there are: stages are numbered only when all of them are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NodeId(u64);

impl NodeId {
    pub(super) fn fresh() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        // Only to be told from all others.
        NodeId(LAST.fetch_add(1, Ordering::Relaxed))
    }
}

/// A pipeline's nodes, and which leads to which: what [`explain`](crate::Pipeline::explain) prints, and pictures show.
#[derive(Clone, Default)]
pub struct Blueprint {
    nodes: Vec<BlueprintNode>,
    edges: Vec<(usize, usize)>,
    /// Those whose items go to the next node.
    ends: Vec<usize>,
    /// What listens at those nodes that are observed.
    taps: Vec<(NodeId, Arc<Tap>)>,
    /// Whether failures have a channel of their own.
    pub(super) routes_failures: bool,
}

impl Blueprint {
    /// The nodes, in the order in which they were added.
    pub fn nodes(&self) -> &[BlueprintNode] {
        &self.nodes
    }

    /// Which node leads to which, by their places in [`nodes`](Blueprint::nodes).
    pub fn edges(&self) -> &[(usize, usize)] {
        &self.edges
    }

    pub(super) fn sources(&self) -> usize {
        let is_source = |node: &&BlueprintNode| node.kind == NodeKind::Source;
        self.nodes.iter().filter(is_source).count()
    }

    pub(super) fn has(&self, id: NodeId) -> bool {
        self.nodes.iter().any(|node| node.id == id)
    }

    /// The place of a node.
    pub(super) fn place(&self, id: NodeId) -> usize {
        let place = self.nodes.iter().position(|node| node.id == id);
        place.expect("each node is in the blueprint")
    }

    /// All nodes from which one is reached.
    pub(super) fn before(&self, at: usize) -> Vec<usize> {
        let (mut found, mut at) = (vec![at], 0);
        while let Some(&node) = found.get(at) {
            for (from, to) in &self.edges {
                if *to == node && !found.contains(from) {
                    found.push(*from);
                }
            }
            at += 1;
        }
        found.split_off(1)
    }

    /// The last node never fails.
    pub(super) fn last_never_fails(&mut self) {
        if let Some(last) = self.nodes.last_mut() {
            last.may_fail = false;
        }
    }

    /// Adds a node to which all ends lead.
    pub(super) fn push(&mut self, node: BlueprintNode) {
        let place = self.nodes.len();
        self.nodes.push(node);
        self.edges
            .extend(self.ends.drain(..).map(|end| (end, place)));
        self.ends.push(place);
    }

    /// What listens at the first node of this name that is observed.
    pub(super) fn tap(&self, name: &str) -> Option<&Arc<Tap>> {
        let nodes = self.nodes.iter().filter(|node| &*node.name == name);
        let mut taps = nodes.filter_map(|node| self.taps.iter().find(|(id, _)| *id == node.id));
        taps.next().map(|(_, tap)| tap)
    }

    pub(super) fn add_tap(&mut self, id: NodeId, tap: Arc<Tap>) {
        self.taps.push((id, tap));
    }

    pub(super) fn ends(&self) -> &[usize] {
        &self.ends
    }

    pub(super) fn set_ends(&mut self, ends: Vec<usize>) {
        self.ends = ends;
    }

    /// Adds all of another blueprint beside this: the next node is led to by the ends of both.
    pub(super) fn beside(&mut self, other: Blueprint) {
        let offset = self.nodes.len();
        self.nodes.extend(other.nodes);
        self.taps.extend(other.taps);
        let moved = other.edges.iter().map(|(a, b)| (a + offset, b + offset));
        self.edges.extend(moved);
        self.ends.extend(other.ends.iter().map(|end| end + offset));
    }
}

impl fmt::Debug for Blueprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.nodes.iter().map(|node| &node.name);
        f.debug_list().entries(names).finish()
    }
}
