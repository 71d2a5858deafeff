//! cure: use the `move` keyword
//! A closure borrows from the function that makes the effect.

use effect::prelude::*;

fn main() {
    let name = String::from("Ada");
    let greeting = succeed::<(), Never, _>("hello").map(|hello| format!("{hello}, {name}"));
    let _ = run(greeting);
}
