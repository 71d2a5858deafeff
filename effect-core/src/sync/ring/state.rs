//! What a ring's lock guards: the items, who waits, and what was promised to whom.

use std::collections::VecDeque;
use std::collections::vec_deque::Drain;
use std::task::Waker;

use super::Pull;
use crate::sync::ending::Phase;
use crate::sync::turns::Turns;
use crate::sync::waiters::Waiters;
use crate::sync::wakers::Wakers;

pub(super) struct State<T> {
    pub(super) buffer: VecDeque<T>,
    pub(super) phase: Phase,
    pub(super) senders: Turns,
    pub(super) receivers: Waiters,
    /// Receivers who were woken and have not come yet.
    pub(super) notified: usize,
    /// Room that was given out: whoever has it may put an item in at any time, also when the ring is closed.
    pub(super) reserved: usize,
    /// Items that were pulled and may come back.
    pub(super) claimed: usize,
    /// Those who wait for the end, or the close.
    pub(super) mourners: Waiters,
}

impl<T> State<T> {
    pub(super) fn new() -> Self {
        State {
            buffer: VecDeque::new(),
            phase: Phase::Open,
            senders: Turns::new(),
            receivers: Waiters::new(),
            notified: 0,
            reserved: 0,
            claimed: 0,
            mourners: Waiters::new(),
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.phase != Phase::Open
    }

    /// Whether nothing is inside, and nobody will put anything in. A claim may still bring something back.
    pub(super) fn is_drained(&self) -> bool {
        self.is_closed() && self.buffer.is_empty() && self.senders.is_idle() && self.reserved == 0
    }

    /// Whether nothing will ever come out again.
    pub(super) fn has_ended(&self) -> bool {
        self.is_drained() && self.claimed == 0
    }

    /// Whether nothing will come out for somebody who pulls in this way.
    pub(super) fn has_ended_for(&self, pull: Pull) -> bool {
        if pull == Pull::Gather {
            self.is_drained()
        } else {
            self.has_ended()
        }
    }

    /// Hands the first `count` items to `take`.
    pub(super) fn hand_out(&mut self, count: usize, pull: Pull, take: impl FnOnce(Drain<'_, T>)) {
        take(self.buffer.drain(..count));
        self.claimed += if pull == Pull::Take { 0 } else { count };
    }

    /// Wakes those who wait for the close. Who waits for the end as well looks, and waits on.
    pub(super) fn tell_of_close(&mut self, wakers: &mut Wakers) {
        wakers.extend(self.mourners.drain());
    }

    /// Wakes everybody who waits for what will never come: there were as many wake-ups as items so far.
    pub(super) fn tell_if_ended(&mut self, wakers: &mut Wakers) {
        if self.is_drained() {
            // Also while there are claims: of those who gather, each may wait for what the others hold.
            self.notified += self.receivers.len();
            wakers.extend(self.receivers.drain());
            if self.claimed == 0 {
                wakers.extend(self.mourners.drain());
            }
        }
    }

    /// Whether all are let in, nobody waits to be, and there is room that is not promised.
    #[inline]
    pub(super) fn has_room(&self, capacity: usize) -> bool {
        let taken = self.buffer.len() + self.reserved + self.senders.granted();
        self.is_carefree() && taken < capacity
    }

    /// Whether it is open, and no sender waits: when an item goes, nobody is to be told.
    #[inline]
    pub(super) fn is_carefree(&self) -> bool {
        self.phase == Phase::Open && self.senders.nobody_waits()
    }

    /// The receiver who has waited longest, and is to be told of an item.
    #[inline]
    pub(super) fn next_receiver(&mut self) -> Option<Waker> {
        let waker = self.receivers.pop()?;
        self.notified += 1;
        Some(waker)
    }

    /// Wakes the receivers who have waited longest, one for each of `count` items.
    pub(super) fn notify_receivers(&mut self, count: usize, wakers: &mut Wakers) {
        for _ in 0..count {
            let Some(waker) = self.next_receiver() else {
                return;
            };
            wakers.push(waker);
        }
    }
}
