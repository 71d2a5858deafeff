//! Reserving: room first, and the items later.

use std::ops::Deref;
use std::task::{Context, Poll, ready};

use super::{HasRing, Refused, Ring, Supply};
use crate::sync::ending::Phase;
use crate::sync::turns::Promise;
use crate::sync::waiters::Place;
use crate::sync::wakers::Wakers;
use crate::{WaitsFor, poll_turn};

impl<T> Ring<T> {
    /// Gives out room for `count` items, all at once, in turn.
    fn poll_reserve(
        &self,
        task: &mut Context<'_>,
        waiting: &mut Option<Place>,
        count: usize,
    ) -> Poll<Result<(), Refused>> {
        ready!(poll_turn(task));
        let mut wakers = Wakers::default();
        let reserved = {
            let mut guard = self.state.lock();
            let state = &mut *guard;
            if !state.phase.admits(waiting.is_some()) {
                *waiting = None;
                return Poll::Ready(Err(Refused::Closed));
            }
            let free = self.free(state);
            // Where room is a receiver, who may have left, a promise is void.
            let entered =
                (state.senders).enter_for(count, waiting, task, free, Promise::Void, &mut wakers);
            match entered {
                Some(room) if room >= count => {
                    state.reserved += count;
                    state.senders.grant(self.free(state), &mut wakers);
                    Poll::Ready(Ok(()))
                }
                Some(_) => {
                    *waiting = Some(state.senders.join_for(count, task));
                    Poll::Pending
                }
                None => Poll::Pending,
            }
        };
        wakers.wake();
        reserved
    }

    /// Gives out room for `count` items, if that needs no wait.
    pub(in crate::sync) fn reserve_now(&self, count: usize) -> Result<(), Refused> {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        if state.is_closed() {
            return Err(Refused::Closed);
        }
        if state.senders.room(self.free(state)) < count {
            return Err(Refused::Full);
        }
        state.reserved += count;
        Ok(())
    }

    /// Moves items out of `supply` into room that was given out, at most so many, and says how many there were.
    pub(in crate::sync) fn push_reserved<S: Supply<T>>(
        &self,
        reserved: usize,
        supply: &mut S,
    ) -> usize {
        let mut wakers = Wakers::default();
        let pushed = {
            let mut state = self.state.lock();
            let mut pushed = 0;
            while pushed < reserved
                && let Some(item) = supply.take()
            {
                state.buffer.push_back(item);
                pushed += 1;
            }
            state.reserved -= pushed;
            state.notify_receivers(pushed, &mut wakers);
            pushed
        };
        wakers.wake();
        pushed
    }

    /// Takes back room that was given out, and passes it on.
    pub(in crate::sync) fn unreserve(&self, count: usize) {
        let mut wakers = Wakers::default();
        {
            let mut guard = self.state.lock();
            let state = &mut *guard;
            state.reserved -= count;
            state.senders.grant(self.free(state), &mut wakers);
            state.tell_if_ended(&mut wakers);
        }
        wakers.wake();
    }

    /// Gives up a place, and passes on the room that it may have been granted.
    pub(super) fn forget_place(&self, waiting: &mut Option<Place>, wants: usize) {
        let Some(place) = waiting.take() else { return };
        let mut wakers = Wakers::default();
        {
            let mut guard = self.state.lock();
            let state = &mut *guard;
            if state.phase == Phase::Closed {
                // It was dismissed.
                return;
            }
            state.senders.leave_for(wants, place, &mut wakers);
            state.senders.grant(self.free(state), &mut wakers);
            state.tell_if_ended(&mut wakers);
        }
        wakers.wake();
    }
}

/// A place among those who wait for room, for one that wants so much of it at once. Given up when it is dropped.
pub(in crate::sync) struct Reserver<H: Deref<Target: HasRing>> {
    handle: H,
    waits_for: WaitsFor,
    waiting: Option<Place>,
    count: usize,
}

impl<H: Deref<Target: HasRing>> Reserver<H> {
    pub(in crate::sync) fn new(handle: H, count: usize, waits_for: WaitsFor) -> Self {
        Reserver {
            handle,
            waits_for,
            waiting: None,
            count,
        }
    }

    pub(in crate::sync) fn handle(&self) -> &H {
        &self.handle
    }

    pub(in crate::sync) fn count(&self) -> usize {
        self.count
    }

    /// Has the room at once, if that needs no wait.
    pub(in crate::sync) fn reserve_now(&self) -> Result<(), Refused> {
        self.handle.ring().reserve_now(self.count)
    }

    /// Ready when the room is the caller's, who [uses](Ring::push_reserved) it or [gives it back](Ring::unreserve).
    pub(in crate::sync) fn poll(&mut self, task: &mut Context<'_>) -> Poll<Result<(), Refused>> {
        let ring = self.handle.ring();
        let reserved = ring.poll_reserve(task, &mut self.waiting, self.count);
        if reserved.is_pending() {
            self.waits_for.note();
        }
        reserved
    }
}

impl<H: Deref<Target: HasRing>> Drop for Reserver<H> {
    fn drop(&mut self) {
        (self.handle.ring()).forget_place(&mut self.waiting, self.count);
    }
}
