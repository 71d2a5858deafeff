//! Publishing: one message or many, waiting for those who are too far behind or not, and what is refused comes back.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::{Hub, Shared};
use crate::opaque_debug::opaque_debug;
use crate::sync::ending::Phase;
use crate::sync::ring::{Overflow, Refused, Supply};
use crate::sync::turns::Promise;
use crate::sync::waiters::Place;
use crate::sync::wakers::Wakers;
use crate::{WaitsFor, poll_turn};

/// What was to be published was not; here it is.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError<T> {
    /// A subscriber is too far behind, and nobody waits for it.
    #[error("the hub is full")]
    Full(T),
    /// The hub was closed.
    #[error("the hub is closed")]
    Closed(T),
}

impl<T> PublishError<T> {
    fn new(refused: Refused, messages: T) -> Self {
        match refused {
            Refused::Full => PublishError::Full(messages),
            Refused::Closed => PublishError::Closed(messages),
        }
    }

    /// Takes out what was to be published.
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
impl<T, E> Hub<T, E> {
    /// Publishes a message to all who have subscribed. Where one is too far behind, it does what the hub was
    /// [made](Hub#) to do.
    ///
    /// # Errors
    ///
    /// [`PublishError::Closed`] with the message, if the hub was closed before it came, or [aborted](Hub::abort);
    /// [`PublishError::Full`], if a dropping hub is full.
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
    pub fn publish(&self, message: T) -> Publish<T, E> {
        Publish {
            publisher: self.publisher(WaitsFor::here("a subscriber of a hub")),
            message: Some(message),
        }
    }

    /// Publishes many messages, in their order, as many at once as there is room for. Where there is room for all of them,
    /// no other comes in between.
    ///
    /// # Errors
    ///
    /// Those messages that were not published, as for [`publish`](Hub::publish).
    ///
    /// # Cancel safety
    ///
    /// Dropped before it ends, the first messages may have been published; the rest is dropped with it.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Hub;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let hub = Hub::bounded(3);
    /// let mut subscription = hub.subscribe();
    /// hub.publish_all([1, 2, 3]).await.unwrap();
    /// assert_eq!(subscription.receive().await, Ok(1));
    /// hub.close();
    /// assert_eq!(hub.publish_all([4, 5]).await.unwrap_err().into_inner(), [4, 5]);
    /// # }
    /// ```
    #[track_caller]
    pub fn publish_all(&self, messages: impl IntoIterator<Item = T>) -> PublishAll<T, E> {
        PublishAll {
            publisher: self.publisher(WaitsFor::here("a subscriber of a hub")),
            messages: messages.into_iter().collect(),
        }
    }

    /// Publishes a message, if that needs no wait: for code that is not async, such as a callback.
    ///
    /// # Errors
    ///
    /// [`PublishError::Full`] with the message, if a subscriber is too far behind, or others wait to publish;
    /// [`PublishError::Closed`].
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::{Hub, PublishError};
    ///
    /// let hub = Hub::bounded(1);
    /// let _slow = hub.subscribe();
    /// assert_eq!(hub.try_publish(1), Ok(()));
    /// assert_eq!(hub.try_publish(2), Err(PublishError::Full(2)));
    /// hub.close();
    /// assert_eq!(hub.try_publish(3), Err(PublishError::Closed(3)));
    /// ```
    pub fn try_publish(&self, message: T) -> Result<(), PublishError<T>> {
        let mut message = Some(message);
        let published = self.shared.publish_now(&mut message);
        match (published, message) {
            (Err(refused), Some(message)) => Err(PublishError::new(refused, message)),
            _ => Ok(()),
        }
    }

    fn publisher(&self, waits_for: WaitsFor) -> Publisher<T, E> {
        Publisher {
            shared: Arc::clone(&self.shared),
            waits_for,
            waiting: None,
        }
    }
}

impl<T, E> Shared<T, E> {
    /// Publishes and does not wait: what finds no room stays in `messages`, or the oldest make room for it.
    fn publish_now<S: Supply<T>>(&self, messages: &mut S) -> Result<(), Refused> {
        let mut wakers = Wakers::default();
        // Dropped when the lock is free.
        let mut gone = Vec::new();
        let published = {
            let mut guard = self.log.lock();
            let log = &mut *guard;
            if log.is_closed() {
                return Err(Refused::Closed);
            }
            let room = log.publishers.room(self.free(log));
            log.publish(room, messages, &mut gone, &mut wakers);
            if self.overflow == Overflow::Evict {
                while let Some(message) = messages.take() {
                    log.evict(self.capacity, &mut gone);
                    log.append(message, &mut gone, &mut wakers);
                }
            }
            if messages.is_empty() {
                Ok(())
            } else {
                Err(Refused::Full)
            }
        };
        wakers.wake();
        published
    }
}

/// A publisher's place among those who wait for the subscribers, given up when it is dropped.
struct Publisher<T, E> {
    shared: Arc<Shared<T, E>>,
    waits_for: WaitsFor,
    waiting: Option<Place>,
}

impl<T, E> Publisher<T, E> {
    /// Publishes in the way of the hub: waits, or does not. Ready when nothing is left in `messages`.
    #[inline]
    fn poll_publish<S: Supply<T>>(
        &mut self,
        task: &mut Context<'_>,
        messages: &mut S,
    ) -> Poll<Result<(), Refused>> {
        ready!(poll_turn(task));
        if self.shared.overflow != Overflow::Wait {
            return Poll::Ready(self.shared.publish_now(messages));
        }
        let mut wakers = Wakers::default();
        // Dropped when the lock is free.
        let mut gone = Vec::new();
        {
            let mut guard = self.shared.log.lock();
            let (log, waiting) = (&mut *guard, &mut self.waiting);
            if !log.phase.admits(waiting.is_some()) {
                *waiting = None;
                return Poll::Ready(Err(Refused::Closed));
            }
            let free = self.shared.free(log);
            let publishers = &mut log.publishers;
            let entered = publishers.enter(waiting, task, free, Promise::Kept, &mut wakers);
            let Some(room) = entered else {
                self.waits_for.note();
                return Poll::Pending;
            };
            log.publish(room, messages, &mut gone, &mut wakers);
            if !messages.is_empty() {
                *waiting = Some(log.publishers.join(task));
            } else if log.seats.is_empty() {
                // To nobody, it leaves the room that it was promised.
                log.publishers.grant(self.shared.free(log), &mut wakers);
                log.tell_if_ended(&mut wakers);
            }
        }
        wakers.wake();
        if self.waiting.is_some() {
            self.waits_for.note();
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }
}

impl<T, E> Drop for Publisher<T, E> {
    #[inline]
    fn drop(&mut self) {
        let Some(place) = self.waiting.take() else {
            return;
        };
        let mut wakers = Wakers::default();
        {
            let mut log = self.shared.log.lock();
            if log.phase == Phase::Closed {
                // It was dismissed.
                return;
            }
            log.publishers.leave(place, &mut wakers);
            let free = self.shared.free(&log);
            log.publishers.grant(free, &mut wakers);
            log.tell_if_ended(&mut wakers);
        }
        wakers.wake();
    }
}

/// The future of [`Hub::publish`].
#[must_use = "futures do nothing unless they are polled"]
pub struct Publish<T, E> {
    publisher: Publisher<T, E>,
    message: Option<T>,
}

// Nothing is pinned to its place: the message is moved out when there is room.
impl<T, E> Unpin for Publish<T, E> {}

impl<T, E> Future for Publish<T, E> {
    type Output = Result<(), PublishError<T>>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let published = this.publisher.poll_publish(task, &mut this.message);
        published.map_err(|refused| {
            let message = this.message.take().expect("polled after completion");
            PublishError::new(refused, message)
        })
    }
}

/// The future of [`Hub::publish_all`].
#[must_use = "futures do nothing unless they are polled"]
pub struct PublishAll<T, E> {
    publisher: Publisher<T, E>,
    messages: VecDeque<T>,
}

impl<T, E> Unpin for PublishAll<T, E> {}

impl<T, E> Future for PublishAll<T, E> {
    type Output = Result<(), PublishError<Vec<T>>>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let published = this.publisher.poll_publish(task, &mut this.messages);
        published.map_err(|refused| PublishError::new(refused, this.messages.drain(..).collect()))
    }
}

opaque_debug!(Publish<T, E>, PublishAll<T, E>);
