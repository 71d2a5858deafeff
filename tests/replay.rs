//! The past, once more.

mod common;

mod replay_calls;
mod replay_live;
mod replay_times;
