//! cure: `let...else`
//! `let Ok(..) =` takes the value of an effect that can fail.

use effect::prelude::*;

fn port() -> Effect<(), String, u16> {
    succeed(80).erase()
}

async fn handle() -> u16 {
    let Ok(port) = port().await;
    port
}

fn main() {
    let _ = handle();
}
