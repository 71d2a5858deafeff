//! cure: #[derive(Has)]
//! A body asks for a service that its environment lacks.

use effect::prelude::*;

#[derive(Has)]
struct App {
    port: u16,
}

fn main() {
    let _ = effect(async |cx: Cx<App>| Ok::<_, Never>(cx.get::<String>().len()));
}
