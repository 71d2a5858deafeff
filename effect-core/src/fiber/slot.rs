//! The slot: where a fiber leaves its exit, and the handle finds it.

use std::fmt;

use parking_lot::Mutex;

use super::{FiberState, Leave, TypedState};
use crate::{Cause, Exit, Value};

/// Where a fiber leaves its exit, and the handle finds it.
pub(crate) struct ExitSlot<E, A> {
    exit: Mutex<Option<Exit<E, A>>>,
    describe: fn(Cause<E>) -> String,
    /// As [`Leave::forget`], for whoever has dropped the handle, and does not know of its types that they are values.
    forget: fn(&TypedState<E, A>),
}

impl<E: Value + fmt::Debug, A: Value> ExitSlot<E, A> {
    pub(super) fn new() -> Self {
        ExitSlot {
            exit: Mutex::new(None),
            describe: |cause| cause.map(|error| format!("{error:?}")).to_string(),
            forget: |fiber| fiber.slot().forget(fiber),
        }
    }
}

impl<E, A> ExitSlot<E, A> {
    pub(crate) fn put(&self, exit: Exit<E, A>) {
        *self.exit.lock() = Some(exit);
    }

    /// Takes the exit. A fiber that was dropped with its runtime leaves none: it was interrupted.
    pub(super) fn take(&self, fiber: &FiberState) -> Exit<E, A> {
        let exit = self.exit.lock().take();
        exit.unwrap_or_else(|| Exit::Failure(Cause::interrupt(None)))
            .with_defects(fiber.take_defects())
    }

    /// Looks at the exit, and leaves it there.
    pub(super) fn look(&self, fiber: &FiberState) -> Exit<E, A>
    where
        E: Clone,
        A: Clone,
    {
        fiber.observe_exit();
        // Cloned under the lock: values that are not `Sync` may be looked at by one at a time.
        let mut left = self.exit.lock();
        let exit = left.take();
        let exit = exit.unwrap_or_else(|| Exit::Failure(Cause::interrupt(None)));
        // All see the same, and a clone that panics leaves it for the next.
        let exit = left.insert(exit.with_defects(fiber.take_defects()));
        exit.clone()
    }

    /// As [`Leave::forget`].
    pub(super) fn forget_typed(&self, fiber: &TypedState<E, A>) {
        (self.forget)(fiber);
    }
}

impl<E: Value, A: Value> Leave for ExitSlot<E, A> {
    fn forget(&self, fiber: &FiberState) {
        let exit = self.exit.lock().take();
        if fiber.is_exit_observed() {
            return;
        }
        let exit = exit.map(|exit| exit.with_defects(fiber.take_defects()));
        if let Some(Exit::Failure(cause)) = exit
            && !cause.is_interrupt()
        {
            fiber.report_unobserved(&(self.describe)(cause));
        }
    }
}
