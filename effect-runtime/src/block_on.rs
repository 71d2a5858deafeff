//! Running an effect from sync code.

use std::io;
use std::sync::Arc;

use effect_core::{Effect, Exit, Program, TokioRuntime, Value};
use futures::FutureExt;
use tokio::runtime::{Builder, Runtime};
use tokio::task::coop::consume_budget;

/// Why an effect could not even be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The caller is polled by a tokio runtime, which must not be blocked: await the effect there. On a thread
    /// that may block, a [`blocking`](effect_core::blocking) effect's for one, this is no error.
    #[error("an async runtime is running here already: await the effect instead")]
    InsideRuntime,
    /// The operating system refused the threads or the poller that a runtime needs.
    #[error("the runtime could not be started: {0}")]
    Start(#[from] io::Error),
}

/// Runs an effect on a multi-threaded tokio runtime of its own, and tells how it ended.
///
/// # Errors
///
/// [`RunError`], when the effect could not be started at all. How it ended is in the [`Exit`].
///
/// # Panics
///
/// With tokio's own panic instead of [`RunError::InsideRuntime`] where tokio does not let us see that it polls
/// the caller: inside of `tokio::task::unconstrained`, or in a `Drop` while a runtime shuts down.
///
/// # Examples
///
/// ```
/// use effect_core::{succeed, Exit, Never};
///
/// let exit = effect_runtime::run(succeed::<_, Never, _>(42))?;
/// assert_eq!(exit, Exit::Success(42));
/// # Ok::<(), effect_runtime::RunError>(())
/// ```
pub fn run<E, A, P>(effect: Effect<(), E, A, P>) -> Result<Exit<E, A>, RunError>
where
    E: Value,
    A: Value,
    P: Program<(), Error = E, Value = A>,
{
    let tokio = start_tokio()?;
    let runtime = Arc::new(TokioRuntime::new(tokio.handle().clone()));
    let exit = tokio.block_on(effect.run_on(runtime));
    // A blocking closure that nobody waits for any more must not hold its caller up.
    tokio.shutdown_background();
    Ok(exit)
}

/// Starts a multi-threaded tokio runtime, where one may be waited for.
pub(crate) fn start_tokio() -> Result<Runtime, RunError> {
    if is_polled() {
        return Err(RunError::InsideRuntime);
    }
    Ok(Builder::new_multi_thread().enable_all().build()?)
}

/// Whether tokio polls the caller, whose thread must then not be blocked.
///
/// A current `Handle` is no sign of that: the threads that may block have one as well. But whatever tokio polls
/// has a budget of steps, which fits a byte, and has to yield when it has used it up; nothing else has one.
fn is_polled() -> bool {
    (0..=u8::MAX).any(|_| consume_budget().now_or_never().is_none())
}
