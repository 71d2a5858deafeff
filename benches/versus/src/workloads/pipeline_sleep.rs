//! One stage that waits a millisecond for each item, 256 items at a time.

#![allow(
    clippy::disallowed_methods,
    reason = "the time that really passes is what is measured"
)]

use std::time::Duration;

use crate::drive::Failed;
use crate::stages::{self, Job, ours};
use crate::workload::{Contender, Target, Workload};

pub(crate) const WORKLOAD: Workload = Workload {
    name: "pipeline_sleep",
    about: "a stage of 256 workers that sleep for a millisecond, queues of 256; an operation is one item",
    timed: 256 * 40,
    counted: 256 * 8,
    targets: &[Target::WallOfBest(1.15)],
    contenders: &[
        Contender {
            name: "hand",
            about: "tokio tasks that share the receiver of an mpsc channel by a mutex",
            run: stages::workers::<stages::Mpsc, Sleep>,
        },
        Contender {
            name: "hand_batched",
            about: "the same with recv_many and reserve_many, 32 at a time, which a worker keeps while it sleeps",
            run: stages::batched::<Sleep>,
        },
        Contender {
            name: "ours",
            about: "Pipeline with an error channel",
            run: ours!(Sleep; 0),
        },
        Contender {
            name: "flume",
            about: "tokio tasks that share the receiver of a flume channel",
            run: stages::workers::<stages::Flume, Sleep>,
        },
        Contender {
            name: "kanal",
            about: "the same with kanal",
            run: stages::workers::<stages::Kanal, Sleep>,
        },
        Contender {
            name: "async_channel",
            about: "the same with async-channel",
            run: stages::workers::<stages::AsyncChannel, Sleep>,
        },
        Contender {
            name: "crossfire",
            about: "the same with crossfire",
            run: stages::workers::<stages::Crossfire, Sleep>,
        },
        Contender {
            name: "spawned",
            about: "a task an item, with a permit of a semaphore",
            run: stages::spawned::<Sleep>,
        },
        Contender {
            name: "buffer_unordered",
            about: "one task that polls all items which have begun",
            run: stages::buffer_unordered::<Sleep>,
        },
    ],
};

/// A millisecond of waiting.
pub(super) enum Sleep {}

impl Job for Sleep {
    const WORKERS: &'static [usize] = &[256];
    const CAPACITY: usize = 256;

    async fn step(_: usize, item: u64) -> Result<u64, Failed> {
        tokio::time::sleep(Duration::from_millis(1)).await;
        Ok(item)
    }
}
