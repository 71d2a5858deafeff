//! Schedules that go by the time of day: cron patterns.

use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::moment::{Decision, Moment};
use super::{Recurrence, Schedule};

/// # Keeping to the time of day
impl Schedule<u64, Cron> {
    /// Creates a schedule of extra runs at the times of a cron pattern, in UTC.
    ///
    /// A pattern has five fields, minute, hour, day of month, month and day of week; with six, the first is the second. The
    /// time of day is the runtime's, so a test need not wait for Monday. The schedule goes on as long as there are such
    /// times; those that pass during a run are left out. The output is the count of extra runs before. It is behind the
    /// feature `cron`.
    ///
    /// # Errors
    ///
    /// [`CronError::Pattern`] if the pattern cannot be read.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::Schedule;
    /// # use std::time::Duration;
    /// // A preview begins with Thursday, the first of January 1970.
    /// let weekly = Schedule::cron("30 9 * * MON")?;
    /// let hours = |n: f64| Duration::from_secs_f64(n * 3600.0);
    /// assert_eq!(weekly.preview(2), [hours(4.0 * 24.0 + 9.5), hours(7.0 * 24.0)]);
    /// assert!(Schedule::cron("every so often").is_err());
    /// # Ok::<_, effect_core::CronError>(())
    /// ```
    pub fn cron(pattern: &str) -> Result<Self, CronError> {
        Schedule::by_cron(pattern, TimeZone::UTC)
    }

    /// Creates a schedule of extra runs at the times of a cron pattern, in a time zone of the IANA database.
    ///
    /// Where clocks are set forward over such a time, it is right after; where they are set back over it, it is once.
    /// Otherwise as [`cron`](Schedule::cron).
    ///
    /// # Errors
    ///
    /// [`CronError::Pattern`] if the pattern cannot be read, [`CronError::Zone`] if there is no such zone.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::{CronError, Schedule};
    /// # use std::time::Duration;
    /// let daily = Schedule::cron_in("0 9 * * *", "Asia/Tokyo")?;
    /// // A preview begins at midnight of UTC, when it is nine o'clock in Tokyo.
    /// assert_eq!(daily.preview(1), [Duration::from_secs(24 * 3600)]);
    /// assert!(matches!(Schedule::cron_in("0 9 * * *", "Atlantis"), Err(CronError::Zone { .. })));
    /// # Ok::<_, CronError>(())
    /// ```
    pub fn cron_in(pattern: &str, zone: &str) -> Result<Self, CronError> {
        let found = TimeZone::get(zone).map_err(|_| CronError::Zone {
            zone: zone.to_owned(),
        })?;
        Schedule::by_cron(pattern, found)
    }

    fn by_cron(pattern: &str, zone: TimeZone) -> Result<Self, CronError> {
        let parsed = croner::Cron::from_str(pattern).map_err(|error| CronError::Pattern {
            pattern: pattern.to_owned(),
            reason: error.to_string(),
        })?;
        Ok(Schedule::new(Cron {
            pattern: Arc::new(parsed),
            zone,
            due: None,
            done: 0,
        }))
    }
}

/// Why there is no schedule of a cron pattern.
///
/// # Examples
///
/// ```
/// # use effect_core::Schedule;
/// let error = Schedule::cron_in("0 9 * * *", "Atlantis").unwrap_err();
/// assert_eq!(error.to_string(), "there is no time zone \"Atlantis\"");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CronError {
    /// The pattern cannot be read.
    #[error("{pattern:?} is no cron pattern: {reason}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no such time zone.
    #[error("there is no time zone {zone:?}")]
    Zone {
        /// Its name.
        zone: String,
    },
}

/// The recurrence of [`Schedule::cron`].
#[derive(Clone, Debug)]
pub struct Cron {
    pattern: Arc<croner::Cron>,
    zone: TimeZone,
    // When the last run was to be.
    due: Option<SystemTime>,
    done: u64,
}

/// How much earlier than a timer the time of day may be, and the timer's time still count as that of the day: the clocks
/// are two, and do not go quite alike.
const EARLY: Duration = Duration::from_secs(1);

impl Cron {
    /// The first time of the pattern after another.
    fn next(&self, after: SystemTime) -> Option<SystemTime> {
        let after = Timestamp::try_from(after).ok()?;
        let after = Zoned::new(after, self.zone.clone());
        let next = self.pattern.find_next_occurrence(&after, false).ok()?;
        Some(next.timestamp().into())
    }
}

impl<In> Recurrence<In> for Cron {
    type Output = u64;

    fn decide(&mut self, moment: &mut Moment<'_>, _: &In) -> Decision<u64> {
        let now = moment.wall_now();
        let woken_early = self
            .due
            .filter(|due| due.duration_since(now).is_ok_and(|early| early <= EARLY));
        let Some(due) = self.next(woken_early.unwrap_or(now)) else {
            return Decision::stop(self.done);
        };
        self.due = Some(due);
        self.done += 1;
        // It is later than now.
        let delay = due.duration_since(now).unwrap_or_default();
        Decision::again(delay, self.done - 1)
    }
}
