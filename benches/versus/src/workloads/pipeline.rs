//! Three stages with workers between bounded queues, failures on a queue of their own, and next to no work.

use super::work;
use crate::drive::Failed;
use crate::stages::{self, Job, ours};
use crate::workload::{Contender, Target, Workload};

pub(crate) const WORKLOAD: Workload = Workload {
    name: "pipeline",
    about: "2, 3 and 2 workers, queues of 64, every hundredth item fails, two threads; an operation is one item",
    timed: 100_000,
    counted: 20_000,
    targets: &[Target::Instructions(250.0), Target::TimesHand(0.1)],
    contenders: &[
        Contender {
            name: "hand",
            about: "tokio tasks that share the receiver of an mpsc channel by a mutex",
            run: stages::workers::<stages::Mpsc, Trivial>,
        },
        Contender {
            name: "hand_batched",
            about: "the same with recv_many and reserve_many, 32 at a time",
            run: stages::batched::<Trivial>,
        },
        Contender {
            name: "loop",
            about: "one task, no channels: the least",
            run: stages::looped::<Trivial>,
        },
        Contender {
            name: "ours",
            about: "Pipeline with an error channel",
            run: ours!(Trivial; 0 => pass, 1 => fail_some, 2 => pass),
        },
        Contender {
            name: "flume",
            about: "tokio tasks that share the receiver of a flume channel",
            run: stages::workers::<stages::Flume, Trivial>,
        },
        Contender {
            name: "kanal",
            about: "the same with kanal",
            run: stages::workers::<stages::Kanal, Trivial>,
        },
        Contender {
            name: "async_channel",
            about: "the same with async-channel",
            run: stages::workers::<stages::AsyncChannel, Trivial>,
        },
        Contender {
            name: "crossfire",
            about: "the same with crossfire",
            run: stages::workers::<stages::Crossfire, Trivial>,
        },
        Contender {
            name: "pumps",
            about: "and_then, backpressure and catch: one task a stage",
            run: stages::pumps::<Trivial>,
        },
        Contender {
            name: "par_stream",
            about: "par_then_unordered; failures are items, and go to a queue of their own at the end",
            run: stages::par_stream::<Trivial>,
        },
        Contender {
            name: "futures",
            about: "map and buffer_unordered, all in one task; failures as in par_stream",
            run: stages::futures::<Trivial>,
        },
        Contender {
            name: "id_effect",
            about: "map_effect_par, a fiber an item, in order; failures are items, and counted at the end",
            run: stages::id_effect::<Trivial>,
        },
    ],
};

/// Next to nothing, and every hundredth item fails in the second stage.
pub(super) enum Trivial {}

impl Job for Trivial {
    const WORKERS: &'static [usize] = &[2, 3, 2];

    async fn step(stage: usize, item: u64) -> Result<u64, Failed> {
        match stage {
            1 => fail_some(item).await,
            _ => pass(item).await,
        }
    }
}

pub(super) async fn pass(item: u64) -> Result<u64, Failed> {
    Ok(work(item))
}

pub(super) async fn fail_some(item: u64) -> Result<u64, Failed> {
    if item.is_multiple_of(100) {
        Err(Failed)
    } else {
        Ok(work(item))
    }
}
