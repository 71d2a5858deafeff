//! A runtime that passes everything on to another, and knows what is alive on it.

use std::sync::{Arc, Mutex};
use std::time::{Instant, SystemTime};

use effect::{FiberRef, Report, Runtime, Timer};
use futures::future::BoxFuture;

/// A runtime that passes everything on to another, and knows what is alive on it.
#[derive(Debug)]
pub struct Watched {
    inner: Arc<dyn Runtime>,
    tasks: Arc<()>,
    timers: Arc<()>,
    reports: Mutex<Vec<Report>>,
}

impl Watched {
    pub fn new(inner: &Arc<dyn Runtime>) -> Arc<Self> {
        Arc::new(Watched {
            inner: Arc::clone(inner),
            tasks: Arc::default(),
            timers: Arc::default(),
            reports: Mutex::default(),
        })
    }

    /// How many tasks have not ended.
    pub fn tasks(&self) -> usize {
        Arc::strong_count(&self.tasks) - 1
    }

    /// How many timers there are.
    pub fn timers(&self) -> usize {
        Arc::strong_count(&self.timers) - 1
    }

    /// What was reported.
    pub fn reports(&self) -> Vec<Report> {
        self.reports.lock().unwrap().clone()
    }

    /// How many finalizers were reported as lost.
    pub fn lost_finalizers(&self) -> usize {
        let reports = self.reports.lock().unwrap();
        let lost = reports.iter().map(|report| match report {
            Report::LostFinalizers { count, .. } => *count,
            _ => 0,
        });
        lost.sum()
    }
}

/// Keeps a probe until a future has ended or is dropped.
async fn keeping<F: Future>(probe: Arc<()>, future: F) -> F::Output {
    let output = future.await;
    drop(probe);
    output
}

impl Runtime for Watched {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        let task = keeping(Arc::clone(&self.tasks), task);
        self.inner.spawn(Box::pin(task));
    }

    fn spawn_orphan(&self, orphan: BoxFuture<'static, ()>) {
        let orphan = keeping(Arc::clone(&self.tasks), orphan);
        self.inner.spawn_orphan(Box::pin(orphan));
    }

    fn spawn_detached(&self, fiber: FiberRef, task: BoxFuture<'static, ()>) {
        let task = keeping(Arc::clone(&self.tasks), task);
        self.inner.spawn_detached(fiber, Box::pin(task));
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

    fn observer(&self) -> Option<&dyn effect::Observer> {
        self.inner.observer()
    }

    fn sleep_until(&self, deadline: Instant) -> Timer {
        let timer = self.inner.sleep_until(deadline);
        Timer::new(keeping(Arc::clone(&self.timers), timer))
    }

    fn spawn_blocking(&self, job: Box<dyn FnOnce() + Send>) {
        self.inner.spawn_blocking(job);
    }

    /// Keeps it to itself: programs by chance leave failures that nobody looks at.
    fn report(&self, report: &Report) {
        self.reports.lock().unwrap().push(report.clone());
    }
}
