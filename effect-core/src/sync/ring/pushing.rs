//! Pushing: as much at once as there is room for, in turn.

use std::ops::Deref;
use std::task::{Context, Poll, ready};

use parking_lot::MutexGuard;

use super::{HasRing, Overflow, Ring, State, Supply};
use crate::sync::turns::Promise;
use crate::sync::waiters::Place;
use crate::sync::wakers::Wakers;
use crate::{WaitsFor, poll_turn};

/// Why something was not pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sync) enum Refused {
    Full,
    Closed,
}

impl<T> Ring<T> {
    /// Moves items out of `supply` while there is room. Ready when none is left there.
    ///
    /// `waiting` is the caller's place among those who wait; it belongs to [`forget_place`].
    ///
    /// [`forget_place`]: Ring::forget_place
    #[inline]
    fn poll_push<S: Supply<T>>(
        &self,
        task: &mut Context<'_>,
        waiting: &mut Option<Place>,
        supply: &mut S,
    ) -> Poll<Result<(), Refused>> {
        ready!(poll_turn(task));
        let mut state = self.state.lock();
        if waiting.is_some() || !state.has_room(self.capacity) {
            return self.push_in_turn(state, 0, task, waiting, supply);
        }
        let Some(item) = supply.take() else {
            return Poll::Ready(Ok(()));
        };
        state.buffer.push_back(item);
        if !supply.is_empty() {
            return self.push_in_turn(state, 1, task, waiting, supply);
        }
        if state.receivers.is_empty() {
            return Poll::Ready(Ok(()));
        }
        let receiver = state.next_receiver();
        drop(state);
        if let Some(receiver) = receiver {
            receiver.wake();
        }
        Poll::Ready(Ok(()))
    }

    /// As [`poll_push`](Ring::poll_push), where others are to be minded. So many items are inside of which nobody was told.
    #[inline(never)]
    fn push_in_turn<S: Supply<T>>(
        &self,
        mut guard: MutexGuard<'_, State<T>>,
        untold: usize,
        task: &mut Context<'_>,
        waiting: &mut Option<Place>,
        supply: &mut S,
    ) -> Poll<Result<(), Refused>> {
        let state = &mut *guard;
        if !state.phase.admits(waiting.is_some()) {
            *waiting = None;
            return Poll::Ready(Err(Refused::Closed));
        }
        let mut wakers = Wakers::default();
        state.notify_receivers(untold, &mut wakers);
        let free = if waiting.is_some() {
            self.free(state)
        } else {
            self.free_at_once(state)
        };
        // At a rendezvous, room is a receiver, who may have left.
        let promise = if self.capacity == 0 {
            Promise::Void
        } else {
            Promise::Kept
        };
        let entered = (state.senders).enter(waiting, task, free, promise, &mut wakers);
        let pushed = if let Some(mut room) = entered {
            if state.senders.is_idle() {
                // There is nobody whose turn this could be instead.
                room = room.max(self.free_at_once(state));
            }
            let mut pushed = 0;
            while pushed < room
                && let Some(item) = supply.take()
            {
                state.buffer.push_back(item);
                pushed += 1;
            }
            state.notify_receivers(pushed, &mut wakers);
            if supply.is_empty() {
                state.senders.grant(self.free(state), &mut wakers);
                Poll::Ready(Ok(()))
            } else {
                *waiting = Some(state.senders.join(task));
                Poll::Pending
            }
        } else {
            Poll::Pending
        };
        drop(guard);
        wakers.wake();
        pushed
    }

    /// Moves items out of `supply` and does not wait: what finds no room stays there, or the oldest make room for it.
    pub(in crate::sync) fn push_now<S: Supply<T>>(&self, supply: &mut S) -> Result<(), Refused> {
        let mut wakers = Wakers::default();
        // Dropped when the lock is free.
        let mut evicted = Vec::new();
        let pushed = {
            let mut guard = self.state.lock();
            let state = &mut *guard;
            if state.is_closed() {
                return Err(Refused::Closed);
            }
            let room = state.senders.room(self.free_at_once(state));
            let mut pushed = 0;
            while pushed < room
                && let Some(item) = supply.take()
            {
                state.buffer.push_back(item);
                pushed += 1;
            }
            state.notify_receivers(pushed, &mut wakers);
            if self.overflow == Overflow::Evict {
                while let Some(item) = supply.take() {
                    // The oldest, but for those that somebody was woken for.
                    evicted.extend(state.buffer.remove(state.notified));
                    state.buffer.push_back(item);
                }
            }
            if supply.is_empty() {
                Ok(())
            } else {
                Err(Refused::Full)
            }
        };
        wakers.wake();
        pushed
    }
}

/// A sender's place among those who wait for room, given up when it is dropped.
pub(in crate::sync) struct Pusher<H: Deref<Target: HasRing>> {
    handle: H,
    waits_for: WaitsFor,
    waiting: Option<Place>,
}

impl<H: Deref<Target: HasRing>> Pusher<H> {
    pub(in crate::sync) fn new(handle: H, waits_for: WaitsFor) -> Self {
        Pusher {
            handle,
            waits_for,
            waiting: None,
        }
    }

    pub(in crate::sync) fn handle(&self) -> &H {
        &self.handle
    }

    /// Moves items out of `supply` while there is room. Ready when none is left there.
    #[inline]
    pub(in crate::sync) fn poll_push<S>(
        &mut self,
        task: &mut Context<'_>,
        supply: &mut S,
    ) -> Poll<Result<(), Refused>>
    where
        S: Supply<<H::Target as HasRing>::Item>,
    {
        let ring = self.handle.ring();
        let pushed = ring.poll_push(task, &mut self.waiting, supply);
        if pushed.is_pending() {
            self.waits_for.note();
        }
        pushed
    }
}

impl<H: Deref<Target: HasRing>> Drop for Pusher<H> {
    #[inline]
    fn drop(&mut self) {
        if self.waiting.is_some() {
            self.handle.ring().forget_place(&mut self.waiting, 1);
        }
    }
}
