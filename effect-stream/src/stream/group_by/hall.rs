//! The groups, as whoever hands out the items sees them.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::mem;
use std::sync::Arc;
use std::task::Context;

use effect_core::{Env, Value};
use parking_lot::Mutex;
use slab::Slab;

use super::Moved;
use super::groups::{DroppedGroup, Groups};
use super::items::{Group, GroupItems};
use super::seats::{Heeds, Over, Seats, Seen, wake};
use crate::stream::Stream;

/// Who has which seat, and what is to be emitted.
pub(super) struct Hall<K, A, E> {
    pub(super) limits: Groups,
    pub(super) seats: Arc<Mutex<Seats<A>>>,
    /// What was seen of them when they were last looked at.
    pub(super) seen: Seen,
    /// Where the group of a key is. `None` is one that was dropped, of whose key nobody wants more.
    pub(super) seat_of: HashMap<K, Option<usize>>,
    /// Whose the seats are.
    pub(super) members: Slab<Member<K>>,
    /// How many groups are open.
    pub(super) open: usize,
    pub(super) to_emit: VecDeque<ToEmit<E>>,
    /// An item for which there is no room.
    pub(super) in_hand: Option<(K, A)>,
}

/// Whose a seat is. It has the same number here and there.
pub(super) struct Member<K> {
    pub(super) key: K,
    pub(super) was_emitted: bool,
    /// More items of its key are its own. If not, it has ended early.
    pub(super) is_open: bool,
}

pub(super) enum ToEmit<E> {
    Group(usize),
    Failure(E),
}

impl<K: Hash + Eq + Clone, A, E> Hall<K, A, E> {
    pub(super) fn new(limits: Groups) -> Self {
        let seats = Seats::new();
        Hall {
            limits,
            seen: seats.seen(),
            seats: Arc::new(Mutex::new(seats)),
            seat_of: HashMap::new(),
            members: Slab::new(),
            open: 0,
            to_emit: VecDeque::new(),
            in_hand: None,
        }
    }

    /// What is to be emitted next.
    pub(super) fn emit<R: Env>(&mut self) -> Option<Result<(K, Group<R, A>), E>>
    where
        A: Value,
    {
        Some(match self.to_emit.pop_front()? {
            ToEmit::Failure(error) => Err(error),
            ToEmit::Group(seat) => {
                let key = self.members[seat].key.clone();
                self.members[seat].was_emitted = true;
                let items = GroupItems {
                    seats: Arc::clone(&self.seats),
                    seat,
                };
                Ok((key, Stream::of(items)))
            }
        })
    }

    /// Looks at what has happened since the last poll, and is told of none of it any more.
    pub(super) fn look(&mut self) {
        let mut seats = self.seats.lock();
        seats.heeds = Heeds::WhoLeaves;
        self.seen = seats.seen();
    }

    /// Has this task woken when something happens, unless it already has: then there is something to go on with.
    ///
    /// Nobody else registers it. So what is done about the groups may be decided by what was seen of them.
    pub(super) fn rest(&mut self, heeds: Heeds, task: &Context<'_>) -> Moved {
        let mut seats = self.seats.lock();
        let seen = seats.seen();
        self.seen = seen;
        let has_happened = match heeds {
            Heeds::WhoLeaves => false,
            Heeds::WhoAsks => seen.somebody_asks,
            Heeds::Room(seat) => seats.seats[seat].items.len() < self.limits.holding.get(),
            Heeds::TheLastItem => seen.is_empty,
        };
        if has_happened || seen.somebody_left {
            return Moved::On;
        }
        seats.heeds = heeds;
        let replaced = match &seats.outer {
            Some(outer) if outer.will_wake(task.waker()) => None,
            _ => seats.outer.replace(task.waker().clone()),
        };
        drop(seats);
        // When the lock is free.
        drop(replaced);
        Moved::Waits
    }

    /// Looks after the groups whose streams were dropped.
    pub(super) fn see_who_left(&mut self) {
        if !mem::take(&mut self.seen.somebody_left) {
            return;
        }
        let left = mem::take(&mut self.seats.lock().left);
        for seat in left {
            let mut seats = self.seats.lock();
            let member = &mut self.members[seat];
            let has_items = !seats.seats[seat].items.is_empty();
            if member.is_open && has_items && self.limits.dropped == DroppedGroup::Reopen {
                member.was_emitted = false;
                seats.seats[seat].was_pulled = false;
                self.to_emit.push_back(ToEmit::Group(seat));
                continue;
            }
            let gone = seats.remove(seat);
            self.seen = seats.seen();
            drop(seats);
            drop(gone);
            let member = self.members.remove(seat);
            if member.is_open {
                self.open -= 1;
                match self.limits.dropped {
                    DroppedGroup::Reopen => self.seat_of.remove(&member.key),
                    DroppedGroup::DropItems => self.seat_of.insert(member.key, None),
                };
            }
        }
    }

    /// Hands out an item. If there is no room for it, gives it back, and says what may change that.
    pub(super) fn admit(
        &mut self,
        key: K,
        value: A,
        a_group_is_wanted: bool,
        task: &Context<'_>,
    ) -> Result<(), ((K, A), Heeds)> {
        match self.seat_of.get(&key) {
            Some(None) => Ok(()),
            Some(&Some(seat)) => {
                let handed_over = {
                    let mut seats = self.seats.lock();
                    let handed_over = seats.hand_to(seat, value, self.limits.holding);
                    self.seen = seats.seen();
                    handed_over
                };
                let refused = match handed_over {
                    Ok(asked) => {
                        wake(asked);
                        return Ok(());
                    }
                    Err(value) => value,
                };
                let heeds = if self.members[seat].was_emitted || a_group_is_wanted {
                    Heeds::Room(seat)
                } else {
                    self.make_room(task)
                };
                Err(((key, refused), heeds))
            }
            None => {
                if self.open == self.limits.at_most.get() && !self.end_one() {
                    return Err(((key, value), Heeds::WhoAsks));
                }
                let member = self.members.insert(Member {
                    key: key.clone(),
                    was_emitted: false,
                    is_open: true,
                });
                let seat = {
                    let mut seats = self.seats.lock();
                    let seat = seats.insert(value);
                    self.seen = seats.seen();
                    seat
                };
                debug_assert_eq!(seat, member, "seats and members come and go together");
                self.to_emit.push_back(ToEmit::Group(seat));
                self.open += 1;
                self.seat_of.insert(key, Some(seat));
                Ok(())
            }
        }
    }

    /// Ends a group, so that who takes from it may ask for the one which nobody has asked for, and looks again: it may
    /// have been another one that keeps them waiting.
    pub(super) fn make_room(&mut self, task: &Context<'_>) -> Heeds {
        if self.end_one() {
            task.waker().wake_by_ref();
            Heeds::WhoLeaves
        } else {
            Heeds::WhoAsks
        }
    }

    /// After the last item: nothing is left to emit, also if a group is dropped.
    pub(super) fn has_emitted_all(&self) -> bool {
        let is_reopened = self.limits.dropped == DroppedGroup::Reopen;
        self.to_emit.is_empty() && (self.seen.is_empty || !is_reopened)
    }

    /// Ends the group that has waited longest, if any does. None has to where one has left.
    pub(super) fn end_one(&mut self) -> bool {
        let ended = {
            let mut seats = self.seats.lock();
            let ended = if seats.left.is_empty() {
                seats.end_one()
            } else {
                None
            };
            self.seen = seats.seen();
            ended
        };
        let Some((seat, asked)) = ended else {
            return false;
        };
        let member = &mut self.members[seat];
        member.is_open = false;
        self.open -= 1;
        self.seat_of.remove(&member.key);
        wake(asked);
        true
    }
}

impl<K, A, E> Hall<K, A, E> {
    /// Hands out no more.
    pub(super) fn close(&mut self, over: Over) {
        let mut asked = Vec::new();
        let _outer = {
            let mut seats = self.seats.lock();
            seats.over.get_or_insert(over);
            while let Some(first) = seats.first_to_ask() {
                asked.push(seats.asks_no_more(first));
            }
            self.seen = seats.seen();
            seats.outer.take()
        };
        asked.into_iter().for_each(wake);
    }
}

impl<K, A, E> Drop for Hall<K, A, E> {
    fn drop(&mut self) {
        self.close(Over::Interrupted);
        // What nobody can take any more goes when the lock is free.
        let _gone: Vec<_> = {
            let mut seats = self.seats.lock();
            seats.is_deserted = true;
            let left = mem::take(&mut seats.left);
            let never_seen = self
                .members
                .iter()
                .filter(|(_, member)| !member.was_emitted);
            let never_seen = never_seen.map(|(seat, _)| seat);
            let gone = left.into_iter().chain(never_seen);
            gone.map(|seat| seats.remove(seat)).collect()
        };
    }
}
