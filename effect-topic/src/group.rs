//! A group: how far those who share a name have read a topic, and what they have acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::sync::Arc;

use crate::line::Line;
use crate::offsets::Offsets;
use crate::record::Position;

/// How far a group is.
///
/// Each record that was delivered is acknowledged, in hand (its event is alive), in `dropped`, or in `again`.
#[derive(Debug)]
pub(crate) struct Group {
    /// It outlives its consumer if it has one.
    pub(crate) name: Option<Arc<str>>,
    /// Whether a consumer is there.
    pub(crate) is_taken: bool,
    /// A cursor for each partition.
    pub(crate) cursors: Vec<Cursor>,
    /// Streams that wait for a record.
    pub(crate) readers: Line,
    /// To be delivered again, before anything new: by the first open stream that may take them, and those after it may as well. None is
    /// empty.
    again: BTreeMap<u64, BTreeSet<Position>>,
    /// Dropped without being acknowledged: to be delivered again to whoever opens a stream after this.
    dropped: BTreeSet<Position>,
    /// The partition whose turn it is.
    turn: usize,
    /// How many streams were opened.
    streams: u64,
    /// The numbers of those that are open.
    open: BTreeSet<u64>,
}

/// How far a group is in a partition.
#[derive(Debug)]
pub(crate) struct Cursor {
    pub(crate) acked: Offsets,
    /// The next offset that was never delivered.
    next: u64,
}

impl Group {
    /// A group that begins at these offsets.
    pub(crate) fn new(name: Option<Arc<str>>, begin: impl Iterator<Item = u64>) -> Self {
        let cursors = begin.map(|offset| Cursor {
            acked: Offsets::from(offset),
            next: offset,
        });
        Group {
            name,
            is_taken: true,
            cursors: cursors.collect(),
            readers: Line::default(),
            again: BTreeMap::new(),
            dropped: BTreeSet::new(),
            turn: 0,
            streams: 0,
            open: BTreeSet::new(),
        }
    }

    /// Opens a stream, which has its number.
    pub(crate) fn open(&mut self) -> u64 {
        self.streams += 1;
        self.open.insert(self.streams);
        if !self.dropped.is_empty() {
            let dropped = mem::take(&mut self.dropped);
            self.again.insert(self.streams, dropped);
        }
        self.streams
    }

    /// Closes a stream. What it might have taken is for those that were opened after it.
    pub(crate) fn close(&mut self, stream: u64) {
        self.open.remove(&stream);
        let Some(mut left) = self.again.remove(&stream) else {
            return;
        };
        let heirs = match self.next_open(stream) {
            Some(next) => self.again.entry(next).or_default(),
            None => &mut self.dropped,
        };
        // The fewer move.
        if heirs.len() < left.len() {
            mem::swap(heirs, &mut left);
        }
        heirs.extend(left);
    }

    /// Takes the next record to deliver to a stream, of partitions with these ends. Partitions take turns.
    pub(crate) fn take(&mut self, stream: u64, end_of: impl Fn(usize) -> u64) -> Option<Position> {
        if let Some(position) = self.take_again(stream) {
            return Some(position);
        }
        let count = self.cursors.len();
        let index = (0..count)
            .map(|n| (self.turn + n) % count)
            .find(|index| self.cursors[*index].next < end_of(*index))?;
        self.turn = (index + 1) % count;
        let cursor = &mut self.cursors[index];
        let offset = cursor.next;
        cursor.next += 1;
        Some(Position {
            partition: u32::try_from(index).expect("there are no more partitions than that"),
            offset,
        })
    }

    /// Acknowledges a record. If that has moved what is committed, has up to where it was before, and is now.
    pub(crate) fn ack(&mut self, position: Position) -> Option<(u64, u64)> {
        let acked = &mut self.cursor_mut(position.partition).acked;
        let before = acked.committed();
        acked.ack(position.offset);
        let now = acked.committed();
        (now > before).then_some((before, now))
    }

    /// Has a record back that was delivered to a stream and is not done. True if a stream that is open already may take it.
    pub(crate) fn give_back(&mut self, position: Position, stream: u64) -> bool {
        let next = self.next_open(stream);
        match next {
            Some(next) => self.again.entry(next).or_default().insert(position),
            None => self.dropped.insert(position),
        };
        next.is_some()
    }

    /// Takes the first of what is to be delivered again, and did not come from this stream or one after it.
    fn take_again(&mut self, stream: u64) -> Option<Position> {
        let firsts = self.again.range(..=stream);
        let (_, of) = firsts.map(|(of, all)| (all.first(), *of)).min()?;
        let all = self.again.get_mut(&of)?;
        let position = all.pop_first();
        if all.is_empty() {
            self.again.remove(&of);
        }
        position
    }

    /// The first open stream after this one.
    fn next_open(&self, stream: u64) -> Option<u64> {
        self.open.range(stream + 1..).next().copied()
    }

    pub(crate) fn cursor(&self, partition: u32) -> &Cursor {
        &self.cursors[partition as usize]
    }

    fn cursor_mut(&mut self, partition: u32) -> &mut Cursor {
        &mut self.cursors[partition as usize]
    }
}
