//! The reference programs: small, and each full of places where something can go wrong.

use effect::simulation::{Explored, Sim, Violation};

mod finalizers;
mod supervision;
mod races;
mod foreign;
mod channel;
mod pipeline;
mod streams;
mod replay;

use channel::{queue, rendezvous};
use pipeline::{fail_fast, routed};

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
