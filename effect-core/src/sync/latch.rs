//! A latch: opens for good when it was counted down to zero.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::watched::{Watched, Watcher};
use crate::opaque_debug::opaque_debug;
use crate::{Never, WaitsFor};

/// Opens for good when it was counted down to zero.
///
/// # Examples
///
/// ```
/// use effect_core::sync::Latch;
/// use effect_core::{Cx, Never, effect, sync};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let program = effect(async |cx: Cx<()>| {
///     let ready = Latch::new(3);
///     for _ in 0..3 {
///         let ready = ready.clone();
///         drop(cx.fork(sync::<_, Never, _, _>(move || ready.count_down())));
///     }
///     ready.wait().await?;
///     Ok::<_, Never>(ready.count())
/// });
/// assert_eq!(program.await, Ok(0));
/// # }
/// ```
#[doc(alias = "CountDownLatch")]
#[derive(Clone)]
pub struct Latch {
    watched: Arc<Watched<usize>>,
}

impl Latch {
    /// Creates a latch that opens when it was counted down so many times. One of 0 is open.
    pub fn new(count: usize) -> Self {
        Latch {
            watched: Watched::new(count),
        }
    }

    /// Counts down by one; wakes those who wait if that was the last. One that is open stays so.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Latch;
    ///
    /// let latch = Latch::new(1);
    /// latch.count_down();
    /// latch.count_down();
    /// assert_eq!(latch.count(), 0);
    /// ```
    pub fn count_down(&self) {
        self.watched.change_if(|count| {
            *count = count.saturating_sub(1);
            ((), *count == 0)
        });
    }

    /// How many times it is still to be counted down.
    pub fn count(&self) -> usize {
        self.watched.look(|count| *count)
    }

    /// Waits until the latch is open.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it has no effect.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Latch;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let latch = Latch::new(1);
    /// let mut waits = latch.wait();
    /// assert!(futures::poll!(&mut waits).is_pending());
    /// latch.count_down();
    /// let Ok(()) = waits.await;
    /// # }
    /// ```
    #[doc(alias = "await")]
    #[track_caller]
    pub fn wait(&self) -> WaitLatch {
        WaitLatch {
            watcher: Watcher::new(&self.watched, WaitsFor::here("a latch")),
        }
    }
}

/// The future of [`Latch::wait`].
#[must_use = "futures do nothing unless they are polled"]
pub struct WaitLatch {
    watcher: Watcher<usize>,
}

impl Future for WaitLatch {
    type Output = Result<(), Never>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let open = self.watcher.poll(task, |count| (*count == 0).then_some(()));
        open.map(Ok)
    }
}

impl fmt::Debug for Latch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Latch")
            .field("count", &self.count())
            .finish()
    }
}

opaque_debug!(WaitLatch);
