//! Running again after a failure: retries.

use std::future::Future;
use std::ops::ControlFlow;
use std::time::Duration;

use super::again::{again, begin};
use crate::fits::{RunsAgain, SameValue};
use crate::opaque_debug::opaque_debug;
use crate::poll::chain;
use crate::program::Outcome;
use crate::schedule::driver::Driver;
use crate::{Cx, Effect, Env, IntoEffect, Program, Recurrence, Schedule, Value, WaitsFor};
use crate::{measure, spans};

/// # Running again after a failure
///
/// A defect is not retried: it is a bug, and would be one again.
impl<R, E, A, P> Effect<R, E, A, P>
where
    R: Env,
    E: Value,
    A: Value,
{
    /// Runs the effect again after a failure, as many *extra* times, and as long after it, as the schedule says.
    ///
    /// The schedule is asked with the error.
    ///
    /// # Errors
    ///
    /// The error of the last run.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, Schedule};
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicU32, Ordering};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let calls = Arc::new(AtomicU32::new(0));
    /// let flaky = effect(async move |_| match calls.fetch_add(1, Ordering::Relaxed) {
    ///     0 | 1 => Err("busy"),
    ///     n => Ok(n),
    /// });
    /// let patient = flaky.retry(Schedule::exponential(Duration::from_secs(1)).times(5));
    /// assert_eq!(patient.await, Ok(2));
    /// # }
    /// ```
    #[track_caller]
    pub fn retry<Out, S>(
        self,
        schedule: Schedule<Out, S>,
    ) -> Effect<R, E, A, Retry<P, Schedule<Out, S>>>
    where
        Self: RunsAgain,
        S: Recurrence<E, Output = Out>,
    {
        Effect::of(Retry {
            program: self.program,
            schedule,
            waits_for: WaitsFor::here("a retry"),
        })
    }

    /// Runs the effect again after a failure, as many *extra* times as the schedule says, and then what the last error,
    /// and the schedule's last output, lead to.
    ///
    /// # Errors
    ///
    /// The error of what the last error leads to.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{fail, Schedule};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let down = fail::<_, _, ()>("no answer");
    /// let told = down.retry_or_else(Schedule::recurs(3), |error, extra_runs| async move {
    ///     Err(format!("{error}, asked again {extra_runs} times"))
    /// });
    /// assert_eq!(told.await, Err("no answer, asked again 3 times".to_owned()));
    /// # }
    /// ```
    #[track_caller]
    pub fn retry_or_else<Out, S, I, F>(
        self,
        schedule: Schedule<Out, S>,
        f: F,
    ) -> Effect<R, I::Error, A, RetryOrElse<P, Schedule<Out, S>, F>>
    where
        Self: RunsAgain,
        S: Recurrence<E, Output = Out>,
        I: IntoEffect<R> + SameValue<A, I::Value>,
        F: FnOnce(E, Out) -> I + Value,
    {
        Effect::of(RetryOrElse {
            program: self.program,
            schedule,
            waits_for: WaitsFor::here("a retry"),
            f,
        })
    }

    /// Runs the effect again, at once and without end, while the error satisfies a condition.
    ///
    /// # Errors
    ///
    /// The first error that does not.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::fail;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// assert_eq!(fail::<_, _, ()>("fatal").retry_while(|error| *error == "busy").await, Err("fatal"));
    /// # }
    /// ```
    #[track_caller]
    pub fn retry_while<F>(self, goes_on: F) -> Effect<R, E, A, RetryWhile<P, F>>
    where
        Self: RunsAgain,
        F: Fn(&E) -> bool + Value,
    {
        Effect::of(RetryWhile {
            program: self.program,
            condition: goes_on,
            wanted: true,
            waits_for: WaitsFor::here("a retry"),
        })
    }

    /// Runs the effect again, at once and without end, until the error satisfies a condition.
    ///
    /// # Errors
    ///
    /// The first error that does.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::fail;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// assert_eq!(fail::<_, _, ()>("fatal").retry_until(|error| *error == "fatal").await, Err("fatal"));
    /// # }
    /// ```
    #[track_caller]
    pub fn retry_until<F>(self, stops: F) -> Effect<R, E, A, RetryWhile<P, F>>
    where
        Self: RunsAgain,
        F: Fn(&E) -> bool + Value,
    {
        Effect::of(RetryWhile {
            program: self.program,
            condition: stops,
            wanted: false,
            waits_for: WaitsFor::here("a retry"),
        })
    }
}

/// The program of [`Effect::retry`].
#[derive(Clone, Debug)]
pub struct Retry<P, S> {
    program: P,
    schedule: S,
    waits_for: WaitsFor,
}

impl<R, Out, P, S> Program<R> for Retry<P, Schedule<Out, S>>
where
    R: Env,
    Out: 'static,
    P: Program<R> + Clone,
    S: Recurrence<P::Error, Output = Out>,
{
    type Error = P::Error;
    type Value = P::Value;

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Outcome<R, Self>> + Send {
        let Retry {
            program, schedule, ..
        } = self;
        let (mut driver, mut attempts) = (Driver::new(schedule), 0);
        let runs = move || begin(program.clone(), cx);
        again(cx, self.waits_for, runs, move |result| match result {
            Ok(value) => ControlFlow::Break(Ok(value)),
            Err(error) => match driver.ask(cx, &error).delay {
                Some(delay) => once_more(&mut attempts, delay),
                None => ControlFlow::Break(Err(error)),
            },
        })
    }
}

/// The program of [`Effect::retry_or_else`].
#[derive(Clone)]
pub struct RetryOrElse<P, S, F> {
    program: P,
    schedule: S,
    waits_for: WaitsFor,
    f: F,
}

impl<R, Out, P, S, I, F> Program<R> for RetryOrElse<P, Schedule<Out, S>, F>
where
    R: Env,
    Out: 'static,
    P: Program<R> + Clone,
    S: Recurrence<P::Error, Output = Out>,
    I: IntoEffect<R, Value = P::Value>,
    F: FnOnce(P::Error, Out) -> I + Value,
{
    type Error = I::Error;
    type Value = P::Value;

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Outcome<R, Self>> + Send {
        let RetryOrElse {
            program,
            schedule,
            f,
            ..
        } = self;
        let (mut driver, mut attempts) = (Driver::new(schedule), 0);
        let runs = move || begin(program.clone(), cx);
        let retried = again(cx, self.waits_for, runs, move |result| match result {
            Ok(value) => ControlFlow::Break(Ok(value)),
            Err(error) => {
                let decision = driver.ask(cx, &error);
                match decision.delay {
                    Some(delay) => once_more(&mut attempts, delay),
                    None => ControlFlow::Break(Err((error, decision.output))),
                }
            }
        });
        chain(retried, move |result| match result {
            Ok(value) => ControlFlow::Break(Ok(value)),
            Err((error, output)) => {
                ControlFlow::Continue(f(error, output).into_effect().program.run(cx))
            }
        })
    }
}

/// The program of [`Effect::retry_while`] and [`Effect::retry_until`].
#[derive(Clone)]
pub struct RetryWhile<P, F> {
    program: P,
    condition: F,
    // What the condition says where there is to be another run.
    wanted: bool,
    waits_for: WaitsFor,
}

impl<R, P, F> Program<R> for RetryWhile<P, F>
where
    R: Env,
    P: Program<R> + Clone,
    F: Fn(&P::Error) -> bool + Value,
{
    type Error = P::Error;
    type Value = P::Value;

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Outcome<R, Self>> + Send {
        let RetryWhile {
            program,
            condition,
            wanted,
            ..
        } = self;
        let mut attempts = 0;
        let runs = move || begin(program.clone(), cx);
        again(cx, self.waits_for, runs, move |result| match result {
            Err(error) if condition(&error) == wanted => once_more(&mut attempts, Duration::ZERO),
            settled => ControlFlow::Break(settled),
        })
    }
}

/// Counts one more retry, and tells of it.
#[inline]
fn once_more<T>(attempts: &mut u64, delay: Duration) -> ControlFlow<T, Duration> {
    *attempts += 1;
    spans::retried(*attempts, delay);
    measure::retried();
    ControlFlow::Continue(delay)
}

opaque_debug!(RetryOrElse<P, S, F>, RetryWhile<P, F>);
