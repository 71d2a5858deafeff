//! The detached fibers of a run: they are interrupted when its own effect has ended.

use std::collections::BTreeMap;
use std::sync::Arc;

use effect_core::{FiberId, FiberRef};
use parking_lot::Mutex;

use super::shared::Shared;

/// The detached fibers of a run.
#[derive(Default)]
pub(super) struct Detached {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    fibers: BTreeMap<FiberId, FiberRef>,
    /// The run's own effect has ended.
    over: bool,
}

impl Detached {
    /// Knows of a fiber for as long as what this gives exists.
    pub(super) fn add(&self, fiber: FiberRef, run: Arc<Shared>) -> Known {
        let id = fiber.id();
        let late = {
            let mut inner = self.inner.lock();
            let late = inner.over.then(|| fiber.clone());
            inner.fibers.insert(id, fiber);
            late
        };
        if let Some(late) = late {
            late.interrupt_fork();
        }
        Known { run, fiber: id }
    }

    /// Interrupts them all, and those that are still to come.
    pub(super) fn end(&self) {
        let fibers: Vec<_> = {
            let mut inner = self.inner.lock();
            inner.over = true;
            inner.fibers.values().cloned().collect()
        };
        fibers.iter().for_each(FiberRef::interrupt_fork);
    }
}

/// A detached fiber that its run knows of.
pub(super) struct Known {
    run: Arc<Shared>,
    fiber: FiberId,
}

impl Drop for Known {
    fn drop(&mut self) {
        let fiber = self.run.detached.inner.lock().fibers.remove(&self.fiber);
        drop(fiber);
    }
}
