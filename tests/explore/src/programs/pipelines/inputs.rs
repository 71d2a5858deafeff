//! What comes in and goes out, and what has no room.

use effect::stage_sync;

use super::*;

pipelines! {
    /// What was not begun goes back to the input.
    given_back: Around { control: Control::Interrupt, in_order: true, ..AROUND }, |laws, items| items
        .via(stage("work", laws.working()));

    /// A stream that waits, and is drained.
    endless: Around { from: From::Endless, ..AROUND }, |laws, items| items
        .via(stage("work", laws.working()).workers(2));

    /// No room between the stages.
    narrow: Around { from: From::Stream, ..AROUND }, |laws, items| items
        .via(stage("first", laws.working()).workers(2).buffer(0))
        .via(stage_sync("second", laws.passing()).buffer(0));

    /// No room behind them.
    rendezvous: Around { output: 0, ..AROUND }, |laws, items| items
        .via(stage("first", laws.working()).workers(2).buffer(0))
        .via(stage_sync("second", laws.passing()).buffer(1));
}
