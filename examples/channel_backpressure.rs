//! A full channel makes its senders wait: a fast producer is slowed down to the pace of its consumer.
//!
//! Run it: `cargo run --example channel_backpressure`
//!
//! The producer gets two numbers ahead, because the channel holds two, and is stuck with the third. From then
//! on it sends one number for each that the consumer takes.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use effect::prelude::*;

const NUMBERS: u32 = 10;

type AnyError = Box<dyn Error + Send + Sync>;

fn main() -> ExitCode {
    run_main(effect(program))
}

async fn program(cx: Cx<()>) -> Result<(), AnyError> {
    let channel = Channel::bounded(2);
    let (inlet, ended, outlet) = (channel.clone(), channel.clone(), channel);
    // However the producer ends, the consumer hears of it.
    let producer =
        effect(move |_: Cx<()>| produce_fast(inlet)).ensuring(sync(move || ended.close()));
    let consumer = effect(move |cx| consume_slowly(cx, outlet));

    // Both at once, in one task: they take turns, so their lines never mix.
    let ((), sum) = cx.run(producer.zip_par(consumer)).await?;
    assert_eq!(sum, (0..NUMBERS).sum());
    println!("the numbers add up to {sum}");
    Ok(())
}

async fn produce_fast(channel: Channel<u32>) -> Result<(), AnyError> {
    for n in 0..NUMBERS {
        println!("producer: sending {n}");
        channel.send(n).await?;
        println!("producer: sent {n}");
    }
    Ok(())
}

async fn consume_slowly(cx: Cx<()>, channel: Channel<u32>) -> Result<u32, AnyError> {
    let mut sum = 0;
    // The producer has all the time it wants, and still cannot get further than this.
    cx.sleep(Duration::from_millis(100)).await;
    assert_eq!(channel.len(), channel.capacity());
    println!("          consumer: the channel is full");

    while let Ok(n) = channel.receive().await {
        println!("          consumer: received {n}");
        sum += n;
        cx.sleep(Duration::from_millis(50)).await;
    }
    Ok(sum)
}
