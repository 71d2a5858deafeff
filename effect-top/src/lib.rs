//! What `effect-top` shows: the stages of a running pipeline, and samples of what comes to one.

#![forbid(unsafe_code)]

mod app;
mod screen;

pub use app::{Action, App, Key};
pub use screen::draw;
