//! What is counted and measured by way of the `metrics` facade, where the feature of that name is on.

#[cfg(feature = "metrics")]
mod facade;
#[cfg(not(feature = "metrics"))]
mod nothing;

#[cfg(feature = "metrics")]
pub use facade::describe_metrics;
#[cfg(feature = "metrics")]
pub(crate) use facade::{Ending, fiber_begun, fiber_ended, finalizers, polled, retried};
#[cfg(not(feature = "metrics"))]
pub(crate) use nothing::{Ending, fiber_begun, fiber_ended, finalizers, polled, retried};
