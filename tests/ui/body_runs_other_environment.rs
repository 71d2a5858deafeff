//! cure: .provide(..)
//! messages: 3
//! A body runs an effect that needs another environment.

use effect::prelude::*;

struct App;

struct Database;

fn find(id: u32) -> Effect<Database, Never, u32> {
    succeed(id).erase()
}

fn main() {
    let body = effect(async |cx: Cx<App>| cx.run(find(1)).await);
    let _ = run(body.provide(App));
}
