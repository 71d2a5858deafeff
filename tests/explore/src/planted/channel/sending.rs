//! A copy of the future of a send.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use effect::{WaitsFor, poll_turn};

use super::waiters::Place;
use super::{Bug, Channel, Closed};

/// The copy of `SendItem`.
pub(in crate::planted) struct SendItem<T> {
    pub(super) channel: Channel<T>,
    pub(super) waits_for: WaitsFor,
    pub(super) item: Option<T>,
    pub(super) waiting: Option<Place>,
}

impl<T> Unpin for SendItem<T> {}

impl<T> Future for SendItem<T> {
    type Output = Result<(), Closed>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(poll_turn(task));
        let this = &mut *self;
        let pushed = this.channel.locked(|state, wakers| {
            state.push(task.waker(), &mut this.waiting, &mut this.item, wakers)
        });
        if pushed.is_pending() {
            this.waits_for.note();
        }
        pushed
    }
}

impl<T> Drop for SendItem<T> {
    fn drop(&mut self) {
        let Some(place) = self.waiting.take() else {
            return;
        };
        let item = &mut self.item;
        self.channel.locked(|state, wakers| {
            wakers.discarded = state.senders.leave(place);
            if wakers.discarded.is_some() || state.closed || state.has(Bug::GrantLost) {
                return;
            }
            state.granted -= 1;
            if state.has(Bug::DroppedSendSends) {
                state.buffer.extend(item.take());
                state.notify(wakers);
            }
            if !state.has(Bug::GrantNotPassedOn) {
                state.grant(wakers);
            }
        });
    }
}
