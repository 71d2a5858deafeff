//! What a channel's lock guards: the items, who waits, and what was promised to whom.

use std::collections::VecDeque;
use std::task::Waker;

use super::waiters::Waiters;

pub(super) struct State<T> {
    pub(super) buffer: VecDeque<T>,
    pub(super) closed: bool,
    pub(super) senders: Waiters,
    pub(super) receivers: Waiters,
    /// Room that was promised to senders who were woken and have not pushed yet.
    pub(super) granted: usize,
    /// Receivers who were woken and have not come yet.
    pub(super) notified: usize,
    /// Items that were pulled and may come back.
    pub(super) claimed: usize,
}

impl<T> State<T> {
    pub(super) fn new() -> Self {
        State {
            buffer: VecDeque::new(),
            closed: false,
            senders: Waiters::new(),
            receivers: Waiters::new(),
            granted: 0,
            notified: 0,
            claimed: 0,
        }
    }

    /// Whether nothing will ever come out again.
    pub(super) fn has_ended(&self) -> bool {
        self.closed && self.buffer.is_empty() && self.claimed == 0
    }

    /// Wakes every receiver if nothing will ever come: there were as many wake-ups as items so far.
    pub(super) fn tell_if_ended(&mut self, wakers: &mut Wakers) {
        if self.has_ended() {
            self.notified += self.receivers.len();
            wakers.extend(self.receivers.drain());
        }
    }

    /// How many items may be pushed: up to the capacity, or, in a rendezvous, one for each receiver that waits.
    pub(super) fn room(&self, capacity: usize) -> usize {
        let places = if capacity == 0 {
            self.receivers.len() + self.notified
        } else {
            capacity
        };
        places.saturating_sub(self.buffer.len() + self.granted)
    }

    /// Promises what room there is to the senders who have waited longest.
    pub(super) fn grant(&mut self, capacity: usize, wakers: &mut Wakers) {
        while self.room(capacity) > 0
            && let Some(waker) = self.senders.pop()
        {
            self.granted += 1;
            wakers.push(waker);
        }
    }

    /// Wakes the receivers who have waited longest, one for each of `count` items.
    pub(super) fn notify_receivers(&mut self, count: usize, wakers: &mut Wakers) {
        for _ in 0..count {
            let Some(waker) = self.receivers.pop() else {
                return;
            };
            self.notified += 1;
            wakers.push(waker);
        }
    }
}

/// Wakers, to be called after the lock is released: a task that is woken may want it at once. There is seldom
/// more than one.
#[derive(Default)]
pub(super) struct Wakers {
    first: Option<Waker>,
    others: Vec<Waker>,
    discarded: Option<Waker>,
}

impl Wakers {
    pub(super) fn push(&mut self, waker: Waker) {
        match &self.first {
            None => self.first = Some(waker),
            Some(_) => self.others.push(waker),
        }
    }

    pub(super) fn extend(&mut self, wakers: impl Iterator<Item = Waker>) {
        wakers.for_each(|waker| self.push(waker));
    }

    /// Keeps a waker that is not needed any more: a task may be dropped with it, and want the lock as well.
    pub(super) fn discard(&mut self, waker: Option<Waker>) {
        self.discarded = waker;
    }

    pub(super) fn wake(self) {
        if let Some(first) = self.first {
            first.wake();
            self.others.into_iter().for_each(Waker::wake);
        }
    }
}
