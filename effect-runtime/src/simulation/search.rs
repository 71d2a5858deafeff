//! The search: many plans, on as many threads as there are to be, until one shows something wrong.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use effect_core::Value;
use parking_lot::Mutex;

use super::plan::{Fault, Plan, Shape};
use super::quiet::Quiet;
use super::run::{Detail, Ran, run};
use super::shrink::shrink;
use super::{Case, Explored, Sim, Trial, Violation};

impl Sim {
    /// One run by each seed in which nothing goes wrong, to learn what of the program faults can strike.
    pub(super) fn shape<E: Value, A: Value>(
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
    pub(super) fn each<E: Value, A: Value, N>(
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
    pub(super) fn search<E: Value, A: Value>(
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

/// Each place in which a fiber can be interrupted, and so many steps after it.
pub(super) fn interrupts(shape: &Shape, after: Range<u32>) -> Vec<Fault> {
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
