//! cure: from_result(..)
//! The step of a chain gives a result, and no effect.

use effect::prelude::*;

fn main() {
    let parsed = succeed::<(), _, _>("12").flat_map(|text| text.parse::<u8>());
    let _ = run(parsed);
}
