//! no cure: types that differ (E0308) are told by the compiler alone; their names say it, `TimeoutError<Offline>` for `Offline`
//! A time limit adds an error, which the signature does not name.

use effect::prelude::*;
use std::time::Duration;

#[derive(Clone, Debug)]
struct Offline;

fn fetch() -> Effect<(), Offline, String> {
    fail(Offline).timeout(Duration::from_secs(1)).erase()
}

fn main() {
    let _ = run(fetch());
}
