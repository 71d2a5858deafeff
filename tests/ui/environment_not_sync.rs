//! cure: RwLock
//! An environment cannot be shared by fibers.

use effect::prelude::*;
use std::cell::Cell;

struct App {
    calls: Cell<u32>,
}

fn main() {
    let _ = effect(async |cx: Cx<App>| Ok::<_, Never>(cx.env().calls.get()));
}
