//! Looking at failures, and letting them be.

use std::fmt;
use std::future::Future;
use std::ops::ControlFlow;

use crate::fits::SameError;
use crate::opaque_debug::opaque_debug;
use crate::poll::{chain, then};
use crate::program::{Outcome, Pace, Step};
use crate::{Cx, Effect, Env, IntoEffect, Never, Program, Value};

/// # Looking at failure
impl<R, E, A, P> Effect<R, E, A, P>
where
    R: Env,
    E: Value,
    A: Value,
{
    /// Looks at the error, and passes it on.
    ///
    /// # Errors
    ///
    /// The error of this effect.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::fail;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (log, lines) = std::sync::mpsc::channel();
    /// let failing = fail::<_, _, ()>("no route").inspect_error(move |why| log.send(*why).unwrap());
    /// assert_eq!(failing.await, Err("no route"));
    /// assert_eq!(lines.recv(), Ok("no route"));
    /// # }
    /// ```
    #[doc(alias = "inspect_err")]
    pub fn inspect_error<F>(self, f: F) -> Effect<R, E, A, InspectError<P, F>>
    where
        F: FnOnce(&E) + Value,
    {
        Effect::of(InspectError {
            program: self.program,
            f,
        })
    }

    /// Looks at the error with an effect of its own, and passes it on.
    ///
    /// # Errors
    ///
    /// The error of this effect, or of the one that looks, if that fails.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{fail, sync};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (log, lines) = std::sync::mpsc::channel();
    /// let failing = fail::<_, _, ()>("no route").tap_error(move |why| {
    ///     let line = format!("failed: {why}");
    ///     sync(move || log.send(line).unwrap())
    /// });
    /// assert_eq!(failing.await, Err("no route"));
    /// assert_eq!(lines.recv().unwrap(), "failed: no route");
    /// # }
    /// ```
    pub fn tap_error<I, F>(self, f: F) -> Effect<R, E, A, TapError<P, F>>
    where
        I: IntoEffect<R> + SameError<E, I::Error>,
        F: FnOnce(&E) -> I + Value,
    {
        Effect::of(TapError {
            program: self.program,
            f,
        })
    }

    /// Goes on after a failure as after a success, and [reports](crate::Runtime::report) the failure with the reason
    /// for which it does not matter.
    ///
    /// There is no silent way to ignore one. A defect is not ignored.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::fail;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let warming = fail::<_, _, u8>("cache is down").ignore_logged("the cache only saves time");
    /// assert_eq!(warming.await, Ok(()));
    /// // On standard error: fiber #1 ignored a failure, because the cache only saves time: cache is down
    /// # }
    /// ```
    #[doc(alias = "ignore")]
    pub fn ignore_logged(self, why: &'static str) -> Effect<R, Never, (), IgnoreLogged<P>>
    where
        E: fmt::Display,
    {
        Effect::of(IgnoreLogged {
            program: self.program,
            why,
        })
    }
}

/// The program of [`Effect::inspect_error`].
#[derive(Clone)]
pub struct InspectError<P, F> {
    program: P,
    f: F,
}

impl<R, P, F> Program<R> for InspectError<P, F>
where
    R: Env,
    P: Program<R>,
    F: FnOnce(&P::Error) + Value,
{
    type Error = P::Error;
    type Value = P::Value;
    const PACE: Pace = P::PACE.result();

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Outcome<R, Self>> + Send {
        then(self.program.run(cx), |result: Result<_, _>| {
            result.inspect_err(self.f)
        })
    }

    #[inline]
    fn run_now(self, cx: &Cx<R>) -> Step<R, P::Error, P::Value> {
        Step::Done(self.program.run_now(cx).into_result().inspect_err(self.f))
    }
}

/// The program of [`Effect::tap_error`].
#[derive(Clone)]
pub struct TapError<P, F> {
    program: P,
    f: F,
}

impl<R, P, F, I> Program<R> for TapError<P, F>
where
    R: Env,
    P: Program<R>,
    I: IntoEffect<R, Error = P::Error>,
    F: FnOnce(&P::Error) -> I + Value,
{
    type Error = P::Error;
    type Value = P::Value;

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Outcome<R, Self>> + Send {
        chain(self.program.run(cx), move |result| match result {
            Ok(value) => ControlFlow::Break(Ok(value)),
            Err(error) => {
                let place = cx.fiber().take_raised();
                let look = (self.f)(&error).into_effect().program.run(cx);
                let after = then(look, move |looked: Result<_, _>| {
                    looked?;
                    // What the look has failed with itself, and recovered from, was another failure.
                    if let Some(place) = place {
                        cx.fiber().raised_at(place);
                    }
                    Err(error)
                });
                ControlFlow::Continue(after)
            }
        })
    }
}

/// The program of [`Effect::ignore_logged`].
#[derive(Clone, Debug)]
pub struct IgnoreLogged<P> {
    program: P,
    why: &'static str,
}

impl<R: Env, P: Program<R>> Program<R> for IgnoreLogged<P>
where
    P::Error: fmt::Display,
{
    type Error = Never;
    type Value = ();

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Result<(), Never>> + Send {
        then(self.program.run(cx), move |result: Result<_, _>| {
            if let Err(error) = result {
                cx.fiber().take_raised();
                cx.fiber().report_ignored(self.why, &error);
            }
            Ok(())
        })
    }
}

opaque_debug!(InspectError<P, F>, TapError<P, F>);
