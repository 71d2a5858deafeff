//! What the users of other libraries would write.

use ::futures::StreamExt;
use ::futures::stream::{self, BoxStream};
use ::par_stream::prelude::*;
use ::pumps::{Concurrency, Pipeline};
use tokio::sync::mpsc;

use super::{Job, checksum, count_failures, step};
use crate::drive::{Failed, in_two_threads, on_id_effect};

/// A task a stage, which polls as many items as the stage has workers.
pub(crate) fn pumps<J: Job>(n: u64) -> u64 {
    in_two_threads(async move {
        let mut pipeline = Pipeline::from_iter((0..n).map(Ok));
        for (index, workers) in J::WORKERS.iter().enumerate() {
            let workers = Concurrency::concurrent_unordered(*workers);
            pipeline = pipeline
                .and_then(move |item| J::step(index, item), workers)
                .backpressure(J::CAPACITY);
        }
        let (errors, failed) = mpsc::channel(J::CAPACITY);
        let (mut output, done) = pipeline.catch(errors).build();
        let failures = count_failures(failed);
        let mut sum = 0_u64;
        while let Some(value) = output.recv().await {
            sum = sum.wrapping_add(value);
        }
        done.await.expect("no contender panics");
        checksum(sum, failures.await.expect("no contender panics"))
    })
}

/// Tasks that share a stream and fill a channel.
pub(crate) fn par_stream<J: Job>(n: u64) -> u64 {
    in_two_threads(async move {
        let mut results: Results = stream::iter((0..n).map(Ok)).boxed();
        for (index, workers) in J::WORKERS.iter().enumerate() {
            let workers = ::par_stream::ParParams {
                num_workers: *workers,
                buf_size: Some(J::CAPACITY),
            };
            let step = move |item| step::<J>(index, item);
            results = results.par_then_unordered(workers, step).boxed();
        }
        collected::<J>(results).await
    })
}

/// One task that polls the items of all stages.
pub(crate) fn futures<J: Job>(n: u64) -> u64 {
    let mut results: Results = stream::iter((0..n).map(Ok)).boxed();
    for (index, workers) in J::WORKERS.iter().enumerate() {
        let begun = results.map(move |item| step::<J>(index, item));
        results = begun.buffer_unordered(*workers).boxed();
    }
    in_two_threads(collected::<J>(results))
}

/// A fiber an item and stage, in order.
pub(crate) fn id_effect<J: Job>(n: u64) -> u64 {
    type Stream = id_effect::Stream<Result<u64, Failed>, Failed, id_effect::HNil>;

    in_two_threads(on_id_effect(async move |ctx| {
        let mut results = Stream::from_iterable((0..n).map(Ok));
        for (index, workers) in J::WORKERS.iter().enumerate() {
            results = results.map_effect_par(*workers, move |item| {
                id_effect::from_async(async move || Ok(step::<J>(index, item).await))
            });
        }
        let outcome = results.run_fold((0_u64, 0_u64), |(sum, failures), result| match result {
            Ok(value) => (sum.wrapping_add(value), failures),
            Err(_) => (sum, failures + 1),
        });
        let (sum, failures) = ctx.bind(outcome).await?;
        Ok(checksum(sum, failures))
    }))
}

/// Where an item that fails would end a stream, failures are items.
type Results = BoxStream<'static, Result<u64, Failed>>;

/// What came out of a stream, with the failures on a queue of their own.
async fn collected<J: Job>(mut results: Results) -> u64 {
    let (errors, failed) = mpsc::channel(J::CAPACITY);
    let failures = count_failures(failed);
    let mut sum = 0_u64;
    while let Some(result) = results.next().await {
        match result {
            Ok(value) => sum = sum.wrapping_add(value),
            Err(error) => drop(errors.send(error).await),
        }
    }
    drop(errors);
    checksum(sum, failures.await.expect("no contender panics"))
}
