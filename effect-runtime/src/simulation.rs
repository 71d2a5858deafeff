//! Simulation: the same program under any order of its fibers and any fault, and a proof of what it promises.

use std::env;
use std::fmt;
use std::num::NonZero;
use std::ops::AddAssign;
use std::thread;

use effect_core::Value;

mod case;
mod trial;
mod tickets;
mod finalizers;
mod plan;
mod run;
mod search;
mod census;
mod shrink;
mod violation;
mod wrong;
mod quiet;

pub use crate::virtual_time::Order;
pub use case::Case;
pub use census::Census;
pub use finalizers::Finalizers;
pub use plan::{Fault, Plan, PlanError};
pub use tickets::Tickets;
pub use trial::{Droppable, Probe, Trial};
pub use violation::Violation;

use quiet::Quiet;
use run::{Detail, run};
use search::interrupts;

/// Runs a program many times in virtual time, each time by another [`Plan`], and checks each run.
///
/// A run is wrong if an assertion of its [`Case`] fails, or one of a fiber whose end nobody observes, if its [`Tickets`]
/// or [`Finalizers`] do not add up, if it is a deadlock or never ends, if finalizers are lost, or if anything is left of it
/// when it has ended: see [`Census`]. The plan is made smaller then, as long as something of that kind is wrong, and
/// printed as one line that replays it.
///
/// The program is a function that builds everything anew, for each run.
///
/// # Examples
///
/// A worker that loses an item when it is interrupted, because it has taken the item before it waits:
///
/// ```
/// use effect_core::{effect, Cx, Never};
/// use effect_runtime::simulation::{Case, Sim};
/// use std::time::Duration;
///
/// let sim = Sim::new();
/// let violation = sim.each_interrupt(|trial| {
///     let tickets = trial.tickets();
///     let books = tickets.clone();
///     let worker = effect(async move |cx: Cx<()>| {
///         let item = books.issue();
///         cx.sleep(Duration::from_millis(1)).await;
///         books.settle(item, "done");
///         Ok::<_, Never>(())
///     });
///     Case::new(worker).check(move |_| assert!(tickets.open().is_empty(), "an item was lost"))
/// });
/// let violation = violation.unwrap_err();
/// assert_eq!(violation.what, "an item was lost");
/// assert_eq!(violation.plan.to_string(), "seed=0 order=turns interrupt=1@1");
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use = "nothing is simulated before a program is given"]
pub struct Sim {
    seed: u64,
    runs: u64,
    seeds: u64,
    threads: usize,
    max_steps: u32,
}

/// How many runs there were, without a violation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explored {
    /// How many runs.
    pub runs: u64,
    /// How many steps they had, all together.
    pub steps: u64,
}

/// One run that was replayed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Replayed {
    /// What was wrong with it, if anything was.
    pub wrong: Option<String>,
    /// What was left of it.
    pub census: Census,
    /// A hash of whom it has polled, and when: the same for the same program and plan, in every process.
    pub trace: u64,
    /// What happened in each step.
    pub timeline: Vec<String>,
}

impl Sim {
    /// A thousand runs from seed 0 on, each fault in one order, on one thread, each of a hundred thousand
    /// steps at most.
    pub const fn new() -> Self {
        Sim {
            seed: 0,
            runs: 1_000,
            seeds: 1,
            threads: 1,
            max_steps: 100_000,
        }
    }

    /// Sets how many runs [`explore`](Sim::explore) makes.
    pub const fn runs(self, runs: u64) -> Self {
        Sim { runs, ..self }
    }

    /// Sets in how many orders, each of a seed, single faults and pairs are tried.
    ///
    /// # Panics
    ///
    /// If it is none.
    #[track_caller]
    pub const fn seeds(self, seeds: u64) -> Self {
        assert!(seeds > 0, "each fault is tried in one order at least");
        Sim { seeds, ..self }
    }

    /// Sets the first seed.
    pub const fn seed(self, seed: u64) -> Self {
        Sim { seed, ..self }
    }

    /// Sets after how many steps a run is said to never end.
    pub const fn max_steps(self, max_steps: u32) -> Self {
        Sim { max_steps, ..self }
    }

    /// Uses all cores. What is found is the same.
    pub fn on_all_cores(self) -> Self {
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        Sim { threads, ..self }
    }

    /// Makes as many runs as were set, each by a plan that chance has made: an order of the fibers, noise, and up to three
    /// faults. In the first, nothing goes wrong.
    ///
    /// # Errors
    ///
    /// The first violation.
    pub fn explore<E: Value, A: Value>(
        self,
        program: impl Fn(&Trial) -> Case<E, A> + Sync,
    ) -> Result<Explored, Box<Violation>> {
        let shape = self.shape(&program, self.seed)?;
        self.search(self.runs, &program, |n| match n {
            0 => Plan::of_seed(self.seed),
            n => Plan::random(self.seed.wrapping_add(n), &shape),
        })
    }

    /// Interrupts each fiber in each of the places where it waits, and one and two steps later: one in each run.
    ///
    /// # Errors
    ///
    /// The first violation.
    pub fn each_interrupt<E: Value, A: Value>(
        self,
        program: impl Fn(&Trial) -> Case<E, A> + Sync,
    ) -> Result<Explored, Box<Violation>> {
        self.each(&program, |shape| {
            let points = interrupts(shape, 0..3);
            (points.len(), move |n: usize, plan: Plan| {
                plan.with(points[n])
            })
        })
    }

    /// Interrupts two fibers in each run, or one fiber and whoever cleans up after it: each pair of places, and of the
    /// steps after them.
    ///
    /// # Errors
    ///
    /// The first violation.
    pub fn each_pair<E: Value, A: Value>(
        self,
        program: impl Fn(&Trial) -> Case<E, A> + Sync,
    ) -> Result<Explored, Box<Violation>> {
        self.each(&program, |shape| {
            let points = interrupts(shape, 0..2);
            let pairs = (0..points.len()).flat_map(|one| (0..one).map(move |other| (one, other)));
            let pairs: Vec<_> = pairs.collect();
            (pairs.len(), move |n: usize, plan: Plan| {
                let (one, other) = pairs[n];
                plan.with(points[other]).with(points[one])
            })
        })
    }

    /// Panics in each [fault point](Trial::fault_point), one in each run.
    ///
    /// # Errors
    ///
    /// The first violation.
    pub fn each_panic<E: Value, A: Value>(
        self,
        program: impl Fn(&Trial) -> Case<E, A> + Sync,
    ) -> Result<Explored, Box<Violation>> {
        self.each(&program, |shape| {
            let calls = (1..=shape.calls).map(|call| Fault::Panic { call });
            let calls: Vec<_> = calls.collect();
            (calls.len(), move |n: usize, plan: Plan| plan.with(calls[n]))
        })
    }

    /// In each step, drops the run, interrupts everybody, and drops each [handle](Trial::droppable): one of these in each
    /// run.
    ///
    /// # Errors
    ///
    /// The first violation.
    pub fn each_drop<E: Value, A: Value>(
        self,
        program: impl Fn(&Trial) -> Case<E, A> + Sync,
    ) -> Result<Explored, Box<Violation>> {
        self.each(&program, |shape| {
            let mut faults = Vec::new();
            for step in 0..=shape.steps {
                faults.extend([Fault::DropRun { step }, Fault::InterruptAll { step }]);
                faults.extend((1..=shape.handles).map(|handle| Fault::Drop { handle, step }));
            }
            (faults.len(), move |n: usize, plan: Plan| {
                plan.with(faults[n])
            })
        })
    }

    /// All of these, as a test: [`explore`](Sim::explore), and each interrupt, panic and drop.
    ///
    /// With `SIM_PLAN` in the environment, it replays that plan instead, and prints what happened.
    ///
    /// # Panics
    ///
    /// If there is a violation, and with the line that replays it. If `SIM_PLAN` is not a plan.
    pub fn test<E: Value, A: Value>(self, program: impl Fn(&Trial) -> Case<E, A> + Sync) {
        let line = env::var("SIM_PLAN").ok();
        if let Some(line) = line.filter(|line| !line.is_empty()) {
            let plan = line
                .parse()
                .unwrap_or_else(|error| panic!("SIM_PLAN: {error}"));
            let replayed = self.replay(&plan, program);
            replayed.timeline.iter().for_each(|step| println!("{step}"));
            if let Some(wrong) = replayed.wrong {
                panic!("{wrong}");
            }
            return;
        }
        let found = self
            .explore(&program)
            .and_then(|_| self.each_interrupt(&program))
            .and_then(|_| self.each_panic(&program))
            .and_then(|_| self.each_drop(&program));
        if let Err(violation) = found {
            panic!("{violation}");
        }
    }

    /// Runs a program once, by the given plan.
    pub fn replay<E: Value, A: Value>(
        self,
        plan: &Plan,
        program: impl Fn(&Trial) -> Case<E, A>,
    ) -> Replayed {
        let _quiet = Quiet::new();
        let ran = run(&program, plan, self.max_steps, Detail::Timeline);
        Replayed {
            wrong: ran.wrong.map(|wrong| wrong.what),
            census: ran.census,
            trace: ran.trace,
            timeline: ran.timeline,
        }
    }
}

impl AddAssign for Explored {
    fn add_assign(&mut self, more: Self) {
        self.runs += more.runs;
        self.steps += more.steps;
    }
}

impl Default for Sim {
    fn default() -> Self {
        Sim::new()
    }
}

impl fmt::Display for Explored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} runs, {} steps, no violation", self.runs, self.steps)
    }
}
