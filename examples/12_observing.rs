//! Observing: who runs, what each waits for and since when, and where a failure came from.
//!
//! Run it: `cargo run --example 12_observing`
//!
//! In virtual time, so that it prints the same each time. A program run by `Main` prints such a dump on SIGUSR1.

use std::time::Duration;

use effect::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let exit = VirtualTime::new().run(effect(program))?;
    assert!(exit.is_success());
    Ok(())
}

async fn program(cx: Cx<()>) -> Result<(), Never> {
    let shop = cx.fork_named(
        "shop",
        effect(async |cx: Cx<()>| {
            let till = cx.fork_named("till", never::<_, Never, ()>());
            cx.sleep(Duration::from_secs(60)).await;
            cx.run(till.join()).await
        }),
    );
    cx.sleep(Duration::from_secs(5)).await;
    let dump = shop.dump().to_string();
    assert!(dump.contains("(shop)") && dump.contains("(till)"));
    println!("{dump}");
    cx.run(shop.interrupt())
        .await?
        .cause()
        .expect("it was interrupted");

    // A cause says where it was raised, and on which fiber.
    let failing = cx.fork_named("stock", fail::<_, _, ()>("sold out"));
    let exit = cx.run(failing.exit()).await?;
    println!("{:#}", exit.cause().expect("it failed"));
    Ok(())
}
