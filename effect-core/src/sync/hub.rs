//! A hub: what one publishes, everybody who has subscribed gets, in the same order.

use std::fmt;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use super::ring::Overflow;
use crate::{Never, WaitsFor};

pub use ending::AwaitHubClosed;
pub use publishing::{Publish, PublishAll, PublishError};
pub use subscription::{ReceiveMessage, Subscription};

use log::Log;

mod log;
mod publishing;
mod subscription;
mod ending;

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
/// While nobody has subscribed, there is room for everything. A subscriber that is dropped is waited for no more.
///
/// It ends in one of three ways, as a [`Queue`](super::Queue) does, and the first to close it says what its subscribers are
/// told:
///
/// | closed by | new messages | messages that wait | what is there to receive | subscribers, then |
/// | --- | --- | --- | --- | --- |
/// | [`close`](Hub::close) | are refused | go in, in turn | is received | fail with [`ReceiveError::Closed`] |
/// | [`close_with`](Hub::close_with) | are refused | go in, in turn | is received | fail with [`ReceiveError::Failed`] |
/// | [`abort`](Hub::abort) | are refused | are refused | is dropped | fail at once: `Closed`, or `Failed` after a `close_with` |
///
/// What is refused is handed back, in a [`PublishError`]. Nobody closes a hub but you: it stays open when all of those who
/// publish are gone.
///
/// # Examples
///
/// ```
/// use effect_core::sync::{Hub, ReceiveError};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let hub = Hub::bounded(16);
/// let (mut one, mut other) = (hub.subscribe(), hub.subscribe());
/// hub.publish("news").await.unwrap();
/// hub.close();
/// assert_eq!(one.receive().await, Ok("news"));
/// assert_eq!(other.receive().await, Ok("news"));
/// assert_eq!(other.receive().await, Err(ReceiveError::Closed));
/// # }
/// ```
#[doc(alias = "PubSub")]
#[doc(alias = "Topic")]
#[doc(alias = "broadcast")]
pub struct Hub<T, E = Never> {
    shared: Arc<Shared<T, E>>,
}

/// What the handles of a hub share.
struct Shared<T, E> {
    capacity: usize,
    overflow: Overflow,
    log: Mutex<Log<T>>,
    /// Set under the log's lock, by whoever closes the hub first.
    error: OnceLock<E>,
}

/// Nothing is left to receive, and nothing will come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiveError<E = Never> {
    /// The hub was closed.
    #[error("the hub is closed")]
    Closed,
    /// The hub was closed with this error.
    #[error("the hub has failed: {0}")]
    Failed(E),
}

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
                error: OnceLock::new(),
            }),
        }
    }

    /// Makes it a hub that can be [closed with](Hub::close_with) an error. To be said where it is created.
    ///
    /// # Panics
    ///
    /// If there are other handles to it, or subscriptions.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::{Hub, ReceiveError};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let hub: Hub<u8, &str> = Hub::bounded(2).with_error();
    /// hub.close_with("no route");
    /// assert_eq!(hub.subscribe().receive().await, Err(ReceiveError::Failed("no route")));
    /// # }
    /// ```
    #[track_caller]
    pub fn with_error<E>(self) -> Hub<T, E> {
        let Some(shared) = Arc::into_inner(self.shared) else {
            panic!("a hub says what it fails with before it is shared");
        };
        Hub {
            shared: Arc::new(Shared {
                capacity: shared.capacity,
                overflow: shared.overflow,
                log: shared.log,
                error: OnceLock::new(),
            }),
        }
    }
}

impl<T, E> Hub<T, E> {
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

/// # Subscribing
impl<T, E> Hub<T, E> {
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
    pub fn subscribe(&self) -> Subscription<T, E> {
        Subscription::new(&self.shared, WaitsFor::here("a message from a hub"))
    }

    /// How many have subscribed.
    pub fn subscribers(&self) -> usize {
        self.shared.log.lock().seats.len()
    }

    /// Whether the hub was closed. Messages may still be to receive.
    pub fn is_closed(&self) -> bool {
        self.shared.log.lock().is_closed()
    }
}

impl<T, E> Shared<T, E> {
    /// How many more messages may be stored, promised or not.
    fn free(&self, log: &Log<T>) -> usize {
        self.capacity.saturating_sub(log.unread())
    }
}

impl<T, E: Clone> Shared<T, E> {
    fn end(&self) -> ReceiveError<E> {
        match self.error.get() {
            None => ReceiveError::Closed,
            Some(error) => ReceiveError::Failed(error.clone()),
        }
    }
}

impl<T, E> Clone for Hub<T, E> {
    fn clone(&self) -> Self {
        Hub {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<T, E> fmt::Debug for Hub<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub")
            .field("subscribers", &self.subscribers())
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}
