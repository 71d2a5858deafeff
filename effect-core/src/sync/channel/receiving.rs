//! Receiving: as much at once as is there, and some of it only until it is given back.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::{Channel, ChannelClosed, CloseReason};
use crate::WaitsFor;
use crate::opaque_debug::opaque_debug;
use crate::sync::ring::{Ended, Pull, Puller, Shared};

/// What a receiver waits for.
pub(super) const ITEM: &str = "an item from a channel";

/// # Receiving
impl<T> Channel<T> {
    /// Receives the next item, waiting while there is none.
    ///
    /// # Errors
    ///
    /// [`ChannelClosed`] when the channel is closed and empty.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it ends, nothing was received, and no item is lost.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::{Channel, ChannelClosed};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let channel = Channel::bounded(1);
    /// channel.send("one").await.unwrap();
    /// channel.close();
    /// assert_eq!(channel.receive().await, Ok("one"));
    /// assert_eq!(channel.receive().await, Err(ChannelClosed));
    /// # }
    /// ```
    #[inline]
    #[track_caller]
    pub fn receive(&self) -> Receive<T> {
        let waits_for = WaitsFor::here(ITEM);
        Receive {
            puller: Puller::new(Arc::clone(&self.shared), waits_for),
        }
    }

    /// Receives what is there, at least one item and at most `max`, waiting while there is none.
    ///
    /// # Errors
    ///
    /// [`ChannelClosed`] when the channel is closed and empty.
    ///
    /// # Panics
    ///
    /// If `max` is 0.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it ends, nothing was received, and no item is lost.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Channel;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let channel = Channel::bounded(3);
    /// channel.send_many([1, 2, 3]).await.unwrap();
    /// assert_eq!(channel.receive_many(2).await.unwrap(), [1, 2]);
    /// assert_eq!(channel.receive_many(2).await.unwrap(), [3]);
    /// # }
    /// ```
    #[track_caller]
    pub fn receive_many(&self, max: usize) -> ReceiveMany<T> {
        assert!(max > 0, "receive_many takes at least one item");
        ReceiveMany {
            receive: self.receive(),
            max,
        }
    }

    /// Receives the next item, if that needs no wait.
    ///
    /// At a rendezvous, with a capacity of 0, there is none: nobody is handed an item who does not wait for it.
    ///
    /// # Errors
    ///
    /// [`TryReceiveError::Empty`] while there is none; [`TryReceiveError::Closed`] when none will come.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::{Channel, TryReceiveError};
    ///
    /// let channel = Channel::bounded(1);
    /// channel.try_send("one").unwrap();
    /// assert_eq!(channel.try_receive(), Ok("one"));
    /// assert_eq!(channel.try_receive(), Err(TryReceiveError::Empty));
    /// channel.close();
    /// assert_eq!(channel.try_receive(), Err(TryReceiveError::Closed));
    /// ```
    pub fn try_receive(&self) -> Result<T, TryReceiveError> {
        let mut received = None;
        let pulled =
            (self.shared.ring).pull_now(1, Pull::Take, |mut items| received = items.next());
        match pulled {
            Ok(_) => received.ok_or(TryReceiveError::Empty),
            Err(Ended) => Err(TryReceiveError::Closed),
        }
    }

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
        self.shared.ring.release(count, items);
    }

    /// Hands at most `max` items to `take`, on a claim as [`Receive::poll_claim`], and does not wait. Says how many there
    /// were: none, while the channel is empty.
    ///
    /// # Errors
    ///
    /// [`ChannelClosed`] when the channel is closed and empty, and nobody has a claim.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::{Channel, ChannelClosed};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (channel, mut batch) = (Channel::bounded(4), Vec::new());
    /// channel.send_many([1, 2, 3]).await.unwrap();
    /// channel.close();
    /// assert_eq!(channel.claim_now(2, |item| batch.push(item)), Ok(2));
    /// assert_eq!(channel.claim_now(2, |item| batch.push(item)), Ok(1));
    /// // As long as they may come back, the channel has not ended.
    /// assert_eq!(channel.claim_now(2, |item| batch.push(item)), Ok(0));
    /// channel.release(3, std::iter::empty());
    /// assert_eq!(channel.claim_now(2, |item| batch.push(item)), Err(ChannelClosed));
    /// # }
    /// ```
    pub fn claim_now(&self, max: usize, take: impl FnMut(T)) -> Result<usize, ChannelClosed> {
        let claimed = (self.shared.ring).pull_now(max, Pull::Claim, |items| items.for_each(take));
        claimed.map_err(|Ended| ChannelClosed)
    }
}

/// Nothing was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TryReceiveError {
    /// Nothing is in the channel for now.
    #[error("the channel is empty")]
    Empty,
    /// Nothing is in the channel, and nothing will come.
    #[error("the channel is closed")]
    Closed,
}

/// The future of [`Channel::receive`].
#[must_use = "futures do nothing unless they are polled"]
pub struct Receive<T> {
    pub(super) puller: Puller<Arc<Shared<T, CloseReason>>>,
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
        let puller = &mut self.puller;
        let pulled = puller.poll_pull(task, max, Pull::Claim, |items| items.for_each(take));
        pulled.map_err(|Ended| ChannelClosed)
    }
}

impl<T> Future for Receive<T> {
    type Output = Result<T, ChannelClosed>;

    #[inline]
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
            .poll_pull(task, max, Pull::Take, |items| received.extend(items))
            .map_ok(|()| received)
            .map_err(|Ended| ChannelClosed)
    }
}

opaque_debug!(Receive<T>, ReceiveMany<T>);
