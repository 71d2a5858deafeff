//! Offering: one item or many, waiting for room or not, and what is refused comes back.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::{OfferError, Queue};
use crate::opaque_debug::opaque_debug;
use crate::sync::ring::{HasRing, Overflow, Pusher, Refused, Shared, Supply};
use crate::{WaitsFor, poll_turn};

/// # Offering
impl<T, E> Queue<T, E> {
    /// Puts an item in. Where the queue is full, it does what the queue was [made](Queue#) to do.
    ///
    /// # Errors
    ///
    /// [`OfferError::Closed`] with the item, if the queue was closed before it came; [`OfferError::Full`], if a dropping
    /// queue is full.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it ends, nothing was put in, and the item is dropped with it.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Queue;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let queue = Queue::bounded(1);
    /// queue.offer("in").await.unwrap();
    /// assert_eq!(queue.take().await, Ok("in"));
    /// # }
    /// ```
    #[doc(alias = "put")]
    #[doc(alias = "send")]
    #[track_caller]
    pub fn offer(&self, item: T) -> Offer<T, E> {
        Offer {
            pusher: self.pusher(WaitsFor::here("room in a queue")),
            item: Some(item),
        }
    }

    /// Puts many items in, in their order, as many at once as there is room for.
    ///
    /// # Errors
    ///
    /// Those items that were not put in, as for [`offer`](Queue::offer).
    ///
    /// # Cancel safety
    ///
    /// Dropped before it ends, the first items may have been put in; the rest is dropped with it.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Queue;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let queue = Queue::bounded(3);
    /// queue.offer_all([1, 2, 3]).await.unwrap();
    /// queue.close();
    /// assert_eq!(queue.offer_all([4, 5]).await.unwrap_err().into_inner(), [4, 5]);
    /// # }
    /// ```
    #[track_caller]
    pub fn offer_all(&self, items: impl IntoIterator<Item = T>) -> OfferAll<T, E> {
        OfferAll {
            pusher: self.pusher(WaitsFor::here("room in a queue")),
            items: items.into_iter().collect(),
        }
    }

    /// Puts an item in, if that needs no wait: for code that is not async, such as a callback.
    ///
    /// # Errors
    ///
    /// [`OfferError::Full`] with the item, if there is no room, or others wait for it; [`OfferError::Closed`].
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::{OfferError, Queue};
    ///
    /// let queue = Queue::bounded(1);
    /// assert_eq!(queue.try_offer(1), Ok(()));
    /// assert_eq!(queue.try_offer(2), Err(OfferError::Full(2)));
    /// queue.close();
    /// assert_eq!(queue.try_offer(3), Err(OfferError::Closed(3)));
    /// ```
    pub fn try_offer(&self, item: T) -> Result<(), OfferError<T>> {
        let mut item = Some(item);
        let pushed = self.shared.ring.push_now(&mut item);
        match (pushed, item) {
            (Err(refused), Some(item)) => Err(refuse(refused, item)),
            _ => Ok(()),
        }
    }
}

fn refuse<T>(refused: Refused, items: T) -> OfferError<T> {
    match refused {
        Refused::Full => OfferError::Full(items),
        Refused::Closed => OfferError::Closed(items),
    }
}

/// Pushes in the way of the queue: waits, or does not.
#[inline]
fn poll_offer<T, E, S: Supply<T>>(
    pusher: &mut Pusher<Arc<Shared<T, E>>>,
    task: &mut Context<'_>,
    supply: &mut S,
) -> Poll<Result<(), Refused>> {
    let ring = pusher.handle().ring();
    if ring.overflow() == Overflow::Wait {
        pusher.poll_push(task, supply)
    } else {
        ready!(poll_turn(task));
        Poll::Ready(ring.push_now(supply))
    }
}

/// The future of [`Queue::offer`].
#[must_use = "futures do nothing unless they are polled"]
pub struct Offer<T, E> {
    pusher: Pusher<Arc<Shared<T, E>>>,
    item: Option<T>,
}

// Nothing is pinned to its place: the item is moved out when there is room.
impl<T, E> Unpin for Offer<T, E> {}

impl<T, E> Future for Offer<T, E> {
    type Output = Result<(), OfferError<T>>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let offered = poll_offer(&mut this.pusher, task, &mut this.item);
        offered
            .map_err(|refused| refuse(refused, this.item.take().expect("polled after completion")))
    }
}

/// The future of [`Queue::offer_all`].
#[must_use = "futures do nothing unless they are polled"]
pub struct OfferAll<T, E> {
    pusher: Pusher<Arc<Shared<T, E>>>,
    items: VecDeque<T>,
}

impl<T, E> Unpin for OfferAll<T, E> {}

impl<T, E> Future for OfferAll<T, E> {
    type Output = Result<(), OfferError<Vec<T>>>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let offered = poll_offer(&mut this.pusher, task, &mut this.items);
        offered.map_err(|refused| refuse(refused, this.items.drain(..).collect()))
    }
}

opaque_debug!(Offer<T, E>, OfferAll<T, E>);
