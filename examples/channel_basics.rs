//! A channel joins a producer and a consumer that run at their own speeds.
//!
//! Run it: `cargo run --example channel_basics`
//!
//! Five messages arrive in the order in which they were sent. Then the consumer hears that the channel is
//! closed, and its loop ends.

use std::process::ExitCode;
use std::time::Duration;

use effect::prelude::*;

fn main() -> ExitCode {
    run_main(effect(program))
}

async fn program(cx: Cx<()>) -> Result<(), SendError<String>> {
    // A handle is both ends: cloned, it is shared. There is room for three messages inside.
    let channel = Channel::bounded(3);
    let (outbox, ended) = (channel.clone(), channel.clone());
    // However the producer ends, the channel is closed: without this, the consumer would wait for more. What
    // is inside can still be received.
    let producer = effect(move |cx| produce(cx, outbox)).ensuring(sync(move || ended.close()));
    let producer = cx.fork(producer);

    let mut received = 0;
    while let Ok(message) = channel.receive().await {
        println!("received: {message}");
        received += 1;
        assert_eq!(message, format!("message {received}"));
        // The consumer takes twice as long as the producer: messages queue up, three at most.
        cx.sleep(Duration::from_millis(20)).await;
    }
    println!("the channel is closed and empty");

    let sent = cx.run(producer.join()).await?;
    assert_eq!(received, sent);
    println!("{sent} sent, {received} received");
    Ok(())
}

async fn produce(cx: Cx<()>, channel: Channel<String>) -> Result<u32, SendError<String>> {
    let messages = 5;
    for n in 1..=messages {
        channel.send(format!("message {n}")).await?;
        cx.sleep(Duration::from_millis(10)).await;
    }
    Ok(messages)
}
