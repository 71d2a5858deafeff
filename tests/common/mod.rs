//! What the tests of effects share: virtual time, and a log that effects write to.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "every test file uses its part of this"
)]

pub mod pipelines;
pub mod steps;
pub mod programs;
pub mod watched;
pub mod laws;

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use effect::prelude::*;

/// An effect as most tests want it.
pub type Task = Effect<(), &'static str, ()>;

/// What effects did, in order.
#[derive(Clone, Default)]
pub struct Log {
    lines: Arc<Mutex<Vec<String>>>,
}

impl Log {
    pub fn new() -> Self {
        Log::default()
    }

    pub fn write(&self, line: impl Into<String>) {
        self.lines.lock().unwrap().push(line.into());
    }

    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    pub fn count(&self) -> usize {
        self.lines.lock().unwrap().len()
    }

    /// An effect that writes a line.
    pub fn note(&self, line: &'static str) -> Effect<(), Never, ()> {
        let log = self.clone();
        sync(move || log.write(line)).erase()
    }

    /// An effect that writes a line after a while, as an async finalizer does.
    pub fn note_after(&self, delay: Duration, line: &'static str) -> Effect<(), Never, ()> {
        let log = self.clone();
        sleep(delay).map(move |()| log.write(line)).erase()
    }
}

pub const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// Runs a future on one thread, in virtual time.
pub fn in_virtual_time<T>(future: impl Future<Output = T>) -> T {
    virtual_runtime().block_on(future)
}

pub fn virtual_runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
}

/// The whole seconds, of virtual time, that a future takes, and what it yields.
pub async fn timed<T>(future: impl IntoFuture<Output = T>) -> (u64, T) {
    let start = tokio::time::Instant::now();
    let output = future.await;
    (start.elapsed().as_secs(), output)
}

/// The reasons of a cause, printed without the places of its defects.
pub fn reasons<E: std::fmt::Display>(cause: &Cause<E>) -> Vec<String> {
    cause
        .reasons()
        .iter()
        .map(|reason| match reason {
            effect::Reason::Fail(error) => format!("fail {error}"),
            effect::Reason::Die(defect) => format!("die {}", defect.message()),
            effect::Reason::Interrupt(_) => "interrupt".to_owned(),
        })
        .collect()
}
