//! The same job with the order kept.

use std::collections::VecDeque;

use ::par_stream::prelude::*;
use ::pumps::{Concurrency, Pipeline};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::wire::Wire;
use super::workers::{source, stage};
use super::{Job, all_steps, at_once, checksum, count_failures, step};
use crate::drive::{Failed, in_two_threads};

/// Tasks wired with channels of a kind. Each item has a number, and at the end each waits for those before it.
pub(crate) fn workers<W: Wire, J: Job>(n: u64) -> u64 {
    in_two_threads(async move {
        // Nobody fails before the end, where it is known whose turn it is.
        let (errors, _) = W::bounded(1);
        let items = (0..n).map(|item| (item, Ok(item)));
        let mut queue = source::<W, Numbered>(J::CAPACITY, items);
        for (index, workers) in J::WORKERS.iter().enumerate() {
            let step =
                move |(number, item)| async move { Ok((number, step::<J>(index, item).await)) };
            queue = stage::<W, _, _, _>(*workers, J::CAPACITY, queue, &errors, step);
        }
        let mut output = Output::new(J::CAPACITY);
        // Those that came too early. The first place is that of the next one.
        let mut early: VecDeque<Option<Result<u64, Failed>>> = VecDeque::new();
        let mut next = 0;
        while let Some((number, result)) = W::receive(&mut queue).await {
            let place = (number - next) as usize;
            if early.len() <= place {
                early.resize(place + 1, None);
            }
            early[place] = Some(result);
            while let Some(Some(_)) = early.front() {
                let result = early.pop_front().flatten().expect("it is there");
                next += 1;
                output.put(result).await;
            }
        }
        output.checksum().await
    })
}

/// A task an item; their handles are in a channel, in order.
pub(crate) fn handles<J: Job>(n: u64) -> u64 {
    in_two_threads(async move {
        let (sender, mut begun) = mpsc::channel::<JoinHandle<_>>(at_once::<J>());
        tokio::spawn(async move {
            for item in 0..n {
                let Ok(permit) = sender.reserve().await else {
                    return;
                };
                permit.send(tokio::spawn(all_steps::<J>(item)));
            }
        });
        let mut output = Output::new(J::CAPACITY);
        while let Some(handle) = begun.recv().await {
            output.put(handle.await.expect("no contender panics")).await;
        }
        output.checksum().await
    })
}

/// One task that polls the items which have begun.
pub(crate) fn buffered<J: Job>(n: u64) -> u64 {
    in_two_threads(async move {
        let results = stream::iter(0..n).map(all_steps::<J>);
        collected::<J>(results.buffered(at_once::<J>()).boxed()).await
    })
}

/// A task a stage, which polls as many items as the stage has workers.
pub(crate) fn pumps<J: Job>(n: u64) -> u64 {
    in_two_threads(async move {
        let mut pipeline = Pipeline::from_iter((0..n).map(Ok));
        for (index, workers) in J::WORKERS.iter().enumerate() {
            let workers = Concurrency::concurrent_ordered(*workers);
            pipeline = pipeline
                .and_then(move |item| J::step(index, item), workers)
                .backpressure(J::CAPACITY);
        }
        let (mut results, done) = pipeline.build();
        let mut output = Output::new(J::CAPACITY);
        while let Some(result) = results.recv().await {
            output.put(result).await;
        }
        done.await.expect("no contender panics");
        output.checksum().await
    })
}

/// Tasks that share a stream and fill a channel, which is put in order again.
pub(crate) fn par_stream<J: Job>(n: u64) -> u64 {
    in_two_threads(async move {
        let mut results: BoxStream<'static, _> = stream::iter((0..n).map(Ok)).boxed();
        for (index, workers) in J::WORKERS.iter().enumerate() {
            let workers = ::par_stream::ParParams {
                num_workers: *workers,
                buf_size: Some(J::CAPACITY),
            };
            let step = move |item| step::<J>(index, item);
            results = results.par_then(workers, step).boxed();
        }
        collected::<J>(results).await
    })
}

/// Adds up items that have to be in order.
pub(crate) fn sum() -> impl FnMut(u64, u64) -> u64 + Send + 'static {
    let mut last = 0;
    move |sum: u64, item| {
        assert!(item >= last, "the order is kept");
        last = item;
        sum.wrapping_add(item)
    }
}

/// An item with its number, and what became of it.
type Numbered = (u64, Result<u64, Failed>);

async fn collected<J: Job>(mut results: BoxStream<'static, Result<u64, Failed>>) -> u64 {
    let mut output = Output::new(J::CAPACITY);
    while let Some(result) = results.next().await {
        output.put(result).await;
    }
    output.checksum().await
}

/// Where results arrive, which have to be in order: they grow.
struct Output {
    sum: u64,
    last: u64,
    errors: mpsc::Sender<Failed>,
    failures: JoinHandle<u64>,
}

impl Output {
    fn new(capacity: usize) -> Self {
        let (errors, failed) = mpsc::channel(capacity);
        Output {
            sum: 0,
            last: 0,
            errors,
            failures: count_failures(failed),
        }
    }

    async fn put(&mut self, result: Result<u64, Failed>) {
        match result {
            Ok(value) => {
                assert!(value >= self.last, "the order is kept");
                self.last = value;
                self.sum = self.sum.wrapping_add(value);
            }
            Err(error) => drop(self.errors.send(error).await),
        }
    }

    async fn checksum(self) -> u64 {
        drop(self.errors);
        let failures = self.failures.await.expect("no contender panics");
        checksum(self.sum, failures)
    }
}
