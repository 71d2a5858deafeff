//! cure: From<TimeoutError<Offline>>
//! A time limit adds an error, which the body's own is not made of.

use effect::prelude::*;
use std::time::Duration;

#[derive(Clone, Debug)]
struct Offline;

fn fetch() -> Effect<(), Offline, String> {
    fail(Offline).erase()
}

fn main() {
    let body = effect(async |cx: Cx<()>| {
        let text = cx.run(fetch().timeout(Duration::from_secs(1))).await?;
        Ok::<_, Offline>(text)
    });
    let _ = run(body);
}
