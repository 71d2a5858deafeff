//! cure: .map_error(..)
//! messages: 2
//! A time limit adds an error, which the chain does not fail with.

use effect::prelude::*;
use std::time::Duration;

#[derive(Clone, Debug)]
struct Offline;

fn fetch(_id: u32) -> Effect<(), Offline, String> {
    fail(Offline).erase()
}

fn main() {
    let id = succeed::<(), Offline, _>(1);
    let _ = run(id.flat_map(|id| fetch(id).timeout(Duration::from_secs(1))));
}
