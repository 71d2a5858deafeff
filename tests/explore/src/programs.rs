//! The reference programs: small, and each full of places where something can go wrong.

use effect::simulation::{Explored, Sim, Violation};

mod finalizers;
mod supervision;
mod races;
mod foreign;
mod channel;
mod pipeline;
mod pipelines;
mod streams;
mod replay;

use channel::{queue, rendezvous};
use pipeline::{fail_fast, routed};
use pipelines::control::{drained, paused};
use pipelines::fan::{fan, ordered_fan};
use pipelines::features::{batched, branched, equipped, guarded, merged, retried, timed};
use pipelines::inputs::{endless, given_back, narrow, rendezvous as no_room};
use pipelines::routes::{counted, first_failure, kept};
use pipelines::stages::{by_key, one_sync, ordered, ordered_keys, three_async};

/// What is simulated of each program.
pub type Result = std::result::Result<Explored, Box<Violation>>;

/// A reference program.
#[derive(Clone, Copy, Debug)]
pub struct Reference {
    /// Its name.
    pub name: &'static str,
    /// What it is about.
    pub about: &'static str,
    /// Runs it by plans that chance makes.
    pub explore: fn(Sim) -> Result,
    /// Runs it with each fault, one at a time.
    pub each_fault: fn(Sim) -> Result,
    /// Runs it with each pair of interrupts.
    pub each_pair: fn(Sim) -> Result,
}

/// Makes a [`Reference`] of a function that builds a case.
macro_rules! reference {
    ($name:ident, $about:literal) => {
        Reference {
            name: stringify!($name),
            about: $about,
            explore: |sim| sim.explore($name::case),
            each_fault: |sim| {
                let mut explored = sim.each_interrupt($name::case)?;
                explored += sim.each_panic($name::case)?;
                explored += sim.each_drop($name::case)?;
                Ok(explored)
            },
            each_pair: |sim| sim.each_pair($name::case),
        }
    };
}

/// All of them.
pub const ALL: &[Reference] = &[
    reference!(
        finalizers,
        "scopes in scopes, on every kind of end, with children that use what they hold"
    ),
    reference!(
        supervision,
        "parents and children who join and interrupt each other"
    ),
    reference!(
        races,
        "races, pairs and time limits, alone and in each other"
    ),
    reference!(
        foreign,
        "a select of somebody else's, a root in a fiber, a blocking job"
    ),
    reference!(
        queue,
        "a channel with room between three senders and a receiver"
    ),
    reference!(
        rendezvous,
        "a channel without room between three senders and two receivers"
    ),
    reference!(routed, "a pipeline with two stages and an error channel"),
    reference!(fail_fast, "a pipeline that ends at its first failure"),
    reference!(
        streams,
        "streams that merge, run effects, recover and stop early"
    ),
    reference!(
        replay,
        "past and live events, calls and a timer, on a clock of their own"
    ),
];

/// The reference pipelines, each of which has a part of what a pipeline can do.
pub const PIPELINES: &[Reference] = &[
    reference!(one_sync, "a pipeline of one stage that waits for nothing"),
    reference!(three_async, "a pipeline of three stages that wait"),
    reference!(ordered, "a pipeline that keeps the order"),
    reference!(by_key, "a pipeline by key"),
    reference!(ordered_keys, "a pipeline by key that keeps the order"),
    reference!(
        fan,
        "a pipeline that makes several items of one, and leaves some out"
    ),
    reference!(ordered_fan, "a pipeline that does so in order"),
    reference!(kept, "a pipeline whose failures say what entered it"),
    reference!(
        first_failure,
        "a pipeline of a channel that ends at its first failure"
    ),
    reference!(counted, "a pipeline whose failures nobody reads"),
    reference!(given_back, "a pipeline that is interrupted, and its input"),
    reference!(
        endless,
        "a pipeline of a stream that never ends, and is drained"
    ),
    reference!(narrow, "a pipeline without buffers"),
    reference!(no_room, "a pipeline whose output is a rendezvous"),
    reference!(drained, "a pipeline that is drained"),
    reference!(paused, "a pipeline that is paused and resumed"),
    reference!(retried, "a pipeline that tries again"),
    reference!(
        timed,
        "a pipeline with a time limit and something to stand in"
    ),
    reference!(
        guarded,
        "a pipeline with a rate limit and a circuit breaker"
    ),
    reference!(batched, "a pipeline of batches"),
    reference!(branched, "a pipeline that goes two ways"),
    reference!(merged, "two pipelines that meet"),
    reference!(equipped, "a pipeline whose workers have a resource each"),
];
