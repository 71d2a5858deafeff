//! A pipeline runs items through stages, each with its own workers, from one channel to another.
//!
//! Run it: `cargo run --example pipeline_basics`
//!
//! Ten numbers pass two stages. Several workers finish in any order, so the outputs are sorted before they are
//! printed. The report accounts for every item.

use std::process::ExitCode;
use std::time::Duration;

use effect::prelude::*;

fn main() -> ExitCode {
    run_main(effect(program))
}

async fn program(cx: Cx<()>) -> Result<(), PipelineError<Never>> {
    let (input, output) = (Channel::bounded(10), Channel::bounded(10));
    let pipeline = Pipeline::from_channel(input.clone())
        .via(stage("double", double).workers(2))
        .via(stage("format", format).workers(3))
        .to_channel(output.clone());

    // Both run beside this fiber, which they end with at the latest.
    let run = cx.fork(pipeline.run());
    let outputs = cx.fork(Stream::from_channel(output).run_collect());

    for n in 1..=10 {
        input.send(n).await.expect("nobody else closes the input");
    }
    // The end of the input is the end of the run, once everything inside is through.
    input.close();

    let report = cx.run(run.join()).await?;
    let Ok(mut outputs) = cx.run(outputs.join()).await;
    outputs.sort();
    for line in &outputs {
        println!("{line}");
    }
    println!("{report}");
    assert_eq!(outputs[0], "processed:  2");
    assert_eq!(outputs[9], "processed: 20");
    assert_eq!((report.received, report.delivered), (10, 10));
    Ok(())
}

fn double(n: u32) -> Effect<(), Never, u32> {
    let work = sleep(Duration::from_millis(10));
    work.map(move |()| n * 2).erase()
}

fn format(n: u32) -> Effect<(), Never, String> {
    let work = sleep(Duration::from_millis(5));
    work.map(move |()| format!("processed: {n:2}")).erase()
}
