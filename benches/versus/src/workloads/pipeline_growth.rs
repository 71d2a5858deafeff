//! What more stages, more workers and longer queues cost.

use std::hint::black_box;

use crate::drive::Failed;
use crate::stages::{Job, ours};
use crate::workload::{Contender, Target, Workload};

pub(crate) const STAGES: Workload = Workload {
    name: "pipeline_stages",
    about: "a pipeline of 1 to 10 stages, 2 workers each, queues of 64; an operation is one item",
    timed: 50_000,
    counted: 10_000,
    targets: &[Target::Linear],
    contenders: &[
        Contender {
            name: "1",
            about: "one stage",
            run: ours!(Shape<1, 2, 64>; 0),
        },
        Contender {
            name: "2",
            about: "two stages",
            run: ours!(Shape<2, 2, 64>; 0, 1),
        },
        Contender {
            name: "5",
            about: "five stages",
            run: ours!(Shape<5, 2, 64>; 0, 1, 2, 3, 4),
        },
        Contender {
            name: "10",
            about: "ten stages",
            run: ours!(Shape<10, 2, 64>; 0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
        },
    ],
};

pub(crate) const WORKERS: Workload = Workload {
    name: "pipeline_workers",
    about: "a pipeline of 3 stages, 1 to 8 workers each, queues of 64; an operation is one item",
    timed: 100_000,
    counted: 20_000,
    targets: &[Target::Steady(1.25)],
    contenders: &[
        Contender {
            name: "1",
            about: "one worker",
            run: ours!(Shape<3, 1, 64>; 0, 1, 2),
        },
        Contender {
            name: "2",
            about: "two workers",
            run: ours!(Shape<3, 2, 64>; 0, 1, 2),
        },
        Contender {
            name: "4",
            about: "four workers",
            run: ours!(Shape<3, 4, 64>; 0, 1, 2),
        },
        Contender {
            name: "8",
            about: "eight workers",
            run: ours!(Shape<3, 8, 64>; 0, 1, 2),
        },
    ],
};

pub(crate) const CAPACITY: Workload = Workload {
    name: "pipeline_capacity",
    about: "a pipeline of 3 stages, 2 workers each, queues of 64 to 4096; an operation is one item",
    timed: 100_000,
    counted: 20_000,
    targets: &[Target::Steady(1.25)],
    contenders: &[
        Contender {
            name: "64",
            about: "queues of 64",
            run: ours!(Shape<3, 2, 64>; 0, 1, 2),
        },
        Contender {
            name: "256",
            about: "queues of 256",
            run: ours!(Shape<3, 2, 256>; 0, 1, 2),
        },
        Contender {
            name: "1024",
            about: "queues of 1024",
            run: ours!(Shape<3, 2, 1024>; 0, 1, 2),
        },
        Contender {
            name: "4096",
            about: "queues of 4096",
            run: ours!(Shape<3, 2, 4096>; 0, 1, 2),
        },
    ],
};

/// So many stages with so many workers each, and so much room before each, which do nothing to an item.
enum Shape<const STAGES: usize, const WORKERS: usize, const CAPACITY: usize> {}

impl<const STAGES: usize, const WORKERS: usize, const CAPACITY: usize> Job
    for Shape<STAGES, WORKERS, CAPACITY>
{
    const WORKERS: &'static [usize] = &[WORKERS; STAGES];
    const CAPACITY: usize = CAPACITY;

    async fn step(_: usize, item: u64) -> Result<u64, Failed> {
        Ok(black_box(item))
    }
}
