//! When to run again: the schedule of a retry.

use std::time::Duration;

/// When, and how often, to run again after a failure.
///
/// The count is of *extra* runs: `Schedule::recurs(3)` runs at most four times.
///
/// # Examples
///
/// ```
/// # use effect_core::Schedule;
/// # use std::time::Duration;
/// let schedule = Schedule::recurs(3).spaced(Duration::from_millis(100));
/// assert_eq!(schedule.extra_runs(), 3);
/// assert_eq!(schedule.delay(), Duration::from_millis(100));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a schedule does nothing until an effect is run by it"]
pub struct Schedule {
    extra_runs: u64,
    delay: Duration,
}

impl Schedule {
    /// Creates a schedule of so many extra runs, with no delay between them.
    pub const fn recurs(extra_runs: u64) -> Self {
        Schedule {
            extra_runs,
            delay: Duration::ZERO,
        }
    }

    /// Waits this long before each extra run.
    pub const fn spaced(self, delay: Duration) -> Self {
        Schedule { delay, ..self }
    }

    /// How many extra runs there are at most.
    pub const fn extra_runs(&self) -> u64 {
        self.extra_runs
    }

    /// How long to wait before each extra run.
    pub const fn delay(&self) -> Duration {
        self.delay
    }
}
