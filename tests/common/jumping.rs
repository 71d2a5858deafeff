//! A runtime on which a computation takes time.

use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use effect::prelude::*;
use effect::{Report, Runtime, Timer};
use futures::future::BoxFuture;

/// A runtime whose clock a test sets ahead in the middle of a poll, as a computation that takes long does.
#[derive(Debug)]
pub struct Jumping {
    inner: Arc<dyn Runtime>,
    ahead: Arc<AtomicU64>,
    /// How long a poll of a task took, at most, in nanoseconds.
    longest: Arc<AtomicU64>,
    reports: Mutex<Vec<Report>>,
}

impl Jumping {
    pub fn of(cx: &Cx<()>) -> Arc<Self> {
        Arc::new(Jumping {
            inner: Arc::clone(cx.runtime()),
            ahead: Arc::default(),
            longest: Arc::default(),
            reports: Mutex::default(),
        })
    }

    /// Holds the thread.
    pub fn compute(&self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap();
        self.ahead.fetch_add(nanos, Ordering::Relaxed);
    }

    /// How long a task has held its thread, at most.
    pub fn longest_poll(&self) -> Duration {
        Duration::from_nanos(self.longest.load(Ordering::Relaxed))
    }

    pub fn take_reports(&self) -> Vec<Report> {
        std::mem::take(&mut self.reports.lock().unwrap())
    }
}

impl Runtime for Jumping {
    fn spawn(&self, mut task: BoxFuture<'static, ()>) {
        let (ahead, longest) = (Arc::clone(&self.ahead), Arc::clone(&self.longest));
        self.inner.spawn(Box::pin(poll_fn(move |cx| {
            let before = ahead.load(Ordering::Relaxed);
            let polled = task.as_mut().poll(cx);
            longest.fetch_max(ahead.load(Ordering::Relaxed) - before, Ordering::Relaxed);
            polled
        })));
    }

    fn now(&self) -> Instant {
        let ahead = self.ahead.load(Ordering::Relaxed);
        self.inner.now() + Duration::from_nanos(ahead)
    }

    fn wall_now(&self) -> SystemTime {
        self.inner.wall_now()
    }

    fn sleep_until(&self, deadline: Instant) -> Timer {
        let ahead = self.ahead.load(Ordering::Relaxed);
        self.inner
            .sleep_until(deadline - Duration::from_nanos(ahead))
    }

    fn spawn_blocking(&self, job: Box<dyn FnOnce() + Send>) {
        self.inner.spawn_blocking(job);
    }

    fn report(&self, report: &Report) {
        self.reports.lock().unwrap().push(report.clone());
    }
}
