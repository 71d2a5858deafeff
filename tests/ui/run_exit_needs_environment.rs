//! cure: Provided<
//! The exit is asked for of an effect that still needs an environment.

use effect::prelude::*;

struct App;

fn find(id: u32) -> Effect<App, Never, u32> {
    succeed(id).erase()
}

async fn handle() -> Exit<Never, u32> {
    find(1).run_exit().await
}

fn main() {
    let _ = handle();
}
