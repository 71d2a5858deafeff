//! Three stages with workers, of which the second waits a millisecond for one item in a hundred.

#![allow(
    clippy::disallowed_methods,
    reason = "the time that really passes is what is measured"
)]

use std::time::Duration;

use super::work;
use crate::drive::Failed;
use crate::stages::{self, Job, ours};
use crate::workload::{Contender, Target, Workload};

pub(crate) const WORKLOAD: Workload = Workload {
    name: "pipeline_skew",
    about: "2, 16 and 2 workers, queues of 64, one item in a hundred sleeps for a millisecond; an operation is one item",
    timed: 50_000,
    counted: 5_000,
    targets: &[Target::WallOfBest(1.15)],
    contenders: &[
        Contender {
            name: "hand",
            about: "tokio tasks that share the receiver of an mpsc channel by a mutex",
            run: stages::workers::<stages::Mpsc, Skew>,
        },
        Contender {
            name: "hand_batched",
            about: "the same with recv_many and reserve_many, 32 at a time, which a worker keeps while it sleeps",
            run: stages::batched::<Skew>,
        },
        Contender {
            name: "ours",
            about: "Pipeline with an error channel",
            run: ours!(Skew; 0, 1, 2),
        },
        Contender {
            name: "flume",
            about: "tokio tasks that share the receiver of a flume channel",
            run: stages::workers::<stages::Flume, Skew>,
        },
        Contender {
            name: "kanal",
            about: "the same with kanal",
            run: stages::workers::<stages::Kanal, Skew>,
        },
        Contender {
            name: "async_channel",
            about: "the same with async-channel",
            run: stages::workers::<stages::AsyncChannel, Skew>,
        },
        Contender {
            name: "crossfire",
            about: "the same with crossfire",
            run: stages::workers::<stages::Crossfire, Skew>,
        },
        Contender {
            name: "spawned",
            about: "a task an item, which does all three, with a permit of a semaphore",
            run: stages::spawned::<Skew>,
        },
        Contender {
            name: "buffer_unordered",
            about: "one task that polls 16 items, each through all three",
            run: stages::buffer_unordered::<Skew>,
        },
    ],
};

/// Next to nothing, but a millisecond of waiting in the second stage for one item in a hundred.
enum Skew {}

impl Job for Skew {
    const WORKERS: &'static [usize] = &[2, 16, 2];

    async fn step(stage: usize, item: u64) -> Result<u64, Failed> {
        if stage == 1 && item.is_multiple_of(100) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(work(item) - 1)
    }
}
