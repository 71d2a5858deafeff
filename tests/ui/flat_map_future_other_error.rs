//! cure: .map_error(..)
//! messages: 2
//! The step of a chain is a future that fails with an error of its own.

use effect::prelude::*;
use std::num::ParseIntError;

async fn parse(text: &'static str) -> Result<u32, ParseIntError> {
    text.parse()
}

fn main() {
    let text = succeed::<(), String, _>("12");
    let _ = run(text.flat_map(parse));
}
