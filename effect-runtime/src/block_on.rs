//! Running an effect from sync code.

use std::io;
use std::sync::Arc;

use effect_core::{Effect, Exit, Program, TokioRuntime, Value};
use tokio::runtime::{Builder, Handle};

/// Why an effect could not even be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The caller already runs inside a tokio runtime, which must not be blocked: await the effect there.
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
    if Handle::try_current().is_ok() {
        return Err(RunError::InsideRuntime);
    }
    let tokio = Builder::new_multi_thread().enable_all().build()?;
    let runtime = Arc::new(TokioRuntime::new(tokio.handle().clone()));
    let exit = tokio.block_on(effect.run_on(runtime));
    // A blocking closure that nobody waits for any more must not hold its caller up.
    tokio.shutdown_background();
    Ok(exit)
}
