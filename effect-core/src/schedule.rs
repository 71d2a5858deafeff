//! When to run again, and how often: schedules, as values.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

pub(crate) mod moment;
pub(crate) mod driver;
pub(crate) mod erased;
pub(crate) mod counting;
pub(crate) mod spacing;
pub(crate) mod growing;
#[cfg(feature = "cron")]
pub(crate) mod cron;
pub(crate) mod combining;
pub(crate) mod stopping;
pub(crate) mod delaying;
pub(crate) mod observing;

use self::erased::AnyInput;
use self::moment::{Decision, Moment};

/// When, and how often, to run again: after a failure, by [`retry`](crate::Effect::retry), or after a success, by
/// [`repeat`](crate::Effect::repeat).
///
/// Whatever it counts is *extra* runs: `Schedule::recurs(3)` runs at most four times.
///
/// A schedule is a value and never changes. Each run by it has a [`Driver`](crate::Driver) of its own, so many can share
/// one. After each run it is asked whether to go on, is given what the effect failed or succeeded with, and makes a
/// [`Decision`]: how long to wait before the next run, or to stop; and an output, which `Out` is, often a count.
///
/// # Examples
///
/// ```
/// use effect_core::Schedule;
/// use std::time::Duration;
///
/// let seconds = Duration::from_secs;
/// let patient = Schedule::exponential(seconds(1)).max_delay(seconds(5)).times(6);
/// assert_eq!(patient.preview(10), [1, 2, 4, 5, 5, 5].map(seconds));
/// ```
///
/// In a signature, leave out what it is made of, and [`erase`](Schedule::erase) that:
///
/// ```
/// use effect_core::Schedule;
/// use std::time::Duration;
///
/// fn politeness() -> Schedule {
///     Schedule::spaced(Duration::from_secs(1)).times(2).jittered().erase()
/// }
/// assert_eq!(politeness().preview(10), [Duration::from_secs(1); 2]);
/// ```
#[must_use = "a schedule does nothing until an effect is run by it"]
pub struct Schedule<Out = u64, S = AnyInput<Out>> {
    recurrence: S,
    output: PhantomData<fn() -> Out>,
}

/// What a schedule is made of: it decides, step by step, and each step may change it.
///
/// `In` is what it is asked with: the error of a retry, the value of a repeat. Most take any. A copy that has not been
/// asked yet is where each run begins.
///
/// # Examples
///
/// ```
/// use effect_core::{Decision, Moment, Recurrence, Schedule};
/// use std::time::Duration;
///
/// /// Waits as long as it is told to by who was asked in vain.
/// #[derive(Clone)]
/// struct AsTold;
///
/// impl Recurrence<Duration> for AsTold {
///     type Output = ();
///
///     fn decide(&mut self, _: &mut Moment<'_>, told: &Duration) -> Decision<()> {
///         Decision::again(*told, ())
///     }
/// }
///
/// let mut driver = Schedule::new(AsTold).start();
/// let decision = driver.decide(Moment::at(Duration::ZERO), &Duration::from_secs(7));
/// assert_eq!(decision.delay, Some(Duration::from_secs(7)));
/// ```
#[diagnostic::on_unimplemented(
    message = "this schedule cannot be asked with a `{In}`",
    note = "a retry asks with the error, a repeat with the value, and a preview with `()`"
)]
pub trait Recurrence<In>: Clone + Send + Sync + 'static {
    /// What each decision yields.
    type Output;

    /// Decides whether to go on, after what a run has failed or succeeded with.
    ///
    /// It may be asked again after it has said to stop, where another goes on in its place.
    fn decide(&mut self, moment: &mut Moment<'_>, input: &In) -> Decision<Self::Output>;
}

impl<Out, S> Schedule<Out, S> {
    /// Wraps a recurrence. Schedules of one's own begin here.
    ///
    /// # Examples
    ///
    /// See [`Recurrence`].
    pub const fn new(recurrence: S) -> Self {
        Schedule {
            recurrence,
            output: PhantomData,
        }
    }

    /// Wraps what the schedule is made of into something that goes by it.
    fn wrap<B, T>(self, wrapper: impl FnOnce(S) -> T) -> Schedule<B, T> {
        Schedule::new(wrapper(self.recurrence))
    }
}

impl<Out, S: Clone> Clone for Schedule<Out, S> {
    fn clone(&self) -> Self {
        Schedule::new(self.recurrence.clone())
    }
}

impl<Out, S: Copy> Copy for Schedule<Out, S> {}

impl<Out, S: fmt::Debug> fmt::Debug for Schedule<Out, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Schedule").field(&self.recurrence).finish()
    }
}

/// A duration of so many nanoseconds, or the longest there is.
pub(crate) fn from_nanos(nanos: u128) -> Duration {
    const SECOND: u128 = 1_000_000_000;
    match u64::try_from(nanos / SECOND) {
        Ok(secs) => Duration::new(secs, (nanos % SECOND) as u32),
        Err(_) => Duration::MAX,
    }
}

/// A duration times a factor, which is not negative, or the longest there is.
fn scale(duration: Duration, factor: f64) -> Duration {
    Duration::try_from_secs_f64(duration.as_secs_f64() * factor).unwrap_or(Duration::MAX)
}
