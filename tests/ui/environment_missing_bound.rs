//! cure: Has<u16>
//! Generic code asks for a service without saying that its environment has one.

use effect::Env;
use effect::prelude::*;

fn port<R: Env>() -> Effect<R, Never, u16> {
    effect(async |cx: Cx<R>| Ok(*cx.get::<u16>())).erase()
}

fn main() {
    let _ = run(port());
}
