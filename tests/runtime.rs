//! Runtimes of one thread and of several, and virtual ones.

mod common;

mod runtime_entering;
mod runtime_shutdown;
mod runtime_threads;
