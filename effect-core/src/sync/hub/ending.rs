//! How a hub ends: received, with an error, or at once.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::{Hub, Shared};
use crate::WaitsFor;
use crate::opaque_debug::opaque_debug;
use crate::sync::ending::{Ends, Mourner, Phase};
use crate::sync::waiters::Waiters;
use crate::sync::wakers::Wakers;

/// # Ending
impl<T, E> Hub<T, E> {
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
    #[doc(alias = "end")]
    pub fn close(&self) {
        self.shared.close(|| ());
    }

    /// Closes the hub as [`close`](Hub::close) does, and has every subscriber fail with this error then.
    ///
    /// If the hub was closed before, this changes nothing, and the error is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::{Hub, ReceiveError};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let hub = Hub::bounded(1).with_error();
    /// let mut subscription = hub.subscribe();
    /// hub.publish("last").await.unwrap();
    /// hub.close_with("no route");
    /// assert_eq!(subscription.receive().await, Ok("last"));
    /// assert_eq!(subscription.receive().await, Err(ReceiveError::Failed("no route")));
    /// # }
    /// ```
    #[doc(alias = "fail")]
    pub fn close_with(&self, error: E) {
        let mut error = Some(error);
        self.shared.close(|| {
            if let Some(error) = error.take() {
                // Nobody else sets it: this is the first to close the hub, and under its lock.
                let _ = self.shared.error.set(error);
            }
        });
    }

    /// Closes the hub, and drops what is there to receive, and to replay. Subscribers end at once, and those who wait to
    /// publish get their messages back.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::{Hub, ReceiveError};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let hub = Hub::bounded(1);
    /// let mut subscription = hub.subscribe();
    /// hub.publish(1).await.unwrap();
    /// let mut waits = hub.publish(2);
    /// assert!(futures::poll!(&mut waits).is_pending());
    /// hub.abort();
    /// assert_eq!(waits.await.unwrap_err().into_inner(), 2);
    /// assert_eq!(subscription.receive().await, Err(ReceiveError::Closed));
    /// # }
    /// ```
    #[doc(alias = "shutdown")]
    pub fn abort(&self) {
        let mut wakers = Wakers::default();
        // Dropped when the lock is free.
        let mut gone = Vec::new();
        {
            let mut log = self.shared.log.lock();
            log.phase = Phase::Closed;
            log.publishers.dismiss(&mut wakers);
            log.clear(&mut gone);
            log.tell_if_ended(&mut wakers);
        }
        wakers.wake();
    }

    /// Waits until the hub has ended: it is closed, nobody will publish, and everybody who has subscribed has received
    /// all there is, or is gone.
    ///
    /// Who subscribes after that, for what is replayed, is not waited for.
    ///
    /// # Errors
    ///
    /// The error that it was [closed with](Hub::close_with).
    ///
    /// # Cancel safety
    ///
    /// Dropped, it has no effect.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Hub;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let hub = Hub::bounded(1);
    /// let mut subscription = hub.subscribe();
    /// hub.publish(1).await.unwrap();
    /// hub.close();
    /// let mut ended = hub.await_closed();
    /// assert!(futures::poll!(&mut ended).is_pending());
    /// assert_eq!(subscription.poll(), Some(1));
    /// let Ok(()) = ended.await;
    /// # }
    /// ```
    #[doc(alias = "await_shutdown")]
    #[track_caller]
    pub fn await_closed(&self) -> AwaitHubClosed<T, E> {
        AwaitHubClosed {
            mourner: Mourner::new(Arc::clone(&self.shared), WaitsFor::here("the end of a hub")),
        }
    }
}

impl<T, E> Shared<T, E> {
    /// Closes the hub to those who come, and calls `first` under its lock if it was open.
    fn close(&self, first: impl FnOnce()) {
        let mut wakers = Wakers::default();
        {
            let mut log = self.log.lock();
            if log.is_closed() {
                return;
            }
            first();
            log.phase = Phase::Draining;
            log.tell_if_ended(&mut wakers);
        }
        wakers.wake();
    }
}

impl<T, E> Ends for Shared<T, E> {
    type Error = E;

    fn error(&self) -> Option<&E> {
        self.error.get()
    }

    fn mourning<U>(&self, act: impl FnOnce(bool, &mut Waiters) -> U) -> U {
        let mut log = self.log.lock();
        let ended = log.has_ended();
        act(ended, &mut log.mourners)
    }
}

/// The future of [`Hub::await_closed`].
#[must_use = "futures do nothing unless they are polled"]
pub struct AwaitHubClosed<T, E> {
    mourner: Mourner<Arc<Shared<T, E>>>,
}

impl<T, E: Clone> Future for AwaitHubClosed<T, E> {
    type Output = Result<(), E>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        self.mourner.poll(task)
    }
}

opaque_debug!(AwaitHubClosed<T, E>);
