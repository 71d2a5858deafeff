//! Other delays than the schedule's own.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::moment::{Decision, Moment};
use super::{Recurrence, Schedule, scale};
use crate::opaque_debug::opaque_debug;

/// # Changing delays
impl<Out, S> Schedule<Out, S> {
    /// Makes each delay longer or shorter by chance, from 80 to 120 percent.
    ///
    /// So those who failed together do not come back together. The chance is the runtime's: a run with a seed has the
    /// same delays again. In a [preview](Schedule::preview), chance is even, and the delays are as they were.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::{Moment, Schedule};
    /// # use std::time::Duration;
    /// let mut driver = Schedule::spaced(Duration::from_secs(10)).jittered().start();
    /// let lucky = Moment::at(Duration::ZERO).with_chance(0.0);
    /// assert_eq!(driver.decide(lucky, &()).delay, Some(Duration::from_secs(8)));
    /// ```
    pub fn jittered(self) -> Schedule<Out, Jittered<S>> {
        self.jittered_within(0.8..=1.2)
    }

    /// Multiplies each delay by a factor that chance chooses within a range.
    ///
    /// # Panics
    ///
    /// If the range is empty, or a bound of it is negative or not finite.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::Schedule;
    /// # use std::time::Duration;
    /// let full = Schedule::spaced(Duration::from_secs(10)).jittered_within(0.0..=1.0);
    /// assert_eq!(full.preview(1), [Duration::from_secs(5)]);
    /// ```
    #[track_caller]
    pub fn jittered_within(self, factors: RangeInclusive<f64>) -> Schedule<Out, Jittered<S>> {
        let (low, high) = factors.into_inner();
        assert!(
            0.0 <= low && low <= high && high.is_finite(),
            "factors are a range of finite numbers, from zero up"
        );
        self.wrap(|schedule| Jittered {
            schedule,
            low,
            width: high - low,
        })
    }

    /// Lets no delay be longer than this.
    ///
    /// Those that grow, as [`exponential`](Schedule::exponential) does, grow up to it; otherwise they end at an hour.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::Schedule;
    /// # use std::time::Duration;
    /// let hours = |n: u64| Duration::from_secs(n * 3600);
    /// let capped = Schedule::exponential(hours(1)).max_delay(hours(3));
    /// assert_eq!(capped.preview(4), [1, 2, 3, 3].map(hours));
    /// ```
    #[doc(alias = "cap")]
    pub fn max_delay(self, ceiling: Duration) -> Schedule<Out, MaxDelay<S>> {
        self.wrap(|schedule| MaxDelay { schedule, ceiling })
    }

    /// Waits for this as well, before each extra run.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::Schedule;
    /// # use std::time::Duration;
    /// let schedule = Schedule::linear(Duration::from_secs(1)).add_delay(Duration::from_secs(10));
    /// assert_eq!(schedule.preview(3), [11, 12, 13].map(Duration::from_secs));
    /// ```
    pub fn add_delay(self, delay: Duration) -> Schedule<Out, AddDelay<S>> {
        self.wrap(|schedule| AddDelay { schedule, delay })
    }

    /// Makes another delay of the schedule's output and its delay.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::Schedule;
    /// # use std::time::Duration;
    /// let first_at_once = Schedule::spaced(Duration::from_secs(1))
    ///     .modify_delay(|extra_runs, delay| if *extra_runs == 0 { Duration::ZERO } else { delay });
    /// assert_eq!(first_at_once.preview(3), [0, 1, 1].map(Duration::from_secs));
    /// ```
    pub fn modify_delay<F>(self, f: F) -> Schedule<Out, ModifyDelay<S, F>>
    where
        F: Fn(&Out, Duration) -> Duration,
    {
        self.wrap(|schedule| ModifyDelay { schedule, f })
    }
}

/// The recurrence of [`Schedule::jittered`].
#[derive(Clone, Copy, Debug)]
pub struct Jittered<S> {
    schedule: S,
    low: f64,
    width: f64,
}

impl<In, S: Recurrence<In>> Recurrence<In> for Jittered<S> {
    type Output = S::Output;

    fn decide(&mut self, moment: &mut Moment<'_>, input: &In) -> Decision<S::Output> {
        let mut decision = self.schedule.decide(moment, input);
        if let Some(delay) = decision.delay.as_mut().filter(|delay| !delay.is_zero()) {
            *delay = scale(*delay, self.low + self.width * moment.chance());
        }
        decision
    }
}

/// The recurrence of [`Schedule::max_delay`].
#[derive(Clone, Copy, Debug)]
pub struct MaxDelay<S> {
    schedule: S,
    ceiling: Duration,
}

impl<In, S: Recurrence<In>> Recurrence<In> for MaxDelay<S> {
    type Output = S::Output;

    fn decide(&mut self, moment: &mut Moment<'_>, input: &In) -> Decision<S::Output> {
        let mut decision = moment.below(self.ceiling, |moment| self.schedule.decide(moment, input));
        decision.delay = decision.delay.map(|delay| delay.min(self.ceiling));
        decision
    }
}

/// The recurrence of [`Schedule::add_delay`].
#[derive(Clone, Copy, Debug)]
pub struct AddDelay<S> {
    schedule: S,
    delay: Duration,
}

impl<In, S: Recurrence<In>> Recurrence<In> for AddDelay<S> {
    type Output = S::Output;

    fn decide(&mut self, moment: &mut Moment<'_>, input: &In) -> Decision<S::Output> {
        let mut decision = self.schedule.decide(moment, input);
        decision.delay = decision.delay.map(|delay| delay.saturating_add(self.delay));
        decision
    }
}

/// The recurrence of [`Schedule::modify_delay`].
#[derive(Clone, Copy)]
pub struct ModifyDelay<S, F> {
    schedule: S,
    f: F,
}

impl<In, S, F> Recurrence<In> for ModifyDelay<S, F>
where
    S: Recurrence<In>,
    F: Fn(&S::Output, Duration) -> Duration + Clone + Send + Sync + 'static,
{
    type Output = S::Output;

    fn decide(&mut self, moment: &mut Moment<'_>, input: &In) -> Decision<S::Output> {
        let mut decision = self.schedule.decide(moment, input);
        decision.delay = decision
            .delay
            .map(|delay| (self.f)(&decision.output, delay));
        decision
    }
}

opaque_debug!(ModifyDelay<S, F>);
