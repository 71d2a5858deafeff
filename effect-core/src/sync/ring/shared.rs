//! What the handles of a channel or a queue share: a ring, and the error that it was closed with.

use std::sync::OnceLock;

use super::{HasRing, Latecomers, Overflow, Ring};
use crate::sync::ending::Ends;
use crate::sync::waiters::Waiters;

/// What the handles of a channel or a queue share: a ring, and the error that it was closed with.
pub(in crate::sync) struct Shared<T, E> {
    pub(in crate::sync) ring: Ring<T>,
    /// Set under the ring's lock, by whoever closes it first.
    error: OnceLock<E>,
}

impl<T, E> Shared<T, E> {
    pub(in crate::sync) fn new(capacity: usize, overflow: Overflow) -> Self {
        Shared::of(Ring::new(capacity, overflow))
    }

    pub(in crate::sync) fn of(ring: Ring<T>) -> Self {
        Shared {
            ring,
            error: OnceLock::new(),
        }
    }

    /// Closes the ring with an error. One that was closed before keeps its own.
    pub(in crate::sync) fn close_with(&self, latecomers: Latecomers, error: E) {
        let mut error = Some(error);
        self.ring.close(latecomers, || {
            if let Some(error) = error.take() {
                // Nobody else sets it: this is the first to close the ring, and under its lock.
                let _ = self.error.set(error);
            }
        });
    }
}

impl<T, E> HasRing for Shared<T, E> {
    type Item = T;

    #[inline]
    fn ring(&self) -> &Ring<T> {
        &self.ring
    }
}

impl<T, E> Ends for Shared<T, E> {
    type Error = E;

    fn error(&self) -> Option<&E> {
        self.error.get()
    }

    fn mourning<U>(&self, act: impl FnOnce(bool, &mut Waiters) -> U) -> U {
        self.ring.mourning(act)
    }
}
