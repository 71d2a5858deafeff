//! What the `metrics` facade is told of a run, where the feature of that name is on: how its report has changed, once a second.
//!
//! So whoever moves items has nothing to do with it.

#[cfg(feature = "metrics")]
mod facade;
#[cfg(not(feature = "metrics"))]
mod nothing;

#[cfg(feature = "metrics")]
pub use facade::describe_pipeline_metrics;
#[cfg(feature = "metrics")]
pub(super) use facade::{Changed, Meter};
#[cfg(not(feature = "metrics"))]
pub(super) use nothing::{Changed, Meter};
