//! Going by a schedule: each run has a driver of its own.

use std::fmt;
use std::marker::PhantomData;
use std::time::{Duration, Instant};

use super::erased::AnyInput;
use super::moment::{Decision, Moment};
use super::{Recurrence, Schedule};
use crate::Cx;

/// One run by a schedule: where it stands, and what it says next.
///
/// [`retry`](crate::Effect::retry) and [`repeat`](crate::Effect::repeat) have one each; a loop of one's own makes it by
/// [`start`](Schedule::start). A clone goes on from where the driver stands.
///
/// # Examples
///
/// ```
/// use effect_core::{effect, Cx, Schedule};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let policy = Schedule::linear(Duration::from_secs(1)).times(3);
/// let waited = effect(async move |cx: Cx<()>| {
///     let begun = cx.now();
///     let mut driver = policy.start();
///     while let Some(delay) = driver.ask(&cx, &"busy").delay {
///         cx.sleep(delay).await;
///     }
///     Ok::<_, &str>((cx.now() - begun).as_secs())
/// });
/// assert_eq!(waited.await, Ok(6));
/// # }
/// ```
pub struct Driver<Out = u64, S = AnyInput<Out>> {
    recurrence: S,
    begun: Option<Instant>,
    output: PhantomData<fn() -> Out>,
}

impl<Out, S> Driver<Out, S> {
    pub(crate) fn new(schedule: Schedule<Out, S>) -> Self {
        Driver {
            recurrence: schedule.recurrence,
            begun: None,
            output: PhantomData,
        }
    }

    /// Asks what to do at a moment that is given, after what a run has failed or succeeded with.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::{Decision, Moment, Schedule};
    /// # use std::time::Duration;
    /// let second = Duration::from_secs(1);
    /// let mut driver = Schedule::spaced(second).while_input(|n: &u8| *n < 3).start();
    /// assert_eq!(driver.decide(Moment::at(second), &1), Decision::again(second, 0));
    /// assert_eq!(driver.decide(Moment::at(second), &3), Decision::stop(1));
    /// ```
    #[inline]
    pub fn decide<In>(&mut self, mut moment: Moment<'_>, input: &In) -> Decision<Out>
    where
        S: Recurrence<In, Output = Out>,
    {
        self.recurrence.decide(&mut moment, input)
    }

    /// Asks what to do now, in a running effect. It does not wait; that is up to the caller.
    ///
    /// # Examples
    ///
    /// See [`Driver`].
    #[inline]
    pub fn ask<R, In>(&mut self, cx: &Cx<R>, input: &In) -> Decision<Out>
    where
        S: Recurrence<In, Output = Out>,
    {
        let mut moment = Moment::running(&**cx.runtime(), &mut self.begun);
        self.recurrence.decide(&mut moment, input)
    }
}

/// # Stepping by hand
impl<Out, S: Clone> Schedule<Out, S> {
    /// Begins to go by the schedule, which stays as it is.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::{Moment, Schedule};
    /// # use std::time::Duration;
    /// let once = Schedule::once();
    /// for _ in 0..2 {
    ///     let mut driver = once.start();
    ///     assert!(driver.decide(Moment::at(Duration::ZERO), &()).delay.is_some());
    ///     assert!(driver.decide(Moment::at(Duration::ZERO), &()).delay.is_none());
    /// }
    /// ```
    pub fn start(&self) -> Driver<Out, S> {
        Driver::new(self.clone())
    }

    /// Tells the first delays, at most so many, of runs that take no time.
    ///
    /// Chance is even: where a delay is between two times, it is told to be in the middle. The time of day begins with
    /// the Unix epoch. A schedule that looks at its input is asked with `()`; for another input, go by a
    /// [`Driver`] step by step.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::Schedule;
    /// # use std::time::Duration;
    /// let schedule = Schedule::fibonacci(Duration::from_millis(1));
    /// assert_eq!(schedule.preview(6), [1, 1, 2, 3, 5, 8].map(Duration::from_millis));
    /// assert_eq!(Schedule::stop().preview(6), []);
    /// ```
    pub fn preview(&self, most: usize) -> Vec<Duration>
    where
        S: Recurrence<(), Output = Out>,
    {
        let mut driver = self.start();
        let mut elapsed = Duration::ZERO;
        let delays = std::iter::from_fn(|| {
            let delay = driver.decide(Moment::at(elapsed), &()).delay?;
            // Schedules may say to wait for ages, and the clock of a preview ends some time.
            elapsed = elapsed.saturating_add(delay).min(LATEST);
            Some(delay)
        });
        delays.take(most).collect()
    }
}

/// As late as it gets in a preview: thirty thousand years after its beginning.
const LATEST: Duration = Duration::from_secs(1 << 40);

impl<Out, S: Clone> Clone for Driver<Out, S> {
    fn clone(&self) -> Self {
        Driver {
            recurrence: self.recurrence.clone(),
            ..*self
        }
    }
}

impl<Out, S: fmt::Debug> fmt::Debug for Driver<Out, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Driver").field(&self.recurrence).finish()
    }
}
