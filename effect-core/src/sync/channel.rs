//! A bounded channel, many to many: what pipelines are made of.

use std::fmt;
use std::sync::Arc;

use super::ring::{Latecomers, Overflow, Puller, Pusher, Ring};
use crate::WaitsFor;

pub use receiving::{Receive, ReceiveMany};
pub use sending::{SendItem, SendMany, WaitingSender};

mod receiving;
mod sending;

/// A bounded channel between any number of senders and receivers.
///
/// A handle is both ends; clone it to share it. Items come out in the order in which they went in, each to one
/// receiver. A full channel makes its senders wait, in turn.
///
/// - **A fiber that finds it ready** time after time lets others run now and then, and can be interrupted there.
/// - **A capacity of 0** is a rendezvous: a send ends when a receiver waits for the item.
/// - **[`close`](Channel::close)** lets what is inside be received, and then tells every receiver. A send after
///   it hands the item back.
/// - **Nobody closes it but you.** It stays open when all of its senders are gone, and a receiver waits on. Where one
///   producer feeds it, let that close it however it ends: `produce.ensuring(sync(move || channel.close()))`.
///
/// # Examples
///
/// ```
/// use effect_core::sync::{Channel, ChannelClosed};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let channel = Channel::bounded(2);
/// channel.send("a").await.unwrap();
/// channel.close();
/// assert_eq!(channel.send("b").await.unwrap_err().0, "b");
/// assert_eq!(channel.receive().await, Ok("a"));
/// assert_eq!(channel.receive().await, Err(ChannelClosed));
/// # }
/// ```
pub struct Channel<T> {
    ring: Arc<Ring<T>>,
}

/// The channel was closed, and nothing is left in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the channel is closed")]
pub struct ChannelClosed;

/// The channel was closed; here is what could not be sent.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the channel is closed")]
pub struct SendError<T>(pub T);

impl<T> fmt::Debug for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SendError(..)")
    }
}

impl<T> Channel<T> {
    /// Creates a channel that holds at most `capacity` items.
    pub fn bounded(capacity: usize) -> Self {
        Channel {
            ring: Arc::new(Ring::new(capacity, Overflow::Wait)),
        }
    }

    /// Sends an item, waiting while the channel is full.
    ///
    /// # Errors
    ///
    /// The item itself, if the channel is closed.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it ends, nothing was sent, and the item is dropped with it.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::{Channel, SendError};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let channel = Channel::bounded(1);
    /// channel.send(1).await.unwrap();
    /// channel.close();
    /// assert_eq!(channel.send(2).await, Err(SendError(2)));
    /// assert_eq!(channel.receive().await, Ok(1));
    /// # }
    /// ```
    #[track_caller]
    pub fn send(&self, item: T) -> SendItem<T> {
        SendItem {
            pusher: self.pusher(WaitsFor::here("room in a channel")),
            item: Some(item),
        }
    }

    /// Sends many items in their order, as many at once as there is room for.
    ///
    /// # Errors
    ///
    /// Those items that were not sent, if the channel is closed.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it ends, the first items may have been sent; the rest is dropped with it.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::{Channel, SendError};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let channel = Channel::bounded(3);
    /// channel.send_many([1, 2]).await.unwrap();
    /// assert_eq!(channel.len(), 2);
    /// channel.close();
    /// let SendError(rest) = channel.send_many([3]).await.unwrap_err();
    /// assert_eq!(rest.into_iter().collect::<Vec<_>>(), [3]);
    /// # }
    /// ```
    #[track_caller]
    pub fn send_many(&self, items: impl IntoIterator<Item = T>) -> SendMany<T> {
        SendMany {
            pusher: self.pusher(WaitsFor::here("room in a channel")),
            items: items.into_iter().collect(),
        }
    }

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
    #[track_caller]
    pub fn receive(&self) -> Receive<T> {
        let waits_for = WaitsFor::here("an item from a channel");
        Receive {
            puller: Puller::new(Arc::clone(&self.ring), waits_for),
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

    /// Closes the channel: what is inside can still be received. Closing it again changes nothing.
    ///
    /// Senders who wait for room get their items back.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Channel;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let channel = Channel::bounded(1);
    /// channel.send(1).await.unwrap();
    /// channel.close();
    /// assert!(channel.is_closed());
    /// assert_eq!(channel.receive().await, Ok(1));
    /// assert!(channel.receive().await.is_err());
    /// # }
    /// ```
    pub fn close(&self) {
        self.ring.close(Latecomers::Refused, || ());
    }

    /// Closes the channel, and has what is inside. Everybody who waits is told at once.
    ///
    /// What a pipeline has taken and not begun comes back to the channel, and can be received.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::{Channel, ChannelClosed};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let channel = Channel::bounded(2);
    /// channel.send_many([1, 2]).await.unwrap();
    /// assert_eq!(channel.abort(), [1, 2]);
    /// assert_eq!(channel.receive().await, Err(ChannelClosed));
    /// # }
    /// ```
    pub fn abort(&self) -> Vec<T> {
        self.ring.abort()
    }

    /// Whether the channel was closed. Items may still be inside.
    pub fn is_closed(&self) -> bool {
        self.ring.is_closed()
    }

    /// How many items are inside.
    pub fn len(&self) -> usize {
        self.ring.len()
    }

    /// Whether no item is inside.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many items it holds at most.
    pub fn capacity(&self) -> usize {
        self.ring.capacity()
    }

    fn pusher(&self, waits_for: WaitsFor) -> Pusher<Arc<Ring<T>>> {
        Pusher::new(Arc::clone(&self.ring), waits_for)
    }
}

impl<T> Clone for Channel<T> {
    fn clone(&self) -> Self {
        Channel {
            ring: Arc::clone(&self.ring),
        }
    }
}

impl<T> fmt::Debug for Channel<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .field("closed", &self.is_closed())
            .finish()
    }
}
