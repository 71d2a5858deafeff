//! A hub: what one publishes, everybody who has subscribed gets, in the same order.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use super::ring::Overflow;
use super::wakers::Wakers;
use crate::WaitsFor;

pub use publishing::{Publish, PublishError};
pub use subscription::{ReceiveMessage, Subscription};

use log::Log;

mod log;
mod publishing;
mod subscription;

/// Publishes messages to any number of subscribers: each gets all of them, in the order that all others see.
///
/// A message is stored once, and is gone when everybody has received it. Who subscribes gets what is published from then on,
/// and before that the last `n` messages, of a hub with a [`replay`](Hub::replay) of `n`.
///
/// | made by | publishing while the slowest subscriber has `capacity` messages to receive |
/// | --- | --- |
/// | [`bounded`](Hub::bounded) | waits for it, in turn |
/// | [`dropping`](Hub::dropping) | fails, with the message: nobody gets it |
/// | [`sliding`](Hub::sliding) | has those who are behind miss their oldest message |
/// | [`unbounded`](Hub::unbounded) | stores as many as it takes |
///
/// | when | publishing | subscribers |
/// | --- | --- | --- |
/// | nobody has subscribed | succeeds at once | who comes later gets what is replayed |
/// | it was [closed](Hub::close) | fails, with the message; those who wait already go in, in turn | receive what is there, then end |
/// | a [`Subscription`] is dropped | waits for it no more | |
///
/// Nobody closes it but you: it stays open when all of those who publish are gone.
///
/// # Examples
///
/// ```
/// use effect_core::sync::{Hub, HubClosed};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let hub = Hub::bounded(16);
/// let (mut one, mut other) = (hub.subscribe(), hub.subscribe());
/// hub.publish("news").await.unwrap();
/// hub.close();
/// assert_eq!(one.receive().await, Ok("news"));
/// assert_eq!(other.receive().await, Ok("news"));
/// assert_eq!(other.receive().await, Err(HubClosed));
/// # }
/// ```
#[doc(alias = "PubSub")]
#[doc(alias = "Topic")]
#[doc(alias = "broadcast")]
pub struct Hub<T> {
    shared: Arc<Shared<T>>,
}

/// What the handles of a hub share.
struct Shared<T> {
    capacity: usize,
    overflow: Overflow,
    log: Mutex<Log<T>>,
}

/// The hub was closed, and its messages were received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the hub is closed")]
pub struct HubClosed;

/// # Creating
impl<T> Hub<T> {
    /// Creates a hub whose publishers wait, in turn, for a subscriber who has `capacity` messages to receive.
    ///
    /// # Panics
    ///
    /// If `capacity` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Hub;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let hub = Hub::bounded(1);
    /// let mut slow = hub.subscribe();
    /// hub.publish(1).await.unwrap();
    /// let mut second = hub.publish(2);
    /// assert!(futures::poll!(&mut second).is_pending());
    /// assert_eq!(slow.receive().await, Ok(1));
    /// assert_eq!(second.await, Ok(()));
    /// # }
    /// ```
    #[track_caller]
    pub fn bounded(capacity: usize) -> Self {
        Hub::new(capacity, Overflow::Wait)
    }

    /// Creates a hub that refuses messages while a subscriber has `capacity` messages to receive.
    ///
    /// # Panics
    ///
    /// If `capacity` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::{Hub, PublishError};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let hub = Hub::dropping(1);
    /// let _slow = hub.subscribe();
    /// hub.publish(1).await.unwrap();
    /// assert_eq!(hub.publish(2).await, Err(PublishError::Full(2)));
    /// # }
    /// ```
    #[track_caller]
    pub fn dropping(capacity: usize) -> Self {
        Hub::new(capacity, Overflow::Refuse)
    }

    /// Creates a hub whose subscribers miss their oldest messages while they have `capacity` messages to receive.
    ///
    /// [`Subscription::missed`] tells how many.
    ///
    /// # Panics
    ///
    /// If `capacity` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Hub;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let hub = Hub::sliding(1);
    /// let mut slow = hub.subscribe();
    /// hub.publish(1).await.unwrap();
    /// hub.publish(2).await.unwrap();
    /// assert_eq!((slow.receive().await, slow.missed()), (Ok(2), 1));
    /// # }
    /// ```
    #[track_caller]
    pub fn sliding(capacity: usize) -> Self {
        Hub::new(capacity, Overflow::Evict)
    }

    /// Creates a hub that stores as many messages as its slowest subscriber has to receive.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Hub;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let hub = Hub::unbounded();
    /// let slow = hub.subscribe();
    /// for n in 0..100 {
    ///     hub.publish(n).await.unwrap();
    /// }
    /// assert_eq!(slow.len(), 100);
    /// # }
    /// ```
    pub fn unbounded() -> Self {
        Hub::new(usize::MAX, Overflow::Wait)
    }

    #[track_caller]
    fn new(capacity: usize, overflow: Overflow) -> Self {
        assert!(capacity > 0, "a hub has room for at least one message");
        Hub {
            shared: Arc::new(Shared {
                capacity,
                overflow,
                log: Mutex::new(Log::new(0)),
            }),
        }
    }

    /// Has those who come later get the last `n` messages first. To be said where the hub is created.
    ///
    /// # Panics
    ///
    /// If there are other handles to it, or subscriptions.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Hub;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let hub = Hub::bounded(16).replay(2);
    /// for n in 1..=3 {
    ///     hub.publish(n).await.unwrap();
    /// }
    /// let mut late = hub.subscribe();
    /// assert_eq!((late.receive().await, late.receive().await), (Ok(2), Ok(3)));
    /// # }
    /// ```
    #[track_caller]
    pub fn replay(mut self, n: usize) -> Self {
        let Some(shared) = Arc::get_mut(&mut self.shared) else {
            panic!("a hub says what it replays before it is shared");
        };
        shared.log = Mutex::new(Log::new(n));
        self
    }
}

/// # Subscribing and closing
impl<T> Hub<T> {
    /// Subscribes: from now on, until the subscription is dropped, no message is missed.
    ///
    /// Of a hub that was closed, one gets what is replayed, and then the end.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Hub;
    ///
    /// let hub = Hub::<u8>::bounded(16);
    /// let subscription = hub.subscribe();
    /// assert_eq!(hub.subscribers(), 1);
    /// drop(subscription);
    /// assert_eq!(hub.subscribers(), 0);
    /// ```
    #[track_caller]
    pub fn subscribe(&self) -> Subscription<T> {
        Subscription::new(&self.shared, WaitsFor::here("a message from a hub"))
    }

    /// How many have subscribed.
    pub fn subscribers(&self) -> usize {
        self.shared.log.lock().seats.len()
    }

    /// Closes the hub: what was published, and what those publish who wait already, is received first. Closing it again
    /// changes nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::{Hub, PublishError};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let hub = Hub::bounded(1);
    /// hub.close();
    /// assert_eq!(hub.publish(1).await, Err(PublishError::Closed(1)));
    /// assert!(hub.subscribe().receive().await.is_err());
    /// # }
    /// ```
    pub fn close(&self) {
        let mut wakers = Wakers::default();
        {
            let mut log = self.shared.log.lock();
            log.closed = true;
            log.tell_if_ended(&mut wakers);
        }
        wakers.wake();
    }

    /// Whether the hub was closed. Messages may still be to receive.
    pub fn is_closed(&self) -> bool {
        self.shared.log.lock().closed
    }
}

impl<T> Shared<T> {
    /// How many more messages may be stored, promised or not.
    fn free(&self, log: &Log<T>) -> usize {
        self.capacity.saturating_sub(log.unread())
    }
}

impl<T> Clone for Hub<T> {
    fn clone(&self) -> Self {
        Hub {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<T> fmt::Debug for Hub<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub")
            .field("subscribers", &self.subscribers())
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}
