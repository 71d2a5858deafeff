//! Items that fail leave a pipeline through an error channel; the others go on undisturbed.
//!
//! Run it: `cargo run --example pipeline_errors`
//!
//! The first stage refuses negative numbers, the second one multiples of seven. Each failure says in which stage
//! it happened, and the report accounts for every item.

use std::process::ExitCode;
use std::time::Duration;

use effect::prelude::*;

#[derive(Debug, PartialEq, thiserror::Error)]
enum Refusal {
    #[error("{0} is negative")]
    Negative(i32),
    #[error("{0} is a multiple of seven")]
    MultipleOfSeven(i32),
}

fn main() -> ExitCode {
    run_main(effect(program))
}

async fn program(cx: Cx<()>) -> Result<(), PipelineError<Refusal>> {
    let (output, errors) = (Channel::bounded(5), Channel::bounded(5));
    let numbers = [-5, 1, 2, 7, -3, 4, 14, 5, 6, 8];
    let pipeline = Pipeline::from_stream(Stream::from_iter(numbers))
        .via(stage("validate", validate).workers(2))
        .via(stage("process", process).workers(2))
        .to_channel(output.clone())
        .with_error_channel(errors.clone());

    // Somebody has to read both channels while the pipeline runs: a full one would make it wait.
    let successes = cx.fork(Stream::from_channel(output).run_collect());
    let failures = Stream::from_channel(errors).map(|failed: Failed<_>| failed.to_string());
    let failures = cx.fork(failures.run_collect());

    let report = cx.run(pipeline.run()).await?;
    let Ok((mut successes, mut failures)) = cx.run(successes.join().zip(failures.join())).await;
    successes.sort();
    failures.sort();
    for success in &successes {
        println!("ok:  {success}");
    }
    for failure in &failures {
        println!("err: {failure}");
    }
    println!("{report}");
    assert_eq!((successes.len(), failures.len()), (6, 4));
    assert_eq!((report.delivered, report.failed), (6, 4));
    assert_eq!(failures[0], "stage process: 14 is a multiple of seven");
    Ok(())
}

async fn validate(n: i32) -> Result<i32, Refusal> {
    if n < 0 {
        Err(Refusal::Negative(n))
    } else {
        Ok(n)
    }
}

fn process(n: i32) -> Effect<(), Refusal, String> {
    let work = sleep(Duration::from_millis(10));
    work.flat_map(move |()| match n % 7 {
        0 => fail(Refusal::MultipleOfSeven(n)),
        _ => succeed(format!("processed {n}")),
    })
    .erase()
}
