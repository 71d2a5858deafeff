//! A queue with a choice: what happens when it is full, how many are taken at once, and how it ends.

use std::fmt;
use std::sync::Arc;

use super::ring::{Overflow, Puller, Pusher, Shared};
use crate::{Never, WaitsFor};

pub use ending::AwaitClosed;
pub use offering::{Offer, OfferAll};
pub use taking::{Take, TakeMany};

mod offering;
mod taking;
mod ending;

/// A queue between any number of fibers, with a choice of what happens when it is full, and of how it ends.
///
/// A handle is both ends; clone it to share it. Items come out in the order in which they went in, each to one taker.
/// [`Channel`](super::Channel) is its plain sibling, which pipelines and streams read.
///
/// | made by | an offer to a full one |
/// | --- | --- |
/// | [`bounded`](Queue::bounded) | waits for room, in turn |
/// | [`rendezvous`](Queue::rendezvous) | waits for a taker, in turn: it is always full |
/// | [`dropping`](Queue::dropping) | fails, with the item |
/// | [`sliding`](Queue::sliding) | drops the oldest item |
/// | [`unbounded`](Queue::unbounded) | there is none |
///
/// It ends in one of three ways, as a [`Hub`](super::Hub) does, and the first to close it says what its takers are told:
///
/// | closed by | new offers | offers that wait | what is inside | takers, then |
/// | --- | --- | --- | --- | --- |
/// | [`close`](Queue::close) | are refused | go in, in turn | is taken | fail with [`TakeError::Closed`] |
/// | [`close_with`](Queue::close_with) | are refused | go in, in turn | is taken | fail with [`TakeError::Failed`] |
/// | [`abort`](Queue::abort) | are refused | are refused | goes to who aborts | fail at once: `Closed`, or `Failed` after a `close_with` |
///
/// What is refused is handed back, in an [`OfferError`]. Nobody closes a queue but you: it stays open when all of those
/// who offer are gone. A taker for which an item was put in while it waited, and which does not come for it, leaves it to
/// the next.
///
/// # Examples
///
/// ```
/// use effect_core::sync::{Queue, TakeError};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let queue = Queue::bounded(2).with_error();
/// queue.offer_all(["a", "b"]).await.unwrap();
/// queue.close_with("the line is down");
/// assert_eq!(queue.offer("c").await.unwrap_err().into_inner(), "c");
/// assert_eq!(queue.take_many(10).await, Ok(vec!["a", "b"]));
/// assert_eq!(queue.take().await, Err(TakeError::Failed("the line is down")));
/// # }
/// ```
pub struct Queue<T, E = Never> {
    shared: Arc<Shared<T, E>>,
}

/// What was offered was not accepted; here it is.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OfferError<T> {
    /// The queue is full, and nobody waits for room in it.
    #[error("the queue is full")]
    Full(T),
    /// The queue was closed.
    #[error("the queue is closed")]
    Closed(T),
}

impl<T> OfferError<T> {
    /// Takes out what was offered.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Queue;
    ///
    /// let queue = Queue::dropping(1);
    /// queue.try_offer("first").unwrap();
    /// assert_eq!(queue.try_offer("second").unwrap_err().into_inner(), "second");
    /// ```
    pub fn into_inner(self) -> T {
        match self {
            OfferError::Full(refused) | OfferError::Closed(refused) => refused,
        }
    }
}

impl<T> fmt::Debug for OfferError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            OfferError::Full(_) => "Full(..)",
            OfferError::Closed(_) => "Closed(..)",
        })
    }
}

/// Nothing is left in the queue, and nothing will come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TakeError<E = Never> {
    /// The queue was closed.
    #[error("the queue is closed")]
    Closed,
    /// The queue was closed with this error.
    #[error("the queue has failed: {0}")]
    Failed(E),
}

/// # Creating
impl<T> Queue<T> {
    /// Creates a queue that holds at most `capacity` items, and one more for each taker that was woken for one and has not come
    /// yet. An offer to a full one waits, in turn.
    ///
    /// With a capacity of 0, it is a [`rendezvous`](Queue::rendezvous).
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::{OfferError, Queue};
    ///
    /// let queue = Queue::bounded(1);
    /// assert_eq!(queue.try_offer(1), Ok(()));
    /// assert_eq!(queue.try_offer(2), Err(OfferError::Full(2)));
    /// ```
    pub fn bounded(capacity: usize) -> Self {
        Queue::new(capacity, Overflow::Wait)
    }

    /// Creates a queue that holds nothing: an offer ends when a taker waits for the item.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Queue;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let queue = Queue::rendezvous();
    /// let (taken, offered) = futures::join!(queue.take(), queue.offer("hand to hand"));
    /// assert_eq!((taken, offered), (Ok("hand to hand"), Ok(())));
    /// # }
    /// ```
    #[doc(alias = "synchronous")]
    pub fn rendezvous() -> Self {
        Queue::new(0, Overflow::Wait)
    }

    /// Creates a queue that holds at most `capacity` items. A full one refuses what is offered.
    ///
    /// Takers who wait are room as well: what is offered to them is not refused.
    ///
    /// # Panics
    ///
    /// If `capacity` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::{OfferError, Queue};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let queue = Queue::dropping(2);
    /// assert_eq!(queue.offer_all([1, 2, 3, 4]).await, Err(OfferError::Full(vec![3, 4])));
    /// assert_eq!(queue.take_up_to(10), [1, 2]);
    /// # }
    /// ```
    #[track_caller]
    pub fn dropping(capacity: usize) -> Self {
        assert!(capacity > 0, "a dropping queue holds at least one item");
        Queue::new(capacity, Overflow::Refuse)
    }

    /// Creates a queue that holds the newest items, at most `capacity`. What is offered to a full one drops the oldest.
    ///
    /// Takers who wait are room as well: an item that one was woken for stays, until it comes.
    ///
    /// # Panics
    ///
    /// If `capacity` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Queue;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let queue = Queue::sliding(2);
    /// queue.offer_all([1, 2, 3, 4]).await.unwrap();
    /// assert_eq!(queue.take_up_to(10), [3, 4]);
    /// # }
    /// ```
    #[doc(alias = "circular")]
    #[track_caller]
    pub fn sliding(capacity: usize) -> Self {
        assert!(capacity > 0, "a sliding queue holds at least one item");
        Queue::new(capacity, Overflow::Evict)
    }

    /// Creates a queue that is never full. Its memory is bounded by those who offer, or by nobody.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Queue;
    ///
    /// let queue = Queue::unbounded();
    /// (0..1_000).for_each(|n| queue.try_offer(n).unwrap());
    /// assert_eq!(queue.len(), 1_000);
    /// ```
    pub fn unbounded() -> Self {
        Queue::new(usize::MAX, Overflow::Wait)
    }

    fn new(capacity: usize, overflow: Overflow) -> Self {
        Queue {
            shared: Arc::new(Shared::new(capacity, overflow)),
        }
    }

    /// Makes it a queue that can be [closed with](Queue::close_with) an error. To be said where it is created.
    ///
    /// # Panics
    ///
    /// If there are other handles to it.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::{Queue, TakeError};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let queue: Queue<u8, &str> = Queue::bounded(2).with_error();
    /// queue.close_with("no route");
    /// assert_eq!(queue.take().await, Err(TakeError::Failed("no route")));
    /// # }
    /// ```
    #[track_caller]
    pub fn with_error<E>(self) -> Queue<T, E> {
        let Some(Shared { ring, .. }) = Arc::into_inner(self.shared) else {
            panic!("a queue says what it fails with before it is shared");
        };
        Queue {
            shared: Arc::new(Shared::of(ring)),
        }
    }
}

/// # Looking
impl<T, E> Queue<T, E> {
    /// How many items are inside. Those of offers that wait are not.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Queue;
    ///
    /// let queue = Queue::bounded(2);
    /// queue.try_offer("a").unwrap();
    /// assert_eq!((queue.len(), queue.is_empty(), queue.capacity()), (1, false, 2));
    /// ```
    #[doc(alias = "size")]
    pub fn len(&self) -> usize {
        self.shared.ring.len()
    }

    /// Whether no item is inside.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many items it holds at most; `usize::MAX` if it is unbounded.
    pub fn capacity(&self) -> usize {
        self.shared.ring.capacity()
    }

    /// Whether the queue was closed. Items may still be inside.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Queue;
    ///
    /// let queue = Queue::bounded(1);
    /// queue.try_offer(1).unwrap();
    /// queue.close();
    /// assert!(queue.is_closed() && !queue.is_empty());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.shared.ring.is_closed()
    }

    fn pusher(&self, waits_for: WaitsFor) -> Pusher<Arc<Shared<T, E>>> {
        Pusher::new(Arc::clone(&self.shared), waits_for)
    }

    fn puller(&self, waits_for: WaitsFor) -> Puller<Arc<Shared<T, E>>> {
        Puller::new(Arc::clone(&self.shared), waits_for)
    }
}

impl<T, E> Clone for Queue<T, E> {
    fn clone(&self) -> Self {
        Queue {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<T, E> fmt::Debug for Queue<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .field("overflow", &self.shared.ring.overflow())
            .field("closed", &self.is_closed())
            .finish()
    }
}
