//! How an effect runs: from sync code to an exit, and as the whole of a program, with its signals.
//!
//! From async code, [`Effect::run_exit`](effect_core::Effect::run_exit) and `.await` do it.

#![forbid(unsafe_code)]

mod block_on;
mod main_program;
mod own_runtime;

pub use block_on::{RunError, run};
pub use main_program::{Main, run_main};
