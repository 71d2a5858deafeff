//! A timer: what a runtime gives to those who wait for a time.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::future::{BoxFuture, FutureExt};
use pin_project_lite::pin_project;

use super::tokio::TokioSleep;

pin_project! {
    /// A future that ends at a given time, by the clock of the runtime that made it.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it has no effect.
    #[must_use = "futures do nothing unless they are polled"]
    pub struct Timer {
        #[pin]
        kind: Kind,
    }
}

pin_project! {
    // Tokio's has a place of its own in here, because a box for each would cost more than all else about it.
    #[project = KindProjection]
    enum Kind {
        Tokio { #[pin] sleep: TokioSleep },
        Other { future: BoxFuture<'static, ()> },
    }
}

impl Timer {
    /// Makes a timer of any future: for runtimes of one's own.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// effect_core::Timer::new(async {}).await;
    /// # }
    /// ```
    pub fn new(future: impl Future<Output = ()> + Send + 'static) -> Self {
        Timer {
            kind: Kind::Other {
                future: future.boxed(),
            },
        }
    }

    #[inline]
    pub(super) fn tokio(sleep: TokioSleep) -> Self {
        Timer {
            kind: Kind::Tokio { sleep },
        }
    }
}

impl Future for Timer {
    type Output = ();

    #[inline]
    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        match self.project().kind.project() {
            KindProjection::Tokio { sleep } => sleep.poll(task),
            KindProjection::Other { future } => future.as_mut().poll(task),
        }
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer").finish_non_exhaustive()
    }
}
