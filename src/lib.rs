//! Typed, lazy effects on structured fibers, with streams and pipelines that lose nothing.

#![forbid(unsafe_code)]

pub use effect_core::*;
pub use effect_runtime::*;
pub use effect_stream::*;

/// What most programs use: `use effect::prelude::*;`.
pub mod prelude {
    pub use effect_core::{
        Cause, Cx, Defect, Effect, Exit, Fiber, IntoEffect, Never, Schedule, TimeoutError,
        acquire_release, blocking, die, effect, fail, from_result, never, sleep, succeed, sync,
    };
    pub use effect_runtime::{Main, run, run_main};
    pub use effect_stream::{
        Channel, ChannelClosed, Failed, Fault, Pipeline, PipelineError, PipelineReport, SendError,
        Stream, StreamE, stage,
    };
}

/// The README's program, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
