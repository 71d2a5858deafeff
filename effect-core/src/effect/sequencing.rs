//! Sequencing: what follows a success.

use std::future::Future;
use std::ops::ControlFlow;
use std::time::Duration;

use crate::fits::SameError;
use crate::opaque_debug::opaque_debug;
use crate::poll::{chain, then};
use crate::program::{Outcome, Pace, Step};
use crate::{Cx, Effect, Env, IntoEffect, Program, Value};

/// # Sequencing
impl<R, E, A, P> Effect<R, E, A, P>
where
    R: Env,
    E: Value,
    A: Value,
{
    /// Transforms the value this effect succeeds with.
    ///
    /// # Panics
    ///
    /// A panic of the closure is a defect of the effect.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::{succeed, Never};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// assert_eq!(succeed::<_, Never, _>(20).map(|n| n + 1).await, Ok(21));
    /// # }
    /// ```
    pub fn map<B, F>(self, f: F) -> Effect<R, E, B, Map<P, F>>
    where
        B: Value,
        F: FnOnce(A) -> B + Value, // Not `Send`? Hold an `Arc` instead of an `Rc`.
    {
        Effect::of(Map {
            program: self.program,
            f,
        })
    }

    /// Runs what the value leads to, after this effect succeeded.
    ///
    /// # Errors
    ///
    /// The error of this effect, after which nothing else runs, or of the next.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::{succeed, fail};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let odd = succeed(3).flat_map(|n: i32| async move {
    ///     if n % 2 == 0 { Ok(n / 2) } else { Err("odd") }
    /// });
    /// assert_eq!(odd.await, Err("odd"));
    /// # }
    /// ```
    #[doc(alias = "and_then")]
    #[doc(alias = "bind")]
    pub fn flat_map<I, F>(self, f: F) -> Effect<R, E, I::Value, FlatMap<P, F>>
    where
        I: IntoEffect<R> + SameError<E, I::Error>,
        F: FnOnce(A) -> I + Value, // Not `Send`? Hold an `Arc` instead of an `Rc`.
    {
        Effect::of(FlatMap {
            program: self.program,
            f,
        })
    }

    /// Runs this effect, then another, and has both values.
    ///
    /// # Errors
    ///
    /// The error of whichever fails first; the other then does not run.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::{succeed, Never};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// assert_eq!(succeed::<_, Never, _>(1).zip(succeed("one")).await, Ok((1, "one")));
    /// # }
    /// ```
    pub fn zip<I>(self, other: I) -> Effect<R, E, (A, I::Value), Zip<P, I::Program>>
    where
        I: IntoEffect<R> + SameError<E, I::Error>,
    {
        Effect::of(Zip {
            left: self.program,
            right: other.into_effect().program,
        })
    }

    /// Has the value, and how long this effect took, by the runtime's clock.
    ///
    /// # Errors
    ///
    /// The error of this effect.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{sleep, Never};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let second = Duration::from_secs(1);
    /// assert_eq!(sleep::<_, Never>(second).timed().await, Ok((second, ())));
    /// # }
    /// ```
    pub fn timed(self) -> Effect<R, E, (Duration, A), Timed<P>> {
        Effect::of(Timed {
            program: self.program,
        })
    }

    /// Looks at the value, and passes it on.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::{succeed, Never};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (log, lines) = std::sync::mpsc::channel();
    /// let seen = succeed::<_, Never, _>(5).inspect(move |n| log.send(*n).unwrap());
    /// assert_eq!(seen.await, Ok(5));
    /// assert_eq!(lines.recv(), Ok(5));
    /// # }
    /// ```
    pub fn inspect<F>(self, f: F) -> Effect<R, E, A, Inspect<P, F>>
    where
        F: FnOnce(&A) + Value,
    {
        Effect::of(Inspect {
            program: self.program,
            f,
        })
    }

    /// Looks at the value with an effect of its own, and passes it on.
    ///
    /// # Errors
    ///
    /// The error of this effect, or of the one that looks.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::{succeed, sync};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let tapped = succeed::<_, String, _>(5).tap(|n| {
    ///     let line = format!("got {n}");
    ///     sync(move || println!("{line}"))
    /// });
    /// assert_eq!(tapped.await, Ok(5));
    /// # }
    /// ```
    pub fn tap<I, F>(self, f: F) -> Effect<R, E, A, Tap<P, F>>
    where
        I: IntoEffect<R> + SameError<E, I::Error>,
        F: FnOnce(&A) -> I + Value,
    {
        Effect::of(Tap {
            program: self.program,
            f,
        })
    }
}

/// The program of [`Effect::map`].
#[derive(Clone)]
pub struct Map<P, F> {
    program: P,
    f: F,
}

impl<R, B, P, F> Program<R> for Map<P, F>
where
    R: Env,
    B: Value,
    P: Program<R>,
    F: FnOnce(P::Value) -> B + Value,
{
    type Error = P::Error;
    type Value = B;
    const PACE: Pace = P::PACE.result();

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Outcome<R, Self>> + Send {
        then(self.program.run(cx), |result: Result<_, _>| {
            result.map(self.f)
        })
    }

    #[inline]
    fn run_now(self, cx: &Cx<R>) -> Step<R, P::Error, B> {
        Step::Done(self.program.run_now(cx).into_result().map(self.f))
    }
}

/// The program of [`Effect::timed`].
#[derive(Clone, Debug)]
pub struct Timed<P> {
    program: P,
}

impl<R: Env, P: Program<R>> Program<R> for Timed<P> {
    type Error = P::Error;
    type Value = (Duration, P::Value);

    async fn run(self, cx: &Cx<R>) -> Outcome<R, Self> {
        let begun = cx.now();
        let value = self.program.run(cx).await?;
        Ok((cx.now() - begun, value))
    }
}

/// The program of [`Effect::inspect`].
#[derive(Clone)]
pub struct Inspect<P, F> {
    program: P,
    f: F,
}

impl<R, P, F> Program<R> for Inspect<P, F>
where
    R: Env,
    P: Program<R>,
    F: FnOnce(&P::Value) + Value,
{
    type Error = P::Error;
    type Value = P::Value;
    const PACE: Pace = P::PACE.result();

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Outcome<R, Self>> + Send {
        then(self.program.run(cx), |result: Result<_, _>| {
            result.inspect(self.f)
        })
    }

    #[inline]
    fn run_now(self, cx: &Cx<R>) -> Step<R, P::Error, P::Value> {
        Step::Done(self.program.run_now(cx).into_result().inspect(self.f))
    }
}

/// The program of [`Effect::flat_map`].
#[derive(Clone)]
pub struct FlatMap<P, F> {
    program: P,
    f: F,
}

impl<R, P, F, I> Program<R> for FlatMap<P, F>
where
    R: Env,
    P: Program<R>,
    I: IntoEffect<R, Error = P::Error>,
    F: FnOnce(P::Value) -> I + Value,
{
    type Error = P::Error;
    type Value = I::Value;
    const PACE: Pace = P::PACE.then(I::Program::PACE);

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Outcome<R, Self>> + Send {
        chain(self.program.run(cx), move |result| match result {
            Ok(value) => ControlFlow::Continue((self.f)(value).into_effect().program.run(cx)),
            Err(error) => ControlFlow::Break(Err(error)),
        })
    }

    fn step(self, cx: &Cx<R>) -> impl Future<Output = Step<R, P::Error, I::Value>> + Send {
        chain(self.program.run(cx), move |result| match result {
            Ok(value) => ControlFlow::Continue((self.f)(value).into_effect().program.step(cx)),
            Err(error) => ControlFlow::Break(Step::Done(Err(error))),
        })
    }

    #[inline]
    fn run_now(self, cx: &Cx<R>) -> Step<R, P::Error, I::Value> {
        match self.program.run_now(cx).into_result() {
            Ok(value) => (self.f)(value).into_effect().program.run_now(cx),
            Err(error) => Step::Done(Err(error)),
        }
    }
}

/// The program of [`Effect::zip`].
#[derive(Clone, Debug)]
pub struct Zip<P, Q> {
    left: P,
    right: Q,
}

impl<R, P, Q> Program<R> for Zip<P, Q>
where
    R: Env,
    P: Program<R>,
    Q: Program<R, Error = P::Error>,
{
    type Error = P::Error;
    type Value = (P::Value, Q::Value);
    const PACE: Pace = P::PACE.then(Q::PACE).result();

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Outcome<R, Self>> + Send {
        chain(self.left.run(cx), move |left| match left {
            Ok(left) => ControlFlow::Continue(then(self.right.run(cx), |right: Result<_, _>| {
                right.map(|right| (left, right))
            })),
            Err(error) => ControlFlow::Break(Err(error)),
        })
    }

    fn run_now(self, cx: &Cx<R>) -> Step<R, P::Error, (P::Value, Q::Value)> {
        let left = self.left.run_now(cx).into_result();
        let both = left.and_then(|left| Ok((left, self.right.run_now(cx).into_result()?)));
        Step::Done(both)
    }
}

/// The program of [`Effect::tap`].
#[derive(Clone)]
pub struct Tap<P, F> {
    program: P,
    f: F,
}

impl<R, P, F, I> Program<R> for Tap<P, F>
where
    R: Env,
    P: Program<R>,
    I: IntoEffect<R, Error = P::Error>,
    F: FnOnce(&P::Value) -> I + Value,
{
    type Error = P::Error;
    type Value = P::Value;

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Outcome<R, Self>> + Send {
        chain(self.program.run(cx), move |result| match result {
            Ok(value) => {
                let look = (self.f)(&value).into_effect().program.run(cx);
                ControlFlow::Continue(then(look, |looked: Result<_, _>| looked.map(|_| value)))
            }
            Err(error) => ControlFlow::Break(Err(error)),
        })
    }
}

opaque_debug!(Map<P, F>, Inspect<P, F>, FlatMap<P, F>, Tap<P, F>);
