//! What a tracing subscriber is told of fibers, if there is a subscriber.
//!
//! Where the feature `tracing` is off, the same names stand for nothing, so that nobody else has to ask.

#[cfg(feature = "tracing")]
mod subscribed;
#[cfg(feature = "console")]
mod console;
#[cfg(not(feature = "tracing"))]
mod silent;

#[cfg(not(feature = "tracing"))]
pub(crate) use silent::{Spans, in_named_span, report, retried, slow_finalizer};
#[cfg(feature = "tracing")]
pub(crate) use subscribed::{InSpan, Scope, Spans, in_named_span, report, retried, slow_finalizer};
