//! Creating effects: from values, closures, futures and blocking code.

use std::marker::PhantomData;

use crate::program::{Pace, Step};
use crate::trace::Raised;
use crate::{Cx, Defect, Effect, Env, Program, Value};

mod from_exit;
mod functions;
mod waiting;
mod futures;
mod callback;
mod blocking;

pub use blocking::{Blocking, BlockingCancelable, Cancel, blocking, blocking_cancelable};
pub use callback::{Callback, Canceler, Resume, callback};
pub(crate) use from_exit::end_as;
pub use from_exit::{FromExit, from_exit};
pub use functions::{FromFn, Sync, TrySync, effect, sync, try_sync};
pub use futures::{Placed, Shielded, from_future, shielded};
pub use waiting::{Forever, Sleep, YieldTurn, never, sleep, yield_turn};

/// Creates an effect that succeeds with the given value.
///
/// # Examples
///
/// ```
/// # use effect_core::{succeed, Never};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// assert_eq!(succeed::<_, Never, _>(1).await, Ok(1));
/// # }
/// ```
pub fn succeed<R: Env, E: Value, A: Value>(value: A) -> Effect<R, E, A, FromResult<E, A>> {
    Effect::new(FromResult { result: Ok(value) })
}

/// Creates an effect that fails with the given error.
///
/// # Examples
///
/// ```
/// # use effect_core::fail;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// assert_eq!(fail::<_, _, ()>("no route").await, Err("no route"));
/// # }
/// ```
#[track_caller]
pub fn fail<R: Env, E: Value, A: Value>(error: E) -> Effect<R, E, A, FromResult<E, A>> {
    from_result(Err(error))
}

/// Creates an effect that has the given result.
///
/// # Examples
///
/// ```
/// # use effect_core::from_result;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// assert_eq!(from_result("12".parse::<u8>()).await, Ok(12));
/// # }
/// ```
#[track_caller]
pub fn from_result<R: Env, E: Value, A: Value>(
    result: Result<A, E>,
) -> Effect<R, E, A, FromResult<E, A>> {
    let result = match result {
        Ok(value) => Ok(value),
        Err(error) => Err(Raised::here(error)),
    };
    Effect::new(FromResult { result })
}

/// The program of [`succeed`], [`fail`] and [`from_result`].
#[derive(Clone, Debug)]
pub struct FromResult<E, A> {
    result: Result<A, Raised<E>>,
}

impl<R: Env, E: Value, A: Value> Program<R> for FromResult<E, A> {
    type Error = E;
    type Value = A;
    const PACE: Pace = Pace::Now;

    async fn run(self, cx: &Cx<R>) -> Result<A, E> {
        self.result.map_err(|raised| raised.raise(cx.fiber()))
    }

    #[inline]
    fn run_now(self, cx: &Cx<R>) -> Step<R, E, A> {
        Step::Done(self.result.map_err(|raised| raised.raise(cx.fiber())))
    }
}

/// Creates an effect that dies with a defect: for what cannot happen unless there is a bug.
///
/// # Examples
///
/// ```
/// use effect_core::{die, Exit};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let exit: Exit<(), ()> = die("the index is out of step").run_exit().await;
/// assert_eq!(exit.cause().unwrap().defect().unwrap().message(), "the index is out of step");
/// # }
/// ```
#[track_caller]
pub fn die<R: Env, E: Value, A: Value>(message: impl Into<String>) -> Effect<R, E, A, Die<E, A>> {
    Effect::new(Die {
        defect: Defect::new(message),
        types: PhantomData,
    })
}

/// The program of [`die`].
#[derive(Debug)]
pub struct Die<E, A> {
    defect: Defect,
    types: PhantomData<fn() -> (E, A)>,
}

impl<E, A> Clone for Die<E, A> {
    fn clone(&self) -> Self {
        Die {
            defect: self.defect.clone(),
            types: PhantomData,
        }
    }
}

impl<R: Env, E: Value, A: Value> Program<R> for Die<E, A> {
    type Error = E;
    type Value = A;

    async fn run(self, _cx: &Cx<R>) -> Result<A, E> {
        self.defect.raise()
    }
}
