//! Where failures go.

use super::*;

pipelines! {
    /// Each with what entered the pipeline.
    kept: AROUND, |laws, items| items
        .keep_source()
        .via(stage("first", laws.working()).workers(2))
        .via(stage("second", laws.working()));

    /// The first ends the run.
    first_failure: Around { errors: Errors::End, ..AROUND }, |laws, items| items
        .via(stage("work", laws.working()).workers(3));

    /// Those that find no room are counted.
    counted: Around { errors: Errors::Count, from: From::Stream, ..AROUND }, |laws, items| items
        .via(stage("work", laws.working()).workers(2));
}
