//! Typed, lazy effects on structured fibers, with streams and pipelines that lose nothing.
//!
//! A program is written in two ways, and mixes them. Combinators say what happens to values and to failures;
//! [`effect`](fn@effect) takes an async closure, in which [`Cx::run`] is to effects what `.await` is to futures:
//!
//! ```
//! use effect::prelude::*;
//!
//! /// What the effects of a program may ask for.
//! struct App {
//!     greeting: String,
//! }
//!
//! fn name_of(id: u32) -> Effect<App, String, String> {
//!     match id {
//!         1 => succeed("Ada".to_owned()).erase(),
//!         _ => fail(format!("nobody has the number {id}")).erase(),
//!     }
//! }
//!
//! fn greet(id: u32) -> Effect<App, String, String> {
//!     effect(async move |cx: Cx<App>| {
//!         let name = cx.run(name_of(id)).await?;
//!         Ok(format!("{}, {name}", cx.env().greeting))
//!     })
//!     .erase()
//! }
//!
//! let app = App { greeting: "hello".to_owned() };
//! let both = greet(1).zip(greet(2)).map_error(|why| format!("cannot greet: {why}"));
//! let exit = run(both.provide(app)).unwrap();
//! assert_eq!(exit.cause().unwrap().to_string(), "failed: cannot greet: nobody has the number 2");
//! ```
//!
//! # Where types have to be named
//!
//! An effect that is made of a value alone says nothing of its environment or its error. In a function with a
//! signature, both are known; elsewhere, name what is missing: `succeed::<(), Never, _>(1)`, and [`Never`] for an
//! error that cannot happen. A signature leaves out the last parameter of [`Effect`], and its body ends in
//! [`erase`](Effect::erase), or in [`erase_once`](Effect::erase_once) if it owns what cannot be cloned.

#![forbid(unsafe_code)]

pub use effect_core::*;
// Beside the trait of the same name, and before the macro of `effect_core`, which a user of this crate need not depend on.
pub use effect_macros::Has;
pub use effect_runtime::*;
pub use effect_stream::*;
pub use effect_topic::*;

/// What most programs use: `use effect::prelude::*;`.
pub mod prelude {
    pub use crate::Has;
    pub use effect_core::{
        Cause, Cx, Defect, Effect, Exit, Fiber, IntoEffect, Never, Schedule, Scope, TimeoutError,
        acquire_release, blocking, die, effect, fail, for_each, for_each_par, from_exit,
        from_future, from_result, never, sleep, succeed, sync, try_sync,
    };
    pub use effect_runtime::{Main, VirtualTime, run, run_main};
    pub use effect_stream::{
        Channel, ChannelClosed, Failed, Fault, Pipeline, PipelineError, PipelineReport, SendError,
        Stream, StreamE, stage,
    };
}

/// The README's program, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// The guide to testing, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../docs/testing.md")]
struct Testing;
