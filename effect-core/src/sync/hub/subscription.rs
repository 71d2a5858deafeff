//! A subscription: one's own way through the messages of a hub.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::Stream;

use super::log::Log;
use super::{ReceiveError, Shared};
use crate::sync::wakers::Wakers;
use crate::{Never, WaitsFor, poll_turn};

/// A subscription to a hub, until it is dropped.
///
/// It is a `futures::Stream` of the messages as well, unless its hub may be closed [with an error](super::Hub::with_error):
/// that, only [`receive`](Subscription::receive) can tell.
///
/// # Examples
///
/// ```
/// use effect_core::sync::Hub;
/// use futures::StreamExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let hub = Hub::bounded(16);
/// let subscription = hub.subscribe();
/// hub.publish("a").await.unwrap();
/// hub.publish("b").await.unwrap();
/// hub.close();
/// assert_eq!(subscription.collect::<Vec<_>>().await, ["a", "b"]);
/// # }
/// ```
#[must_use = "a subscription that is dropped gets no message"]
pub struct Subscription<T, E = Never> {
    shared: Arc<Shared<T, E>>,
    waits_for: WaitsFor,
    seat: usize,
}

impl<T, E> Subscription<T, E> {
    pub(super) fn new(shared: &Arc<Shared<T, E>>, waits_for: WaitsFor) -> Self {
        Subscription {
            seat: shared.log.lock().sit(),
            shared: Arc::clone(shared),
            waits_for,
        }
    }

    /// How many messages there are to receive.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Hub;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let hub = Hub::bounded(16);
    /// let subscription = hub.subscribe();
    /// assert!(subscription.is_empty());
    /// hub.publish(1).await.unwrap();
    /// assert_eq!(subscription.len(), 1);
    /// # }
    /// ```
    pub fn len(&self) -> usize {
        self.shared.log.lock().ahead_of(self.seat)
    }

    /// Whether there is no message to receive.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many messages it has missed, of a [sliding](super::Hub::sliding) hub.
    pub fn missed(&self) -> u64 {
        self.shared.log.lock().seats[self.seat].missed
    }
}

/// # Receiving
impl<T: Clone, E: Clone> Subscription<T, E> {
    /// Receives the next message, waiting while there is none.
    ///
    /// # Errors
    ///
    /// [`ReceiveError`] when the hub is closed and all messages were received, or it was [aborted](super::Hub::abort).
    ///
    /// # Cancel safety
    ///
    /// Dropped before it ends, nothing was received, and no message is lost.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Hub;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let hub = Hub::bounded(16);
    /// let mut subscription = hub.subscribe();
    /// hub.publish(1).await.unwrap();
    /// assert_eq!(subscription.receive().await, Ok(1));
    /// # }
    /// ```
    #[doc(alias = "take")]
    #[track_caller]
    pub fn receive(&mut self) -> ReceiveMessage<'_, T, E> {
        ReceiveMessage {
            waits_for: WaitsFor::here("a message from a hub"),
            waits: false,
            subscription: self,
        }
    }

    /// Receives the next message, if there is one.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Hub;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let hub = Hub::bounded(16);
    /// let mut subscription = hub.subscribe();
    /// hub.publish(1).await.unwrap();
    /// assert_eq!((subscription.poll(), subscription.poll()), (Some(1), None));
    /// # }
    /// ```
    #[doc(alias = "try_recv")]
    pub fn poll(&mut self) -> Option<T> {
        self.receive_or(|_, _| ()).ok()
    }

    /// Receives the next message, for those who poll by hand: has the task woken when there is one. Of several tasks, that is the last
    /// that has polled.
    ///
    /// # Errors
    ///
    /// As for [`receive`](Subscription::receive).
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Hub;
    /// use std::future::poll_fn;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let hub = Hub::bounded(16);
    /// let mut subscription = hub.subscribe();
    /// hub.publish(1).await.unwrap();
    /// assert_eq!(poll_fn(|task| subscription.poll_receive(task)).await, Ok(1));
    /// # }
    /// ```
    #[inline]
    pub fn poll_receive(&mut self, task: &mut Context<'_>) -> Poll<Result<T, ReceiveError<E>>> {
        let received = self.poll_message(task);
        if received.is_pending() {
            self.waits_for.note();
        }
        received
    }

    #[inline]
    fn poll_message(&mut self, task: &mut Context<'_>) -> Poll<Result<T, ReceiveError<E>>> {
        ready!(poll_turn(task));
        let seat = self.seat;
        let received = self.receive_or(|log, wakers| {
            if log.is_complete() {
                Poll::Ready(())
            } else {
                log.sleep(seat, task, wakers);
                Poll::Pending
            }
        });
        match received {
            Ok(message) => Poll::Ready(Ok(message)),
            Err(ended) => ended.map(|()| Err(self.shared.end())),
        }
    }

    /// Receives the next message, or does something else under the lock if there is none.
    #[inline]
    fn receive_or<U>(
        &mut self,
        otherwise: impl FnOnce(&mut Log<T>, &mut Wakers) -> U,
    ) -> Result<T, U> {
        let mut wakers = Wakers::default();
        // Dropped when the lock is free.
        let mut gone = Vec::new();
        let received = {
            let mut guard = self.shared.log.lock();
            let log = &mut *guard;
            match log.take(self.seat, &mut gone) {
                None => Err(otherwise(log, &mut wakers)),
                Some((message, last)) => {
                    if last {
                        log.publishers.grant(self.shared.free(log), &mut wakers);
                        log.tell_if_ended(&mut wakers);
                    }
                    Ok(message)
                }
            }
        };
        wakers.wake();
        received.map(Arc::unwrap_or_clone)
    }
}

impl<T, E> Drop for Subscription<T, E> {
    fn drop(&mut self) {
        let mut wakers = Wakers::default();
        // Dropped when the lock is free.
        let mut gone = Vec::new();
        {
            let mut guard = self.shared.log.lock();
            let log = &mut *guard;
            log.rise(self.seat, &mut gone, &mut wakers);
            log.publishers.grant(self.shared.free(log), &mut wakers);
            log.tell_if_ended(&mut wakers);
        }
        wakers.wake();
    }
}

impl<T: Clone> Stream for Subscription<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<T>> {
        self.poll_receive(task).map(Result::ok)
    }
}

/// The future of [`Subscription::receive`].
#[must_use = "futures do nothing unless they are polled"]
pub struct ReceiveMessage<'a, T, E> {
    subscription: &'a mut Subscription<T, E>,
    waits_for: WaitsFor,
    /// Whether it has left a waker.
    waits: bool,
}

impl<T: Clone, E: Clone> Future for ReceiveMessage<'_, T, E> {
    type Output = Result<T, ReceiveError<E>>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let received = self.subscription.poll_message(task);
        self.waits = received.is_pending();
        if self.waits {
            self.waits_for.note();
        }
        received
    }
}

impl<T, E> Drop for ReceiveMessage<'_, T, E> {
    #[inline]
    fn drop(&mut self) {
        if self.waits {
            let mut wakers = Wakers::default();
            let mut log = self.subscription.shared.log.lock();
            log.sleep_no_more(self.subscription.seat, &mut wakers);
        }
    }
}

impl<T, E> fmt::Debug for Subscription<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

impl<T, E> fmt::Debug for ReceiveMessage<'_, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceiveMessage").finish_non_exhaustive()
    }
}
