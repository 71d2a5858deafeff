//! When to stop, and when to begin anew.

use std::time::Duration;

use super::counting::Recurs;
use super::moment::{Decision, Moment};
use super::{Recurrence, Schedule};
use crate::opaque_debug::opaque_debug;

/// # Going on by the input
impl<F> Schedule<u64, ByInput<Recurs, F>> {
    /// Creates a schedule of extra runs, with no delay, while the input satisfies a condition.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{fail, Schedule};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let fatal = fail::<_, _, ()>("fatal").retry(Schedule::recur_while(|error: &&str| *error == "busy"));
    /// assert_eq!(fatal.await, Err("fatal"));
    /// # }
    /// ```
    pub fn recur_while<In>(goes_on: F) -> Self
    where
        F: Fn(&In) -> bool,
    {
        Schedule::forever().while_input(goes_on)
    }

    /// Creates a schedule of extra runs, with no delay, until the input satisfies a condition.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{sync, Never, Schedule};
    /// use std::sync::atomic::{AtomicU32, Ordering};
    /// use std::sync::Arc;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let runs = Arc::new(AtomicU32::new(0));
    /// let count = sync::<_, Never, _, _>(move || runs.fetch_add(1, Ordering::Relaxed));
    /// assert_eq!(count.repeat(Schedule::recur_until(|n: &u32| *n == 5)).await, Ok(5));
    /// # }
    /// ```
    pub fn recur_until<In>(stops: F) -> Self
    where
        F: Fn(&In) -> bool,
    {
        Schedule::forever().until_input(stops)
    }
}

/// # Stopping
///
/// A condition is asked only where the schedule would go on, and after it: what it says to stop is still counted.
impl<Out, S> Schedule<Out, S> {
    /// Stops when the input, what the run has failed or succeeded with, does not satisfy a condition.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{fail, Schedule};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let retries = Schedule::recurs(3).while_input(|error: &u16| *error >= 500);
    /// let out_of_retries = fail::<_, _, ()>(503).retry_or_else(retries, |_, extra_runs| async move { Err(extra_runs) });
    /// assert_eq!(out_of_retries.await, Err(3));
    /// assert_eq!(fail::<_, _, ()>(404).retry(retries).await, Err(404));
    /// # }
    /// ```
    pub fn while_input<In, F>(self, goes_on: F) -> Schedule<Out, ByInput<S, F>>
    where
        F: Fn(&In) -> bool,
    {
        self.wrap(|schedule| ByInput {
            schedule,
            condition: goes_on,
            wanted: true,
        })
    }

    /// Stops when the input, what the run has failed or succeeded with, satisfies a condition.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::{Moment, Schedule};
    /// # use std::time::Duration;
    /// let mut driver = Schedule::forever().until_input(|n: &u8| *n == 2).start();
    /// let mut goes_on = |n| driver.decide(Moment::at(Duration::ZERO), &n).delay.is_some();
    /// assert_eq!([goes_on(1), goes_on(2)], [true, false]);
    /// ```
    pub fn until_input<In, F>(self, stops: F) -> Schedule<Out, ByInput<S, F>>
    where
        F: Fn(&In) -> bool,
    {
        self.wrap(|schedule| ByInput {
            schedule,
            condition: stops,
            wanted: false,
        })
    }

    /// Stops when the schedule's own output does not satisfy a condition.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::Schedule;
    /// # use std::time::Duration;
    /// let delays = Schedule::linear(Duration::from_secs(1)).delays();
    /// let short = delays.while_output(|delay| *delay < Duration::from_secs(3));
    /// assert_eq!(short.preview(10), [1, 2].map(Duration::from_secs));
    /// ```
    pub fn while_output<F>(self, goes_on: F) -> Schedule<Out, ByOutput<S, F>>
    where
        F: Fn(&Out) -> bool,
    {
        self.wrap(|schedule| ByOutput {
            schedule,
            condition: goes_on,
            wanted: true,
        })
    }

    /// Stops when the schedule's own output satisfies a condition.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::Schedule;
    /// assert_eq!(Schedule::forever().until_output(|extra_runs| *extra_runs == 4).preview(10).len(), 4);
    /// ```
    pub fn until_output<F>(self, stops: F) -> Schedule<Out, ByOutput<S, F>>
    where
        F: Fn(&Out) -> bool,
    {
        self.wrap(|schedule| ByOutput {
            schedule,
            condition: stops,
            wanted: false,
        })
    }

    /// Stops when the next run would begin later than this after the first decision.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::Schedule;
    /// # use std::time::Duration;
    /// let minute = Schedule::exponential(Duration::from_secs(1)).up_to(Duration::from_secs(60));
    /// assert_eq!(minute.preview(10), [1, 2, 4, 8, 16].map(Duration::from_secs));
    /// ```
    #[doc(alias = "max_duration")]
    pub fn up_to(self, total: Duration) -> Schedule<Out, UpTo<S>> {
        self.wrap(|schedule| UpTo {
            schedule,
            total,
            begun: None,
        })
    }

    /// Begins anew when a run has taken so long that what was before is forgotten.
    ///
    /// For what is to be running all the time: it may fail five times in a row, but after an hour without, nobody holds
    /// the failures of the night before against it. The time the schedule itself waits does not count.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::{Moment, Schedule};
    /// # use std::time::Duration;
    /// let mut driver = Schedule::once().reset_after(Duration::from_secs(5)).start();
    /// let mut goes_on = |secs| driver.decide(Moment::at(Duration::from_secs(secs)), &()).delay.is_some();
    /// assert_eq!([goes_on(0), goes_on(4), goes_on(9)], [true, false, true]);
    /// ```
    pub fn reset_after(self, quiet: Duration) -> Schedule<Out, ResetAfter<S>>
    where
        S: Clone,
    {
        self.wrap(|schedule| ResetAfter {
            initial: schedule.clone(),
            schedule,
            quiet,
            due: None,
        })
    }
}

/// The recurrence of [`Schedule::while_input`], and of what goes on by its input otherwise.
#[derive(Clone, Copy)]
pub struct ByInput<S, F> {
    schedule: S,
    condition: F,
    // What the condition says where the schedule may go on.
    wanted: bool,
}

impl<In, S, F> Recurrence<In> for ByInput<S, F>
where
    S: Recurrence<In>,
    F: Fn(&In) -> bool + Clone + Send + Sync + 'static,
{
    type Output = S::Output;

    fn decide(&mut self, moment: &mut Moment<'_>, input: &In) -> Decision<S::Output> {
        let decision = self.schedule.decide(moment, input);
        stop_unless(decision, |_| (self.condition)(input) == self.wanted)
    }
}

/// The recurrence of [`Schedule::while_output`] and [`Schedule::until_output`].
#[derive(Clone, Copy)]
pub struct ByOutput<S, F> {
    schedule: S,
    condition: F,
    // What the condition says where the schedule may go on.
    wanted: bool,
}

impl<In, S, F> Recurrence<In> for ByOutput<S, F>
where
    S: Recurrence<In>,
    F: Fn(&S::Output) -> bool + Clone + Send + Sync + 'static,
{
    type Output = S::Output;

    fn decide(&mut self, moment: &mut Moment<'_>, input: &In) -> Decision<S::Output> {
        let decision = self.schedule.decide(moment, input);
        stop_unless(decision, |output| (self.condition)(output) == self.wanted)
    }
}

/// Stops where a decision is to go on and something is against it.
fn stop_unless<Out>(
    mut decision: Decision<Out>,
    goes_on: impl FnOnce(&Out) -> bool,
) -> Decision<Out> {
    if decision.delay.is_some() && !goes_on(&decision.output) {
        decision.delay = None;
    }
    decision
}

/// The recurrence of [`Schedule::up_to`].
#[derive(Clone, Copy, Debug)]
pub struct UpTo<S> {
    schedule: S,
    total: Duration,
    begun: Option<Duration>,
}

impl<In, S: Recurrence<In>> Recurrence<In> for UpTo<S> {
    type Output = S::Output;

    fn decide(&mut self, moment: &mut Moment<'_>, input: &In) -> Decision<S::Output> {
        let now = moment.elapsed();
        let passed = now.saturating_sub(*self.begun.get_or_insert(now));
        let mut decision = self.schedule.decide(moment, input);
        decision.delay = decision
            .delay
            .filter(|delay| passed.saturating_add(*delay) <= self.total);
        decision
    }
}

/// The recurrence of [`Schedule::reset_after`].
#[derive(Clone, Copy, Debug)]
pub struct ResetAfter<S> {
    initial: S,
    schedule: S,
    quiet: Duration,
    // When the run began that has ended now.
    due: Option<Duration>,
}

impl<In, S: Recurrence<In>> Recurrence<In> for ResetAfter<S> {
    type Output = S::Output;

    fn decide(&mut self, moment: &mut Moment<'_>, input: &In) -> Decision<S::Output> {
        let now = moment.elapsed();
        let run = self.due.map(|due| now.saturating_sub(due));
        if run.is_some_and(|run| run >= self.quiet) {
            self.schedule = self.initial.clone();
        }
        let decision = self.schedule.decide(moment, input);
        self.due = Some(now.saturating_add(decision.delay.unwrap_or_default()));
        decision
    }
}

opaque_debug!(ByInput<S, F>, ByOutput<S, F>);
