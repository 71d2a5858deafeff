//! Items through stages with workers: one job, in the words of everybody who can do it.
//!
//! Whoever does it, a source gives numbers, each stage has its workers and a bounded queue, items that fail are on a queue of their
//! own with a reader of its own, and all of it runs on two threads. So a job says what a stage does, and nothing of how.

#![allow(
    clippy::disallowed_methods,
    reason = "hand-written tokio is what this is measured against"
)]

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::drive::Failed;

mod wire;
mod workers;
mod batched;
mod fused;
mod libraries;
mod in_order;
mod ours;

pub(crate) use batched::batched;
pub(crate) use fused::{buffer_unordered, looped, spawned};
pub(crate) use libraries::{futures, id_effect, par_stream, pumps};
pub(crate) use ours::ours;
pub(crate) use wire::{AsyncChannel, Crossfire, Flume, Kanal, Mpsc};
pub(crate) use workers::workers;

/// Contenders that do their work in order.
pub(crate) mod ordered {
    pub(crate) use super::in_order::{buffered, handles, par_stream, pumps, sum, workers};
}

/// What is done with each item, and by how many.
pub(crate) trait Job: 'static {
    /// How many workers each stage has.
    const WORKERS: &'static [usize];
    /// How many items each queue has room for.
    const CAPACITY: usize = 64;

    /// What a stage does with an item.
    fn step(stage: usize, item: u64) -> impl Future<Output = Result<u64, Failed>> + Send + 'static;
}

/// What came out: the sum of the items that made it, and a million for each that failed.
pub(crate) fn checksum(sum: u64, failures: u64) -> u64 {
    sum.wrapping_add(failures.wrapping_mul(1_000_000))
}

/// All that is done with an item, stage after stage.
async fn all_steps<J: Job>(mut item: u64) -> Result<u64, Failed> {
    for stage in 0..J::WORKERS.len() {
        item = J::step(stage, item).await?;
    }
    Ok(item)
}

/// What a stage does with an item that may have failed before, where one that fails would end a stream.
async fn step<J: Job>(stage: usize, item: Result<u64, Failed>) -> Result<u64, Failed> {
    J::step(stage, item?).await
}

/// How many items may be worked on at once by those who know no stages: as many as in the widest of them.
fn at_once<J: Job>() -> usize {
    let widest = J::WORKERS.iter().max();
    *widest.expect("a job has a stage")
}

/// Counts the items that failed, in a task of its own.
fn count_failures(mut failed: mpsc::Receiver<Failed>) -> JoinHandle<u64> {
    tokio::spawn(async move {
        let mut failures = 0_u64;
        while failed.recv().await.is_some() {
            failures += 1;
        }
        failures
    })
}
