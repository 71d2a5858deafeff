//! no cure: the borrow checker speaks of lifetimes, and shows no bound that could say more
//! A closure holds a reference to a local variable, which the effect may outlive.

use effect::prelude::*;

fn main() {
    let name = String::from("Ada");
    let borrowed = &name;
    let length = sync::<(), Never, _, _>(move || borrowed.len());
    let _ = run(length);
}
