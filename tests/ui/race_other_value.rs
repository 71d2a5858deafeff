//! cure: .map(..)
//! messages: 2
//! Effects with different values race.

use effect::prelude::*;

fn main() {
    let cached = succeed::<(), String, _>("Ada");
    let fetched = succeed::<(), String, _>(36);
    let _ = run(cached.race_first(fetched));
}
