//! Receiving: as much at once as is there, and some of it only until it is given back.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::{Channel, ChannelClosed};
use crate::opaque_debug::opaque_debug;
use crate::sync::ring::{Ended, Pull, Puller, Ring};

impl<T> Channel<T> {
    /// Gives up a claim on `count` items that [`Receive::poll_claim`] has handed out, and puts `items`, the ones that were
    /// not used, back ahead of all others, in their order.
    ///
    /// The channel may hold more than its capacity for that time.
    ///
    /// # Panics
    ///
    /// If fewer are claimed.
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
        self.ring.release(count, items);
    }
}

/// The future of [`Channel::receive`].
#[must_use = "futures do nothing unless they are polled"]
pub struct Receive<T> {
    pub(super) puller: Puller<Arc<Ring<T>>>,
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
        let pulled = self.puller.poll_pull(task, max, Pull::Claim, take);
        pulled.map_err(|Ended| ChannelClosed)
    }
}

impl<T> Future for Receive<T> {
    type Output = Result<T, ChannelClosed>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        self.puller.poll_next(task).map_err(|Ended| ChannelClosed)
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
        let (max, mut received) = (self.max, Vec::new());
        let puller = &mut self.receive.puller;
        puller
            .poll_pull(task, max, Pull::Take, |item| received.push(item))
            .map_ok(|()| received)
            .map_err(|Ended| ChannelClosed)
    }
}

opaque_debug!(Receive<T>, ReceiveMany<T>);
