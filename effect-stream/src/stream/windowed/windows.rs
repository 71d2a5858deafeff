//! Windows as values: which of them an item is in, and when they are closed.

use std::hash::Hash;
use std::time::{Duration, SystemTime};

use effect_core::Value;

use super::nanos::{length, nanos};

/// Which windows the items of a stream are in, by the times that the items tell: see [`Stream::windowed`](crate::Stream::windowed).
///
/// Time goes by what the items say, and not by a clock. The *watermark* is the latest time that any of them told, less
/// the [`lateness`](Windows::lateness). No item is expected from before it: a window that ends at the watermark, or
/// before, is closed.
///
/// A window begins with its start and goes up to its end, which is not in it any more. Windows in which there is no item do
/// not exist, however far time jumps.
///
/// # Examples
///
/// ```
/// use effect_stream::Windows;
/// use std::time::Duration;
///
/// let minute = Duration::from_secs(60);
/// // Each minute by itself; at any time the last hour, told each minute; visits with pauses of half an hour between.
/// let by_minute = Windows::tumbling(minute);
/// let last_hour = Windows::sliding(60 * minute, minute).lateness(Duration::from_secs(5));
/// let visits = Windows::sessions(30 * minute);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "windows do nothing until a stream goes by them"]
pub struct Windows {
    pub(super) shape: Shape,
    pub(super) lateness: i128,
}

/// Where windows are, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// One begins at the origin, and one `every` so often before and after it.
    Aligned {
        size: i128,
        every: i128,
        origin: i128,
    },
    /// Where the items are.
    Sessions { gap: i128 },
}

impl Windows {
    /// Windows of one size, each of which begins where the last one ends: an item is in one.
    ///
    /// One of them begins at the Unix epoch, or where [`aligned_to`](Windows::aligned_to) says.
    ///
    /// # Panics
    ///
    /// If the size is 0.
    ///
    /// # Examples
    ///
    /// See [`Stream::windowed`](crate::Stream::windowed).
    #[doc(alias = "fixed")]
    #[track_caller]
    pub const fn tumbling(size: Duration) -> Self {
        Windows::sliding(size, size)
    }

    /// Windows of one size, of which one begins every so often: an item is in all of those that overlap there.
    ///
    /// They cost an item as much as there are of them. Where they are further apart than they are long, an item may be in none:
    /// that one is left out, but time goes on by it.
    ///
    /// One of them begins at the Unix epoch, or where [`aligned_to`](Windows::aligned_to) says.
    ///
    /// # Panics
    ///
    /// If one of the two is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::{Stream, Windows};
    /// use std::time::{Duration, SystemTime};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let at = |second| SystemTime::UNIX_EPOCH + Duration::from_secs(second);
    /// let windows = Windows::sliding(Duration::from_secs(4), Duration::from_secs(2));
    /// let windowed = Stream::from_iter([4, 5, 6]).windowed(windows, move |second| at(*second));
    /// let Ok(all) = windowed.map(|window| window.value).run_collect().await;
    /// assert_eq!(all, [Ok(vec![4, 5]), Ok(vec![4, 5, 6]), Ok(vec![6])]);
    /// # }
    /// ```
    #[doc(alias = "hopping")]
    #[track_caller]
    pub const fn sliding(size: Duration, every: Duration) -> Self {
        assert!(!size.is_zero(), "a window is longer than zero");
        assert!(!every.is_zero(), "windows begin at different times");
        Windows {
            shape: Shape::Aligned {
                size: length(size),
                every: length(every),
                origin: 0,
            },
            lateness: 0,
        }
    }

    /// Windows around items that are less than `gap` apart: each ends so long after its last item. An item that comes between
    /// two of them, and close enough to both, makes them one.
    ///
    /// # Panics
    ///
    /// If the gap is 0.
    ///
    /// # Examples
    ///
    /// See [`Stream::windowed_fold`](crate::Stream::windowed_fold).
    #[track_caller]
    pub const fn sessions(gap: Duration) -> Self {
        assert!(!gap.is_zero(), "a gap is longer than zero");
        Windows {
            shape: Shape::Sessions { gap: length(gap) },
            lateness: 0,
        }
    }

    /// Waits for items that are up to so much older than the latest one. Otherwise it is zero: for items in order.
    ///
    /// Windows are emitted so much later, as the time of the items goes.
    ///
    /// # Examples
    ///
    /// See [`Stream::windowed`](crate::Stream::windowed).
    #[doc(alias = "allowed_lateness")]
    #[doc(alias = "bounded_out_of_orderness")]
    pub const fn lateness(self, lateness: Duration) -> Self {
        Windows {
            lateness: length(lateness),
            ..self
        }
    }

    /// In how many windows an item is at most.
    pub(super) fn overlap(&self) -> usize {
        match self.shape {
            Shape::Aligned { size, every, .. } => {
                usize::try_from((size - 1) / every + 1).unwrap_or(usize::MAX)
            }
            Shape::Sessions { .. } => 1,
        }
    }

    /// Has one of the windows begin at a time: a week on a Monday, or a day in a zone. Sessions are where their items are.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::{Stream, Windows};
    /// use std::time::{Duration, SystemTime};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let day = Duration::from_secs(24 * 60 * 60);
    /// // The epoch began on a Thursday.
    /// let a_monday = SystemTime::UNIX_EPOCH + 4 * day;
    /// let weeks = Windows::tumbling(7 * day).aligned_to(a_monday);
    /// let days = Stream::from_iter([SystemTime::UNIX_EPOCH + 13 * day]);
    /// let Ok(all) = days.windowed(weeks, |day| *day).collect_results().await else { panic!() };
    /// assert_eq!(all[0].start, a_monday + 7 * day);
    /// # }
    /// ```
    pub fn aligned_to(self, time: SystemTime) -> Self {
        let shape = match self.shape {
            Shape::Aligned { size, every, .. } => Shape::Aligned {
                size,
                every,
                origin: nanos(time),
            },
            sessions @ Shape::Sessions { .. } => sessions,
        };
        Windows { shape, ..self }
    }
}

/// A window that is closed, and what its items came to.
///
/// A bound that no [`SystemTime`] can be is the nearest that can.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window<B, K = ()> {
    /// What its items have in common, where they told a key.
    pub key: K,
    /// When it began.
    pub start: SystemTime,
    /// When it ended. That moment is not in it any more.
    pub end: SystemTime,
    /// The items, in the order in which they came, or what they were folded to.
    pub value: B,
}

/// An item whose windows were closed when it came.
///
/// The error type of one's own stream says by `From` what becomes of it there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("an item came {behind:?} behind the watermark, when its windows were closed")]
pub struct Late<A> {
    /// The item.
    pub item: A,
    /// How far behind the watermark it was: with so much more [`lateness`](Windows::lateness) it would have been in time.
    pub behind: Duration,
}

/// What a stream in windows is told of an item: its time, or its time and its key.
#[diagnostic::on_unimplemented(
    message = "windows go by a time, or by a time and a key, and not by a `{Self}`",
    note = "have the closure yield a `SystemTime`, or a `(SystemTime, K)`"
)]
pub trait EventTime {
    /// What items have in common that share their windows; `()` where all do.
    type Key: Value + Clone + Eq + Hash;

    /// Has both.
    fn into_parts(self) -> (SystemTime, Self::Key);
}

impl EventTime for SystemTime {
    type Key = ();

    fn into_parts(self) -> (SystemTime, ()) {
        (self, ())
    }
}

impl<K: Value + Clone + Eq + Hash> EventTime for (SystemTime, K) {
    type Key = K;

    fn into_parts(self) -> (SystemTime, K) {
        self
    }
}
