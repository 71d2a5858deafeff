//! Simulation: the same program under any order of its fibers and any fault, and a proof of what it promises.

use std::env;
use std::fmt;
use std::num::NonZero;
use std::ops::{AddAssign, Range};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use effect_core::Value;
use parking_lot::Mutex;

mod case;
mod trial;
mod tickets;
mod finalizers;
mod plan;
mod run;
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

use plan::Shape;
use quiet::Quiet;
use run::{Detail, Ran, run};
use shrink::shrink;

/// Runs a program many times in virtual time, each time by another [`Plan`], and checks each run.
///
/// A run is wrong if an assertion of its [`Case`] fails, or one of a fiber whose end nobody observes, if its [`Tickets`] or [`Finalizers`] do not add up, if it is a
/// deadlock or never ends, if finalizers are lost, or if anything is left of it when it has ended: see [`Census`]. The
/// plan is made smaller then, as long as something of that kind is wrong, and printed as one line that replays it.
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

    /// One run by each seed in which nothing goes wrong, to learn what of the program faults can strike.
    fn shape<E: Value, A: Value>(
        self,
        program: &(impl Fn(&Trial) -> Case<E, A> + Sync),
        seed: u64,
    ) -> Result<Shape, Box<Violation>> {
        let _quiet = Quiet::new();
        let plan = Plan::of_seed(seed);
        let ran = run(program, &plan, self.max_steps, Detail::Shape);
        match ran.wrong {
            None => Ok(ran.shape),
            Some(_) => Err(self.violation(program, plan, 1)),
        }
    }

    /// Runs a program with each of the faults that its shape has room for: in the order of the first seed, and of as many
    /// more as were set.
    fn each<E: Value, A: Value, N>(
        self,
        program: &(impl Fn(&Trial) -> Case<E, A> + Sync),
        faults: impl Fn(&Shape) -> (usize, N),
    ) -> Result<Explored, Box<Violation>>
    where
        N: Fn(usize, Plan) -> Plan + Sync,
    {
        let mut explored = Explored::default();
        for seed in (0..self.seeds).map(|more| self.seed.wrapping_add(more)) {
            let shape = self.shape(program, seed)?;
            let (count, nth) = faults(&shape);
            let searched = self.search(count as u64, program, |n| {
                let n = usize::try_from(n).expect("it is below the count");
                nth(n, Plan::of_seed(seed))
            });
            explored += searched.map_err(|mut violation| {
                violation.runs += explored.runs;
                violation
            })?;
        }
        Ok(explored)
    }

    /// Runs a program by so many plans, and has the first that shows something wrong.
    fn search<E: Value, A: Value>(
        self,
        count: u64,
        program: &(impl Fn(&Trial) -> Case<E, A> + Sync),
        plan: impl Fn(u64) -> Plan + Sync,
    ) -> Result<Explored, Box<Violation>> {
        let next = AtomicU64::new(0);
        let total = Mutex::new(Explored::default());
        // Plans are handed out in their order, so nobody is before the first that was found but those who run.
        let found = Mutex::new(None::<u64>);
        let work = || {
            let _quiet = Quiet::new();
            let mut explored = Explored::default();
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                let first = *found.lock();
                if n >= count || first.is_some_and(|first| first < n) {
                    break;
                }
                let ran = run(program, &plan(n), self.max_steps, Detail::Trace);
                explored.runs += 1;
                explored.steps += u64::from(ran.steps);
                if ran.wrong.is_some() {
                    let mut found = found.lock();
                    *found = Some(found.map_or(n, |other| other.min(n)));
                }
            }
            *total.lock() += explored;
        };
        thread::scope(|scope| {
            for _ in 1..self.threads {
                scope.spawn(work);
            }
            work();
        });
        match found.into_inner() {
            None => Ok(total.into_inner()),
            Some(n) => Err(self.violation(program, plan(n), n + 1)),
        }
    }

    /// Makes a plan that shows something wrong smaller, and says what is wrong.
    fn violation<E: Value, A: Value>(
        self,
        program: &(impl Fn(&Trial) -> Case<E, A> + Sync),
        first: Plan,
        runs: u64,
    ) -> Box<Violation> {
        let _quiet = Quiet::new();
        let run = |plan: &Plan, detail| run(program, plan, self.max_steps, detail);
        let kind = run(&first, Detail::Trace).wrong.map(|wrong| wrong.kind);
        let plan = shrink(first.clone(), &mut |plan| {
            let ran = run(plan, Detail::Shape);
            let wrong = ran.wrong.map(|wrong| wrong.kind);
            (wrong.is_some() && wrong == kind).then_some(ran.choices)
        });
        let Ran {
            wrong, timeline, ..
        } = run(&plan, Detail::Timeline);
        let comes_and_goes =
            "something that comes and goes: the program is not the same in each run";
        let place = wrong.as_ref().and_then(|wrong| wrong.place.clone());
        Box::new(Violation {
            what: wrong.map_or_else(|| comes_and_goes.to_owned(), |wrong| wrong.what),
            place,
            plan,
            first,
            runs,
            timeline,
        })
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

/// Each place in which a fiber can be interrupted, and so many steps after it.
fn interrupts(shape: &Shape, after: Range<u32>) -> Vec<Fault> {
    let mut points = Vec::new();
    for &(fiber, waited) in &shape.suspensions {
        for suspension in 1..=waited {
            points.extend(after.clone().map(|after| Fault::Interrupt {
                fiber,
                suspension,
                after,
            }));
        }
    }
    points
}
