//! cure: Ok(value)
//! messages: 3
//! The step of a chain is a future of a value, and not of a `Result`.

use effect::prelude::*;

fn main() {
    let next = succeed::<(), String, _>(1).flat_map(|n| async move { n + 1 });
    let _ = run(next);
}
