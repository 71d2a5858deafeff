//! cure: found `Pipeline<(), Infallible, u64>`
//! The two ways of a branch end in different types.

use effect::prelude::*;
use effect::{Either, stage_sync};

fn main() {
    let parity = |n: u32| Ok::<_, Never>(if n % 2 == 0 { Either::Left(n) } else { Either::Right(n) });
    let _ = Pipeline::<(), _, _>::from_stream(Stream::from_iter([1, 2])).branch(
        stage_sync("parity", parity),
        |even| even.via(stage_sync("half", |n: u32| Ok(n / 2))),
        |odd| odd.via(stage_sync("wide", |n: u32| Ok(u64::from(n)))),
    );
}
