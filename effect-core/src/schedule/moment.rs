//! What a schedule is asked with besides the input, and what it answers.

use std::fmt;
use std::time::{Duration, Instant, SystemTime};

use crate::Runtime;

/// What a schedule decided: to run again after a delay, or to stop; and its output either way.
///
/// # Examples
///
/// ```
/// use effect_core::{Moment, Schedule};
/// use std::time::Duration;
///
/// let mut driver = Schedule::once().start();
/// let now = || Moment::at(Duration::ZERO);
/// assert_eq!(driver.decide(now(), &()).delay, Some(Duration::ZERO));
/// assert_eq!(driver.decide(now(), &()).delay, None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision<Out> {
    /// What the schedule yields.
    pub output: Out,
    /// How long to wait before the next run. Without one, there is no next run.
    pub delay: Option<Duration>,
}

impl<Out> Decision<Out> {
    /// Creates the decision to run again after a delay.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::Decision;
    /// # use std::time::Duration;
    /// assert_eq!(Decision::again(Duration::ZERO, 1).delay, Some(Duration::ZERO));
    /// ```
    #[inline]
    pub const fn again(delay: Duration, output: Out) -> Self {
        Decision {
            output,
            delay: Some(delay),
        }
    }

    /// Creates the decision to stop.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::Decision;
    /// assert_eq!(Decision::stop(1).delay, None);
    /// ```
    #[inline]
    pub const fn stop(output: Out) -> Self {
        Decision {
            output,
            delay: None,
        }
    }

    /// Transforms the output.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::Decision;
    /// assert_eq!(Decision::stop(1).map(|n| n + 1), Decision::stop(2));
    /// ```
    #[inline]
    pub fn map<B>(self, f: impl FnOnce(Out) -> B) -> Decision<B> {
        Decision {
            output: f(self.output),
            delay: self.delay,
        }
    }
}

/// The moment at which a schedule is asked: the time, the time of day, and chance.
///
/// In a run, all three are the runtime's, and are looked up only if the schedule does. By hand, they are given.
///
/// # Examples
///
/// ```
/// use effect_core::{Moment, Schedule};
/// use std::time::Duration;
///
/// let mut driver = Schedule::fixed(Duration::from_secs(5)).start();
/// let mut delay_at = |secs: f64| {
///     let moment = Moment::at(Duration::from_secs_f64(secs));
///     driver.decide(moment, &()).delay.unwrap().as_secs_f64()
/// };
/// assert_eq!([delay_at(0.0), delay_at(6.5)], [5.0, 3.5]);
/// ```
pub struct Moment<'a> {
    source: Source<'a>,
    ceiling: Duration,
}

enum Source<'a> {
    Given {
        elapsed: Duration,
        wall: SystemTime,
        chance: f64,
    },
    Running {
        runtime: &'a dyn Runtime,
        // When the clock was read first in this run: times count from there.
        begun: &'a mut Option<Instant>,
        // All that are asked at one moment see one time.
        now: Option<Instant>,
    },
}

/// How long schedules that grow let one wait, unless they are told otherwise.
const CEILING: Duration = Duration::from_secs(3600);

impl Moment<'static> {
    /// Creates a moment so long after the beginning, on a clock that begins with the Unix epoch, when chance is even.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::Moment;
    /// # use std::time::Duration;
    /// let mut moment = Moment::at(Duration::from_secs(1));
    /// assert_eq!(moment.elapsed(), Duration::from_secs(1));
    /// assert_eq!(moment.chance(), 0.5);
    /// ```
    pub fn at(elapsed: Duration) -> Self {
        let epoch = SystemTime::UNIX_EPOCH;
        Moment::given(elapsed, epoch.checked_add(elapsed).unwrap_or(epoch), 0.5)
    }

    /// The same moment, at another time of day.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::Moment;
    /// # use std::time::{Duration, SystemTime};
    /// let noon = SystemTime::UNIX_EPOCH + Duration::from_secs(12 * 3600);
    /// let mut moment = Moment::at(Duration::ZERO).with_wall(noon);
    /// assert_eq!(moment.wall_now(), noon);
    /// ```
    #[must_use]
    pub fn with_wall(mut self, wall: SystemTime) -> Self {
        let (elapsed, chance) = (self.elapsed(), self.chance());
        Moment::given(elapsed, wall, chance)
    }

    /// The same moment, by another chance, from 0 to 1.
    ///
    /// # Panics
    ///
    /// If the chance is not from 0 to 1.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::{Moment, Schedule};
    /// # use std::time::Duration;
    /// let mut driver = Schedule::spaced(Duration::from_secs(10)).jittered().start();
    /// let unlucky = Moment::at(Duration::ZERO).with_chance(1.0);
    /// assert_eq!(driver.decide(unlucky, &()).delay, Some(Duration::from_secs(12)));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn with_chance(mut self, chance: f64) -> Self {
        assert!((0.0..=1.0).contains(&chance), "a chance is from 0 to 1");
        let (elapsed, wall) = (self.elapsed(), self.wall_now());
        Moment::given(elapsed, wall, chance)
    }

    fn given(elapsed: Duration, wall: SystemTime, chance: f64) -> Self {
        Moment {
            source: Source::Given {
                elapsed,
                wall,
                chance,
            },
            ceiling: CEILING,
        }
    }
}

impl<'a> Moment<'a> {
    /// The present moment of a run.
    #[inline]
    pub(crate) fn running(runtime: &'a dyn Runtime, begun: &'a mut Option<Instant>) -> Self {
        Moment {
            source: Source::Running {
                runtime,
                begun,
                now: None,
            },
            ceiling: CEILING,
        }
    }

    /// How long it is since the beginning: of the run, or nearly so. Only differences say something.
    pub fn elapsed(&mut self) -> Duration {
        match &mut self.source {
            Source::Given { elapsed, .. } => *elapsed,
            Source::Running {
                runtime,
                begun,
                now,
            } => {
                let now = *now.get_or_insert_with(|| runtime.now());
                now.saturating_duration_since(*begun.get_or_insert(now))
            }
        }
    }

    /// The time of day.
    pub fn wall_now(&mut self) -> SystemTime {
        match &self.source {
            Source::Given { wall, .. } => *wall,
            Source::Running { runtime, .. } => runtime.wall_now(),
        }
    }

    /// A number from 0 to 1, by chance. Each time it is asked, it is another.
    pub fn chance(&mut self) -> f64 {
        /// As many different numbers as there are from 0 to 1, evenly spaced.
        const STEPS: u64 = 1 << 53;
        match &self.source {
            Source::Given { chance, .. } => *chance,
            Source::Running { runtime, .. } => (runtime.random() % STEPS) as f64 / STEPS as f64,
        }
    }

    /// How long a schedule whose delays grow lets one wait at most.
    /// [`max_delay`](crate::Schedule::max_delay) around it says so; otherwise it is an hour.
    pub fn ceiling(&self) -> Duration {
        self.ceiling
    }

    /// Asks under another ceiling.
    #[inline]
    pub(super) fn below<T>(&mut self, ceiling: Duration, ask: impl FnOnce(&mut Self) -> T) -> T {
        let around = std::mem::replace(&mut self.ceiling, ceiling);
        let answer = ask(self);
        self.ceiling = around;
        answer
    }
}

impl fmt::Debug for Moment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Moment");
        if let Source::Given {
            elapsed,
            wall,
            chance,
        } = &self.source
        {
            shown
                .field("elapsed", elapsed)
                .field("wall", wall)
                .field("chance", chance);
        }
        shown.finish_non_exhaustive()
    }
}
