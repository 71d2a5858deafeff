//! Handling failure: what follows an error, and how an effect ended.

use std::fmt;
use std::future::Future;
use std::ops::ControlFlow;
use std::panic::Location;

use crate::fits::{CannotFail, SameValue};
use crate::mask::catching;
use crate::net::{caught, net};
use crate::opaque_debug::opaque_debug;
use crate::poll::{chain, then};
use crate::program::{Outcome, Pace, Step};
use crate::settled::settled;
use crate::{Cause, Cx, Defect, Effect, Env, Exit, IntoEffect, Never, Program, Value};

mod recovering;
mod converting;
mod causes;
mod observing;

pub use causes::{FoldCause, RecoverCause, RecoverDefect, TapCause};
pub use converting::{EnsureOr, OrDieWith, ToResult};
pub use observing::{IgnoreLogged, InspectError, TapError};
pub use recovering::{FoldEffect, RecoverIf, RecoverSome};

/// # Handling failure
impl<R, E, A, P> Effect<R, E, A, P>
where
    R: Env,
    E: Value,
    A: Value,
{
    /// Transforms the error this effect fails with.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::fail;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// assert_eq!(fail::<_, _, ()>("a").map_error(str::len).await, Err(1));
    /// # }
    /// ```
    pub fn map_error<E2, F>(self, f: F) -> Effect<R, E2, A, MapError<P, F>>
    where
        E2: Value,
        F: FnOnce(E) -> E2 + Value,
    {
        Effect::of(MapError {
            program: self.program,
            f,
        })
    }

    /// Runs what the error leads to, after this effect failed. A success passes untouched.
    ///
    /// Only a typed failure is recovered from: a defect is a bug, and goes on to end the fiber.
    ///
    /// # Errors
    ///
    /// The error of the recovery.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::{fail, succeed, Never};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let cached = fail::<_, _, usize>("offline").recover(|reason| succeed::<_, Never, _>(reason.len()));
    /// assert_eq!(cached.await, Ok(7));
    /// # }
    /// ```
    #[doc(alias = "or_else")]
    #[doc(alias = "catch_all")]
    pub fn recover<I, F>(self, f: F) -> Effect<R, I::Error, A, Recover<P, F>>
    where
        I: IntoEffect<R> + SameValue<A, I::Value>,
        F: FnOnce(E) -> I + Value,
    {
        Effect::of(Recover {
            program: self.program,
            f,
        })
    }

    /// Turns both outcomes into one value; what is left cannot fail.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::fail;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let status = fail::<_, _, ()>("no route").fold(|error| error.to_owned(), |()| "ok".to_owned());
    /// let Ok(status) = status.await;
    /// assert_eq!(status, "no route");
    /// # }
    /// ```
    pub fn fold<B, F, G>(self, on_failure: F, on_success: G) -> Effect<R, Never, B, Fold<P, F, G>>
    where
        B: Value,
        F: FnOnce(E) -> B + Value, // The failure's comes first,
        G: FnOnce(A) -> B + Value, // then the success's, and both give a `B`.
    {
        Effect::of(Fold {
            program: self.program,
            on_failure,
            on_success,
        })
    }

    /// Tells how this effect ended, as a value: success, failure or defect.
    ///
    /// An interruption is not seen here: it ends what is around this effect as well. A fiber's
    /// [`exit`](crate::Fiber::exit) shows it, and so does this one under an
    /// [`uninterruptible_mask`](crate::uninterruptible_mask), around a part that may be interrupted.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::sync;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let nothing: Vec<u8> = vec![];
    /// let Ok(exit) = sync::<_, (), _, _>(move || nothing[0]).exit().await;
    /// assert!(exit.cause().unwrap().is_die());
    /// # }
    /// ```
    pub fn exit(self) -> Effect<R, Never, Exit<E, A>, ToExit<P>> {
        Effect::of(ToExit {
            program: self.program,
        })
    }

    /// Takes a failure for a bug: it becomes a defect, and what is left cannot fail.
    ///
    /// # Panics
    ///
    /// A failure becomes a defect with the error's message and the place of this call.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::from_result;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let Ok(port) = from_result("8080".parse::<u16>()).or_die().await;
    /// assert_eq!(port, 8080);
    /// # }
    /// ```
    #[track_caller]
    pub fn or_die(self) -> Effect<R, Never, A, OrDie<P>>
    where
        E: fmt::Display,
    {
        Effect::of(OrDie {
            program: self.program,
            place: Location::caller(),
        })
    }
}

/// # Handling failure that cannot happen
impl<R, E, A, P> Effect<R, E, A, P> {
    /// Gives an effect that cannot fail any error type, so that it fits into a chain that can.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::{succeed, fail, Never};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let safe = succeed::<_, Never, _>(1);
    /// assert_eq!(safe.widen_error().flat_map(|_| fail::<_, _, ()>("later")).await, Err("later"));
    /// # }
    /// ```
    pub fn widen_error<E2: Value>(self) -> Effect<R, E2, A, MapError<P, fn(Never) -> E2>>
    where
        Self: CannotFail<E>,
    {
        Effect::of(MapError {
            program: self.program,
            f: |never| match never {},
        })
    }
}

/// The program of [`Effect::map_error`].
#[derive(Clone)]
pub struct MapError<P, F> {
    program: P,
    f: F,
}

impl<R, E2, P, F> Program<R> for MapError<P, F>
where
    R: Env,
    E2: Value,
    P: Program<R>,
    F: FnOnce(P::Error) -> E2 + Value,
{
    type Error = E2;
    type Value = P::Value;
    const PACE: Pace = P::PACE.result();

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Outcome<R, Self>> + Send {
        then(self.program.run(cx), |result: Result<_, _>| {
            result.map_err(self.f)
        })
    }

    #[inline]
    fn run_now(self, cx: &Cx<R>) -> Step<R, E2, P::Value> {
        Step::Done(self.program.run_now(cx).into_result().map_err(self.f))
    }
}

/// The program of [`Effect::recover`].
#[derive(Clone)]
pub struct Recover<P, F> {
    program: P,
    f: F,
}

impl<R, P, F, I> Program<R> for Recover<P, F>
where
    R: Env,
    P: Program<R>,
    I: IntoEffect<R, Value = P::Value>,
    F: FnOnce(P::Error) -> I + Value,
{
    type Error = I::Error;
    type Value = P::Value;
    const PACE: Pace = P::PACE.then(I::Program::PACE);

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Outcome<R, Self>> + Send {
        chain(self.program.run(cx), move |result| match result {
            Ok(value) => ControlFlow::Break(Ok(value)),
            Err(error) => {
                cx.fiber().take_raised();
                ControlFlow::Continue((self.f)(error).into_effect().program.run(cx))
            }
        })
    }

    fn step(self, cx: &Cx<R>) -> impl Future<Output = Step<R, I::Error, P::Value>> + Send {
        chain(self.program.run(cx), move |result| match result {
            Ok(value) => ControlFlow::Break(Step::Done(Ok(value))),
            Err(error) => {
                cx.fiber().take_raised();
                ControlFlow::Continue((self.f)(error).into_effect().program.step(cx))
            }
        })
    }

    #[inline]
    fn run_now(self, cx: &Cx<R>) -> Step<R, I::Error, P::Value> {
        match self.program.run_now(cx).into_result() {
            Ok(value) => Step::Done(Ok(value)),
            Err(error) => {
                cx.fiber().take_raised();
                (self.f)(error).into_effect().program.run_now(cx)
            }
        }
    }
}

/// The program of [`Effect::fold`].
#[derive(Clone)]
pub struct Fold<P, F, G> {
    program: P,
    on_failure: F,
    on_success: G,
}

impl<R, B, P, F, G> Program<R> for Fold<P, F, G>
where
    R: Env,
    B: Value,
    P: Program<R>,
    F: FnOnce(P::Error) -> B + Value,
    G: FnOnce(P::Value) -> B + Value,
{
    type Error = Never;
    type Value = B;

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Result<B, Never>> + Send {
        then(self.program.run(cx), |result: Result<_, _>| match result {
            Ok(value) => Ok((self.on_success)(value)),
            Err(error) => {
                cx.fiber().take_raised();
                Ok((self.on_failure)(error))
            }
        })
    }
}

/// The program of [`Effect::exit`].
#[derive(Clone, Debug)]
pub struct ToExit<P> {
    program: P,
}

impl<R: Env, P: Program<R>> Program<R> for ToExit<P> {
    type Error = Never;
    type Value = Exit<P::Error, P::Value>;

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Result<Self::Value, Never>> + Send {
        let fiber = cx.fiber();
        // What a panic left to be done is done before anybody goes on.
        let body = catching(cx.mask(), self.program.run(cx));
        let ended = settled(fiber, caught(fiber, body));
        then(net(fiber, ended), |(ended, defects): (Result<_, _>, _)| {
            let exit = match ended {
                Ok(Ok(result)) => Exit::from(result),
                Ok(Err(by)) => Exit::Failure(Cause::interrupts(by)),
                Err(defect) => Exit::Failure(Cause::die(defect)),
            };
            Ok(exit.traced(fiber).with_defects(defects))
        })
    }
}

/// The program of [`Effect::or_die`].
#[derive(Clone, Debug)]
pub struct OrDie<P> {
    program: P,
    place: &'static Location<'static>,
}

impl<R: Env, P: Program<R>> Program<R> for OrDie<P>
where
    P::Error: fmt::Display,
{
    type Error = Never;
    type Value = P::Value;

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Result<P::Value, Never>> + Send {
        then(
            self.program.run(cx),
            move |result: Result<_, P::Error>| match result {
                Ok(value) => Ok(value),
                Err(error) => Defect::at(self.place, error.to_string()).raise(),
            },
        )
    }
}

opaque_debug!(MapError<P, F>, Recover<P, F>, Fold<P, F, G>);
