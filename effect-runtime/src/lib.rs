//! How an effect runs: from sync code to an exit, and as the whole of a program, with its signals.
//!
//! From async code, [`Effect::run_exit`](effect_core::Effect::run_exit) and `.await` do it. In tests and
//! simulations, [`VirtualTime`] does: on a clock of its own, and in an order of its own choice.

#![forbid(unsafe_code)]

mod block_on;
mod main_program;
mod on_signal;
mod own_runtime;
mod virtual_time;
pub mod simulation;
mod replay;

pub use block_on::{RunError, run};
pub use main_program::{Main, run_main};
pub use on_signal::on_signal;
pub use replay::{Events, Every, Feed, Replay, Timeline, When};
pub use virtual_time::{Deadlock, VirtualTime};
