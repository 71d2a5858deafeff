//! cure: try using a conversion method
//! The two closures of a fold give different types.

use effect::prelude::*;

fn main() {
    let port = from_result::<(), _, _>("80".parse::<u16>());
    let _ = run(port.fold(|error| error.to_string(), |port| port));
}
