//! A plan: all that happens to a run, as plain data.

use std::time::Duration;

use fastrand::Rng;

use crate::virtual_time::Order;

mod text;

pub use text::PlanError;

/// All that happens to a run of a program: the seed of its chance, the order of its fibers, and the faults.
///
/// The same program and the same plan are the same run, in any process and on any machine. A plan is printed as one
/// line, and read from it.
///
/// # Examples
///
/// ```
/// use effect_runtime::simulation::{Fault, Plan};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let plan: Plan = "seed=7 order=random interrupt=2@5 panic=3".parse()?;
/// assert_eq!(plan.faults[0], Fault::Interrupt { fiber: 2, suspension: 5, after: 0 });
/// assert_eq!(plan.to_string(), "seed=7 order=random interrupt=2@5 panic=3");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The seed of all chance in the run.
    pub seed: u64,
    /// Who of those that can go on is next.
    pub order: Order,
    /// In how many of a hundred steps a task is polled that nobody has woken.
    pub spurious_percent: u8,
    /// In how many of a hundred polls the task has a new waker, and the old one wakes nobody any more.
    pub swapped_percent: u8,
    /// How long a poll takes at most, by chance: so time limits can win against work that is ready.
    pub poll_cost: Duration,
    /// What goes wrong.
    pub faults: Vec<Fault>,
}

/// Something that goes wrong in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A fiber is interrupted in the place where its body waits for the nth time.
    Interrupt {
        /// The fiber's number; the first is 1.
        fiber: u64,
        /// Which time it waits; the first is 1.
        suspension: u32,
        /// How many steps later. In the meantime it may be woken, and somebody may count on it.
        after: u32,
    },
    /// The nth call of [`Trial::fault_point`](super::Trial::fault_point) panics.
    Panic {
        /// Which call; the first is 1.
        call: u32,
    },
    /// What is registered by [`Trial::droppable`](super::Trial::droppable) is dropped.
    Drop {
        /// Which of them; the first is 1.
        handle: u32,
        /// Before which step of the run.
        step: u32,
    },
    /// The whole run is dropped.
    DropRun {
        /// Before which step.
        step: u32,
    },
    /// All fibers are interrupted.
    InterruptAll {
        /// Before which step.
        step: u32,
    },
    /// Every wake-up takes its time to reach a task.
    Slow {
        /// The task's number, as they are spawned; the first is 0.
        task: u32,
        /// How long it takes.
        delay: Duration,
    },
    /// The nth [`Trial::capacity`](super::Trial::capacity) is 1.
    SmallCapacity {
        /// Which one; the first is 1.
        place: u32,
    },
}

/// What a program has that faults can strike, as one run of it has shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Shape {
    /// How often each fiber's body has waited, by the fiber's number.
    pub(super) suspensions: Vec<(u64, u32)>,
    pub(super) calls: u32,
    pub(super) handles: u32,
    pub(super) capacities: u32,
    pub(super) steps: u32,
    pub(super) tasks: u32,
}

impl Plan {
    /// Nothing goes wrong, and chance decides who is next.
    pub const fn of_seed(seed: u64) -> Self {
        Plan {
            seed,
            order: Order::Random,
            spurious_percent: 0,
            swapped_percent: 0,
            poll_cost: Duration::ZERO,
            faults: Vec::new(),
        }
    }

    /// Adds a fault.
    #[must_use]
    pub fn with(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// A plan by chance, which is the same for the same seed and shape.
    pub(super) fn random(seed: u64, shape: &Shape) -> Self {
        let mut random = Rng::with_seed(seed ^ 0x9e37_79b9_7f4a_7c15);
        let order = match random.u8(..8) {
            0 => Order::Turns,
            1 => Order::Starve {
                task: random.u32(..shape.tasks.max(1)),
            },
            2..5 => Order::Priorities {
                changes: random.u32(1..4),
                steps: shape.steps.max(1),
            },
            _ => Order::Random,
        };
        let mut percent = |most: u8| {
            if random.bool() {
                0
            } else {
                random.u8(1..=most)
            }
        };
        let (spurious_percent, swapped_percent) = (percent(20), percent(30));
        let poll_cost = Duration::from_micros(u64::from(percent(250)) * 4);
        let faults = (0..random.u32(0..4)).filter_map(|_| Fault::random(&mut random, shape));
        Plan {
            seed,
            order,
            spurious_percent,
            swapped_percent,
            poll_cost,
            faults: faults.collect(),
        }
    }
}

impl Fault {
    /// A fault by chance, if there is anything for its kind to strike.
    fn random(random: &mut Rng, shape: &Shape) -> Option<Self> {
        // A little beyond the run that was seen: another order has other places.
        let step = |random: &mut Rng| random.u32(..shape.steps.max(1) * 5 / 4 + 1);
        let one_of = |random: &mut Rng, count: u32| (count > 0).then(|| random.u32(1..=count));
        Some(match random.u8(..16) {
            0..6 => {
                let (fiber, waited) = *random.choice(&shape.suspensions)?;
                Fault::Interrupt {
                    fiber,
                    suspension: random.u32(1..=waited.max(1)),
                    after: if random.bool() { 0 } else { random.u32(1..4) },
                }
            }
            6..9 => Fault::Panic {
                call: one_of(random, shape.calls)?,
            },
            9..11 => Fault::Drop {
                handle: one_of(random, shape.handles)?,
                step: step(random),
            },
            11 => Fault::DropRun { step: step(random) },
            12 => Fault::InterruptAll { step: step(random) },
            13..15 => Fault::Slow {
                task: random.u32(..shape.tasks.max(1)),
                delay: Duration::from_micros(random.u64(1..5_000)),
            },
            _ => Fault::SmallCapacity {
                place: one_of(random, shape.capacities)?,
            },
        })
    }
}
