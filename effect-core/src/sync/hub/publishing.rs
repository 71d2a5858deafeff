//! Publishing: to all who have subscribed, and waiting for those who are too far behind, or not.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::{Hub, Shared};
use crate::opaque_debug::opaque_debug;
use crate::sync::ring::Overflow;
use crate::sync::turns::Promise;
use crate::sync::waiters::Place;
use crate::sync::wakers::Wakers;
use crate::{WaitsFor, poll_turn};

/// The message was not published; here it is.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError<T> {
    /// A subscriber is too far behind, and this hub does not wait for it.
    #[error("the hub is full")]
    Full(T),
    /// The hub was closed.
    #[error("the hub is closed")]
    Closed(T),
}

impl<T> PublishError<T> {
    /// Takes out the message.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Hub;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let hub = Hub::unbounded();
    /// hub.close();
    /// assert_eq!(hub.publish("late").await.unwrap_err().into_inner(), "late");
    /// # }
    /// ```
    pub fn into_inner(self) -> T {
        match self {
            PublishError::Full(refused) | PublishError::Closed(refused) => refused,
        }
    }
}

impl<T> fmt::Debug for PublishError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PublishError::Full(_) => "Full(..)",
            PublishError::Closed(_) => "Closed(..)",
        })
    }
}

/// # Publishing
impl<T> Hub<T> {
    /// Publishes a message to all who have subscribed. Where one is too far behind, it does what the hub was
    /// [made](Hub#) to do.
    ///
    /// # Errors
    ///
    /// [`PublishError::Closed`] with the message, if the hub was closed before it came; [`PublishError::Full`], if a
    /// dropping hub is full.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it ends, nothing was published, and the message is dropped with it.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Hub;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let hub = Hub::bounded(1);
    /// hub.publish("to nobody").await.unwrap();
    /// let mut subscription = hub.subscribe();
    /// hub.publish("to one").await.unwrap();
    /// assert_eq!(subscription.receive().await, Ok("to one"));
    /// # }
    /// ```
    #[track_caller]
    pub fn publish(&self, message: T) -> Publish<T> {
        Publish {
            shared: Arc::clone(&self.shared),
            waits_for: WaitsFor::here("a subscriber of a hub"),
            waiting: None,
            message: Some(message),
        }
    }
}

/// The future of [`Hub::publish`].
#[must_use = "futures do nothing unless they are polled"]
pub struct Publish<T> {
    shared: Arc<Shared<T>>,
    waits_for: WaitsFor,
    waiting: Option<Place>,
    message: Option<T>,
}

// Nothing is pinned to its place: the message is moved out when there is room.
impl<T> Unpin for Publish<T> {}

impl<T> Future for Publish<T> {
    type Output = Result<(), PublishError<T>>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(poll_turn(task));
        let this = &mut *self;
        let mut wakers = Wakers::default();
        // Dropped when the lock is free.
        let mut gone = Vec::new();
        {
            let mut guard = this.shared.log.lock();
            let log = &mut *guard;
            if log.closed && this.waiting.is_none() {
                let message = this.message.take().expect("polled after completion");
                return Poll::Ready(Err(PublishError::Closed(message)));
            }
            let (free, waiting) = (this.shared.free(log), &mut this.waiting);
            let publishers = &mut log.publishers;
            let entered = publishers.enter(waiting, task, free, Promise::Kept, &mut wakers);
            match (entered, this.shared.overflow) {
                (None, _) => {
                    this.waits_for.note();
                    return Poll::Pending;
                }
                (Some(0), Overflow::Wait) => {
                    *waiting = Some(publishers.join(task));
                    this.waits_for.note();
                    return Poll::Pending;
                }
                (Some(0), Overflow::Refuse) => {
                    let message = this.message.take().expect("polled after completion");
                    return Poll::Ready(Err(PublishError::Full(message)));
                }
                (Some(0), Overflow::Evict) => log.evict(this.shared.capacity, &mut gone),
                (Some(_), _) => {}
            }
            let message = this.message.take().expect("polled after completion");
            log.append(message, &mut gone, &mut wakers);
            if log.seats.is_empty() {
                // To nobody, it leaves the room that it was promised.
                log.publishers.grant(this.shared.free(log), &mut wakers);
            }
        }
        wakers.wake();
        Poll::Ready(Ok(()))
    }
}

impl<T> Drop for Publish<T> {
    #[inline]
    fn drop(&mut self) {
        let Some(place) = self.waiting.take() else {
            return;
        };
        let mut wakers = Wakers::default();
        {
            let mut log = self.shared.log.lock();
            log.publishers.leave(place, &mut wakers);
            let free = self.shared.free(&log);
            log.publishers.grant(free, &mut wakers);
            log.tell_if_ended(&mut wakers);
        }
        wakers.wake();
    }
}

opaque_debug!(Publish<T>);
