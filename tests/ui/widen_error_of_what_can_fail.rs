//! cure: .map_error(..)
//! `widen_error` is asked of an effect that can fail.

use effect::prelude::*;

fn port() -> Effect<(), String, u16> {
    succeed(80).erase()
}

fn main() {
    let _ = port().widen_error::<std::io::Error>();
}
