//! no cure: the borrow checker speaks of lifetimes, and shows no bound that could say more
//! A closure holds a reference to what the effect may outlive.

use effect::prelude::*;

fn greet(name: &str) -> Effect<(), Never, String> {
    succeed("hello").map(move |hello| format!("{hello}, {name}")).erase()
}

fn main() {
    let name = String::from("Ada");
    let _ = run(greet(&name));
}
