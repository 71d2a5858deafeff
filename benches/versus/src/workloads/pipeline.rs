//! Three stages with workers between bounded queues, and failures on a queue of their own.

#![allow(
    clippy::disallowed_methods,
    reason = "hand-written tokio is what this is measured against"
)]

use std::sync::Arc;

use effect::{Channel, Pipeline, Stream, effect, stage};
use tokio::sync::{Mutex, mpsc};

use super::work;
use crate::drive::{Failed, in_two_threads};
use crate::workload::{Contender, Target, Workload};

pub(crate) const WORKLOAD: Workload = Workload {
    name: "pipeline",
    about: "2, 3 and 2 workers, queues of 64, every hundredth item fails, two threads; an operation is one item",
    timed: 100_000,
    counted: 20_000,
    targets: &[Target::Instructions(1000.0)],
    contenders: &[
        Contender {
            name: "hand",
            about: "tokio tasks that share the receiver of an mpsc channel by a mutex",
            run: hand,
        },
        Contender {
            name: "ours",
            about: "Pipeline with an error channel",
            run: ours,
        },
    ],
};

const CAPACITY: usize = 64;

async fn first(value: u64) -> Result<u64, Failed> {
    Ok(work(value))
}

/// Every hundredth item fails here.
async fn second(value: u64) -> Result<u64, Failed> {
    if value.is_multiple_of(100) {
        Err(Failed)
    } else {
        Ok(work(value))
    }
}

async fn third(value: u64) -> Result<u64, Failed> {
    Ok(work(value))
}

/// What came out: the sum of the items that made it, and a million for each that failed.
fn checksum(sum: u64, failures: u64) -> u64 {
    sum.wrapping_add(failures.wrapping_mul(1_000_000))
}

fn hand(n: u64) -> u64 {
    /// Starts the workers of a stage and gives the queue that they fill.
    fn stage<Fut>(
        workers: usize,
        input: mpsc::Receiver<u64>,
        errors: &mpsc::Sender<Failed>,
        step: fn(u64) -> Fut,
    ) -> mpsc::Receiver<u64>
    where
        Fut: Future<Output = Result<u64, Failed>> + Send + 'static,
    {
        let (sender, receiver) = mpsc::channel(CAPACITY);
        let input = Arc::new(Mutex::new(input));
        for _ in 0..workers {
            let input = Arc::clone(&input);
            let sender = sender.clone();
            let errors = errors.clone();
            tokio::spawn(async move {
                loop {
                    let Some(item) = input.lock().await.recv().await else {
                        return;
                    };
                    let sent = match step(item).await {
                        Ok(value) => sender.send(value).await.is_ok(),
                        Err(error) => errors.send(error).await.is_ok(),
                    };
                    if !sent {
                        return;
                    }
                }
            });
        }
        receiver
    }

    in_two_threads(async move {
        let (errors, mut failed) = mpsc::channel(CAPACITY);
        let (source, input) = mpsc::channel(CAPACITY);
        tokio::spawn(async move {
            for i in 0..n {
                if source.send(i).await.is_err() {
                    return;
                }
            }
        });
        let queue = stage(2, input, &errors, first);
        let queue = stage(3, queue, &errors, second);
        let mut output = stage(2, queue, &errors, third);
        drop(errors);
        let failures = tokio::spawn(async move {
            let mut failures = 0_u64;
            while failed.recv().await.is_some() {
                failures += 1;
            }
            failures
        });
        let mut sum = 0_u64;
        while let Some(value) = output.recv().await {
            sum = sum.wrapping_add(value);
        }
        checksum(sum, failures.await.expect("no contender panics"))
    })
}

fn ours(n: u64) -> u64 {
    let program = effect(async move |cx: effect::Cx<()>| {
        let (output, errors) = (Channel::bounded(CAPACITY), Channel::bounded(CAPACITY));
        let run = Pipeline::from_stream(Stream::range(0..n))
            .via(stage("first", first).workers(2).buffer(CAPACITY))
            .via(stage("second", second).workers(3).buffer(CAPACITY))
            .via(stage("third", third).workers(2).buffer(CAPACITY))
            .to_channel(output.clone())
            .with_error_channel(errors.clone())
            .run();
        let pipeline = cx.fork(run);
        let failures = cx.fork(Stream::from_channel(errors).run_fold(0, |count, _| count + 1));
        let sum = Stream::from_channel(output).run_fold(0, u64::wrapping_add);
        let Ok(sum) = cx.run(sum).await;
        let Ok(failures) = cx.run(failures.join()).await;
        cx.run(pipeline.join()).await.map_err(|_| Failed)?;
        Ok::<_, Failed>(checksum(sum, failures))
    });
    in_two_threads(async { program.await }).expect("no contender fails")
}
