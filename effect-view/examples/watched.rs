//! A pipeline that goes on until its input is drained by Ctrl-C, shown in this terminal, and served to others.
//!
//! `cargo run -p effect-view --example watched`, and beside it `cargo run -p effect-top -- 127.0.0.1:7700`: choose a stage, and
//! press `t`. With a number of seconds, it ends after that.

use std::time::Duration;

use effect_core::{Cx, Never, Schedule, effect, sleep};
use effect_stream::{Channel, ErrorsFull, Pipeline, Stream, stage, stage_sync};
use effect_view::{ProgressView, serve};

#[derive(Clone, Debug)]
struct Order {
    id: u64,
    cents: u64,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let seconds = std::env::args().nth(1).and_then(|text| text.parse().ok());
    let program = effect(async move |cx: Cx<()>| {
        let output = Channel::bounded(64);
        let parse = |id: u64| {
            Ok::<_, &str>(Order {
                id,
                cents: id * 37 % 5000,
            })
        };
        let price = |order: Order| {
            let waited = sleep::<(), &str>(Duration::from_millis(5 + order.id % 20));
            waited.flat_map(move |()| async move {
                if order.id.is_multiple_of(97) {
                    Err("no price")
                } else {
                    Ok(order)
                }
            })
        };
        let connected = Pipeline::from_stream(Stream::iterate(0, |id| id + 1))
            .via(stage_sync("parse", parse))
            .filter("above ten", |order: &Order| order.cents > 1000)
            .via(
                stage("ask for a price", price)
                    .retry(Schedule::recurs(1))
                    .observed(|order: &Order| format!("{order:?}"))
                    .workers(16)
                    .ordered(),
            )
            .to_channel(output.clone())
            .with_error_channel(Channel::bounded(1))
            .when_errors_are_full(ErrorsFull::Count)
            .named("orders");
        let handle = connected.handle();
        eprintln!("{}", connected.explain());
        let address = "127.0.0.1:7700".parse().expect("it is an address");
        let _server = cx.run(serve(handle.clone(), address)).await?;
        let view = cx.fork(ProgressView::attach(&handle));
        let consumer = cx.fork(effect(async move |_: Cx<()>| {
            while output.receive().await.is_ok() {}
            Ok::<_, Never>(())
        }));
        let stop = effect(async move |cx: Cx<()>| {
            match seconds {
                Some(seconds) => cx.sleep(Duration::from_secs(seconds)).await,
                None => drop(tokio::signal::ctrl_c().await),
            }
            handle.drain();
            Ok::<_, Never>(())
        });
        let stop = cx.fork(stop);
        let report = cx
            .run(connected.run())
            .await
            .expect("nothing ends it early");
        for fiber in [view, consumer, stop] {
            let Ok(()) = cx.run(fiber.join()).await;
        }
        Ok::<_, effect_view::ServeError>(report)
    });
    println!("{}", program.await?);
    Ok(())
}
