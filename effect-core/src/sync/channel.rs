//! A bounded channel, many to many: what pipelines are made of.

use std::fmt;
use std::sync::Arc;

use super::ring::{Overflow, Shared};

pub use ending::{AwaitChannelClosed, CloseReason};
pub use permits::{Permit, Permits, Reserve, ReserveMany};
pub use receiving::{Receive, ReceiveMany, TryReceiveError};
pub use sending::{SendItem, SendMany, TrySendError, WaitingSender};
pub use sink::ChannelSink;
pub use stream::ChannelStream;
pub use weak::WeakChannel;

mod sending;
mod receiving;
mod permits;
mod ending;
mod weak;
mod sink;
mod stream;
mod tokio;
#[cfg(feature = "crossbeam")]
mod crossbeam;

/// A bounded channel between any number of senders and receivers.
///
/// A handle is both ends; clone it to share it. Items come out in the order in which they went in, each to one
/// receiver. A full channel makes its senders wait, in turn.
///
/// - **A fiber that finds it ready** time after time lets others run now and then, and can be interrupted there.
/// - **A capacity of 0** is a rendezvous: a send ends when a receiver waits for the item.
/// - **[`close`](Channel::close)** lets what is inside be received, and then tells every receiver. A send after
///   it hands the item back. [`close_with`](Channel::close_with) says why it was.
/// - **A send or a receive that is dropped** before it ends was none: no item is lost, and none is sent twice.
/// - **[`reserve`](Channel::reserve)** has room first, and the item later.
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
    shared: Arc<Shared<T, CloseReason>>,
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

/// # Creating
impl<T> Channel<T> {
    /// Creates a channel that holds at most `capacity` items, and one more for each receiver that was woken for one and has
    /// not come yet.
    pub fn bounded(capacity: usize) -> Self {
        Channel {
            shared: Arc::new(Shared::new(capacity, Overflow::Wait)),
        }
    }
}

/// # Looking
impl<T> Channel<T> {
    /// Whether the channel was closed. Items may still be inside.
    pub fn is_closed(&self) -> bool {
        self.shared.ring.is_closed()
    }

    /// How many items are inside.
    pub fn len(&self) -> usize {
        self.shared.ring.len()
    }

    /// Whether no item is inside.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many items it holds at most.
    pub fn capacity(&self) -> usize {
        self.shared.ring.capacity()
    }
}

impl<T> Clone for Channel<T> {
    fn clone(&self) -> Self {
        Channel {
            shared: Arc::clone(&self.shared),
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
