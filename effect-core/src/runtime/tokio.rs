//! The runtime trait over tokio: the one file of this crate that names tokio's tasks and timers.
//!
//! It lives here and not in `effect-runtime` because `Effect` is to be awaited in any tokio program, and
//! Rust's coherence wants that `IntoFuture` beside the type.

#![allow(
    clippy::disallowed_methods,
    reason = "this is where the disallowed methods are wrapped"
)]

use std::time::Instant;

use futures::future::{BoxFuture, FutureExt};
use tokio::runtime::Handle;

use super::Runtime;

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
}

impl Runtime for TokioRuntime {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.handle.spawn(task);
    }

    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }

    fn sleep_until(&self, deadline: Instant) -> BoxFuture<'static, ()> {
        // A timer belongs to the runtime that is entered: the one that polls us, or, if there is none, ours.
        let _entered = Handle::try_current().is_err().then(|| self.handle.enter());
        tokio::time::sleep_until(deadline.into()).boxed()
    }

    fn spawn_blocking(&self, job: Box<dyn FnOnce() + Send>) {
        self.handle.spawn_blocking(job);
    }
}
