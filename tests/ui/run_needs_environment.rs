//! cure: .provide(..)
//! An effect is run that still needs an environment.

use effect::prelude::*;

struct App;

fn find(id: u32) -> Effect<App, Never, u32> {
    succeed(id).erase()
}

fn main() {
    let _ = run(find(1));
}
