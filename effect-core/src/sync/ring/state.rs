//! What a ring's lock guards: the items, who waits, and what was promised to whom.

use std::collections::VecDeque;

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
    /// Items that were pulled and may come back.
    pub(super) claimed: usize,
    /// Those who wait for the end.
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
            claimed: 0,
            mourners: Waiters::new(),
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.phase != Phase::Open
    }

    /// Whether nothing is inside, and nobody will put anything in. A claim may still bring something back.
    pub(super) fn is_drained(&self) -> bool {
        self.is_closed() && self.buffer.is_empty() && self.senders.is_idle()
    }

    /// Whether nothing will ever come out again.
    pub(super) fn has_ended(&self) -> bool {
        self.is_drained() && self.claimed == 0
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
