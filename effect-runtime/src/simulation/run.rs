//! One run of a case under a plan, and everything that is checked of it.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use effect_core::{FiberId, Report, Value};
use fastrand::Rng;
use parking_lot::Mutex;

use super::case::Case;
use super::census::Census;
use super::plan::{Fault, Plan, Shape};
use super::trial::Trial;
use crate::virtual_time::{
    self, Disturbance, End, Event, Executor, Reports, Scheduler, Shared, Trace,
};

/// What is written down of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    /// The least that tells one run from another.
    Trace,
    /// What faults can strike, and what the order was.
    Shape,
    /// What happened in each step, for a person to read.
    Timeline,
}

/// A run that has ended, and what was wrong with it.
pub(super) struct Ran {
    pub(super) wrong: Option<String>,
    pub(super) census: Census,
    pub(super) trace: u64,
    pub(super) steps: u32,
    pub(super) shape: Shape,
    pub(super) choices: Vec<u16>,
    pub(super) timeline: Vec<String>,
}

impl Ran {
    /// There was nothing to run.
    fn never_begun(wrong: String) -> Self {
        Ran {
            wrong: Some(wrong),
            census: Census::default(),
            trace: 0,
            steps: 0,
            shape: Shape::default(),
            choices: Vec::new(),
            timeline: Vec::new(),
        }
    }
}

/// Runs a case under a plan.
pub(super) fn run<E: Value, A: Value>(
    program: &dyn Fn(&Trial) -> Case<E, A>,
    plan: &Plan,
    max_steps: u32,
    detail: Detail,
) -> Ran {
    let trial = Trial::new(plan);
    let Case { start, check } = match catch(|| program(&trial)) {
        Ok(case) => case,
        Err(panic) => return Ran::never_begun(format!("it panics before it runs: {panic}")),
    };
    let shared = Shared::new(
        plan.seed,
        virtual_time::beginning(),
        Reports::Kept(Mutex::default()),
    );
    prepare(&shared, plan, detail);
    let disturbance = disturbance(plan, &trial, max_steps, detail);
    let scheduler_seed = plan.seed ^ 0x5851_f42d_4c95_7f2d;
    let scheduler = Scheduler::new(plan.order.clone(), scheduler_seed, detail == Detail::Shape);
    let exit = start(Arc::<Shared>::clone(&shared));
    let mut executor = Executor::new(&shared, exit, scheduler, Some(disturbance));

    let end = catch(|| to_end(&mut executor));
    let mut census = Census {
        fibers: shared
            .family
            .alive()
            .iter()
            .map(ToString::to_string)
            .collect(),
        tasks: executor.tasks_left(),
        ..Census::default()
    };
    let mut shape = Shape {
        steps: executor.steps(),
        tasks: executor.tasks_spawned(),
        suspensions: numbers(shared.family.take_suspensions()),
        ..Shape::default()
    };
    trial.describe(&mut shape);
    let (choices, disturbance) = executor.take_records();
    let disturbance = disturbance.expect("every simulated run has one");
    let dropped = catch(|| drop(executor));
    let reports = shared.take_reports();
    let lost = reports.iter().filter_map(|report| match report {
        Report::LostFinalizers { fiber, count } => Some(format!("{count} of {fiber}")),
        _ => None,
    });
    let lost_of = lost.collect::<Vec<_>>().join(", ");
    let lost = !lost_of.is_empty();
    let (stopped, exit) = match end {
        Ok(End::Exit(exit)) if lost => {
            (Err(format!("finalizers were lost: {lost_of}")), Some(exit))
        }
        Ok(End::Exit(exit)) => (Ok(()), Some(exit)),
        Ok(End::Deadlock(deadlock)) => (Err(deadlock.to_string()), None),
        Ok(End::Dropped) => {
            // What is left then is what the drop has left.
            census.fibers = shared
                .family
                .alive()
                .iter()
                .map(ToString::to_string)
                .collect();
            census.tasks = 0;
            (Ok(()), None)
        }
        Ok(End::TooLong) => (
            Err(format!("it has not ended after {max_steps} steps")),
            None,
        ),
        // Not of a fiber, which would have it as a defect.
        Err(panic) => (Err(format!("a task panics: {panic}")), None),
    };
    let checked = stopped
        .and(dropped)
        .and_then(|()| catch(|| check(exit)))
        .and_then(|()| trial.run_audits(lost));
    let (trace, timeline) = (
        disturbance.trace.0,
        disturbance.timeline.unwrap_or_default(),
    );
    census.timers = shared.timers_left();
    census.probes = trial.probes();
    // It keeps the wakers of what it can drop.
    drop((trial, disturbance.events));
    census.references = Arc::strong_count(&shared) - 1;
    let wrong = checked.and_then(|()| census.check());
    Ran {
        wrong: wrong.err(),
        census,
        trace,
        steps: shape.steps,
        shape,
        choices,
        timeline,
    }
}

/// Drives a run to its end. It waits for nothing outside, so it wants a turn whenever it is pending.
fn to_end<E, A>(executor: &mut Executor<E, A>) -> End<E, A> {
    let mut executor = pin!(executor);
    loop {
        let polled = executor
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        if let Poll::Ready(end) = polled {
            return end;
        }
    }
}

fn prepare(shared: &Shared, plan: &Plan, detail: Detail) {
    if detail == Detail::Shape {
        shared.family.count_suspensions();
    }
    for fault in &plan.faults {
        if let Fault::Interrupt { fiber, suspension } = *fault {
            shared.family.interrupt_at(FiberId::new(fiber), suspension);
        }
    }
}

fn disturbance(plan: &Plan, trial: &Trial, max_steps: u32, detail: Detail) -> Box<Disturbance> {
    let mut slow = Vec::new();
    let mut events = Vec::new();
    for fault in &plan.faults {
        match *fault {
            Fault::Slow { task, delay } => slow.push((task as usize, delay)),
            Fault::DropRun { step } => events.push((step, Event::DropRun)),
            Fault::InterruptAll { step } => events.push((step, Event::InterruptAll)),
            Fault::Drop { handle, step } => {
                let trial = trial.clone();
                let dropping = move || trial.drop_handle(handle);
                events.push((step, Event::Drop(Box::new(dropping))));
            }
            Fault::Interrupt { .. } | Fault::Panic { .. } | Fault::SmallCapacity { .. } => {}
        }
    }
    events.sort_by_key(|(step, _)| std::cmp::Reverse(*step));
    Box::new(Disturbance {
        random: Rng::with_seed(plan.seed ^ 0xd1b5_4a32_d192_ed03),
        spurious_percent: plan.spurious_percent,
        swapped_percent: plan.swapped_percent,
        poll_cost: plan.poll_cost,
        slow,
        events,
        max_steps,
        trace: Trace::new(),
        timeline: (detail == Detail::Timeline).then(Vec::new),
    })
}

fn numbers(suspensions: Vec<(FiberId, u32)>) -> Vec<(u64, u32)> {
    suspensions
        .into_iter()
        .map(|(fiber, waited)| (fiber.number(), waited))
        .collect()
}

/// Calls what may panic, and has what the panic says.
fn catch<T>(f: impl FnOnce() -> T) -> Result<T, String> {
    // Nobody looks again at what a panic has left half-done.
    catch_unwind(AssertUnwindSafe(f)).map_err(|payload| {
        let message = payload.downcast_ref::<String>().map(String::as_str);
        let message = message.or_else(|| payload.downcast_ref::<&str>().copied());
        message.unwrap_or("a panic that says nothing").to_owned()
    })
}
