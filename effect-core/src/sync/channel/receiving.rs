//! Receiving: as much at once as is there, and some of it only until it is given back.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::state::Wakers;
use super::waiters::Place;
use super::{Channel, ChannelClosed};
use crate::opaque_debug::opaque_debug;
use crate::{WaitsFor, poll_turn};

impl<T> Channel<T> {
    /// Hands at most `max` items to `take`. Ready when there was at least one.
    ///
    /// With `claim`, the items may come back by [`release`](Channel::release); until then a closed channel has
    /// not ended, even when it is empty.
    pub(super) fn poll_pull(
        &self,
        task: &mut Context<'_>,
        waiting: &mut Option<Place>,
        max: usize,
        claim: bool,
        mut take: impl FnMut(T),
    ) -> Poll<Result<(), ChannelClosed>> {
        ready!(poll_turn(task));
        let mut wakers = Wakers::default();
        let pulled = {
            let mut state = self.shared.state.lock();
            if state.buffer.is_empty() && !state.has_ended() {
                match *waiting {
                    Some(place) if state.receivers.contains(place) => {
                        wakers.discard(state.receivers.update(place, task.waker()));
                    }
                    notified => {
                        state.notified -= usize::from(notified.is_some());
                        *waiting = Some(state.receivers.join(task.waker()));
                        // A receiver that waits is what a rendezvous waits for.
                        state.grant(self.shared.capacity, &mut wakers);
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
                state.buffer.drain(..count).for_each(&mut take);
                state.claimed += if claim { count } else { 0 };
                state.grant(self.shared.capacity, &mut wakers);
                state.tell_if_ended(&mut wakers);
                Poll::Ready(if count > 0 {
                    Ok(())
                } else {
                    Err(ChannelClosed)
                })
            }
        };
        wakers.wake();
        pulled
    }

    /// Gives up a receiver's place, and passes on the item that it may have been woken for.
    pub(super) fn forget_receiver(&self, waiting: &mut Option<Place>) {
        let Some(place) = waiting.take() else { return };
        let mut wakers = Wakers::default();
        {
            let mut state = self.shared.state.lock();
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

    /// Gives up a claim on `count` items that [`Receive::poll_claim`] has handed out, and puts `items`, the ones that were
    /// not used, back ahead of all others, in their order.
    ///
    /// The channel may hold more than its capacity for that time.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Channel;
    /// use std::future::poll_fn;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let channel = Channel::bounded(4);
    /// channel.send_many([1, 2, 3]).await.unwrap();
    /// channel.close();
    /// let (mut receive, mut batch) = (channel.receive(), Vec::new());
    /// poll_fn(|task| receive.poll_claim(task, 3, |item| batch.push(item))).await.unwrap();
    /// // The first is used, the others are not.
    /// channel.release(3, batch.drain(1..));
    /// assert_eq!(channel.receive().await, Ok(2));
    /// # }
    /// ```
    pub fn release(&self, count: usize, items: impl DoubleEndedIterator<Item = T>) {
        let mut wakers = Wakers::default();
        {
            let mut state = self.shared.state.lock();
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

/// The future of [`Channel::receive`].
#[must_use = "futures do nothing unless they are polled"]
pub struct Receive<T> {
    pub(super) channel: Channel<T>,
    pub(super) waits_for: WaitsFor,
    pub(super) waiting: Option<Place>,
}

impl<T> Receive<T> {
    /// Hands at most `max` items to `take`, on a claim: until [`Channel::release`] gives it up, some of them may come
    /// back, and a closed channel has not ended. Ready when there was at least one.
    ///
    /// For those who take a batch and may be dropped before they have used it. `take` is called under the channel's
    /// lock: it puts the item down, and no more.
    ///
    /// # Errors
    ///
    /// [`ChannelClosed`] when the channel is closed and empty, and nobody has a claim.
    ///
    /// # Cancel safety
    ///
    /// While it is pending, nothing was handed out.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Channel;
    /// use std::future::poll_fn;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let channel = Channel::bounded(4);
    /// channel.send_many(["a", "b", "c"]).await.unwrap();
    /// let (mut receive, mut batch) = (channel.receive(), Vec::new());
    /// poll_fn(|task| receive.poll_claim(task, 2, |item| batch.push(item))).await.unwrap();
    /// assert_eq!(batch, ["a", "b"]);
    /// channel.release(2, std::iter::empty());
    /// # }
    /// ```
    pub fn poll_claim(
        &mut self,
        task: &mut Context<'_>,
        max: usize,
        take: impl FnMut(T),
    ) -> Poll<Result<(), ChannelClosed>> {
        self.poll_many(task, max, true, take)
    }

    fn poll_many(
        &mut self,
        task: &mut Context<'_>,
        max: usize,
        claim: bool,
        take: impl FnMut(T),
    ) -> Poll<Result<(), ChannelClosed>> {
        let pulled = self
            .channel
            .poll_pull(task, &mut self.waiting, max, claim, take);
        if pulled.is_pending() {
            self.waits_for.note();
        }
        pulled
    }
}

impl<T> Future for Receive<T> {
    type Output = Result<T, ChannelClosed>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let mut received = None;
        self.poll_many(task, 1, false, |item| received = Some(item))
            .map_ok(|()| received.expect("at least one item was pulled"))
    }
}

impl<T> Drop for Receive<T> {
    fn drop(&mut self) {
        self.channel.forget_receiver(&mut self.waiting);
    }
}

/// The future of [`Channel::receive_many`].
#[must_use = "futures do nothing unless they are polled"]
pub struct ReceiveMany<T> {
    pub(super) receive: Receive<T>,
    pub(super) max: usize,
}

impl<T> Future for ReceiveMany<T> {
    type Output = Result<Vec<T>, ChannelClosed>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let mut received = Vec::new();
        this.receive
            .poll_many(task, this.max, false, |item| received.push(item))
            .map_ok(|()| received)
    }
}

opaque_debug!(Receive<T>, ReceiveMany<T>);
