//! Running again after a success: repeats.

use std::future::Future;
use std::ops::ControlFlow;
use std::time::Duration;

use super::again::{again, begin};
use crate::fits::RunsAgain;
use crate::opaque_debug::opaque_debug;
use crate::program::Outcome;
use crate::schedule::driver::Driver;
use crate::{Cx, Effect, Env, Never, Program, Recurrence, Schedule, Value, WaitsFor};

/// # Running again after a success
///
/// A failure ends each of these, and so does a defect.
impl<R, E, A, P> Effect<R, E, A, P>
where
    R: Env,
    E: Value,
    A: Value,
{
    /// Runs the effect again after a success, as many *extra* times, and as long after it, as the schedule says.
    ///
    /// The schedule is asked with the value. What there is in the end is the schedule's output: a count, of most; the
    /// effect's last value, of a schedule that is a [`passthrough`](Schedule::passthrough).
    ///
    /// # Errors
    ///
    /// The first error, at once.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{sync, Never, Schedule};
    /// use std::sync::atomic::{AtomicU32, Ordering};
    /// use std::sync::Arc;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let runs = Arc::new(AtomicU32::new(0));
    /// let counted = Arc::clone(&runs);
    /// let count = sync::<_, Never, _, _>(move || counted.fetch_add(1, Ordering::Relaxed));
    /// let every_minute = Schedule::spaced(Duration::from_secs(60)).times(3);
    /// assert_eq!(count.repeat(every_minute).await, Ok(3));
    /// assert_eq!(runs.load(Ordering::Relaxed), 4);
    /// # }
    /// ```
    #[track_caller]
    pub fn repeat<Out, S>(
        self,
        schedule: Schedule<Out, S>,
    ) -> Effect<R, E, Out, Repeat<P, Schedule<Out, S>>>
    where
        Self: RunsAgain,
        Out: Value,
        S: Recurrence<A, Output = Out>,
    {
        Effect::of(Repeat {
            program: self.program,
            schedule,
            waits_for: WaitsFor::here("a repeat"),
        })
    }

    /// Runs the effect again, at once and without end, while the value satisfies a condition, and has the first value that
    /// does not.
    ///
    /// # Errors
    ///
    /// The first error, at once.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, Cx};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let roll = effect(async |cx: Cx<()>| Ok::<_, &str>(cx.random() % 6 + 1));
    /// assert_eq!(roll.repeat_while(|n| *n < 6).await, Ok(6));
    /// # }
    /// ```
    #[track_caller]
    pub fn repeat_while<F>(self, goes_on: F) -> Effect<R, E, A, RepeatWhile<P, F>>
    where
        Self: RunsAgain,
        F: Fn(&A) -> bool + Value,
    {
        Effect::of(RepeatWhile {
            program: self.program,
            condition: goes_on,
            wanted: true,
            waits_for: WaitsFor::here("a repeat"),
        })
    }

    /// Runs the effect again, at once and without end, until the value satisfies a condition, and has the value that does.
    ///
    /// # Errors
    ///
    /// The first error, at once.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, Cx};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let roll = effect(async |cx: Cx<()>| Ok::<_, &str>(cx.random() % 6 + 1));
    /// assert_eq!(roll.repeat_until(|n| *n == 6).await, Ok(6));
    /// # }
    /// ```
    #[track_caller]
    pub fn repeat_until<F>(self, stops: F) -> Effect<R, E, A, RepeatWhile<P, F>>
    where
        Self: RunsAgain,
        F: Fn(&A) -> bool + Value,
    {
        Effect::of(RepeatWhile {
            program: self.program,
            condition: stops,
            wanted: false,
            waits_for: WaitsFor::here("a repeat"),
        })
    }

    /// Runs the effect again and again, at once and without end, until it fails or is interrupted.
    ///
    /// It can be interrupted even if the effect never waits. Where there is to be a pause, or a beat,
    /// [`repeat`](Effect::repeat) with a schedule has one.
    ///
    /// # Errors
    ///
    /// The first error.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{sync, Never};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let busy = sync::<_, Never, _, _>(|| ()).forever();
    /// assert!(busy.timeout(Duration::from_millis(1)).await.is_err());
    /// # }
    /// ```
    #[track_caller]
    pub fn forever(self) -> Effect<R, E, Never, RepeatForever<P>>
    where
        Self: RunsAgain,
    {
        Effect::of(RepeatForever {
            program: self.program,
            waits_for: WaitsFor::here("a repeat"),
        })
    }
}

/// The program of [`Effect::repeat`].
#[derive(Clone, Debug)]
pub struct Repeat<P, S> {
    program: P,
    schedule: S,
    waits_for: WaitsFor,
}

impl<R, Out, P, S> Program<R> for Repeat<P, Schedule<Out, S>>
where
    R: Env,
    Out: Value,
    P: Program<R> + Clone,
    S: Recurrence<P::Value, Output = Out>,
{
    type Error = P::Error;
    type Value = Out;

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Outcome<R, Self>> + Send {
        let Repeat {
            program, schedule, ..
        } = self;
        let mut driver = Driver::new(schedule);
        let runs = move || begin(program.clone(), cx);
        again(cx, self.waits_for, runs, move |result| match result {
            Ok(value) => {
                let decision = driver.ask(cx, &value);
                match decision.delay {
                    Some(delay) => ControlFlow::Continue(delay),
                    None => ControlFlow::Break(Ok(decision.output)),
                }
            }
            Err(error) => ControlFlow::Break(Err(error)),
        })
    }
}

/// The program of [`Effect::repeat_while`] and [`Effect::repeat_until`].
#[derive(Clone)]
pub struct RepeatWhile<P, F> {
    program: P,
    condition: F,
    // What the condition says where there is to be another run.
    wanted: bool,
    waits_for: WaitsFor,
}

impl<R, P, F> Program<R> for RepeatWhile<P, F>
where
    R: Env,
    P: Program<R> + Clone,
    F: Fn(&P::Value) -> bool + Value,
{
    type Error = P::Error;
    type Value = P::Value;

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Outcome<R, Self>> + Send {
        let RepeatWhile {
            program,
            condition,
            wanted,
            ..
        } = self;
        let runs = move || begin(program.clone(), cx);
        again(cx, self.waits_for, runs, move |result| match result {
            Ok(value) if condition(&value) == wanted => ControlFlow::Continue(Duration::ZERO),
            settled => ControlFlow::Break(settled),
        })
    }
}

/// The program of [`Effect::forever`].
#[derive(Clone, Debug)]
pub struct RepeatForever<P> {
    program: P,
    waits_for: WaitsFor,
}

impl<R: Env, P: Program<R> + Clone> Program<R> for RepeatForever<P> {
    type Error = P::Error;
    type Value = Never;

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Outcome<R, Self>> + Send {
        let RepeatForever { program, waits_for } = self;
        let runs = move || begin(program.clone(), cx);
        again(cx, waits_for, runs, |result| match result {
            Ok(_) => ControlFlow::Continue(Duration::ZERO),
            Err(error) => ControlFlow::Break(Err(error)),
        })
    }
}

opaque_debug!(RepeatWhile<P, F>);
