//! A program that stops cleanly: on Ctrl-C or SIGTERM its fibers are interrupted, and their finalizers run.
//!
//! Run it: `cargo run --example graceful_shutdown`, and press Ctrl-C, or wait.
//!
//! Left alone, it stops by itself after five jobs. Either way the worker saves its work before the program
//! ends. After Ctrl-C the exit code is 130.

use std::process::ExitCode;
use std::time::Duration;

use effect::prelude::*;

fn main() -> ExitCode {
    // Finalizers have this long after a signal. A second signal does not wait for them.
    Main::new()
        .grace(Duration::from_secs(2))
        .run(effect(program))
}

async fn program(cx: Cx<()>) -> Result<(), ChannelClosed> {
    let done = Channel::bounded(0);
    let reports = done.clone();
    let worker = effect(move |cx| work(cx, reports)).ensuring(effect(save));
    let worker = cx.fork_named("worker", worker);

    for job in 1..=5 {
        assert_eq!(done.receive().await?, job);
        println!("job {job} is done");
    }
    println!("that is enough for today");

    // What a signal does to the whole program, this does to one fiber: it ends, and has cleaned up.
    let Ok(exit) = cx.run(worker.interrupt()).await;
    assert!(exit.is_interrupt());
    println!("the worker has stopped");
    Ok(())
}

/// Works until it is interrupted.
async fn work(cx: Cx<()>, done: Channel<u32>) -> Result<(), SendError<u32>> {
    for job in 1.. {
        cx.sleep(Duration::from_millis(100)).await;
        done.send(job).await?;
    }
    Ok(())
}

async fn save(cx: Cx<()>) -> Result<(), Never> {
    println!("the worker saves its work");
    cx.sleep(Duration::from_millis(50)).await;
    println!("the worker's work is saved");
    Ok(())
}
