//! What a bounded run has at its end, however it ended: every item that was pulled is in one place.

use std::fmt;
use std::time::Duration;

use effect_core::StopReason;

use crate::stream::reporting::rate;

/// What a [bounded run](crate::BoundedRun) has at its end, however it ended.
///
/// Every item that was pulled is in exactly one place: it was delivered, or it is here, in hand or buffered. So whoever
/// goes on later has what to go on with.
///
/// # Examples
///
/// ```
/// use effect_core::{sleep, Never, Stop, StopReason};
/// use effect_stream::{RunStatus, Stream};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let limit = Duration::from_secs(5);
/// let run = Stream::from_iter(0..).run_bounded(Stop::after(limit)).read_ahead(2).keep_all();
/// let Ok(partial) = run.for_each(|_| sleep::<_, Never>(Duration::from_secs(2))).await;
///
/// assert_eq!(partial.status, RunStatus::Stopped(StopReason::Timeout(limit)));
/// assert_eq!((partial.value, partial.in_hand, partial.buffered), (vec![0, 1], Some(2), vec![3, 4]));
/// assert_eq!((partial.pulled, partial.delivered), (5, 2));
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "it says how the run ended"]
pub struct Partial<A, E, B = ()> {
    /// How the run ended.
    pub status: RunStatus<E>,
    /// What was kept, or made, of the items that were delivered.
    pub value: B,
    /// How many items came out of the stream. A failure that ended the run is none of them.
    pub pulled: u64,
    /// How many of them are done with.
    pub delivered: u64,
    /// The one that the body was working on when the run ended.
    pub in_hand: Option<A>,
    /// Those that nobody has begun to work on, in order.
    pub buffered: Vec<A>,
    /// How long the run took.
    pub elapsed: Duration,
}

impl<A, E, B> Partial<A, E, B> {
    /// How many items were where.
    pub fn tally(&self) -> Tally {
        Tally {
            pulled: self.pulled,
            delivered: self.delivered,
            in_hand: u64::from(self.in_hand.is_some()),
            buffered: self.buffered.len() as u64,
        }
    }

    /// Items delivered per second: 0 if none was, whatever the time, and infinitely many if they took none.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{sleep, Never, Stop};
    /// use effect_stream::Stream;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let run = Stream::range(0..10).run_bounded(Stop::never());
    /// let Ok(partial) = run.for_each(|_| sleep::<_, Never>(Duration::from_millis(500))).await;
    /// assert_eq!(partial.rate(), 2.0);
    /// # }
    /// ```
    pub fn rate(&self) -> f64 {
        rate(self.delivered, self.elapsed)
    }
}

/// How a [bounded run](crate::BoundedRun) ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RunStatus<E> {
    /// The stream came to its end, and every item was delivered.
    Completed,
    /// It was stopped, and this is why.
    Stopped(StopReason),
    /// The body has failed for the item in hand, or an element of the stream has.
    Failed(E),
    /// It was interrupted from outside before it ended, or has died: only a [`Watch`](crate::Watch) ever sees this.
    Interrupted,
}

impl<E: fmt::Display> fmt::Display for RunStatus<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunStatus::Completed => f.write_str("completed"),
            RunStatus::Stopped(reason) => write!(f, "{reason}"),
            RunStatus::Failed(error) => write!(f, "failed: {error}"),
            RunStatus::Interrupted => f.write_str("interrupted"),
        }
    }
}

/// How many items of a [bounded run](crate::BoundedRun) are where. What is delivered, in hand and buffered adds up to what
/// was pulled, at any time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tally {
    /// Those that came out of the stream.
    pub pulled: u64,
    /// Those that are done with.
    pub delivered: u64,
    /// The one that the body works on.
    pub in_hand: u64,
    /// Those that nobody has begun to work on.
    pub buffered: u64,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} pulled = {} delivered + {} in hand + {} buffered",
            self.pulled, self.delivered, self.in_hand, self.buffered
        )
    }
}
