//! Workers by hand on tokio's channel, which take, and pass on, what is there at once.

use std::sync::Arc;

use tokio::sync::{Mutex, mpsc};

use super::{Job, checksum, count_failures};
use crate::drive::{Failed, in_two_threads};

/// How many items move at once, at most.
const BATCH: usize = 32;

/// Tasks with `recv_many` and `reserve_many`. What a worker has taken, it keeps, also while one of them waits.
pub(crate) fn batched<J: Job>(n: u64) -> u64 {
    in_two_threads(async move {
        let (errors, failed) = mpsc::channel(J::CAPACITY);
        let (source, mut queue) = mpsc::channel(J::CAPACITY);
        tokio::spawn(async move {
            let mut items = 0..n;
            let mut batch = Vec::with_capacity(BATCH);
            loop {
                batch.extend(items.by_ref().take(BATCH));
                if batch.is_empty() || !send_all(&source, &mut batch).await {
                    return;
                }
            }
        });
        for (index, workers) in J::WORKERS.iter().enumerate() {
            queue = stage::<J>(index, *workers, queue, &errors);
        }
        drop(errors);
        let failures = count_failures(failed);
        let mut sum = 0_u64;
        let mut batch = Vec::with_capacity(BATCH);
        while queue.recv_many(&mut batch, BATCH).await > 0 {
            sum = batch.drain(..).fold(sum, u64::wrapping_add);
        }
        checksum(sum, failures.await.expect("no contender panics"))
    })
}

fn stage<J: Job>(
    index: usize,
    workers: usize,
    input: mpsc::Receiver<u64>,
    errors: &mpsc::Sender<Failed>,
) -> mpsc::Receiver<u64> {
    let (sender, receiver) = mpsc::channel(J::CAPACITY);
    let input = Arc::new(Mutex::new(input));
    for _ in 0..workers {
        let input = Arc::clone(&input);
        let sender = sender.clone();
        let errors = errors.clone();
        tokio::spawn(async move {
            let mut batch = Vec::with_capacity(BATCH);
            let mut done = Vec::with_capacity(BATCH);
            loop {
                if input.lock().await.recv_many(&mut batch, BATCH).await == 0 {
                    return;
                }
                for item in batch.drain(..) {
                    match J::step(index, item).await {
                        Ok(value) => done.push(value),
                        Err(error) => {
                            if errors.send(error).await.is_err() {
                                return;
                            }
                        }
                    }
                }
                if !send_all(&sender, &mut done).await {
                    return;
                }
            }
        });
    }
    receiver
}

/// Sends all of a batch, which fits into the channel. False if nobody will receive it.
async fn send_all(sender: &mpsc::Sender<u64>, batch: &mut Vec<u64>) -> bool {
    let Ok(permits) = sender.reserve_many(batch.len()).await else {
        return false;
    };
    for (permit, item) in permits.zip(batch.drain(..)) {
        permit.send(item);
    }
    true
}
