//! How a queue ends: drained, with an error, or at once.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::Queue;
use crate::WaitsFor;
use crate::opaque_debug::opaque_debug;
use crate::sync::ending::Mourner;
use crate::sync::ring::{Latecomers, Shared};

/// # Ending
impl<T, E> Queue<T, E> {
    /// Closes the queue: what is inside, and what those offer who wait already, is taken first. Closing it again changes
    /// nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::{Queue, TakeError};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let queue = Queue::bounded(1);
    /// queue.offer(1).await.unwrap();
    /// let mut waits = queue.offer(2);
    /// assert!(futures::poll!(&mut waits).is_pending());
    /// queue.close();
    /// assert_eq!(queue.take().await, Ok(1));
    /// waits.await.unwrap();
    /// assert_eq!(queue.take().await, Ok(2));
    /// assert_eq!(queue.take().await, Err(TakeError::Closed));
    /// # }
    /// ```
    #[doc(alias = "end")]
    pub fn close(&self) {
        self.shared.ring.close(Latecomers::Admitted, || ());
    }

    /// Closes the queue as [`close`](Queue::close) does, and has every taker fail with this error then.
    ///
    /// If the queue was closed before, this changes nothing, and the error is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::{Queue, TakeError};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let queue = Queue::bounded(1).with_error();
    /// queue.offer("last").await.unwrap();
    /// queue.close_with("no route");
    /// assert_eq!(queue.take().await, Ok("last"));
    /// assert_eq!(queue.take().await, Err(TakeError::Failed("no route")));
    /// assert_eq!(queue.take().await, Err(TakeError::Failed("no route")));
    /// # }
    /// ```
    #[doc(alias = "fail")]
    pub fn close_with(&self, error: E) {
        self.shared.close_with(Latecomers::Admitted, error);
    }

    /// Closes the queue, and has what is inside. Takers end at once, and offers that wait get their items back.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::{Queue, TakeError};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let queue = Queue::bounded(2);
    /// queue.offer_all([1, 2]).await.unwrap();
    /// assert_eq!(queue.abort(), [1, 2]);
    /// assert_eq!(queue.take().await, Err(TakeError::Closed));
    /// # }
    /// ```
    #[doc(alias = "shutdown")]
    pub fn abort(&self) -> Vec<T> {
        self.shared.ring.abort()
    }

    /// Waits until the queue has ended: it is closed, and nothing is left in it or will come.
    ///
    /// # Errors
    ///
    /// The error that it was [closed with](Queue::close_with).
    ///
    /// # Cancel safety
    ///
    /// Dropped, it has no effect.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Queue;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let queue = Queue::bounded(1);
    /// queue.offer(1).await.unwrap();
    /// queue.close();
    /// let mut ended = queue.await_closed();
    /// assert!(futures::poll!(&mut ended).is_pending());
    /// assert_eq!(queue.poll(), Some(1));
    /// let Ok(()) = ended.await;
    /// # }
    /// ```
    #[doc(alias = "await_shutdown")]
    #[track_caller]
    pub fn await_closed(&self) -> AwaitClosed<T, E> {
        AwaitClosed {
            mourner: Mourner::new(
                Arc::clone(&self.shared),
                WaitsFor::here("the end of a queue"),
            ),
        }
    }
}

/// The future of [`Queue::await_closed`].
#[must_use = "futures do nothing unless they are polled"]
pub struct AwaitClosed<T, E> {
    mourner: Mourner<Arc<Shared<T, E>>>,
}

impl<T, E: Clone> Future for AwaitClosed<T, E> {
    type Output = Result<(), E>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        self.mourner.poll(task)
    }
}

opaque_debug!(AwaitClosed<T, E>);
