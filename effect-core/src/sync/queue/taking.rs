//! Taking: one item or many, waiting for them or not.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::{Queue, TakeError};
use crate::WaitsFor;
use crate::opaque_debug::opaque_debug;
use crate::sync::ending::Ends;
use crate::sync::ring::{Ended, HasRing, Pull, Puller, Shared};

/// # Taking
impl<T, E> Queue<T, E> {
    /// Takes the next item, waiting while there is none.
    ///
    /// # Errors
    ///
    /// [`TakeError`] when the queue is closed and nothing is left.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it ends, nothing was taken, and no item is lost.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::{Queue, TakeError};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let queue = Queue::bounded(1);
    /// queue.offer("last").await.unwrap();
    /// queue.close();
    /// assert_eq!(queue.take().await, Ok("last"));
    /// assert_eq!(queue.take().await, Err(TakeError::Closed));
    /// # }
    /// ```
    #[doc(alias = "receive")]
    #[track_caller]
    pub fn take(&self) -> Take<T, E> {
        Take {
            puller: self.puller(WaitsFor::here("an item from a queue")),
        }
    }

    /// Takes what is there, at least one item and at most `max`, waiting while there is none. None at all if `max` is 0.
    ///
    /// # Errors
    ///
    /// [`TakeError`] when the queue is closed and nothing is left.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it ends, nothing was taken, and no item is lost.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Queue;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let queue = Queue::bounded(4);
    /// queue.offer_all([1, 2, 3]).await.unwrap();
    /// assert_eq!(queue.take_many(2).await, Ok(vec![1, 2]));
    /// assert_eq!(queue.take_many(2).await, Ok(vec![3]));
    /// # }
    /// ```
    #[track_caller]
    pub fn take_many(&self, max: usize) -> TakeMany<T, E> {
        self.take_between(1, max)
    }

    /// Takes exactly `n` items, waiting until there were so many. Fewer only if the queue ends before.
    ///
    /// # Errors
    ///
    /// [`TakeError`] when the queue is closed and nothing is left.
    ///
    /// # Cancel safety
    ///
    /// As [`take_between`](Queue::take_between).
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Queue;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let queue = Queue::bounded(4);
    /// queue.offer_all([1, 2, 3]).await.unwrap();
    /// assert_eq!(queue.take_n(2).await, Ok(vec![1, 2]));
    /// queue.close();
    /// assert_eq!(queue.take_n(2).await, Ok(vec![3]));
    /// assert!(queue.take_n(2).await.is_err());
    /// # }
    /// ```
    #[track_caller]
    pub fn take_n(&self, n: usize) -> TakeMany<T, E> {
        self.take_between(n, n)
    }

    /// Takes at least `min` items and at most `max`, waiting until there were so many. Fewer than `min` only if the queue
    /// ends before; none at all, and at once, if `max` is less than `min`.
    ///
    /// It takes items as they come, so `min` may be more than the queue has room for.
    ///
    /// # Errors
    ///
    /// [`TakeError`] when the queue is closed and nothing is left; never, where `min` is 0.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it ends, it puts back what it has taken, ahead of all others. Until then other takers may have had
    /// items that came later.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Queue;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let queue = Queue::bounded(4);
    /// queue.offer_all([1, 2, 3]).await.unwrap();
    /// assert_eq!(queue.take_between(2, 10).await, Ok(vec![1, 2, 3]));
    /// assert_eq!(queue.take_between(0, 10).await, Ok(vec![]));
    /// # }
    /// ```
    #[track_caller]
    pub fn take_between(&self, min: usize, max: usize) -> TakeMany<T, E> {
        TakeMany {
            puller: self.puller(WaitsFor::here("items from a queue")),
            min: if min > max { 0 } else { min },
            max: if min > max { 0 } else { max },
            items: Vec::new(),
            claimed: 0,
        }
    }

    /// Takes what is there, at most `max` items, without waiting. Offers that wait are not there yet.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Queue;
    ///
    /// let queue = Queue::bounded(4);
    /// queue.try_offer(1).unwrap();
    /// assert_eq!(queue.take_up_to(3), [1]);
    /// assert!(queue.take_up_to(3).is_empty());
    /// ```
    pub fn take_up_to(&self, max: usize) -> Vec<T> {
        let mut taken = Vec::new();
        // Ended or empty, there is nothing to take.
        let _ = (self.shared.ring).pull_now(max, Pull::Take, |items| taken.extend(items));
        taken
    }

    /// Takes the next item, if there is one.
    ///
    /// At a [`rendezvous`](Queue::rendezvous) there is none: nobody is handed an item who does not wait for it.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Queue;
    ///
    /// let queue = Queue::bounded(1);
    /// queue.try_offer(1).unwrap();
    /// assert_eq!((queue.poll(), queue.poll()), (Some(1), None));
    /// ```
    #[doc(alias = "try_take")]
    pub fn poll(&self) -> Option<T> {
        let mut taken = None;
        let _ = (self.shared.ring).pull_now(1, Pull::Take, |mut items| taken = items.next());
        taken
    }
}

impl<T, E: Clone> Shared<T, E> {
    fn end(&self) -> TakeError<E> {
        match self.error() {
            None => TakeError::Closed,
            Some(error) => TakeError::Failed(error.clone()),
        }
    }
}

/// The future of [`Queue::take`].
#[must_use = "futures do nothing unless they are polled"]
pub struct Take<T, E> {
    puller: Puller<Arc<Shared<T, E>>>,
}

impl<T, E: Clone> Future for Take<T, E> {
    type Output = Result<T, TakeError<E>>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let taken = self.puller.poll_next(task);
        taken.map_err(|Ended| self.puller.handle().end())
    }
}

/// The future of [`Queue::take_many`], [`Queue::take_n`] and [`Queue::take_between`].
#[must_use = "futures do nothing unless they are polled"]
pub struct TakeMany<T, E> {
    puller: Puller<Arc<Shared<T, E>>>,
    min: usize,
    max: usize,
    items: Vec<T>,
    /// How many of the items go back if this is dropped.
    claimed: usize,
}

impl<T, E> TakeMany<T, E> {
    /// The items are the taker's.
    fn settle(&mut self) -> Vec<T> {
        let claimed = std::mem::take(&mut self.claimed);
        if claimed > 0 {
            let ring = self.puller.handle().ring();
            ring.release(claimed, std::iter::empty());
        }
        std::mem::take(&mut self.items)
    }
}

// Nothing is pinned to its place: the items are moved out at the end.
impl<T, E> Unpin for TakeMany<T, E> {}

impl<T, E: Clone> Future for TakeMany<T, E> {
    type Output = Result<Vec<T>, TakeError<E>>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if this.min == 0 {
            let ring = this.puller.handle().ring();
            // At the end, too, it takes none.
            let _ = ring.pull_now(this.max, Pull::Take, |items| this.items.extend(items));
            return Poll::Ready(Ok(this.settle()));
        }
        // Where the first item is enough, none has to go back.
        let pull = if this.min == 1 {
            Pull::Take
        } else {
            Pull::Gather
        };
        while this.items.len() < this.min {
            let (before, items) = (this.items.len(), &mut this.items);
            let pulled = this
                .puller
                .poll_pull(task, this.max - before, pull, |pulled| items.extend(pulled));
            let ended = ready!(pulled).is_err();
            if pull == Pull::Gather {
                this.claimed = this.items.len();
            }
            if ended {
                break;
            }
        }
        Poll::Ready(if this.items.is_empty() {
            Err(this.puller.handle().end())
        } else {
            Ok(this.settle())
        })
    }
}

impl<T, E> Drop for TakeMany<T, E> {
    fn drop(&mut self) {
        if self.claimed > 0 {
            let ring = self.puller.handle().ring();
            ring.release(self.claimed, self.items.drain(..));
        }
    }
}

opaque_debug!(Take<T, E>, TakeMany<T, E>);
