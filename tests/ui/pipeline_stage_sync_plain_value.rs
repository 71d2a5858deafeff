//! cure: Result
//! messages: 2
//! A stage that waits for nothing gives a plain value, and not a `Result` of one.
use effect::prelude::*;
use effect::stage_sync;

fn main() {
    let _ = Pipeline::<(), Never, _>::from_stream(Stream::from_iter([1, 2]))
        .via(stage_sync("double", |n: u32| n * 2));
}
