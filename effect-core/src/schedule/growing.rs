//! Schedules whose delays grow, without end, up to a ceiling.
//!
//! Delays that double would soon be longer than anybody waits, and longer than a `Duration` holds. The ceiling is the
//! moment's: an hour, or what a `max_delay` around the schedule says. A first delay that is longer is a ceiling itself.

use std::time::Duration;

use super::moment::{Decision, Moment};
use super::{Recurrence, Schedule, scale};

/// # Growing by a sum
impl Schedule<u64, Linear> {
    /// Creates a schedule whose delays grow by the first each time, and goes on without end.
    ///
    /// They grow up to an hour, or to what [`max_delay`](Schedule::max_delay) says. The output is the count of extra
    /// runs before.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::Schedule;
    /// # use std::time::Duration;
    /// let schedule = Schedule::linear(Duration::from_secs(2));
    /// assert_eq!(schedule.preview(4), [2, 4, 6, 8].map(Duration::from_secs));
    /// ```
    pub const fn linear(first: Duration) -> Self {
        Schedule::new(Linear {
            first,
            next: first,
            done: 0,
        })
    }
}

/// # Growing as Fibonacci's rabbits
impl Schedule<u64, Fibonacci> {
    /// Creates a schedule whose delays are each the sum of the two before, and goes on without end.
    ///
    /// They grow up to an hour, or to what [`max_delay`](Schedule::max_delay) says. The output is the count of extra
    /// runs before.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::Schedule;
    /// # use std::time::Duration;
    /// let schedule = Schedule::fibonacci(Duration::from_secs(1));
    /// assert_eq!(schedule.preview(5), [1, 1, 2, 3, 5].map(Duration::from_secs));
    /// ```
    pub const fn fibonacci(first: Duration) -> Self {
        Schedule::new(Fibonacci {
            first,
            next: first,
            after: first,
            done: 0,
        })
    }
}

/// # Growing by a factor
impl Schedule<u64, Exponential> {
    /// Creates a schedule whose delays double each time, and goes on without end.
    ///
    /// They grow up to an hour, or to what [`max_delay`](Schedule::max_delay) says. The output is the count of extra
    /// runs before.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::Schedule;
    /// # use std::time::Duration;
    /// let schedule = Schedule::exponential(Duration::from_millis(100));
    /// assert_eq!(schedule.preview(4), [100, 200, 400, 800].map(Duration::from_millis));
    /// assert_eq!(schedule.preview(1_000).last(), Some(&Duration::from_secs(3600)));
    /// ```
    #[doc(alias = "backoff")]
    pub const fn exponential(first: Duration) -> Self {
        Schedule::new(Exponential {
            first,
            next: first,
            factor: 2.0,
            done: 0,
        })
    }

    /// Grows by another factor than two.
    ///
    /// # Panics
    ///
    /// If the factor is no finite number above zero.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::Schedule;
    /// # use std::time::Duration;
    /// let schedule = Schedule::exponential(Duration::from_millis(100)).factor(1.5);
    /// assert_eq!(schedule.preview(3), [100, 150, 225].map(Duration::from_millis));
    /// ```
    #[track_caller]
    pub fn factor(self, factor: f64) -> Self {
        assert!(
            factor.is_finite() && factor > 0.0,
            "a factor is a finite number above zero"
        );
        self.wrap(|schedule| Exponential { factor, ..schedule })
    }
}

/// A delay that grows, held below the ceiling.
fn held(delay: Duration, first: Duration, moment: &Moment<'_>) -> Duration {
    delay.min(moment.ceiling().max(first))
}

/// The recurrence of [`Schedule::linear`].
#[derive(Clone, Copy, Debug)]
pub struct Linear {
    first: Duration,
    next: Duration,
    done: u64,
}

impl<In> Recurrence<In> for Linear {
    type Output = u64;

    fn decide(&mut self, moment: &mut Moment<'_>, _: &In) -> Decision<u64> {
        let decision = Decision::again(held(self.next, self.first, moment), self.done);
        self.next = self.next.saturating_add(self.first);
        self.done += 1;
        decision
    }
}

/// The recurrence of [`Schedule::fibonacci`].
#[derive(Clone, Copy, Debug)]
pub struct Fibonacci {
    first: Duration,
    next: Duration,
    after: Duration,
    done: u64,
}

impl<In> Recurrence<In> for Fibonacci {
    type Output = u64;

    fn decide(&mut self, moment: &mut Moment<'_>, _: &In) -> Decision<u64> {
        let decision = Decision::again(held(self.next, self.first, moment), self.done);
        (self.next, self.after) = (self.after, self.next.saturating_add(self.after));
        self.done += 1;
        decision
    }
}

/// The recurrence of [`Schedule::exponential`].
#[derive(Clone, Copy, Debug)]
pub struct Exponential {
    first: Duration,
    next: Duration,
    factor: f64,
    done: u64,
}

impl<In> Recurrence<In> for Exponential {
    type Output = u64;

    fn decide(&mut self, moment: &mut Moment<'_>, _: &In) -> Decision<u64> {
        let decision = Decision::again(held(self.next, self.first, moment), self.done);
        self.next = scale(self.next, self.factor);
        self.done += 1;
        decision
    }
}
