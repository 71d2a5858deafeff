//! cure: .map(..)
//! messages: 2
//! A recovery succeeds with something else.

use effect::prelude::*;

fn main() {
    let port = from_result::<(), _, _>("80".parse::<u16>());
    let _ = run(port.recover(|_| succeed::<_, Never, _>("none")));
}
