//! Running again: retries.

use crate::budget::Budget;
use crate::program::Outcome;
use crate::{Cx, Effect, Env, Program, Schedule, Value};
use crate::{measure, spans};

/// # Running again
impl<R, E, A, P> Effect<R, E, A, P>
where
    R: Env,
    E: Value,
    A: Value,
{
    /// Runs the effect again after a failure, at most so many *extra* times as the schedule says.
    ///
    /// A defect is not retried: it is a bug, and would be one again.
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
    /// let patient = flaky.retry(Schedule::recurs(5).spaced(Duration::from_secs(1)));
    /// assert_eq!(patient.await, Ok(2));
    /// # }
    /// ```
    pub fn retry(self, schedule: Schedule) -> Effect<R, E, A, Retry<P>>
    where
        P: Clone,
    {
        Effect::of(Retry {
            program: self.program,
            schedule,
        })
    }
}

/// The program of [`Effect::retry`].
#[derive(Clone, Debug)]
pub struct Retry<P> {
    program: P,
    schedule: Schedule,
}

impl<R: Env, P: Program<R> + Clone> Program<R> for Retry<P> {
    type Error = P::Error;
    type Value = P::Value;

    async fn run(self, cx: &Cx<R>) -> Outcome<R, Self> {
        let mut budget = Budget::new();
        for attempt in 1..=self.schedule.extra_runs() {
            let result = self.program.clone().run(cx).await;
            if result.is_ok() {
                return result;
            }
            spans::retried(attempt, self.schedule.delay());
            measure::retried();
            if self.schedule.delay().is_zero() {
                budget.spend().await;
            } else {
                cx.sleep(self.schedule.delay()).await;
            }
        }
        self.program.run(cx).await
    }
}
