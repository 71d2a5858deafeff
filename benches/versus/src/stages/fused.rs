//! Those who know no stages: all that is done with an item is one future, and some of these run at once.

use std::sync::Arc;

use futures::StreamExt;
use tokio::sync::{Semaphore, mpsc};

use super::{Job, all_steps, at_once, checksum, count_failures};
use crate::drive::in_two_threads;

/// One task and no channel: item after item.
pub(crate) fn looped<J: Job>(n: u64) -> u64 {
    in_two_threads(async move {
        let (mut sum, mut failures) = (0_u64, 0_u64);
        for item in 0..n {
            match all_steps::<J>(item).await {
                Ok(value) => sum = sum.wrapping_add(value),
                Err(_) => failures += 1,
            }
        }
        checksum(sum, failures)
    })
}

/// A task an item, as many as a semaphore has permits.
pub(crate) fn spawned<J: Job>(n: u64) -> u64 {
    in_two_threads(async move {
        let (errors, failed) = mpsc::channel(J::CAPACITY);
        let (sender, mut output) = mpsc::channel(J::CAPACITY);
        tokio::spawn(async move {
            let permits = Arc::new(Semaphore::new(at_once::<J>()));
            for item in 0..n {
                let permit = Arc::clone(&permits).acquire_owned().await;
                let sender = sender.clone();
                let errors = errors.clone();
                tokio::spawn(async move {
                    // Whoever finds nobody to receive has nothing to do.
                    match all_steps::<J>(item).await {
                        Ok(value) => drop(sender.send(value).await),
                        Err(error) => drop(errors.send(error).await),
                    }
                    drop(permit);
                });
            }
        });
        let failures = count_failures(failed);
        let mut sum = 0_u64;
        while let Some(value) = output.recv().await {
            sum = sum.wrapping_add(value);
        }
        checksum(sum, failures.await.expect("no contender panics"))
    })
}

/// One task that polls the items which have begun.
pub(crate) fn buffer_unordered<J: Job>(n: u64) -> u64 {
    in_two_threads(async move {
        let mut results = futures::stream::iter(0..n)
            .map(all_steps::<J>)
            .buffer_unordered(at_once::<J>());
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
    })
}
