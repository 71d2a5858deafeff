//! cure: `map`
//! The step of a chain gives a value, and no effect.

use effect::prelude::*;

fn main() {
    let next = succeed::<(), String, _>(1).flat_map(|n| n + 1);
    let _ = run(next);
}
