//! cure: The failure's comes first
//! messages: 2
//! The two closures of a fold are the wrong way round.

use effect::prelude::*;

fn main() {
    let port = from_result::<(), _, _>("80".parse::<u16>());
    let _ = run(port.fold(|port: u16| port, |_error| 80));
}
