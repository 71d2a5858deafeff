//! Handling whole causes: what went wrong, defects and finalizers included.

use std::future::Future;
use std::ops::ControlFlow;

use futures::future::Either;

use super::ToExit;
use crate::effect::creating::{FromExit, from_exit};
use crate::fits::{CannotFail, SameError, SameValue};
use crate::opaque_debug::opaque_debug;
use crate::poll::{chain, then};
use crate::program::Outcome;
use crate::{Cause, Cx, Defect, Effect, Env, Exit, IntoEffect, Never, Program, Reason, Value};

/// # Handling causes
///
/// These see more than the typed failures that are part of the contract: defects, which are bugs, and those of
/// finalizers. They belong to the edges of a program, where a request is answered or a task is given up. None of them
/// sees an interruption, which ends what is around the effect as well; but under an
/// [`uninterruptible_mask`](crate::uninterruptible_mask), that of a part that may be interrupted is seen.
impl<R, E, A, P> Effect<R, E, A, P>
where
    R: Env,
    E: Value,
    A: Value,
{
    /// Runs what the cause leads to, after this effect failed or died. A success passes untouched.
    ///
    /// # Errors
    ///
    /// The error of the recovery.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{succeed, sync, Never};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let nothing: Vec<u8> = vec![];
    /// let first = sync::<_, Never, _, _>(move || nothing[0]);
    /// let answer = first.recover_cause(|cause| succeed::<_, Never, _>(if cause.is_die() { 0 } else { 1 }));
    /// assert_eq!(answer.await, Ok(0));
    /// # }
    /// ```
    #[doc(alias = "catch_all_cause")]
    pub fn recover_cause<I, F>(self, f: F) -> Effect<R, I::Error, A, RecoverCause<P, F>>
    where
        I: IntoEffect<R> + SameValue<A, I::Value>,
        F: FnOnce(Cause<E>) -> I + Value,
    {
        Effect::of(RecoverCause {
            program: ToExit {
                program: self.program,
            },
            f,
        })
    }

    /// Runs what a defect leads to. A success and a typed failure pass untouched.
    ///
    /// Dangerous: a defect is a bug, and whatever had it may have left its data half-changed. It is for the border to
    /// code that is known to panic where it should fail. Of several defects, the closure gets the first; what else
    /// is in the cause is lost, and [`recover_cause`](Effect::recover_cause) shows it.
    ///
    /// # Errors
    ///
    /// The error of this effect, or of the recovery.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{fail, sync};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let parsed = sync::<_, String, u8, _>(|| panic!("bad input"))
    ///     .recover_defect(|defect| fail(defect.message().to_owned()));
    /// assert_eq!(parsed.await, Err("bad input".to_owned()));
    /// # }
    /// ```
    #[doc(alias = "catch_all_defect")]
    pub fn recover_defect<I, F>(self, f: F) -> Effect<R, E, A, RecoverDefect<P, F>>
    where
        I: IntoEffect<R> + SameError<E, I::Error> + SameValue<A, I::Value>,
        F: FnOnce(Defect) -> I + Value,
    {
        Effect::of(RecoverDefect {
            program: ToExit {
                program: self.program,
            },
            f,
        })
    }

    /// Turns every outcome into one value, a defect included; what is left cannot fail.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::die;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let status = die::<_, String, ()>("a bug").fold_cause(|cause| if cause.is_die() { 500 } else { 400 }, |()| 200);
    /// assert_eq!(status.await, Ok(500));
    /// # }
    /// ```
    pub fn fold_cause<B, F, G>(
        self,
        on_failure: F,
        on_success: G,
    ) -> Effect<R, Never, B, FoldCause<P, F, G>>
    where
        B: Value,
        F: FnOnce(Cause<E>) -> B + Value,
        G: FnOnce(A) -> B + Value,
    {
        Effect::of(FoldCause {
            program: ToExit {
                program: self.program,
            },
            on_failure,
            on_success,
        })
    }

    /// Looks at the cause of a failure or a defect with an effect of its own, and fails or dies by it still.
    ///
    /// # Errors
    ///
    /// The error of this effect. The one that looks cannot fail.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{fail, sync};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (log, lines) = std::sync::mpsc::channel();
    /// let failing = fail::<_, _, ()>("no route").tap_cause(move |cause| {
    ///     let line = cause.to_string();
    ///     sync(move || log.send(line).unwrap())
    /// });
    /// assert_eq!(failing.await, Err("no route"));
    /// assert_eq!(lines.recv().unwrap(), "failed: no route");
    /// # }
    /// ```
    #[doc(alias = "on_error")]
    pub fn tap_cause<I, F>(self, f: F) -> Effect<R, E, A, TapCause<P, F>>
    where
        I: IntoEffect<R> + CannotFail<I::Error>,
        F: FnOnce(&Cause<E>) -> I + Value,
    {
        Effect::of(TapCause {
            program: ToExit {
                program: self.program,
            },
            f,
        })
    }
}

/// The program of [`Effect::recover_cause`].
#[derive(Clone)]
pub struct RecoverCause<P, F> {
    program: ToExit<P>,
    f: F,
}

impl<R, P, F, I> Program<R> for RecoverCause<P, F>
where
    R: Env,
    P: Program<R>,
    I: IntoEffect<R, Value = P::Value>,
    F: FnOnce(Cause<P::Error>) -> I + Value,
{
    type Error = I::Error;
    type Value = P::Value;

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Outcome<R, Self>> + Send {
        chain(self.program.run(cx), move |Ok(exit)| match exit {
            Exit::Success(value) => ControlFlow::Break(Ok(value)),
            Exit::Failure(cause) => {
                ControlFlow::Continue((self.f)(cause).into_effect().program.run(cx))
            }
        })
    }
}

/// The program of [`Effect::recover_defect`].
#[derive(Clone)]
pub struct RecoverDefect<P, F> {
    program: ToExit<P>,
    f: F,
}

impl<R, P, F, I> Program<R> for RecoverDefect<P, F>
where
    R: Env,
    P: Program<R>,
    I: IntoEffect<R, Error = P::Error, Value = P::Value>,
    F: FnOnce(Defect) -> I + Value,
{
    type Error = P::Error;
    type Value = P::Value;

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Outcome<R, Self>> + Send {
        chain(self.program.run(cx), move |Ok(exit)| match exit {
            Exit::Success(value) => ControlFlow::Break(Ok(value)),
            Exit::Failure(cause) => ControlFlow::Continue(match recoverable(&cause) {
                Some(defect) => {
                    let recovery = (self.f)(defect.clone());
                    Either::Left(recovery.into_effect().program.run(cx))
                }
                None => Either::Right(again::<R, _, _>(cause).program.run(cx)),
            }),
        })
    }
}

/// The first defect of a cause, unless the effect was interrupted: that is not taken back.
fn recoverable<E>(cause: &Cause<E>) -> Option<&Defect> {
    let interrupted = |reason: &Reason<E>| matches!(reason, Reason::Interrupt(_));
    cause
        .defect()
        .filter(|_| !cause.reasons().iter().any(interrupted))
}

/// The program of [`Effect::fold_cause`].
#[derive(Clone)]
pub struct FoldCause<P, F, G> {
    program: ToExit<P>,
    on_failure: F,
    on_success: G,
}

impl<R, B, P, F, G> Program<R> for FoldCause<P, F, G>
where
    R: Env,
    B: Value,
    P: Program<R>,
    F: FnOnce(Cause<P::Error>) -> B + Value,
    G: FnOnce(P::Value) -> B + Value,
{
    type Error = Never;
    type Value = B;

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Result<B, Never>> + Send {
        then(self.program.run(cx), |Ok(exit)| {
            Ok(match exit {
                Exit::Success(value) => (self.on_success)(value),
                Exit::Failure(cause) => (self.on_failure)(cause),
            })
        })
    }
}

/// The program of [`Effect::tap_cause`].
#[derive(Clone)]
pub struct TapCause<P, F> {
    program: ToExit<P>,
    f: F,
}

impl<R, P, F, I> Program<R> for TapCause<P, F>
where
    R: Env,
    P: Program<R>,
    I: IntoEffect<R, Error = Never>,
    F: FnOnce(&Cause<P::Error>) -> I + Value,
{
    type Error = P::Error;
    type Value = P::Value;

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Outcome<R, Self>> + Send {
        chain(self.program.run(cx), move |Ok(exit)| match exit {
            Exit::Success(value) => ControlFlow::Break(Ok(value)),
            Exit::Failure(cause) => {
                let look = (self.f)(&cause).into_effect().program.run(cx);
                let again = again::<R, _, _>(cause).program;
                ControlFlow::Continue(chain(look, move |_| ControlFlow::Continue(again.run(cx))))
            }
        })
    }
}

/// Ends by a cause that was looked at.
fn again<R: Env, E: Value, A: Value>(cause: Cause<E>) -> Effect<R, E, A, FromExit<E, A>> {
    from_exit(Exit::Failure(cause))
}

opaque_debug!(
    RecoverCause<P, F>,
    RecoverDefect<P, F>,
    FoldCause<P, F, G>,
    TapCause<P, F>,
);
