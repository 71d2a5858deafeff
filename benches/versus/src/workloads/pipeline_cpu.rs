//! Three stages with workers, and a microsecond of a core's work in each.

use std::hint::black_box;

use crate::drive::Failed;
use crate::stages::{self, Job, ours};
use crate::workload::{Contender, Target, Workload};

pub(crate) const WORKLOAD: Workload = Workload {
    name: "pipeline_cpu",
    about: "as pipeline, with a microsecond of work in each stage; an operation is one item",
    timed: 50_000,
    counted: 2_000,
    targets: &[Target::WallOfBest(1.15)],
    contenders: &[
        Contender {
            name: "hand",
            about: "tokio tasks that share the receiver of an mpsc channel by a mutex",
            run: stages::workers::<stages::Mpsc, Cpu>,
        },
        Contender {
            name: "hand_batched",
            about: "the same with recv_many and reserve_many, 32 at a time",
            run: stages::batched::<Cpu>,
        },
        Contender {
            name: "ours",
            about: "Pipeline with an error channel",
            run: ours!(Cpu; 0, 1, 2),
        },
        Contender {
            name: "flume",
            about: "tokio tasks that share the receiver of a flume channel",
            run: stages::workers::<stages::Flume, Cpu>,
        },
        Contender {
            name: "kanal",
            about: "the same with kanal",
            run: stages::workers::<stages::Kanal, Cpu>,
        },
        Contender {
            name: "async_channel",
            about: "the same with async-channel",
            run: stages::workers::<stages::AsyncChannel, Cpu>,
        },
        Contender {
            name: "crossfire",
            about: "the same with crossfire",
            run: stages::workers::<stages::Crossfire, Cpu>,
        },
        Contender {
            name: "spawned",
            about: "a task an item, which does all three, with a permit of a semaphore",
            run: stages::spawned::<Cpu>,
        },
    ],
};

/// A microsecond of work, and every hundredth item fails in the second stage.
enum Cpu {}

impl Job for Cpu {
    const WORKERS: &'static [usize] = &[2, 3, 2];

    async fn step(stage: usize, item: u64) -> Result<u64, Failed> {
        spin(item);
        if stage == 1 && item.is_multiple_of(100) {
            Err(Failed)
        } else {
            Ok(item)
        }
    }
}

/// So many rounds, each of which waits for the one before, take a microsecond at 3 GHz.
const ROUNDS: u32 = 500;

/// Works for a microsecond. No clock is read, which would cost some of it.
fn spin(seed: u64) {
    let mut value = seed | 1;
    for _ in 0..ROUNDS {
        value ^= value << 13;
        value ^= value >> 7;
        value ^= value << 17;
    }
    black_box(value);
}
