//! cure: .provide(..)
//! An effect is awaited that still needs an environment.

use effect::prelude::*;

struct App;

fn find(id: u32) -> Effect<App, Never, u32> {
    succeed(id).erase()
}

async fn handle() -> Result<u32, Never> {
    find(1).map(|id| id + 1).await
}

fn main() {
    let _ = handle();
}
