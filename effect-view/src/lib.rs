//! Watching pipelines: their progress in a terminal, and a port on loopback for those who look from outside.
//!
//! Nothing here is done unless it is asked for: [`ProgressView`] draws in the program's own terminal, and [`serve`] opens a port, on
//! loopback only, to which `effect-top` and any [`Client`] can connect. Both go by reports of the run, so that whoever moves items
//! does nothing for it.

#![forbid(unsafe_code)]

mod wire;
mod rows;
#[cfg(feature = "progress")]
mod progress;
mod server;
mod client;

pub use client::{Asking, Client};
#[cfg(feature = "progress")]
pub use progress::ProgressView;
pub use rows::{Row, Rows};
pub use server::{ServeError, Server, serve};
pub use wire::{Line, Plan, PlanStage, Request, Snapshot, StageSnapshot};
