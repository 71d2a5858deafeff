//! cure: #[derive(Has)]
//! A program is run without the environment that it needs.

use effect::Env;
use effect::prelude::*;

struct Db;

fn find<R: Env + Has<Db>>() -> Effect<R, &'static str, u32> {
    succeed(1).erase()
}

fn main() {
    let _ = run(find());
}
