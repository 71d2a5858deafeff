//! Schedules that count.

use std::time::Duration;

use super::combining::Both;
use super::moment::{Decision, Moment};
use super::{Recurrence, Schedule};

/// # Counting
impl Schedule<u64, Recurs> {
    /// Creates a schedule of so many *extra* runs, with no delay between them.
    ///
    /// The output is the count of extra runs before.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::Schedule;
    /// # use std::time::Duration;
    /// assert_eq!(Schedule::recurs(2).preview(10), [Duration::ZERO; 2]);
    /// ```
    pub const fn recurs(extra_runs: u64) -> Self {
        Schedule::new(Recurs {
            extra_runs,
            done: 0,
        })
    }

    /// Creates a schedule of one *extra* run, with no delay.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::Schedule;
    /// # use std::time::Duration;
    /// assert_eq!(Schedule::once().preview(10), [Duration::ZERO]);
    /// ```
    pub const fn once() -> Self {
        Schedule::recurs(1)
    }

    /// Creates a schedule of no extra run.
    ///
    /// It changes no delay by [`either`](Schedule::either) or [`then`](Schedule::then), on whichever side.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::Schedule;
    /// assert!(Schedule::stop().preview(10).is_empty());
    /// ```
    #[doc(alias = "never")]
    pub const fn stop() -> Self {
        Schedule::recurs(0)
    }

    /// Creates a schedule of extra runs without end, with no delay between them.
    ///
    /// It changes no delay by [`both`](Schedule::both), on whichever side.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::Schedule;
    /// # use std::time::Duration;
    /// assert_eq!(Schedule::forever().preview(3), [Duration::ZERO; 3]);
    /// ```
    #[doc(alias = "immediate")]
    pub const fn forever() -> Self {
        Schedule::recurs(u64::MAX)
    }
}

/// # Counting what there is
impl<Out, S> Schedule<Out, S> {
    /// Stops after so many *extra* runs, if the schedule has not before.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::Schedule;
    /// # use std::time::Duration;
    /// let second = Duration::from_secs(1);
    /// assert_eq!(Schedule::spaced(second).times(2).preview(10), [second; 2]);
    /// assert_eq!(Schedule::once().times(2).preview(10).len(), 1);
    /// ```
    #[doc(alias = "take")]
    pub fn times(self, extra_runs: u64) -> Schedule<Out, Both<S, Recurs>> {
        self.both(Schedule::recurs(extra_runs))
    }

    /// Yields the count of extra runs before.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{succeed, Never, Schedule};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let counted = Schedule::recurs(3).map(|_| "whatever").repetitions();
    /// assert_eq!(succeed::<_, Never, _>(()).repeat(counted).await, Ok(3));
    /// # }
    /// ```
    pub fn repetitions(self) -> Schedule<u64, Repetitions<S>> {
        self.wrap(|schedule| Repetitions { schedule, done: 0 })
    }
}

/// The recurrence of [`Schedule::recurs`], and of what is made of it.
#[derive(Clone, Copy, Debug)]
pub struct Recurs {
    extra_runs: u64,
    done: u64,
}

impl<In> Recurrence<In> for Recurs {
    type Output = u64;

    #[inline]
    fn decide(&mut self, _: &mut Moment<'_>, _: &In) -> Decision<u64> {
        let done = self.done;
        if done == self.extra_runs {
            return Decision::stop(done);
        }
        self.done += 1;
        Decision::again(Duration::ZERO, done)
    }
}

/// The recurrence of [`Schedule::repetitions`].
#[derive(Clone, Copy, Debug)]
pub struct Repetitions<S> {
    schedule: S,
    done: u64,
}

impl<In, S: Recurrence<In>> Recurrence<In> for Repetitions<S> {
    type Output = u64;

    fn decide(&mut self, moment: &mut Moment<'_>, input: &In) -> Decision<u64> {
        let decision = self.schedule.decide(moment, input).map(|_| self.done);
        self.done += u64::from(decision.delay.is_some());
        decision
    }
}
