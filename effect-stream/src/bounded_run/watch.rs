//! Who looks at a bounded run from outside: while it goes on, and after it was interrupted.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use super::partial::{Partial, Tally};

/// Who looks at a [bounded run](crate::BoundedRun) from outside: while it goes on, and after it was interrupted or has
/// died, when there is nobody whom the run could give its partial result.
///
/// One that watches several runs tells of the last that began.
///
/// # Examples
///
/// ```
/// use effect_core::{sleep, Never, Stop};
/// use effect_stream::{RunStatus, Stream, Watch};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let watch = Watch::new();
/// let run = Stream::from_iter(0..).run_bounded(Stop::never()).keep_all().watched_by(&watch);
/// let run = run.for_each(|_| sleep::<_, Never>(Duration::from_secs(2)));
/// // Somebody else's time-out, which knows nothing of partial results.
/// assert!(run.timeout(Duration::from_secs(5)).await.is_err());
///
/// assert_eq!(watch.tally().to_string(), "3 pulled = 2 delivered + 1 in hand + 0 buffered");
/// let partial = watch.take_partial().unwrap();
/// assert_eq!((partial.status, partial.value), (RunStatus::Interrupted, vec![0, 1]));
/// # }
/// ```
pub struct Watch<A, E, B = ()> {
    seen: Arc<Mutex<Seen<A, E, B>>>,
}

struct Seen<A, E, B> {
    /// The number of the run that began last. What others tell is of no interest any more.
    run: u64,
    tally: Tally,
    left: Option<Partial<A, E, B>>,
}

impl<A, E, B> Watch<A, E, B> {
    /// Creates one that watches nothing yet.
    pub fn new() -> Self {
        Watch {
            seen: Arc::new(Mutex::new(Seen {
                run: 0,
                tally: Tally::default(),
                left: None,
            })),
        }
    }

    /// How many items are where, now or when the run ended.
    ///
    /// # Examples
    ///
    /// See [`Watch`].
    pub fn tally(&self) -> Tally {
        self.seen.lock().tally
    }

    /// Takes what a run had when it was interrupted, or died. There is nothing while it runs, nor if it has ended otherwise:
    /// then whoever ran it has its partial result.
    ///
    /// # Examples
    ///
    /// See [`Watch`].
    pub fn take_partial(&self) -> Option<Partial<A, E, B>> {
        self.seen.lock().left.take()
    }

    /// Watches another run, and forgets the one before.
    pub(super) fn begin(self) -> Watched<A, E, B> {
        let (run, _before) = {
            let mut seen = self.seen.lock();
            seen.run += 1;
            seen.tally = Tally::default();
            (seen.run, seen.left.take())
        };
        Watched { watch: self, run }
    }
}

/// A run that is watched, as long as no other is.
pub(super) struct Watched<A, E, B> {
    watch: Watch<A, E, B>,
    run: u64,
}

impl<A, E, B> Watched<A, E, B> {
    pub(super) fn see(&self, tally: Tally) {
        let mut seen = self.watch.seen.lock();
        if seen.run == self.run {
            seen.tally = tally;
        }
    }

    pub(super) fn leave(self, partial: Partial<A, E, B>) {
        let mut seen = self.watch.seen.lock();
        if seen.run == self.run {
            seen.left = Some(partial);
        }
    }
}

impl<A, E, B> Default for Watch<A, E, B> {
    fn default() -> Self {
        Watch::new()
    }
}

impl<A, E, B> Clone for Watch<A, E, B> {
    fn clone(&self) -> Self {
        Watch {
            seen: Arc::clone(&self.seen),
        }
    }
}

impl<A, E, B> fmt::Debug for Watch<A, E, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("tally", &self.tally())
            .finish_non_exhaustive()
    }
}
