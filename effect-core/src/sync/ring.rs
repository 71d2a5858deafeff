//! A ring of items under a short lock, with waiters on both sides: what channels and queues are made of.

use parking_lot::Mutex;

use super::ending::Phase;
use super::waiters::Waiters;
use super::wakers::Wakers;

pub(super) use closing::Closing;
pub(super) use pulling::{Ended, Pull, Puller};
pub(super) use pushing::{Pusher, Refused};
pub(super) use reserving::Reserver;
pub(super) use shared::Shared;
pub use supply::Supply;

use state::State;

mod state;
mod supply;
mod pushing;
mod pulling;
mod reserving;
mod closing;
mod shared;

/// A ring of items under a short lock, with waiters on both sides.
pub(super) struct Ring<T> {
    capacity: usize,
    overflow: Overflow,
    state: Mutex<State<T>>,
}

/// What becomes of an item for which there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overflow {
    /// It waits, in turn.
    Wait,
    /// It is refused.
    Refuse,
    /// It comes in, and the oldest goes.
    Evict,
}

/// What becomes of those who wait for room when a ring is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Latecomers {
    /// They get their items back.
    Refused,
    /// They are still let in.
    Admitted,
}

/// Whatever has a ring inside: the ring itself, and one with the error that it was closed with.
pub(super) trait HasRing {
    type Item;

    fn ring(&self) -> &Ring<Self::Item>;
}

impl<T> HasRing for Ring<T> {
    type Item = T;

    #[inline]
    fn ring(&self) -> &Ring<T> {
        self
    }
}

impl<T> Ring<T> {
    pub(super) fn new(capacity: usize, overflow: Overflow) -> Self {
        Ring {
            capacity,
            overflow,
            state: Mutex::new(State::new()),
        }
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    pub(super) fn overflow(&self) -> Overflow {
        self.overflow
    }

    pub(super) fn len(&self) -> usize {
        self.state.lock().buffer.len()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state.lock().is_closed()
    }

    /// Closes the ring, and calls `first` under its lock if it was open.
    pub(super) fn close(&self, latecomers: Latecomers, first: impl FnOnce()) {
        let mut wakers = Wakers::default();
        {
            let mut state = self.state.lock();
            if state.is_closed() {
                return;
            }
            first();
            state.phase = match latecomers {
                Latecomers::Admitted => Phase::Draining,
                Latecomers::Refused => {
                    state.senders.dismiss(&mut wakers);
                    Phase::Closed
                }
            };
            state.tell_of_close(&mut wakers);
            state.tell_if_ended(&mut wakers);
        }
        wakers.wake();
    }

    /// Closes the ring, sends those away who wait for room, and has what is inside.
    pub(super) fn abort(&self) -> Vec<T> {
        let mut wakers = Wakers::default();
        let backlog = {
            let mut state = self.state.lock();
            state.phase = Phase::Closed;
            state.senders.dismiss(&mut wakers);
            let backlog = std::mem::take(&mut state.buffer);
            state.tell_of_close(&mut wakers);
            state.tell_if_ended(&mut wakers);
            backlog
        };
        wakers.wake();
        backlog.into()
    }

    /// Does something with those who wait for the end: the ring is closed, and nothing will ever come out again.
    pub(super) fn mourning<U>(&self, act: impl FnOnce(bool, &mut Waiters) -> U) -> U {
        let mut state = self.state.lock();
        let ended = state.has_ended();
        act(ended, &mut state.mourners)
    }

    /// How much more may be inside, promised or not. Where nothing waits for room, or there is none, those who wait for
    /// an item have room for one each.
    #[inline]
    fn free(&self, state: &State<T>) -> usize {
        if self.capacity == 0 || self.overflow != Overflow::Wait {
            self.free_at_once(state)
        } else {
            (self.capacity).saturating_sub(state.buffer.len() + state.reserved)
        }
    }

    /// How much one may put in who need not wait: those who wait for an item, or were woken for one, have room for one each.
    ///
    /// What they were woken for takes up no room then, or each item would need a switch from one side to the other where
    /// there is room for one. Nobody is woken for such room: two who were might come in another order.
    #[inline]
    fn free_at_once(&self, state: &State<T>) -> usize {
        let takers = state.receivers.len() + state.notified;
        let places = self.capacity.saturating_add(takers);
        places.saturating_sub(state.buffer.len() + state.reserved)
    }
}
