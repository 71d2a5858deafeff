//! A group: how far those who share a name have read a topic, and what they have acknowledged.

use std::collections::BTreeSet;
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
    /// To be delivered again, before anything new.
    again: BTreeSet<Position>,
    /// Dropped without being acknowledged: to be delivered again to whoever opens a stream after this.
    dropped: BTreeSet<Position>,
    /// The partition whose turn it is.
    turn: usize,
    /// How many streams were opened.
    streams: u64,
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
            again: BTreeSet::new(),
            dropped: BTreeSet::new(),
            turn: 0,
            streams: 0,
        }
    }

    /// Opens a stream, which has its number.
    pub(crate) fn open(&mut self) -> u64 {
        self.again.append(&mut self.dropped);
        self.streams += 1;
        self.streams
    }

    /// Whether there is something that streams which are open already may take.
    pub(crate) fn has_again(&self) -> bool {
        !self.again.is_empty()
    }

    /// Takes the next record to deliver, of partitions with these ends. Partitions take turns.
    pub(crate) fn take(&mut self, end_of: impl Fn(usize) -> u64) -> Option<Position> {
        if let Some(position) = self.again.pop_first() {
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

    /// Acknowledges a record. True if that has moved what is committed.
    pub(crate) fn ack(&mut self, position: Position) -> bool {
        let acked = &mut self.cursor_mut(position.partition).acked;
        let before = acked.committed();
        acked.ack(position.offset);
        acked.committed() > before
    }

    /// Has a record back that was delivered to a stream and is not done. True if a stream that is open already may take it.
    pub(crate) fn give_back(&mut self, position: Position, stream: u64) -> bool {
        let is_wanted = stream < self.streams;
        if is_wanted {
            self.again.insert(position);
        } else {
            self.dropped.insert(position);
        }
        is_wanted
    }

    pub(crate) fn cursor(&self, partition: u32) -> &Cursor {
        &self.cursors[partition as usize]
    }

    fn cursor_mut(&mut self, partition: u32) -> &mut Cursor {
        &mut self.cursors[partition as usize]
    }
}
