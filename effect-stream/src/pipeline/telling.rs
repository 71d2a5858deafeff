//! What a tracing subscriber is told of a run, if there is a subscriber: a span, each failure, each retry, and the end.
//!
//! Nothing is told of an item that succeeds. Where the feature `tracing` is off, the same names stand for nothing.

#[cfg(not(feature = "tracing"))]
mod silent;
#[cfg(feature = "tracing")]
mod subscribed;

#[cfg(not(feature = "tracing"))]
pub(super) use silent::{RunSpan, item_failed, item_retried};
#[cfg(feature = "tracing")]
pub(super) use subscribed::{RunSpan, item_failed, item_retried};
