//! An environment lacks a service: at the call that needs it, and where a body asks for it.

use effect::Env;
use effect::prelude::*;

trait Users: Send + Sync {}

fn find<R: Env + Has<dyn Users>>(id: u32) -> Effect<R, &'static str, u32> {
    succeed(id).erase()
}

#[derive(Has)]
struct App {
    port: u16,
}

fn main() {
    let program = find(1).provide(App { port: 80 });
    let _ = run(program);

    let _ = effect(async |cx: Cx<App>| cx.run(find(1)).await);

    let _ = effect(async |cx: Cx<App>| Ok::<_, Never>(cx.get::<String>().len()));
}
