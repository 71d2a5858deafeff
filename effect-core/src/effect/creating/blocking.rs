//! Work that blocks its thread, on a thread that may block.

use futures::channel::oneshot;

use crate::defect::catch;
use crate::opaque_debug::opaque_debug;
use crate::{Cx, Defect, Effect, Env, Program, Value};

/// Creates an effect that calls a closure on a thread that may block, and has its result.
///
/// Interruption does not stop the closure: nobody waits for it any more, it runs to its end, and its result
/// is dropped.
///
/// # Errors
///
/// What the closure returns.
///
/// # Panics
///
/// A panic of the closure is a defect of the effect. So is a runtime that shuts down before it has run.
///
/// # Examples
///
/// ```
/// # use effect_core::blocking;
/// # #[tokio::main]
/// # async fn main() {
/// let read = blocking(|| std::fs::read_to_string("/no/such/file"));
/// assert_eq!(read.await.unwrap_err().kind(), std::io::ErrorKind::NotFound);
/// # }
/// ```
pub fn blocking<R, E, A, F>(f: F) -> Effect<R, E, A, Blocking<F>>
where
    R: Env,
    E: Value,
    A: Value,
    F: FnOnce() -> Result<A, E> + Value,
{
    Effect::new(Blocking { f })
}

/// The program of [`blocking`].
#[derive(Clone)]
pub struct Blocking<F> {
    f: F,
}

impl<R, E, A, F> Program<R> for Blocking<F>
where
    R: Env,
    E: Value,
    A: Value,
    F: FnOnce() -> Result<A, E> + Value,
{
    type Error = E;
    type Value = A;

    async fn run(self, cx: &Cx<R>) -> Result<A, E> {
        let (done, result) = oneshot::channel();
        let job = move || {
            // Nobody is left to hear of it when the effect was interrupted.
            let _ = done.send(catch(self.f));
        };
        cx.runtime().spawn_blocking(Box::new(job));
        match result.await {
            Ok(Ok(result)) => result,
            Ok(Err(defect)) => defect.raise(),
            Err(oneshot::Canceled) => {
                Defect::new("the runtime shut down before a blocking closure had run").raise()
            }
        }
    }
}

opaque_debug!(Blocking<F>);
