//! A runtime that passes everything on to another, and remembers what is reported to it.

use std::sync::{Arc, Mutex};
use std::time::{Instant, SystemTime};

use effect::{FiberRef, Observer, Report, Runtime, Timer};
use futures::future::BoxFuture;

/// A runtime that passes everything on to another, and remembers what is reported to it.
#[derive(Debug)]
pub struct Witness {
    inner: Arc<dyn Runtime>,
    reports: Mutex<Vec<Report>>,
}

impl Witness {
    pub fn new(inner: &Arc<dyn Runtime>) -> Arc<Self> {
        Arc::new(Witness {
            inner: Arc::clone(inner),
            reports: Mutex::default(),
        })
    }

    /// What was reported, in order.
    pub fn reports(&self) -> Vec<Report> {
        self.reports.lock().unwrap().clone()
    }
}

impl Runtime for Witness {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.inner.spawn(task);
    }

    fn spawn_orphan(&self, orphan: BoxFuture<'static, ()>) {
        self.inner.spawn_orphan(orphan);
    }

    fn spawn_detached(&self, fiber: FiberRef, task: BoxFuture<'static, ()>) {
        self.inner.spawn_detached(fiber, task);
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
        self.inner.observer()
    }

    fn sleep_until(&self, deadline: Instant) -> Timer {
        self.inner.sleep_until(deadline)
    }

    fn spawn_blocking(&self, job: Box<dyn FnOnce() + Send>) {
        self.inner.spawn_blocking(job);
    }

    fn report(&self, report: &Report) {
        self.reports.lock().unwrap().push(report.clone());
    }
}
