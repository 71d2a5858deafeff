//! A bounded channel, many to many: a ring under a short lock, with waiters on both sides.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::WaitsFor;

use state::{State, Wakers};

pub use receiving::{Receive, ReceiveMany};
pub use sending::{SendItem, SendMany, Supply, WaitingSender};

mod receiving;
mod sending;
mod state;
mod waiters;

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
    shared: Arc<Shared<T>>,
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
            shared: Arc::new(Shared {
                capacity,
                state: Mutex::new(State::new()),
            }),
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
    #[track_caller]
    pub fn send(&self, item: T) -> SendItem<T> {
        SendItem {
            channel: self.clone(),
            waits_for: WaitsFor::here("room in a channel"),
            item: Some(item),
            waiting: None,
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
    #[track_caller]
    pub fn send_many(&self, items: impl IntoIterator<Item = T>) -> SendMany<T> {
        SendMany {
            channel: self.clone(),
            waits_for: WaitsFor::here("room in a channel"),
            items: items.into_iter().collect(),
            waiting: None,
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
    #[track_caller]
    pub fn receive(&self) -> Receive<T> {
        Receive {
            channel: self.clone(),
            waits_for: WaitsFor::here("an item from a channel"),
            waiting: None,
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
    #[track_caller]
    pub fn receive_many(&self, max: usize) -> ReceiveMany<T> {
        assert!(max > 0, "receive_many takes at least one item");
        ReceiveMany {
            receive: self.receive(),
            max,
        }
    }

    /// Closes the channel: what is inside can still be received. Closing it again changes nothing.
    pub fn close(&self) {
        let wakers = {
            let mut state = self.shared.state.lock();
            state.closed = true;
            state.granted = 0;
            let mut wakers = Wakers::default();
            wakers.extend(state.senders.drain());
            state.notified += state.receivers.len();
            wakers.extend(state.receivers.drain());
            wakers
        };
        wakers.wake();
    }

    /// Whether the channel was closed. Items may still be inside.
    pub fn is_closed(&self) -> bool {
        self.shared.state.lock().closed
    }

    /// How many items are inside.
    pub fn len(&self) -> usize {
        self.shared.state.lock().buffer.len()
    }

    /// Whether no item is inside.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many items it holds at most.
    pub fn capacity(&self) -> usize {
        self.shared.capacity
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

struct Shared<T> {
    capacity: usize,
    state: Mutex<State<T>>,
}
