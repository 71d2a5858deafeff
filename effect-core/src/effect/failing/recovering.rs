//! More ways to go on after a typed failure: in some cases only, or with an effect for either outcome.

use std::future::Future;
use std::ops::ControlFlow;

use futures::future::Either;

use crate::fits::{SameError, SameValue};
use crate::opaque_debug::opaque_debug;
use crate::poll::chain;
use crate::program::{Outcome, Step};
use crate::{Cx, Effect, Env, IntoEffect, Program, Value};

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
        I: IntoEffect<R> + SameError<E, I::Error> + SameValue<A, I::Value>,
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
        I: IntoEffect<R> + SameError<E, I::Error> + SameValue<A, I::Value>,
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
        J: IntoEffect<R> + SameError<I::Error, J::Error> + SameValue<I::Value, J::Value>,
        F: FnOnce(E) -> I + Value,
        G: FnOnce(A) -> J + Value,
    {
        Effect::of(FoldEffect {
            program: self.program,
            on_failure,
            on_success,
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

opaque_debug!(
    RecoverSome<P, F>,
    RecoverIf<P, C, F>,
    FoldEffect<P, F, G>,
);
