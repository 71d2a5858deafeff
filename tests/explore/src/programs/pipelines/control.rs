//! Runs that are drained and paused.

use super::*;

pipelines! {
    /// Drained while it runs.
    drained: Around { control: Control::Drain, ..AROUND }, |laws, items| items
        .via(stage("first", laws.working()).workers(2))
        .via(stage("second", laws.working()));

    /// Paused from its beginning, and resumed.
    paused: Around { control: Control::Pause, from: From::Stream, ..AROUND }, |laws, items| items
        .via(stage("work", laws.working()).workers(2));
}
