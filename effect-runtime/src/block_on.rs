//! Running an effect from sync code.

use std::io;
use std::time::Duration;

use effect_core::fits::Provided;
use effect_core::{Effect, Exit, Value};

use crate::own_runtime::OwnRuntime;

/// How long `run` waits for orphans.
const GRACE: Duration = Duration::from_secs(10);

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
/// Its finalizers and its children end before it does. Then detached fibers are interrupted, and have 10 seconds to run
/// their finalizers; so has an effect that plain tokio code began and dropped. What has not ended by then is dropped, as is at once what that code only
/// spawned, and finalizers that are lost so are [reported](effect_core::Report::LostFinalizers).
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
pub fn run<R, E, A, P>(effect: Effect<R, E, A, P>) -> Result<Exit<E, A>, RunError>
where
    E: Value,
    A: Value,
    P: Provided<R, E, A>,
{
    let own = OwnRuntime::start()?;
    let exit = own.block_on(own.finish(effect.run_on(own.effects()), GRACE));
    own.shut_down();
    Ok(exit)
}
