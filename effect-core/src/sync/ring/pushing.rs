//! Pushing: as much at once as there is room for, in turn.

use std::ops::Deref;
use std::task::{Context, Poll, ready};

use super::{HasRing, Overflow, Ring, Supply};
use crate::sync::ending::Phase;
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
    /// `waiting` is the caller's place among those who wait; it belongs to [`forget_sender`].
    ///
    /// [`forget_sender`]: Ring::forget_sender
    fn poll_push<S: Supply<T>>(
        &self,
        task: &mut Context<'_>,
        waiting: &mut Option<Place>,
        supply: &mut S,
    ) -> Poll<Result<(), Refused>> {
        ready!(poll_turn(task));
        let mut wakers = Wakers::default();
        let pushed = {
            let mut guard = self.state.lock();
            let state = &mut *guard;
            if !state.phase.admits(waiting.is_some()) {
                *waiting = None;
                return Poll::Ready(Err(Refused::Closed));
            }
            // At a rendezvous, room is a receiver, who may have left.
            let promise = if self.capacity == 0 {
                Promise::Void
            } else {
                Promise::Kept
            };
            let free = self.free(state);
            let entered = state
                .senders
                .enter(waiting, task, free, promise, &mut wakers);
            let Some(room) = entered else {
                return Poll::Pending;
            };
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
        };
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
            let room = state.senders.room(self.free(state));
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

    /// Gives up a sender's place, and passes on the room that it may have been granted.
    fn forget_sender(&self, waiting: &mut Option<Place>) {
        let Some(place) = waiting.take() else { return };
        let mut wakers = Wakers::default();
        {
            let mut guard = self.state.lock();
            let state = &mut *guard;
            if state.phase == Phase::Closed {
                // It was dismissed.
                return;
            }
            state.senders.leave(place, &mut wakers);
            state.senders.grant(self.free(state), &mut wakers);
            state.tell_if_ended(&mut wakers);
        }
        wakers.wake();
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
        self.handle.ring().forget_sender(&mut self.waiting);
    }
}
