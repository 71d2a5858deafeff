//! What stands for spans and events where the feature `tracing` is off: nothing.

use std::panic::Location;
use std::task::Waker;
use std::time::Duration;

use crate::{FiberId, Report};

/// No fiber has any.
#[derive(Clone)]
pub(crate) enum Spans {}

impl Spans {
    pub(crate) fn begin(
        _id: FiberId,
        _name: Option<&str>,
        _place: Option<&'static Location<'static>>,
    ) -> Option<Self> {
        None
    }

    pub(crate) fn enter(&self) -> Self {
        match *self {}
    }

    pub(crate) fn waker(&mut self, _waker: &Waker) -> Option<Waker> {
        match *self {}
    }

    pub(crate) fn interrupted(&self, _fiber: FiberId, _by: Option<FiberId>) {
        match *self {}
    }
}

pub(crate) fn slow_finalizer(_fiber: FiberId, _took: Duration) {}

pub(crate) fn retried(_attempt: u64, _delay: Duration) {}

/// Nobody is told.
pub(crate) fn report(_report: &Report) -> bool {
    false
}

pub(crate) fn in_named_span<T>(_name: &str, f: impl FnOnce() -> T) -> T {
    f()
}
