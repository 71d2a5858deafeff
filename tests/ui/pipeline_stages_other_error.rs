//! cure: .map_error(..)
//! The stages of a pipeline fail with different errors.

use effect::prelude::*;
use std::num::ParseIntError;

async fn parse(line: &'static str) -> Result<u32, ParseIntError> {
    line.parse()
}

async fn half(n: u32) -> Result<u32, String> {
    Ok(n / 2)
}

fn main() {
    let lines = Stream::from_iter(["1", "2"]);
    let _ = Pipeline::<(), _, _>::from_stream(lines)
        .via(stage("parse", parse))
        .via(stage("half", half));
}
