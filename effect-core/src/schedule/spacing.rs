//! Schedules that wait as long as they are told to, without end.

use std::sync::Arc;
use std::time::Duration;

use super::moment::{Decision, Moment};
use super::{Recurrence, Schedule, from_nanos};
use crate::opaque_debug::opaque_debug;

/// # Spacing
impl Schedule<u64, Spaced> {
    /// Creates a schedule that waits this long before each extra run, and goes on without end.
    ///
    /// The delay begins when the run before has ended. The output is the count of extra runs before.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::Schedule;
    /// # use std::time::Duration;
    /// let second = Duration::from_secs(1);
    /// assert_eq!(Schedule::spaced(second).preview(3), [second; 3]);
    /// ```
    pub const fn spaced(delay: Duration) -> Self {
        Schedule::new(Spaced { delay, done: 0 })
    }
}

/// # Keeping to a beat
impl Schedule<u64, Fixed> {
    /// Creates a schedule that begins extra runs at a fixed rate, and goes on without end.
    ///
    /// The beats count from the first decision. A run that takes longer than to the next beat is followed by the next at
    /// once; those that were missed do not pile up. The output is the count of extra runs before.
    ///
    /// # Panics
    ///
    /// If the interval is zero.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{sleep, Never, Schedule};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let work = sleep::<_, Never>(Duration::from_millis(400));
    /// let begun = tokio::time::Instant::now();
    /// work.repeat(Schedule::fixed(Duration::from_secs(1)).times(3)).await.unwrap();
    /// assert_eq!(begun.elapsed(), Duration::from_millis(400 + 3 * 1000 + 400));
    /// # }
    /// ```
    #[track_caller]
    pub fn fixed(interval: Duration) -> Self {
        assert!(!interval.is_zero(), "an interval is longer than zero");
        Schedule::new(Fixed {
            interval,
            last: None,
            done: 0,
        })
    }
}

/// # Keeping to windows
impl Schedule<u64, Windowed> {
    /// Creates a schedule that waits for the next of the windows that time is cut into, and goes on without end.
    ///
    /// The windows count from the first decision. A run that takes longer than to the next window misses it, and is
    /// followed by one in the window after. The output is the count of extra runs before.
    ///
    /// # Panics
    ///
    /// If the interval is zero.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{Moment, Schedule};
    /// use std::time::Duration;
    ///
    /// let mut driver = Schedule::windowed(Duration::from_secs(2)).start();
    /// let mut delay_at = |secs| driver.decide(Moment::at(Duration::from_secs(secs)), &()).delay;
    /// assert_eq!(delay_at(0), Some(Duration::from_secs(2)));
    /// assert_eq!(delay_at(7), Some(Duration::from_secs(1)));
    /// ```
    #[track_caller]
    pub fn windowed(interval: Duration) -> Self {
        assert!(!interval.is_zero(), "an interval is longer than zero");
        Schedule::new(Windowed {
            interval,
            begun: None,
            done: 0,
        })
    }
}

/// # Naming each delay
impl Schedule<u64, Durations> {
    /// Creates a schedule of one extra run for each delay.
    ///
    /// The output is the count of extra runs before.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::Schedule;
    /// # use std::time::Duration;
    /// let delays = [1, 10, 60].map(Duration::from_secs);
    /// assert_eq!(Schedule::from_durations(delays).preview(10), delays);
    /// ```
    pub fn from_durations(delays: impl IntoIterator<Item = Duration>) -> Self {
        Schedule::new(Durations {
            delays: delays.into_iter().collect(),
            done: 0,
        })
    }
}

/// # Making up each delay
impl<T, F> Schedule<u64, Unfold<T, F>> {
    /// Creates a schedule that makes each delay of a state, and the next state with it, until there is none.
    ///
    /// The output is the count of extra runs before.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::Schedule;
    /// # use std::time::Duration;
    /// let down = Schedule::unfold(3, |n| (*n > 0).then(|| (Duration::from_secs(*n), n - 1)));
    /// assert_eq!(down.preview(10), [3, 2, 1].map(Duration::from_secs));
    /// ```
    pub fn unfold(state: T, f: F) -> Self
    where
        F: Fn(&T) -> Option<(Duration, T)>,
    {
        Schedule::new(Unfold { state, f, done: 0 })
    }
}

/// The recurrence of [`Schedule::spaced`].
#[derive(Clone, Copy, Debug)]
pub struct Spaced {
    delay: Duration,
    done: u64,
}

impl<In> Recurrence<In> for Spaced {
    type Output = u64;

    #[inline]
    fn decide(&mut self, _: &mut Moment<'_>, _: &In) -> Decision<u64> {
        Decision::again(self.delay, count(&mut self.done))
    }
}

/// The recurrence of [`Schedule::fixed`].
#[derive(Clone, Copy, Debug)]
pub struct Fixed {
    interval: Duration,
    last: Option<Beat>,
    done: u64,
}

#[derive(Clone, Copy, Debug)]
struct Beat {
    begun: Duration,
    due: Duration,
}

impl<In> Recurrence<In> for Fixed {
    type Output = u64;

    fn decide(&mut self, moment: &mut Moment<'_>, _: &In) -> Decision<u64> {
        let now = moment.elapsed();
        let (begun, delay) = match self.last {
            None => (now, self.interval),
            // The beat after the last has passed.
            Some(Beat { begun, due }) if now >= due.saturating_add(self.interval) => {
                (begun, Duration::ZERO)
            }
            Some(Beat { begun, .. }) => (begun, to_next(begun, self.interval, now)),
        };
        self.last = Some(Beat {
            begun,
            due: now.saturating_add(delay),
        });
        Decision::again(delay, count(&mut self.done))
    }
}

/// The recurrence of [`Schedule::windowed`].
#[derive(Clone, Copy, Debug)]
pub struct Windowed {
    interval: Duration,
    begun: Option<Duration>,
    done: u64,
}

impl<In> Recurrence<In> for Windowed {
    type Output = u64;

    fn decide(&mut self, moment: &mut Moment<'_>, _: &In) -> Decision<u64> {
        let now = moment.elapsed();
        let begun = *self.begun.get_or_insert(now);
        let delay = to_next(begun, self.interval, now);
        Decision::again(delay, count(&mut self.done))
    }
}

/// How long it is to the next multiple of an interval, counted from `begun`.
fn to_next(begun: Duration, interval: Duration, now: Duration) -> Duration {
    let since = now.saturating_sub(begun).as_nanos() % interval.as_nanos();
    interval - from_nanos(since)
}

/// The recurrence of [`Schedule::from_durations`].
#[derive(Clone, Debug)]
pub struct Durations {
    delays: Arc<[Duration]>,
    done: usize,
}

impl<In> Recurrence<In> for Durations {
    type Output = u64;

    fn decide(&mut self, _: &mut Moment<'_>, _: &In) -> Decision<u64> {
        let output = self.done as u64;
        let delay = self.delays.get(self.done).copied();
        self.done += usize::from(delay.is_some());
        Decision { output, delay }
    }
}

/// The recurrence of [`Schedule::unfold`].
#[derive(Clone, Copy)]
pub struct Unfold<T, F> {
    state: T,
    f: F,
    done: u64,
}

impl<In, T, F> Recurrence<In> for Unfold<T, F>
where
    T: Clone + Send + Sync + 'static,
    F: Fn(&T) -> Option<(Duration, T)> + Clone + Send + Sync + 'static,
{
    type Output = u64;

    fn decide(&mut self, _: &mut Moment<'_>, _: &In) -> Decision<u64> {
        let Some((delay, next)) = (self.f)(&self.state) else {
            return Decision::stop(self.done);
        };
        self.state = next;
        Decision::again(delay, count(&mut self.done))
    }
}

/// Counts one more, and has what it was before.
#[inline]
fn count(done: &mut u64) -> u64 {
    let before = *done;
    *done += 1;
    before
}

opaque_debug!(Unfold<T, F>);
