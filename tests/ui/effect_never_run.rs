//! cure: cx.run(effect).await
//! An effect is made, and never run.

#![deny(unused_must_use)]

use effect::prelude::*;

fn save(n: u32) -> Effect<(), Never, ()> {
    sync(move || println!("{n}")).erase()
}

fn main() {
    let body = effect(async |_: Cx<()>| {
        save(1);
        Ok::<_, Never>(())
    });
    let _ = run(body);
}
