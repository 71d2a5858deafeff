//! What is known of a fiber that somebody watches: what it waits for, since when, and the spans it runs in.
//!
//! A fiber is watched if its runtime has an observer, or a tracing subscriber is there when it begins. The rest pay for
//! this with a pointer that is null.

use std::panic::Location;
use std::sync::atomic::{AtomicIsize, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::{FiberId, FiberRef, FiberState};
use crate::dump::{FiberDump, FiberStatus};
use crate::runtime::RootEntry;
use crate::spans::{self, Spans};
use crate::{Exit, Observer, Report, Runtime, WaitsFor, measure};

/// How long a finalizer may take before a subscriber is told.
const SLOW_FINALIZER: Duration = Duration::from_secs(1);

/// What is waited for, where that is known, and since when.
pub(super) type Wait = (Option<WaitsFor>, Instant);

/// What is known of a fiber that somebody watches.
pub(super) struct Watch {
    /// On runtimes with an observer.
    observed: Option<Progress>,
    /// Where there is a subscriber. Gone when the fiber has ended, so that the spans close while a handle is kept.
    spans: Mutex<Option<Spans>>,
}

/// How far a fiber has got, for its runtime's observer.
pub(super) struct Progress {
    begun: Instant,
    place: Option<&'static Location<'static>>,
    /// Whether the observer wants to know how long polls take.
    timed: bool,
    /// How long after `begun` the poll began that goes on, in nanoseconds, and one more; 0 between polls.
    polled: AtomicU64,
    /// How many masked regions it is in, less those parts that are excepted.
    masks: AtomicIsize,
    /// Its place among the roots of its runtime, if it has one.
    root: OnceLock<RootEntry>,
    stage: Mutex<Stage>,
}

/// What a fiber does between polls.
#[derive(Clone, Copy)]
enum Stage {
    /// Nobody has polled it.
    New,
    Waits(Wait),
    /// Its body has ended. What its finalizers wait for may be known.
    Finalizes(Wait),
}

impl Stage {
    /// What it waits for, most precisely.
    fn waits_for(self) -> Option<WaitsFor> {
        match self {
            Stage::New => None,
            Stage::Waits((waits_for, _)) | Stage::Finalizes((waits_for, _)) => waits_for,
        }
    }
}

impl Watch {
    /// The identity of a fiber that begins here, and its watch, if anybody watches. To be called with no lock held: it
    /// is the subscriber that opens the spans.
    pub(super) fn begin(
        runtime: &dyn Runtime,
        name: Option<&str>,
        place: Option<&'static Location<'static>>,
    ) -> (FiberId, Option<Box<Watch>>) {
        let observer = runtime.observer();
        let id = observer.map_or_else(FiberId::next, Observer::next_id);
        let spans = Spans::begin(id, name, place);
        if observer.is_none() && spans.is_none() {
            return (id, None);
        }
        let observed = observer.map(|observer| Progress {
            begun: runtime.now(),
            place,
            timed: observer.times_polls(),
            polled: AtomicU64::new(0),
            masks: AtomicIsize::new(0),
            root: OnceLock::new(),
            stage: Mutex::new(Stage::New),
        });
        let spans = Mutex::new(spans);
        (id, Some(Box::new(Watch { observed, spans })))
    }
}

/// A poll that has begun: when, and what the fiber had waited for.
pub(super) type BegunPoll = Option<(Instant, Option<WaitsFor>)>;

impl<S: ?Sized> FiberState<S> {
    /// Whether somebody watches it.
    #[inline]
    pub(super) fn is_watched(&self) -> bool {
        self.watch.is_some()
    }
}

impl FiberState {
    #[inline]
    fn progress(&self) -> Option<&Progress> {
        self.watch.as_ref()?.observed.as_ref()
    }

    #[inline]
    fn observer(&self) -> Option<&dyn Observer> {
        self.progress().and_then(|_| self.runtime().observer())
    }

    pub(crate) fn observe_begun(self: &Arc<Self>) {
        measure::fiber_begun();
        if let Some(observer) = self.observer() {
            observer.begun(&FiberRef::new(self));
        }
    }

    pub(super) fn observe_ended(&self) {
        measure::fiber_ended(self.ending());
        if let Some(watch) = &self.watch {
            let _spans = watch.spans.lock().take();
            if let Some(observer) = self.observer() {
                observer.ended(self.id());
            }
        }
    }

    /// Forgets what another future on this thread has left word of: the body is polled next.
    #[inline]
    pub(crate) fn begin_poll(&self) {
        if self.progress().is_some() {
            WaitsFor::take_latest();
        }
    }

    /// Remembers what the body waits for, from now on: it is pending.
    #[inline]
    pub(crate) fn observe_wait(self: &Arc<Self>) {
        if let Some(progress) = self.progress() {
            self.note_wait(progress);
        }
    }

    #[cold]
    fn note_wait(self: &Arc<Self>, progress: &Progress) {
        let wait = (WaitsFor::take_latest(), self.runtime().now());
        *progress.stage.lock() = Stage::Waits(wait);
        if let Some(observer) = self.observer() {
            observer.suspended(&FiberRef::new(self));
        }
    }

    /// Remembers that the body has ended, and how: what is left are its finalizers and its children.
    #[inline]
    pub(crate) fn observe_end<E, A>(&self, exit: &Exit<E, A>) {
        self.ending().set(exit);
        if let Some(progress) = self.progress() {
            WaitsFor::take_latest();
            *progress.stage.lock() = Stage::Finalizes((None, self.runtime().now()));
        }
    }

    /// What it waits for, and since when, where that is known.
    pub(super) fn waits(&self) -> Option<Wait> {
        match *self.progress()?.stage.lock() {
            Stage::New => None,
            Stage::Waits(wait) => Some(wait),
            Stage::Finalizes((_, since)) => {
                let rest = WaitsFor::here("its finalizers and its children");
                Some((Some(rest), since))
            }
        }
    }

    /// A copy of the spans that it runs in.
    pub(super) fn spans(&self) -> Option<Spans> {
        self.watch.as_ref()?.spans.lock().clone()
    }

    /// Tells that somebody has interrupted it, and who.
    #[inline]
    pub(super) fn tell_interrupt(&self, by: Option<FiberId>) {
        if let Some(spans) = self.spans() {
            spans.interrupted(self.id(), by);
        }
    }

    /// It goes under so many more masks, or fewer.
    #[inline]
    pub(crate) fn change_masks(&self, change: isize) {
        if let Some(progress) = self.progress() {
            progress.masks.fetch_add(change, Ordering::Relaxed);
        }
    }

    /// The time, if a finalizer that begins now is to be timed.
    #[inline]
    pub(crate) fn finalizer_begins(&self) -> Option<Instant> {
        self.watch.as_ref().map(|_| self.runtime().now())
    }

    /// Tells of a finalizer that has begun then, and ends now, if it took long.
    pub(crate) fn finalizer_ends(&self, begun: Instant) {
        let took = self.runtime().now().saturating_duration_since(begun);
        if took >= SLOW_FINALIZER {
            spans::slow_finalizer(self.id(), took);
        }
    }

    /// Its driver is polled from now on.
    pub(super) fn driver_begins(&self) -> BegunPoll {
        let progress = self.progress()?;
        let stage = *progress.stage.lock();
        if let Stage::Finalizes(_) = stage {
            WaitsFor::take_latest();
        }
        if !progress.timed {
            progress.polled.store(1, Ordering::Relaxed);
            return None;
        }
        let now = self.runtime().now();
        let at = now.saturating_duration_since(progress.begun).as_nanos();
        let at = u64::try_from(at).unwrap_or(u64::MAX).saturating_add(1);
        progress.polled.store(at, Ordering::Relaxed);
        Some((now, stage.waits_for()))
    }

    /// The poll of its driver has ended.
    pub(super) fn driver_pauses(&self) {
        let Some(progress) = self.progress() else {
            return;
        };
        progress.polled.store(0, Ordering::Relaxed);
        if let Stage::Finalizes((waits_for, _)) = &mut *progress.stage.lock() {
            *waits_for = WaitsFor::take_latest();
        }
    }

    /// Tells the observer how long a poll took.
    pub(super) fn driver_took(self: &Arc<Self>, took: Duration, waited_for: Option<WaitsFor>) {
        measure::polled(took);
        if let Some(observer) = self.observer() {
            observer.polled(&FiberRef::new(self), took, waited_for);
        }
    }

    /// Takes a place among the roots of its runtime, for as long as it exists.
    pub(super) fn enter_root(&self, entry: RootEntry) {
        if let Some(progress) = self.progress() {
            // A fiber begins once.
            let _ = progress.root.set(entry);
        }
    }

    /// What a runtime says of a poll that took too long.
    pub(super) fn slow_poll(
        &self,
        took: Duration,
        waited_for: Option<WaitsFor>,
        unreported: u64,
    ) -> Option<Report> {
        let progress = self.progress()?;
        let stage = *progress.stage.lock();
        Some(Report::SlowPoll {
            fiber: self.id(),
            name: self.name().cloned(),
            place: progress.place,
            took,
            waited_for,
            waits_for: stage.waits_for(),
            unreported,
        })
    }

    /// All that can be said of it now, so many steps below the fiber that was asked for.
    pub(crate) fn look(&self, depth: usize) -> FiberDump {
        let done = self.is_done();
        let mut dump = FiberDump {
            id: self.id(),
            name: self.name().cloned(),
            depth,
            status: FiberStatus::Unobserved,
            interrupted: self.is_interrupted() && !done,
            masks: 0,
            finalizers: self.owed(),
            place: None,
            begun: None,
            since: None,
            taken: None,
        };
        if let Some(progress) = self.progress() {
            let polled = progress.polled.load(Ordering::Relaxed);
            let stage = *progress.stage.lock();
            let masks = progress.masks.load(Ordering::Relaxed);
            dump.masks = usize::try_from(masks).unwrap_or(0);
            dump.place = progress.place;
            dump.begun = Some(progress.begun);
            dump.taken = Some(self.runtime().now());
            (dump.status, dump.since) = match stage {
                _ if polled == 1 => (FiberStatus::Runs, None),
                _ if polled > 1 => {
                    let since = progress.begun + Duration::from_nanos(polled - 1);
                    (FiberStatus::Runs, Some(since))
                }
                Stage::New => (FiberStatus::Begins, Some(progress.begun)),
                Stage::Waits((what, since)) => (FiberStatus::Waits(what), Some(since)),
                Stage::Finalizes((what, since)) => (FiberStatus::Finalizes(what), Some(since)),
            };
        }
        if done {
            (dump.status, dump.since) = (FiberStatus::Done, None);
        }
        dump
    }
}
