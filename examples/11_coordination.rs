//! Coordination: what fibers share, and how they wait for each other.
//!
//! Run it: `cargo run --example 11_coordination`
//!
//! Workers take jobs from a queue, two at a time as a semaphore has it, and tell a hub what they have done.

use std::process::ExitCode;

use effect::prelude::*;
use effect::sync::{Deferred, Hub, Queue, Ref, Semaphore, TakeError};
use effect::yield_now;

fn main() -> ExitCode {
    run_main(effect(program))
}

async fn program(cx: Cx<()>) -> Result<(), Never> {
    let jobs = Queue::<u32>::bounded(4);
    let (done, two_at_once) = (Ref::new(0), Semaphore::new(2));
    let news = Hub::unbounded();
    let mut reader = news.subscribe();
    let started = Deferred::<Never, ()>::new();

    let mut workers = Vec::new();
    for _ in 0..3 {
        let (jobs, done, news) = (jobs.clone(), done.clone(), news.clone());
        let (two_at_once, started) = (two_at_once.clone(), started.clone());
        workers.push(cx.fork(effect(async move |cx: Cx<()>| {
            started.wait().await?;
            loop {
                match jobs.take().await {
                    Ok(job) => {
                        let work = async move {
                            yield_now().await;
                            Ok::<_, Never>(job * job)
                        };
                        let result = cx.run(two_at_once.with_permit(work)).await?;
                        done.update(|sum| *sum += result);
                        news.publish(result).await.expect("the hub is open");
                    }
                    // Closed, and nothing is left in it.
                    Err(TakeError::Closed) => return Ok::<_, Never>(()),
                    Err(other) => unreachable!("nobody closes it otherwise: {other}"),
                }
            }
        })));
    }
    started.succeed(()).expect("nobody else completes it");
    for job in 1..=10 {
        jobs.offer(job).await.expect("the queue is open");
    }
    jobs.close();
    for worker in workers {
        cx.run(worker.join()).await?;
    }
    assert_eq!(done.get(), 385);
    println!("sum of squares: {}", done.get());

    news.close();
    let mut heard = 0;
    while reader.receive().await.is_ok() {
        heard += 1;
    }
    assert_eq!(heard, 10);
    println!("results heard of: {heard}");
    Ok(())
}
