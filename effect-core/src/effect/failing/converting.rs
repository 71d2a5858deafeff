//! From values to failures, from failures to values and to defects.

use std::future::Future;
use std::panic::Location;

use crate::opaque_debug::opaque_debug;
use crate::poll::then;
use crate::program::{Outcome, Pace, Step};
use crate::{Cx, Defect, Effect, Env, Never, Program, Value};

/// # Turning outcomes into others
impl<R, E, A, P> Effect<R, E, A, P>
where
    R: Env,
    E: Value,
    A: Value,
{
    /// Has either outcome as a value; what is left cannot fail.
    ///
    /// A defect is no outcome: [`exit`](Effect::exit) shows that as well.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::fail;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// assert_eq!(fail::<_, _, ()>("no route").result().await, Ok(Err("no route")));
    /// # }
    /// ```
    #[doc(alias = "either")]
    pub fn result(self) -> Effect<R, Never, Result<A, E>, ToResult<P>> {
        Effect::of(ToResult {
            program: self.program,
        })
    }

    /// Fails if the value is not as it should be.
    ///
    /// # Errors
    ///
    /// The error of this effect, or what the closure makes of the value.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::succeed;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let port = |n: u32| succeed(n).ensure_or(|n| *n < 65_536, |n| format!("{n} is no port"));
    /// assert_eq!(port(8080).await, Ok(8080));
    /// assert_eq!(port(80_800).await, Err("80800 is no port".to_owned()));
    /// # }
    /// ```
    #[doc(alias = "filter_or_fail")]
    #[track_caller]
    pub fn ensure_or<C, F>(self, predicate: C, error: F) -> Effect<R, E, A, EnsureOr<P, C, F>>
    where
        C: FnOnce(&A) -> bool + Value,
        F: FnOnce(A) -> E + Value,
    {
        Effect::of(EnsureOr {
            program: self.program,
            predicate,
            error,
            place: Location::caller(),
        })
    }

    /// Takes a failure for a bug, and says what kind of bug; what is left cannot fail.
    ///
    /// # Panics
    ///
    /// A failure becomes a defect with the closure's message and the place of this call.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::from_result;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let port = from_result("many".parse::<u16>()).or_die_with(|why| format!("a port: {why}"));
    /// let exit = port.run_exit().await;
    /// let defect = exit.cause().unwrap().defect().unwrap();
    /// assert_eq!(defect.message(), "a port: invalid digit found in string");
    /// # }
    /// ```
    #[track_caller]
    pub fn or_die_with<M, F>(self, message: F) -> Effect<R, Never, A, OrDieWith<P, F>>
    where
        M: Into<String>,
        F: FnOnce(E) -> M + Value,
    {
        Effect::of(OrDieWith {
            program: self.program,
            message,
            place: Location::caller(),
        })
    }
}

/// The program of [`Effect::result`].
#[derive(Clone, Debug)]
pub struct ToResult<P> {
    program: P,
}

impl<R: Env, P: Program<R>> Program<R> for ToResult<P> {
    type Error = Never;
    type Value = Outcome<R, P>;

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Result<Self::Value, Never>> + Send {
        then(self.program.run(cx), |result: Result<_, _>| {
            if result.is_err() {
                cx.fiber().take_raised();
            }
            Ok(result)
        })
    }
}

/// The program of [`Effect::ensure_or`].
#[derive(Clone)]
pub struct EnsureOr<P, C, F> {
    program: P,
    predicate: C,
    error: F,
    place: &'static Location<'static>,
}

impl<P, C, F> EnsureOr<P, C, F> {
    fn check<R, E, A>(
        predicate: C,
        error: F,
        place: &'static Location<'static>,
        cx: &Cx<R>,
        value: A,
    ) -> Result<A, E>
    where
        C: FnOnce(&A) -> bool,
        F: FnOnce(A) -> E,
    {
        if predicate(&value) {
            Ok(value)
        } else {
            cx.fiber().raised_at(place);
            Err(error(value))
        }
    }
}

impl<R, P, C, F> Program<R> for EnsureOr<P, C, F>
where
    R: Env,
    P: Program<R>,
    C: FnOnce(&P::Value) -> bool + Value,
    F: FnOnce(P::Value) -> P::Error + Value,
{
    type Error = P::Error;
    type Value = P::Value;
    const PACE: Pace = P::PACE.result();

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Outcome<R, Self>> + Send {
        then(self.program.run(cx), move |result: Result<_, _>| {
            Self::check(self.predicate, self.error, self.place, cx, result?)
        })
    }

    #[inline]
    fn run_now(self, cx: &Cx<R>) -> Step<R, P::Error, P::Value> {
        let result = self.program.run_now(cx).into_result();
        let checked =
            result.and_then(|value| Self::check(self.predicate, self.error, self.place, cx, value));
        Step::Done(checked)
    }
}

/// The program of [`Effect::or_die_with`].
#[derive(Clone)]
pub struct OrDieWith<P, F> {
    program: P,
    message: F,
    place: &'static Location<'static>,
}

impl<R, P, M, F> Program<R> for OrDieWith<P, F>
where
    R: Env,
    P: Program<R>,
    M: Into<String>,
    F: FnOnce(P::Error) -> M + Value,
{
    type Error = Never;
    type Value = P::Value;

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Result<P::Value, Never>> + Send {
        then(
            self.program.run(cx),
            move |result: Result<_, _>| match result {
                Ok(value) => Ok(value),
                Err(error) => Defect::at(self.place, (self.message)(error)).raise(),
            },
        )
    }
}

opaque_debug!(EnsureOr<P, C, F>, OrDieWith<P, F>);
