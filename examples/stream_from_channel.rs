//! What is received from a channel is a stream like any other.
//!
//! Run it: `cargo run --example stream_from_channel`
//!
//! A producer sends the numbers from 1 to 10; the stream squares them and keeps the first five even squares.

use std::process::ExitCode;
use std::time::Duration;

use effect::prelude::*;

fn main() -> ExitCode {
    run_main(effect(program))
}

async fn program(cx: Cx<()>) -> Result<(), SendError<u32>> {
    let channel = Channel::bounded(5);
    let (numbers, ended) = (channel.clone(), channel.clone());
    // The stream ends when the channel is closed, so it is closed however the producer ends.
    let producer = effect(move |cx| produce(cx, numbers)).ensuring(sync(move || ended.close()));
    let producer = cx.fork(producer);

    let even_squares = Stream::from_channel(channel)
        .map(|n| n * n)
        .filter(|square| square % 2 == 0)
        .take(5)
        .run_fold(Vec::new(), |mut seen, square| {
            println!("even square: {square}");
            seen.push(square);
            seen
        });
    let Ok(even_squares) = cx.run(even_squares).await;

    cx.run(producer.join()).await?;
    assert_eq!(even_squares, [4, 16, 36, 64, 100]);
    println!("all of them: {even_squares:?}");
    Ok(())
}

async fn produce(cx: Cx<()>, numbers: Channel<u32>) -> Result<(), SendError<u32>> {
    for n in 1..=10 {
        numbers.send(n).await?;
        cx.sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}
