//! Stages with workers which keep the order.

use super::pipeline::{Trivial, fail_some, pass};
use super::pipeline_sleep::Sleep;
use crate::stages::{self, ordered, ours};
use crate::workload::{Contender, Target, Workload};

pub(crate) const WORKLOAD: Workload = Workload {
    name: "pipeline_ordered",
    about: "as pipeline, in order; an operation is one item",
    timed: 100_000,
    counted: 20_000,
    targets: &[
        Target::Times(1.5, "unordered"),
        Target::WallTimes(1.5, "unordered"),
    ],
    contenders: &[
        Contender {
            name: "hand",
            about: "tokio tasks that share the receiver of an mpsc channel by a mutex; items have numbers, and wait at the end",
            run: ordered::workers::<stages::Mpsc, Trivial>,
        },
        Contender {
            name: "hand_handles",
            about: "a task an item, which does all three; their handles in a channel",
            run: ordered::handles::<Trivial>,
        },
        Contender {
            name: "unordered",
            about: "ours without the order",
            run: ours!(Trivial; 0 => pass, 1 => fail_some, 2 => pass),
        },
        Contender {
            name: "ours",
            about: "Pipeline of ordered stages",
            run: ours!(Trivial, (.ordered()), ordered::sum(); 0 => pass, 1 => fail_some, 2 => pass),
        },
        Contender {
            name: "kanal",
            about: "as hand, with kanal",
            run: ordered::workers::<stages::Kanal, Trivial>,
        },
        Contender {
            name: "buffered",
            about: "one task that polls 3 items, each through all three",
            run: ordered::buffered::<Trivial>,
        },
        Contender {
            name: "pumps",
            about: "and_then with concurrent_ordered, and backpressure; failures are items up to the end",
            run: ordered::pumps::<Trivial>,
        },
        Contender {
            name: "par_stream",
            about: "par_then; failures are items up to the end",
            run: ordered::par_stream::<Trivial>,
        },
    ],
};

pub(crate) const SLEEPING: Workload = Workload {
    name: "pipeline_ordered_sleep",
    about: "as pipeline_sleep, in order; an operation is one item",
    timed: 256 * 40,
    counted: 256 * 8,
    targets: &[Target::WallTimes(1.5, "unordered")],
    contenders: &[
        Contender {
            name: "hand",
            about: "tokio tasks that share the receiver of an mpsc channel by a mutex; items have numbers, and wait at the end",
            run: ordered::workers::<stages::Mpsc, Sleep>,
        },
        Contender {
            name: "hand_handles",
            about: "a task an item; their handles in a channel",
            run: ordered::handles::<Sleep>,
        },
        Contender {
            name: "unordered",
            about: "ours without the order",
            run: ours!(Sleep; 0),
        },
        Contender {
            name: "ours",
            about: "Pipeline of an ordered stage",
            run: ours!(Sleep, (.ordered()), ordered::sum(); 0),
        },
        Contender {
            name: "buffered",
            about: "one task that polls 256 items",
            run: ordered::buffered::<Sleep>,
        },
    ],
};
