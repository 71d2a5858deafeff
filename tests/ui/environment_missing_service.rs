//! cure: #[derive(Has)]
//! The environment that is given lacks a service.

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
}
