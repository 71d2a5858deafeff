//! cure: .map_error(..)
//! messages: 2
//! The step of a chain fails with an error of its own.

use effect::prelude::*;

#[derive(Clone, Debug)]
struct NotFound;

fn find(id: u32) -> Effect<(), NotFound, String> {
    succeed(id.to_string()).erase()
}

fn main() {
    let id: Effect<(), std::num::ParseIntError, u32> = from_result("12".parse()).erase();
    let _ = run(id.flat_map(find));
}
