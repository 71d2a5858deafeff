//! cure: .map_error(..)
//! messages: 2
//! The effect for each element of a stream fails with another error.

use effect::prelude::*;

fn main() {
    let words = StreamE::<(), String, _>::from_iter(["a", "b"]);
    let _ = run(words.map_effect(|_| fail::<_, u32, ()>(404)).partition());
}
