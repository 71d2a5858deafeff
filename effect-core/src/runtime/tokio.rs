//! The runtime trait over tokio: the one file of this crate that names tokio's tasks and timers.
//!
//! It lives here and not in `effect-runtime` because `Effect` is to be awaited in any tokio program, and
//! Rust's coherence wants that `IntoFuture` beside the type.

#![allow(
    clippy::disallowed_methods,
    reason = "this is where the disallowed methods are wrapped"
)]

mod orphans;

use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use futures::future::BoxFuture;
use tokio::runtime::Handle;

use self::orphans::{Detached, Orphan};
use super::{Observed, Runtime, Timer};
use crate::FiberRef;

/// Tokio's timer.
pub(super) type TokioSleep = tokio::time::Sleep;

/// A tokio runtime, ours or the one already running.
///
/// # Examples
///
/// ```
/// use effect_core::{succeed, Exit, Never, TokioRuntime};
/// use std::sync::Arc;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let runtime = Arc::new(TokioRuntime::current());
/// let exit: Exit<Never, i32> = succeed(1).run_on(runtime).await;
/// assert_eq!(exit, Exit::Success(1));
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct TokioRuntime {
    handle: Handle,
}

impl TokioRuntime {
    /// Uses the given tokio runtime.
    pub fn new(handle: Handle) -> Self {
        TokioRuntime { handle }
    }

    /// Uses the tokio runtime that the caller runs in.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    #[track_caller]
    pub fn current() -> Self {
        TokioRuntime::new(Handle::current())
    }

    /// Observes the fibers that are run on it from now on: see [`Observed`].
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{succeed, Exit, Never, TokioRuntime};
    /// use std::sync::Arc;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let runtime = Arc::new(TokioRuntime::current().observed());
    /// assert_eq!(succeed::<_, Never, _>(1).run_on(runtime).await, Exit::Success(1));
    /// # }
    /// ```
    pub fn observed(self) -> Observed {
        Observed::new(Arc::new(self))
    }

    /// Waits until no orphan is left on this tokio runtime: no fiber whose driver was dropped, by somebody's
    /// `select!` say, and which still has finalizers to run.
    ///
    /// A tokio runtime that shuts down does not wait for them. `effect::run` and `Main` call this before they shut
    /// theirs down; a main function of your own calls it at its end, and limits how long that may take.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing for the orphans.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{never, sleep, sync, Never, TokioRuntime};
    /// use std::sync::atomic::{AtomicBool, Ordering};
    /// use std::time::Duration;
    ///
    /// static CLOSED: AtomicBool = AtomicBool::new(false);
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let close = sleep::<_, Never>(Duration::from_millis(10))
    ///     .flat_map(|()| sync(|| CLOSED.store(true, Ordering::Relaxed)));
    /// let connection = never::<_, Never, ()>().ensuring(close);
    ///
    /// // Tokio drops the connection, and waits for nothing.
    /// let late = tokio::time::timeout(Duration::from_millis(1), connection.into_future());
    /// assert!(late.await.is_err());
    /// assert!(!CLOSED.load(Ordering::Relaxed));
    ///
    /// TokioRuntime::current().wait_for_orphans().await;
    /// assert!(CLOSED.load(Ordering::Relaxed));
    /// # }
    /// ```
    pub async fn wait_for_orphans(&self) {
        orphans::wait(self.handle.id()).await;
    }

    /// Interrupts all fibers that were [detached](crate::Cx::detach) on this tokio runtime, waits until they have ended,
    /// and then until no [orphan](TokioRuntime::wait_for_orphans) is left.
    ///
    /// A tokio runtime that shuts down drops them, and waits for nothing. `effect::run` and `Main` call this before they
    /// shut theirs down; a main function of your own calls it at its end, and limits how long that may take.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it has asked them to end if it was polled, and does not wait.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{never, sync, Never, TokioRuntime};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (log, lines) = std::sync::mpsc::channel();
    /// let daemon = never::<_, Never, ()>().ensuring(sync(move || log.send("stopped").unwrap()));
    /// let Ok(fiber) = daemon.detach::<Never>().await;
    /// tokio::task::yield_now().await;
    /// TokioRuntime::current().shut_down().await;
    /// assert!(fiber.is_done());
    /// assert_eq!(lines.recv(), Ok("stopped"));
    /// # }
    /// ```
    pub async fn shut_down(&self) {
        orphans::end_detached(self.handle.id()).await;
        orphans::wait(self.handle.id()).await;
    }
}

impl TokioRuntime {
    /// Starts a task whose type is known: tokio's own box is the only one.
    pub(crate) fn spawn_unboxed(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.handle.spawn(task);
    }
}

impl Runtime for TokioRuntime {
    fn as_tokio(&self) -> Option<&TokioRuntime> {
        Some(self)
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.handle.spawn(task);
    }

    fn spawn_orphan(&self, orphan: BoxFuture<'static, ()>) {
        let counted = Orphan::count(self.handle.id());
        self.handle.spawn(async move {
            orphan.await;
            drop(counted);
        });
    }

    fn spawn_detached(&self, fiber: FiberRef, task: BoxFuture<'static, ()>) {
        let counted = Detached::count(self.handle.id(), fiber);
        self.handle.spawn(async move {
            task.await;
            drop(counted);
        });
    }

    fn parallelism(&self) -> usize {
        self.handle.metrics().num_workers()
    }

    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }

    fn sleep_until(&self, deadline: Instant) -> Timer {
        // A timer belongs to the runtime that is entered: the one that polls us, or, if there is none, ours.
        let _entered = Handle::try_current().is_err().then(|| self.handle.enter());
        Timer::tokio(tokio::time::sleep_until(deadline.into()))
    }

    fn spawn_blocking(&self, job: Box<dyn FnOnce() + Send>) {
        self.handle.spawn_blocking(job);
    }
}
