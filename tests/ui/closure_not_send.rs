//! cure: Arc
//! A closure holds what cannot move to another thread.

use effect::prelude::*;
use std::rc::Rc;

fn main() {
    let step = Rc::new(1);
    let next = succeed::<(), String, _>(1).map(move |n| n + *step);
    let _ = run(next);
}
