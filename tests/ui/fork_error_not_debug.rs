//! cure: #[derive(Debug)]
//! An effect is forked whose error cannot be shown.

use effect::prelude::*;

#[derive(Clone)]
struct Lost;

fn find(id: u32) -> Effect<(), Lost, u32> {
    succeed(id).erase()
}

fn main() {
    let _ = find(1).fork::<Never>();
}
