//! What stands for the metrics where the feature is off: nothing.

use std::time::Duration;

use crate::Exit;

#[inline]
pub(crate) fn fiber_begun() {}

#[inline]
pub(crate) fn fiber_ended(_ending: &Ending) {}

#[inline]
pub(crate) fn finalizers(_change: isize) {}

#[inline]
pub(crate) fn retried() {}

#[inline]
pub(crate) fn polled(_took: Duration) {}

/// Nobody asks how a fiber has ended.
pub(crate) struct Ending;

impl Ending {
    pub(crate) const fn new() -> Self {
        Ending
    }

    #[inline]
    pub(crate) fn set<E, A>(&self, _exit: &Exit<E, A>) {}
}
