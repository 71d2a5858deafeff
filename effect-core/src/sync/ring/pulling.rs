//! Pulling: as much at once as is there, and some of it only until it is given back.

use std::collections::vec_deque::Drain;
use std::ops::Deref;
use std::task::{Context, Poll};

use parking_lot::MutexGuard;

use super::{HasRing, Ring, State};
use crate::sync::waiters::Place;
use crate::sync::wakers::Wakers;
use crate::{WaitsFor, poll_turn};

/// How items are pulled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sync) enum Pull {
    /// They are gone.
    Take,
    /// They may come back by [`Ring::release`]; until then a closed ring has not ended, even when it is empty.
    Claim,
    /// As a claim, of somebody who has claims and waits for more: such a one does not wait for claims.
    Gather,
}

/// Nothing will ever come out again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sync) struct Ended;

impl<T> Ring<T> {
    /// Hands at most `max` items to `take`. Ready when there was at least one.
    fn poll_pull(
        &self,
        mut guard: MutexGuard<'_, State<T>>,
        task: &mut Context<'_>,
        waiting: &mut Option<Place>,
        max: usize,
        pull: Pull,
        take: impl FnOnce(Drain<'_, T>),
    ) -> Poll<Result<(), Ended>> {
        let mut wakers = Wakers::default();
        let state = &mut *guard;
        let pulled = if state.buffer.is_empty() && !state.has_ended_for(pull) {
            match *waiting {
                Some(place) if state.receivers.contains(place) => {
                    wakers.discard(state.receivers.update(place, task.waker()));
                }
                notified => {
                    if let Some(place) = notified {
                        // What it was told of has gone to another: it waits where it did.
                        state.notified -= 1;
                        state.receivers.rejoin(place, task.waker());
                    } else {
                        *waiting = Some(state.receivers.join(task.waker()));
                    }
                    // A receiver that waits is what a rendezvous waits for.
                    state.senders.grant(self.free(state), &mut wakers);
                }
            }
            Poll::Pending
        } else {
            if let Some(place) = waiting.take() {
                let left = state.receivers.leave(place);
                state.notified -= usize::from(left.is_none());
                wakers.discard(left);
            }
            let count = state.buffer.len().min(max);
            state.hand_out(count, pull, take);
            state.senders.grant(self.free(state), &mut wakers);
            state.tell_if_ended(&mut wakers);
            Poll::Ready(if count > 0 { Ok(()) } else { Err(Ended) })
        };
        drop(guard);
        wakers.wake();
        pulled
    }

    /// The next item.
    #[inline]
    fn poll_next(
        &self,
        task: &mut Context<'_>,
        waiting: &mut Option<Place>,
    ) -> Poll<Result<T, Ended>> {
        let mut state = self.state.lock();
        if waiting.is_none()
            && let Some(item) = state.buffer.pop_front()
        {
            if !state.is_carefree() {
                self.pass_on(state);
            }
            return Poll::Ready(Ok(item));
        }
        self.poll_next_in_turn(state, task, waiting)
    }

    #[inline(never)]
    fn poll_next_in_turn(
        &self,
        guard: MutexGuard<'_, State<T>>,
        task: &mut Context<'_>,
        waiting: &mut Option<Place>,
    ) -> Poll<Result<T, Ended>> {
        let mut next = None;
        let take = |mut items: Drain<'_, T>| next = items.next();
        let pulled = self.poll_pull(guard, task, waiting, 1, Pull::Take, take);
        pulled.map_ok(|()| next.expect("at least one item was pulled"))
    }

    /// Tells those who are concerned that an item has gone.
    #[inline(never)]
    fn pass_on(&self, mut guard: MutexGuard<'_, State<T>>) {
        let mut wakers = Wakers::default();
        let state = &mut *guard;
        state.senders.grant(self.free(state), &mut wakers);
        state.tell_if_ended(&mut wakers);
        drop(guard);
        wakers.wake();
    }

    /// Hands at most `max` items to `take`, those that are there, and says how many.
    pub(in crate::sync) fn pull_now(
        &self,
        max: usize,
        pull: Pull,
        take: impl FnOnce(Drain<'_, T>),
    ) -> Result<usize, Ended> {
        let mut wakers = Wakers::default();
        let count = {
            let mut guard = self.state.lock();
            let state = &mut *guard;
            if state.has_ended_for(pull) {
                return Err(Ended);
            }
            // At a rendezvous, those who were told of an item are the ones that it was offered to.
            let promised = if self.capacity == 0 {
                state.notified
            } else {
                0
            };
            let count = state.buffer.len().saturating_sub(promised).min(max);
            state.hand_out(count, pull, take);
            state.senders.grant(self.free(state), &mut wakers);
            state.tell_if_ended(&mut wakers);
            count
        };
        wakers.wake();
        Ok(count)
    }

    /// Gives up a receiver's place, and passes on the item that it may have been woken for.
    fn forget_receiver(&self, waiting: &mut Option<Place>) {
        let Some(place) = waiting.take() else { return };
        let mut wakers = Wakers::default();
        {
            let mut state = self.state.lock();
            let left = state.receivers.leave(place);
            if left.is_none() {
                state.notified -= 1;
                if !state.buffer.is_empty() {
                    state.notify_receivers(1, &mut wakers);
                }
            }
            wakers.discard(left);
        }
        wakers.wake();
    }

    /// Gives up a claim on `count` items, and puts `items`, the ones that were not used, back ahead of all
    /// others, in their order. More may be inside than the capacity for that time.
    pub(in crate::sync) fn release(&self, count: usize, items: impl DoubleEndedIterator<Item = T>) {
        let mut wakers = Wakers::default();
        {
            let mut state = self.state.lock();
            assert!(
                count <= state.claimed,
                "a claim on {count} items is given up, and {} are claimed",
                state.claimed
            );
            for item in items.rev() {
                state.buffer.push_front(item);
                state.notify_receivers(1, &mut wakers);
            }
            state.claimed -= count;
            state.tell_if_ended(&mut wakers);
        }
        wakers.wake();
    }
}

/// A receiver's place among those who wait for an item, given up when it is dropped.
pub(in crate::sync) struct Puller<H: Deref<Target: HasRing>> {
    handle: H,
    waits_for: WaitsFor,
    waiting: Option<Place>,
}

impl<H: Deref<Target: HasRing>> Puller<H> {
    pub(in crate::sync) fn new(handle: H, waits_for: WaitsFor) -> Self {
        Puller {
            handle,
            waits_for,
            waiting: None,
        }
    }

    pub(in crate::sync) fn handle(&self) -> &H {
        &self.handle
    }

    /// Hands at most `max` items to `take`. Ready when there was at least one.
    #[inline]
    pub(in crate::sync) fn poll_pull(
        &mut self,
        task: &mut Context<'_>,
        max: usize,
        pull: Pull,
        take: impl FnOnce(Drain<'_, <H::Target as HasRing>::Item>),
    ) -> Poll<Result<(), Ended>> {
        let ring = self.handle.ring();
        let mut pulled = Poll::Pending;
        if poll_turn(task).is_ready() {
            let state = ring.state.lock();
            pulled = ring.poll_pull(state, task, &mut self.waiting, max, pull, take);
        }
        if pulled.is_pending() {
            self.waits_for.note();
        }
        pulled
    }

    /// The next item.
    #[inline]
    pub(in crate::sync) fn poll_next(
        &mut self,
        task: &mut Context<'_>,
    ) -> Poll<Result<<H::Target as HasRing>::Item, Ended>> {
        let mut pulled = Poll::Pending;
        if poll_turn(task).is_ready() {
            pulled = (self.handle.ring()).poll_next(task, &mut self.waiting);
        }
        if pulled.is_pending() {
            self.waits_for.note();
        }
        pulled
    }
}

impl<H: Deref<Target: HasRing>> Drop for Puller<H> {
    #[inline]
    fn drop(&mut self) {
        if self.waiting.is_some() {
            self.handle.ring().forget_receiver(&mut self.waiting);
        }
    }
}
