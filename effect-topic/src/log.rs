//! What a topic in memory is: a log for each partition, and the groups that read it.

use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::SystemTime;

use effect_core::Value;
use parking_lot::Mutex;

use crate::acked::Acknowledge;
use crate::consumer::Start;
use crate::group::Group;
use crate::line::{Line, Place};
use crate::record::{Position, Record};
use crate::slowest::Slowest;

/// What all handles of a topic share.
pub(crate) struct Log<K, V> {
    pub(crate) name: Arc<str>,
    pub(crate) partitions: u32,
    capacity: usize,
    state: Mutex<State<K, V>>,
}

struct State<K, V> {
    partitions: Vec<Partition<K, V>>,
    groups: BTreeMap<GroupId, Group>,
    next_group: GroupId,
    is_closed: bool,
}

/// A group's number. None is used twice.
pub(crate) type GroupId = u64;

struct Partition<K, V> {
    /// The offset of the first record that is held.
    first: u64,
    records: VecDeque<Arc<Record<K, V>>>,
    publishers: Line,
    slowest: Slowest,
}

/// What is to be done when the lock is free again: others are woken, and their values dropped, outside of it.
struct After<K, V> {
    wake: Vec<Waker>,
    discard: Vec<Waker>,
    records: Vec<Arc<Record<K, V>>>,
}

/// What is published, until there is room for it.
pub(crate) struct Waiting<K, V> {
    pub(crate) partition: u32,
    /// `None` once it is published, or was handed back.
    pub(crate) content: Option<(K, V, SystemTime)>,
    pub(crate) place: Place,
}

impl<K, V> Partition<K, V> {
    fn end(&self) -> u64 {
        self.first + self.records.len() as u64
    }

    /// Wakes whoever has waited longest for room, if there is some.
    fn invite(&self, capacity: usize, after: &mut After<K, V>) {
        if self.records.len() < capacity {
            after.wake.extend(self.publishers.first());
        }
    }
}

impl<K, V> State<K, V> {
    /// Drops what every group has committed.
    fn trim(&mut self, index: usize, capacity: usize, after: &mut After<K, V>) {
        let partition = &mut self.partitions[index];
        let Some(done) = partition.slowest.committed() else {
            return;
        };
        while partition.first < done
            && let Some(record) = partition.records.pop_front()
        {
            partition.first += 1;
            after.records.push(record);
        }
        partition.invite(capacity, after);
    }

    fn begin_group(
        &mut self,
        name: Option<Arc<str>>,
        start: Start,
        capacity: usize,
        after: &mut After<K, V>,
    ) -> GroupId {
        let id = self.next_group;
        self.next_group += 1;
        let begin = self.partitions.iter_mut().map(|partition| {
            let offset = match start {
                Start::Earliest => partition.first,
                Start::Latest => partition.end(),
            };
            partition.slowest.join(offset);
            offset
        });
        self.groups.insert(id, Group::new(name, begin));
        self.trim_all(capacity, after);
        id
    }

    fn end_group(&mut self, id: GroupId, capacity: usize, after: &mut After<K, V>) {
        let Some(mut group) = self.groups.remove(&id) else {
            return;
        };
        after.wake.extend(group.readers.dismiss());
        for (partition, cursor) in self.partitions.iter_mut().zip(&group.cursors) {
            partition.slowest.leave(cursor.acked.committed());
        }
        self.trim_all(capacity, after);
    }

    fn trim_all(&mut self, capacity: usize, after: &mut After<K, V>) {
        for index in 0..self.partitions.len() {
            self.trim(index, capacity, after);
        }
    }
}

impl<K, V> Log<K, V> {
    pub(crate) fn new(name: Arc<str>, partitions: u32, capacity: usize) -> Self {
        let empty = |_| Partition {
            first: 0,
            records: VecDeque::new(),
            publishers: Line::default(),
            slowest: Slowest::default(),
        };
        Log {
            name,
            partitions,
            capacity,
            state: Mutex::new(State {
                partitions: (0..partitions).map(empty).collect(),
                groups: BTreeMap::new(),
                next_group: 0,
                is_closed: false,
            }),
        }
    }

    /// Changes the state, and then does what is due.
    fn change<T>(&self, f: impl FnOnce(&mut State<K, V>, &mut After<K, V>) -> T) -> T {
        let mut after = After {
            wake: Vec::new(),
            discard: Vec::new(),
            records: Vec::new(),
        };
        let changed = f(&mut self.state.lock(), &mut after);
        for waker in after.wake.drain(..) {
            waker.wake();
        }
        changed
    }

    /// Publishes when there is room and nobody else is before. False if the topic is closed: what was to be published is
    /// still there then.
    pub(crate) fn poll_publish(
        &self,
        waiting: &mut Waiting<K, V>,
        task: &Context<'_>,
    ) -> Poll<Option<Position>> {
        self.change(|state, after| {
            let partition = &mut state.partitions[waiting.partition as usize];
            if state.is_closed {
                after
                    .discard
                    .extend(partition.publishers.leave(&mut waiting.place));
                return Poll::Ready(None);
            }
            let has_room = partition.records.len() < self.capacity;
            if !has_room || !partition.publishers.is_first(waiting.place) {
                after
                    .discard
                    .extend(partition.publishers.wait(&mut waiting.place, task));
                return Poll::Pending;
            }
            after
                .discard
                .extend(partition.publishers.leave(&mut waiting.place));
            let (key, value, timestamp) = waiting.content.take().expect("published once");
            let offset = partition.end();
            partition.records.push_back(Arc::new(Record {
                topic: Arc::clone(&self.name),
                partition: waiting.partition,
                offset,
                key,
                value,
                timestamp,
            }));
            partition.invite(self.capacity, after);
            for group in state.groups.values_mut() {
                after.wake.extend(group.readers.dismiss());
            }
            Poll::Ready(Some(Position {
                partition: waiting.partition,
                offset,
            }))
        })
    }

    /// Publishes no more.
    pub(crate) fn stop_publishing(&self, waiting: &mut Waiting<K, V>) {
        if waiting.place.is_none() {
            return;
        }
        self.change(|state, after| {
            let partition = &mut state.partitions[waiting.partition as usize];
            after
                .discard
                .extend(partition.publishers.leave(&mut waiting.place));
            partition.invite(self.capacity, after);
        });
    }

    pub(crate) fn close(&self) {
        self.change(|state, after| {
            state.is_closed = true;
            for partition in &mut state.partitions {
                after.wake.extend(partition.publishers.dismiss());
            }
            for group in state.groups.values_mut() {
                after.wake.extend(group.readers.dismiss());
            }
        });
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state.lock().is_closed
    }

    /// Finds a group, or creates it. `None` if a consumer is there already.
    pub(crate) fn join(&self, name: Arc<str>, start: Start) -> Option<GroupId> {
        self.change(|state, after| {
            let mut groups = state.groups.iter_mut();
            let found = groups.find(|(_, group)| group.name.as_ref() == Some(&name));
            if let Some((id, group)) = found {
                return (!mem::replace(&mut group.is_taken, true)).then_some(*id);
            }
            Some(state.begin_group(Some(name), start, self.capacity, after))
        })
    }

    /// Creates a group without a name.
    pub(crate) fn join_unnamed(&self, start: Start) -> GroupId {
        self.change(|state, after| state.begin_group(None, start, self.capacity, after))
    }

    /// The consumer of a group leaves. A group without a name ends then.
    pub(crate) fn leave(&self, id: GroupId) {
        self.change(|state, after| {
            let Some(group) = state.groups.get_mut(&id) else {
                return;
            };
            group.is_taken = false;
            if group.name.is_none() {
                state.end_group(id, self.capacity, after);
            }
        });
    }

    /// Ends a group. True if there was one.
    pub(crate) fn forget(&self, name: &str) -> bool {
        self.change(|state, after| {
            let mut groups = state.groups.iter();
            let found = groups.find(|(_, group)| group.name.as_deref() == Some(name));
            let Some(id) = found.map(|(id, _)| *id) else {
                return false;
            };
            state.end_group(id, self.capacity, after);
            true
        })
    }

    /// Opens a stream of a group, which has its number.
    pub(crate) fn open(&self, id: GroupId) -> u64 {
        let mut state = self.state.lock();
        state.groups.get_mut(&id).map_or(0, Group::open)
    }

    /// Takes the next record for a stream of a group. `None` when the topic is closed and all was taken, or the group has ended.
    pub(crate) fn poll_take(
        &self,
        id: GroupId,
        stream: u64,
        place: &mut Place,
        task: &Context<'_>,
    ) -> Poll<Option<Arc<Record<K, V>>>> {
        self.change(|state, after| {
            let Some(group) = state.groups.get_mut(&id) else {
                *place = None;
                return Poll::Ready(None);
            };
            let partitions = &state.partitions;
            let Some(position) = group.take(stream, |index| partitions[index].end()) else {
                if state.is_closed {
                    after.discard.extend(group.readers.leave(place));
                    return Poll::Ready(None);
                }
                after.discard.extend(group.readers.wait(place, task));
                return Poll::Pending;
            };
            after.discard.extend(group.readers.leave(place));
            let partition = &partitions[position.partition as usize];
            // What a group has not committed is held for it.
            let index = usize::try_from(position.offset - partition.first).expect("it is held");
            Poll::Ready(Some(Arc::clone(&partition.records[index])))
        })
    }

    /// Closes a stream of a group.
    pub(crate) fn close_stream(&self, id: GroupId, stream: u64, place: &mut Place) {
        self.change(|state, after| {
            if let Some(group) = state.groups.get_mut(&id) {
                after.discard.extend(group.readers.leave(place));
                group.close(stream);
            }
        });
    }

    /// Up to where all groups have acknowledged everything. Where nothing is held before it, if there is no group.
    pub(crate) fn committed(&self, partition: u32) -> u64 {
        let state = self.state.lock();
        let partition = &state.partitions[partition as usize];
        partition.slowest.committed().unwrap_or(partition.first)
    }

    /// Up to where a group has acknowledged everything.
    pub(crate) fn committed_by(&self, id: GroupId, partition: u32) -> Option<u64> {
        let state = self.state.lock();
        let group = state.groups.get(&id)?;
        Some(group.cursor(partition).acked.committed())
    }

    /// How many groups have not acknowledged what is there.
    pub(crate) fn waiting_for(&self, position: Position) -> usize {
        let state = self.state.lock();
        let groups = state.groups.values();
        let waits = |group: &&Group| {
            !group
                .cursor(position.partition)
                .acked
                .is_acked(position.offset)
        };
        groups.filter(waits).count()
    }

    /// How many records are held.
    pub(crate) fn held(&self, partition: u32) -> usize {
        self.state.lock().partitions[partition as usize]
            .records
            .len()
    }
}

impl<K: Value + Sync, V: Value + Sync> Acknowledge for Log<K, V> {
    fn ack(&self, id: GroupId, position: Position) {
        self.change(|state, after| {
            let group = state.groups.get_mut(&id);
            let Some((before, now)) = group.and_then(|group| group.ack(position)) else {
                return;
            };
            let index = position.partition as usize;
            let slowest = &mut state.partitions[index].slowest;
            slowest.join(now);
            slowest.leave(before);
            state.trim(index, self.capacity, after);
        });
    }

    fn give_back(&self, id: GroupId, position: Position, stream: u64) {
        self.change(|state, after| {
            if let Some(group) = state.groups.get_mut(&id)
                && group.give_back(position, stream)
            {
                after.wake.extend(group.readers.dismiss());
            }
        });
    }
}
