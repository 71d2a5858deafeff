//! More ways to go on after a typed failure: in some cases only, with an effect for either outcome, or as a value.

use std::future::Future;
use std::ops::ControlFlow;
use std::panic::Location;

use futures::future::Either;

use crate::opaque_debug::opaque_debug;
use crate::poll::{chain, then};
use crate::program::{Outcome, Pace, Step};
use crate::{Cx, Defect, Effect, Env, IntoEffect, Never, Program, Value};

/// # Handling some failures
impl<R, E, A, P> Effect<R, E, A, P>
where
    R: Env,
    E: Value,
    A: Value,
{
    /// Runs what the error leads to, if it leads to anything. A success passes untouched.
    ///
    /// A `match` says which errors are recovered from:
    ///
    /// ```
    /// use effect_core::{fail, succeed};
    ///
    /// #[derive(Debug, PartialEq)]
    /// enum ReadError { Missing, Torn { line: u32 } }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let lenient = |error| fail(error).recover_some(|error| match error {
    ///     ReadError::Missing => Some(succeed("default")),
    ///     ReadError::Torn { .. } => None,
    /// });
    /// assert_eq!(lenient(ReadError::Missing).await, Ok("default"));
    /// assert_eq!(lenient(ReadError::Torn { line: 7 }).await, Err(ReadError::Torn { line: 7 }));
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The error of this effect, if it leads to nothing, or of the recovery.
    #[doc(alias = "catch_some")]
    pub fn recover_some<I, F>(self, f: F) -> Effect<R, E, A, RecoverSome<P, F>>
    where
        I: IntoEffect<R, Error = E, Value = A>,
        F: FnOnce(&E) -> Option<I> + Value,
    {
        Effect::of(RecoverSome {
            program: self.program,
            f,
        })
    }

    /// Runs what the error leads to, if it is one of those that the predicate picks. A success passes untouched.
    ///
    /// # Errors
    ///
    /// The error of this effect, if it is another one, or of the recovery.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{fail, succeed};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let lenient = |code: u16| fail(code).recover_if(|code| *code < 500, |_| succeed("none"));
    /// assert_eq!(lenient(404).await, Ok("none"));
    /// assert_eq!(lenient(503).await, Err(503));
    /// # }
    /// ```
    #[doc(alias = "catch_if")]
    pub fn recover_if<I, C, F>(self, predicate: C, f: F) -> Effect<R, E, A, RecoverIf<P, C, F>>
    where
        I: IntoEffect<R, Error = E, Value = A>,
        C: FnOnce(&E) -> bool + Value,
        F: FnOnce(E) -> I + Value,
    {
        Effect::of(RecoverIf {
            program: self.program,
            predicate,
            f,
        })
    }

    /// Runs what either outcome leads to.
    ///
    /// # Errors
    ///
    /// The error of the effect that it leads to.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{fail, succeed};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let turned = fail::<_, _, u8>("no route").fold_effect(|error| succeed(error.len()), |n| fail(n));
    /// assert_eq!(turned.await, Ok(8));
    /// # }
    /// ```
    pub fn fold_effect<I, J, F, G>(
        self,
        on_failure: F,
        on_success: G,
    ) -> Effect<R, I::Error, I::Value, FoldEffect<P, F, G>>
    where
        I: IntoEffect<R>,
        J: IntoEffect<R, Error = I::Error, Value = I::Value>,
        F: FnOnce(E) -> I + Value,
        G: FnOnce(A) -> J + Value,
    {
        Effect::of(FoldEffect {
            program: self.program,
            on_failure,
            on_success,
        })
    }

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

/// The program of [`Effect::recover_some`].
#[derive(Clone)]
pub struct RecoverSome<P, F> {
    program: P,
    f: F,
}

impl<R, P, F, I> Program<R> for RecoverSome<P, F>
where
    R: Env,
    P: Program<R>,
    I: IntoEffect<R, Error = P::Error, Value = P::Value>,
    F: FnOnce(&P::Error) -> Option<I> + Value,
{
    type Error = P::Error;
    type Value = P::Value;

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Outcome<R, Self>> + Send {
        chain(self.program.run(cx), move |result| match result {
            Ok(value) => ControlFlow::Break(Ok(value)),
            Err(error) => match (self.f)(&error) {
                Some(recovery) => {
                    cx.fiber().take_raised();
                    ControlFlow::Continue(recovery.into_effect().program.run(cx))
                }
                None => ControlFlow::Break(Err(error)),
            },
        })
    }
}

/// The program of [`Effect::recover_if`].
#[derive(Clone)]
pub struct RecoverIf<P, C, F> {
    program: P,
    predicate: C,
    f: F,
}

impl<R, P, C, F, I> Program<R> for RecoverIf<P, C, F>
where
    R: Env,
    P: Program<R>,
    I: IntoEffect<R, Error = P::Error, Value = P::Value>,
    C: FnOnce(&P::Error) -> bool + Value,
    F: FnOnce(P::Error) -> I + Value,
{
    type Error = P::Error;
    type Value = P::Value;

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Outcome<R, Self>> + Send {
        chain(self.program.run(cx), move |result| match result {
            Err(error) if (self.predicate)(&error) => {
                cx.fiber().take_raised();
                ControlFlow::Continue((self.f)(error).into_effect().program.run(cx))
            }
            result => ControlFlow::Break(result),
        })
    }
}

/// The program of [`Effect::fold_effect`].
#[derive(Clone)]
pub struct FoldEffect<P, F, G> {
    program: P,
    on_failure: F,
    on_success: G,
}

impl<R, P, F, G, I, J> Program<R> for FoldEffect<P, F, G>
where
    R: Env,
    P: Program<R>,
    I: IntoEffect<R>,
    J: IntoEffect<R, Error = I::Error, Value = I::Value>,
    F: FnOnce(P::Error) -> I + Value,
    G: FnOnce(P::Value) -> J + Value,
{
    type Error = I::Error;
    type Value = I::Value;

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Outcome<R, Self>> + Send {
        chain(self.program.run(cx), move |result| {
            ControlFlow::Continue(match result {
                Ok(value) => Either::Left((self.on_success)(value).into_effect().program.run(cx)),
                Err(error) => {
                    cx.fiber().take_raised();
                    Either::Right((self.on_failure)(error).into_effect().program.run(cx))
                }
            })
        })
    }

    fn step(self, cx: &Cx<R>) -> impl Future<Output = Step<R, I::Error, I::Value>> + Send {
        chain(self.program.run(cx), move |result| {
            ControlFlow::Continue(match result {
                Ok(value) => Either::Left((self.on_success)(value).into_effect().program.step(cx)),
                Err(error) => {
                    cx.fiber().take_raised();
                    Either::Right((self.on_failure)(error).into_effect().program.step(cx))
                }
            })
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

opaque_debug!(
    RecoverSome<P, F>,
    RecoverIf<P, C, F>,
    FoldEffect<P, F, G>,
    EnsureOr<P, C, F>,
    OrDieWith<P, F>,
);
