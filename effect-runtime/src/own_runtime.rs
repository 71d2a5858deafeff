//! The tokio runtime that an effect has to itself: started where a thread may block, and shut down when nothing is
//! owed any more.

#![allow(clippy::disallowed_methods, reason = "a grace period is in real time")]

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use effect_core::TokioRuntime;
use futures::FutureExt;
use tokio::runtime::{Builder, Runtime};
use tokio::task::coop::consume_budget;
use tokio::time::timeout;

use crate::RunError;

/// How long tasks that are dropped may take to say which finalizers are lost with them.
const LAST_WORDS: Duration = Duration::from_millis(100);

pub(crate) struct OwnRuntime {
    tokio: Runtime,
    effects: Arc<TokioRuntime>,
}

impl OwnRuntime {
    /// Starts a runtime of several threads, where the caller may be blocked.
    pub(crate) fn start() -> Result<Self, RunError> {
        if is_polled() {
            return Err(RunError::InsideRuntime);
        }
        let tokio = Builder::new_multi_thread().enable_all().build()?;
        let effects = Arc::new(TokioRuntime::new(tokio.handle().clone()));
        Ok(OwnRuntime { tokio, effects })
    }

    pub(crate) fn effects(&self) -> Arc<TokioRuntime> {
        Arc::clone(&self.effects)
    }

    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.tokio.block_on(future)
    }

    /// Waits for the exit of a root fiber, and then, no longer than this, for the orphans that it left, and for its detached
    /// fibers, which are interrupted.
    pub(crate) async fn finish<T>(&self, exit: impl Future<Output = T>, grace: Duration) -> T {
        let exit = exit.await;
        let _ = timeout(grace, self.effects.shut_down()).await;
        exit
    }

    /// Drops the tasks that are left, and waits a moment for them.
    pub(crate) fn shut_down(self) {
        if self.tokio.metrics().num_alive_tasks() > 0 {
            self.tokio.shutdown_timeout(LAST_WORDS);
        } else {
            // A blocking closure that nobody waits for any more must not hold its caller up.
            self.tokio.shutdown_background();
        }
    }
}

/// Whether tokio polls the caller, whose thread must then not be blocked.
///
/// A current `Handle` is no sign of that: the threads that may block have one as well. But whatever tokio polls
/// has a budget of steps, which fits a byte, and has to yield when it has used it up; nothing else has one.
fn is_polled() -> bool {
    (0..=u8::MAX).any(|_| consume_budget().now_or_never().is_none())
}
