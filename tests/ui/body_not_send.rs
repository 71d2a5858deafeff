//! cure: Arc
//! A body holds what cannot move to another thread while it waits.

use effect::prelude::*;
use std::rc::Rc;
use std::time::Duration;

async fn tick(cx: Cx<()>) -> Result<i32, Never> {
    let step = Rc::new(1);
    cx.sleep(Duration::from_secs(1)).await;
    Ok(*step)
}

fn main() {
    let _ = run(effect(tick));
}
