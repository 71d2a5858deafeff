//! cure: .or_die()
//! messages: 2
//! A finalizer can fail, and nobody would hear of it.

use effect::prelude::*;

fn close() -> Effect<(), String, ()> {
    fail("no route".to_owned()).erase()
}

fn main() {
    let work = succeed::<(), String, _>(1);
    let _ = work.ensuring(close()).erase();
}
