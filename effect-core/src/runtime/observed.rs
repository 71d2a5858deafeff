//! An observed runtime: it can say what its fibers do, and tells of those that hold a thread too long.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use futures::future::BoxFuture;
use parking_lot::Mutex;

use super::{Observer, Report, Runtime, Timer};
use crate::fiber::{FiberId, FiberRef};
use crate::{Dump, WaitsFor};

mod roots;

pub use self::roots::dump;
pub(crate) use self::roots::{RootEntry, Roots};

/// How long a fiber may hold its thread, unless it is said otherwise.
const SLOW_POLL: Duration = Duration::from_millis(100);

/// How often slow polls are reported at most.
const BETWEEN_REPORTS: Duration = Duration::from_secs(1);

/// A runtime whose fibers are observed: it can [say](Observed::dump) what each of them waits for, and
/// [reports](Report::SlowPoll) those that hold their threads for too long.
///
/// It passes everything on to another runtime, and costs some hundred nanoseconds each time that a fiber waits. `Main` runs
/// its effect on one; elsewhere, one asks for it.
///
/// # Examples
///
/// ```
/// use effect_core::{effect, Cx, Never, TokioRuntime};
/// use std::sync::Arc;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let runtime = Arc::new(TokioRuntime::current().observed());
/// let shown = effect(async |_: Cx<()>| Ok::<_, Never>(effect_core::dump().to_string()));
/// let shown = shown.run_on(runtime).await.value().cloned().unwrap();
/// assert!(shown.contains(" runs, for "));
/// # }
/// ```
#[derive(Debug)]
pub struct Observed {
    inner: Arc<dyn Runtime>,
    roots: Arc<Roots>,
    slow_poll: Duration,
    reported: Mutex<Reported>,
}

/// The slow polls so far.
#[derive(Debug, Default)]
struct Reported {
    last: Option<Instant>,
    /// How many were not reported since.
    left_out: u64,
}

impl Observed {
    /// Observes the fibers that are run on this from now on, and drives them by the given runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{Observed, TokioRuntime};
    /// use std::sync::Arc;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let runtime = Observed::new(Arc::new(TokioRuntime::current()));
    /// assert_eq!(runtime.dump().to_string(), "no fiber");
    /// # }
    /// ```
    pub fn new(runtime: Arc<dyn Runtime>) -> Self {
        Observed {
            inner: runtime,
            roots: Roots::new(),
            slow_poll: SLOW_POLL,
            reported: Mutex::default(),
        }
    }

    /// Reports a fiber that holds its thread for this long, instead of 100 milliseconds.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::TokioRuntime;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let strict = TokioRuntime::current().observed().slow_poll(Duration::from_millis(10));
    /// assert!(format!("{strict:?}").contains("10ms"));
    /// # }
    /// ```
    #[must_use]
    pub fn slow_poll(mut self, slow_poll: Duration) -> Self {
        self.slow_poll = slow_poll;
        self
    }

    /// Looks at all fibers of this runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{sleep, Never, TokioRuntime};
    /// use std::sync::Arc;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let runtime = Arc::new(TokioRuntime::current().observed());
    /// let minute = sleep::<_, Never>(Duration::from_secs(60)).run_on(runtime.clone());
    /// assert!(runtime.dump().to_string().contains("has not run yet"));
    /// minute.await;
    /// assert_eq!(runtime.dump().to_string(), "no fiber");
    /// # }
    /// ```
    pub fn dump(&self) -> Dump {
        Dump::of(self.roots.alive())
    }

    /// How many slow polls were left out since the last report, if one is due.
    fn due(&self, now: Instant) -> Option<u64> {
        let mut reported = self.reported.lock();
        let early = |last: Instant| now.saturating_duration_since(last) < BETWEEN_REPORTS;
        if reported.last.is_some_and(early) {
            reported.left_out += 1;
            return None;
        }
        reported.last = Some(now);
        Some(std::mem::take(&mut reported.left_out))
    }
}

impl Observer for Observed {
    fn next_id(&self) -> FiberId {
        let inner = self.inner.observer();
        inner.map_or_else(FiberId::next, Observer::next_id)
    }

    fn begun(&self, fiber: &FiberRef) {
        fiber.enter_roots(&self.roots);
        if let Some(inner) = self.inner.observer() {
            inner.begun(fiber);
        }
    }

    fn suspended(&self, fiber: &FiberRef) {
        if let Some(inner) = self.inner.observer() {
            inner.suspended(fiber);
        }
    }

    fn ended(&self, fiber: FiberId) {
        if let Some(inner) = self.inner.observer() {
            inner.ended(fiber);
        }
    }

    fn times_polls(&self) -> bool {
        true
    }

    fn polled(&self, fiber: &FiberRef, took: Duration, waited_for: Option<WaitsFor>) {
        if took >= self.slow_poll
            && let Some(left_out) = self.due(self.now())
            && let Some(report) = fiber.slow_poll(took, waited_for, left_out)
        {
            self.report(&report);
        }
        if let Some(inner) = self.inner.observer() {
            inner.polled(fiber, took, waited_for);
        }
    }
}

impl Runtime for Observed {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.inner.spawn(task);
    }

    fn spawn_detached(&self, fiber: FiberRef, task: BoxFuture<'static, ()>) {
        self.inner.spawn_detached(fiber, task);
    }

    fn spawn_orphan(&self, orphan: BoxFuture<'static, ()>) {
        self.inner.spawn_orphan(orphan);
    }

    fn parallelism(&self) -> usize {
        self.inner.parallelism()
    }

    fn now(&self) -> Instant {
        self.inner.now()
    }

    fn wall_now(&self) -> SystemTime {
        self.inner.wall_now()
    }

    fn random(&self) -> u64 {
        self.inner.random()
    }

    fn observer(&self) -> Option<&dyn Observer> {
        Some(self)
    }

    fn sleep_until(&self, deadline: Instant) -> Timer {
        self.inner.sleep_until(deadline)
    }

    fn spawn_blocking(&self, job: Box<dyn FnOnce() + Send>) {
        self.inner.spawn_blocking(job);
    }

    fn report(&self, report: &Report) {
        self.inner.report(report);
    }
}
