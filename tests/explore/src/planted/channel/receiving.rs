//! A copy of the future of a receive.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use effect::{WaitsFor, poll_turn};

use super::waiters::Place;
use super::{Bug, Channel, Closed};

/// The copy of `Receive`.
pub(in crate::planted) struct Receive<T> {
    pub(super) channel: Channel<T>,
    pub(super) waits_for: WaitsFor,
    pub(super) waiting: Option<Place>,
}

impl<T> Receive<T> {
    pub(in crate::planted) fn poll_many(
        &mut self,
        task: &mut Context<'_>,
        max: usize,
        claim: bool,
        take: &mut dyn FnMut(T),
    ) -> Poll<Result<(), Closed>> {
        ready!(poll_turn(task));
        let waiting = &mut self.waiting;
        let pulled = self
            .channel
            .locked(|state, wakers| state.pull(task.waker(), waiting, (max, claim), take, wakers));
        if pulled.is_pending() {
            self.waits_for.note();
        }
        pulled
    }
}

impl<T> Future for Receive<T> {
    type Output = Result<T, Closed>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let mut received = None;
        self.poll_many(task, 1, false, &mut |item| received = Some(item))
            .map_ok(|()| received.expect("at least one item was pulled"))
    }
}

impl<T> Drop for Receive<T> {
    fn drop(&mut self) {
        let Some(place) = self.waiting.take() else {
            return;
        };
        self.channel.locked(|state, wakers| {
            wakers.discarded = state.receivers.leave(place);
            if wakers.discarded.is_none() {
                state.notified -= 1;
                if !state.buffer.is_empty() && !state.has(Bug::NotificationLost) {
                    state.notify(wakers);
                }
            }
        });
    }
}
