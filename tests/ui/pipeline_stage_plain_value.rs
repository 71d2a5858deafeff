//! cure: Result
//! messages: 2
//! A stage gives a plain value, and not a `Result` of one.
use effect::prelude::*;

fn main() {
    let _ = Pipeline::<(), Never, _>::from_stream(Stream::from_iter([1, 2]))
        .via(stage("double", |n: u32| async move { n * 2 }));
}
