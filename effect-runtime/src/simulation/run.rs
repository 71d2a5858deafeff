//! One run of a case under a plan, and everything that is checked of it.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use effect_core::{Exit, FiberId, Report, Value};
use fastrand::Rng;
use parking_lot::Mutex;

use super::case::Case;
use super::census::Census;
use super::plan::{Fault, Plan, Shape};
use super::trial::{Trial, is_planned};
use super::wrong::{Kind, Wrong, catch};
use crate::virtual_time::{
    self, Chance, Disturbance, End, Event, Executor, Interrupt, Reports, Scheduler, Shared, Trace,
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
#[derive(Default)]
pub(super) struct Ran {
    pub(super) wrong: Option<Wrong>,
    pub(super) census: Census,
    pub(super) trace: u64,
    pub(super) steps: u32,
    pub(super) shape: Shape,
    pub(super) choices: Vec<u16>,
    pub(super) timeline: Vec<String>,
}

/// Runs a case under a plan.
pub(super) fn run<E: Value, A: Value>(
    program: &dyn Fn(&Trial) -> Case<E, A>,
    plan: &Plan,
    max_steps: u32,
    detail: Detail,
) -> Ran {
    let trial = Trial::new(plan);
    let built = catch(Kind::NeverBegun, "it panics before it runs: ", || {
        program(&trial)
    });
    let Case { start, check } = match built {
        Ok(case) => case,
        Err(wrong) => {
            return Ran {
                wrong: Some(wrong),
                ..Ran::default()
            };
        }
    };
    let reports = Reports::Kept(Mutex::default());
    let order = plan.order.clone();
    let shared = Shared::new(plan.seed, virtual_time::beginning(), order, reports);
    prepare(&shared, plan, detail);
    let disturbance = disturbance(plan, &trial, max_steps, detail);
    let scheduler_seed = plan.seed ^ 0x5851_f42d_4c95_7f2d;
    let scheduler = Scheduler::new(plan.order.clone(), scheduler_seed, detail == Detail::Shape);
    let exit = start(Arc::<Shared>::clone(&shared));
    let mut executor = Executor::new(&shared, exit, scheduler, Some(disturbance));

    // A panic of a fiber is a defect of its exit.
    let end = catch(Kind::Panic, "a task panics: ", || to_end(&mut executor));
    let mut census = Census {
        fibers: alive(&shared),
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
    let dropped = catch(Kind::Panic, "a drop panics: ", || drop(executor));
    if let Ok(End::Dropped) = end {
        // What is left then is what the drop has left.
        census.fibers = alive(&shared);
        census.tasks = 0;
    }

    let reports = shared.take_reports();
    let lost = lost_finalizers(&reports);
    let checked = end
        .and_then(|end| exit_of(end, lost.as_deref(), max_steps))
        .and_then(|exit| {
            // Where the main fiber was cut short, it may be that it could not observe what it would have.
            let ended = exit.as_ref().is_some_and(|exit| !exit.is_interrupt());
            let unobserved = ended.then(|| unobserved(&reports)).flatten();
            unobserved.map_or(Ok(exit), Err)
        })
        .and_then(|exit| dropped.map(|()| exit))
        .and_then(|exit| catch(Kind::Assertion, "", || check(exit)))
        .and_then(|()| trial.run_audits(lost.is_some()).map_err(books));
    trial.end_looks();
    census.timers = shared.timers_left();
    census.probes = trial.probes();
    // It keeps the wakers of what it can drop.
    drop((trial, disturbance.events, disturbance.when_idle));
    census.references = Arc::strong_count(&shared) - 1;
    let left = || {
        census
            .check()
            .map_err(|left| Wrong::new(Kind::LeftAlive, left))
    };
    Ran {
        wrong: checked.and_then(|()| left()).err(),
        census,
        trace: disturbance.trace.0,
        steps: shape.steps,
        shape,
        choices,
        timeline: disturbance.timeline.unwrap_or_default(),
    }
}

fn alive(shared: &Shared) -> Vec<String> {
    let alive = shared.family.alive();
    alive.iter().map(ToString::to_string).collect()
}

/// A defect that nobody has observed, and that was not planned: an assertion in a fiber, say.
fn unobserved(reports: &[Report]) -> Option<Wrong> {
    let died = reports.iter().find(|report| match report {
        Report::UnobservedFailure { cause, .. } => cause.contains("died: ") && !is_planned(cause),
        _ => false,
    });
    died.map(|report| Wrong::new(Kind::Unobserved, report.to_string()))
}

/// Whose finalizers were lost, and how many, if any were.
fn lost_finalizers(reports: &[Report]) -> Option<String> {
    let lost = reports.iter().filter_map(|report| match report {
        Report::LostFinalizers { fiber, count } => Some(format!("{count} of {fiber}")),
        _ => None,
    });
    let lost: Vec<_> = lost.collect();
    (!lost.is_empty()).then(|| lost.join(", "))
}

/// The exit of a run, which has none if it was dropped, as the plan says; or what is wrong with its end.
fn exit_of<E, A>(
    end: End<E, A>,
    lost: Option<&str>,
    max_steps: u32,
) -> Result<Option<Exit<E, A>>, Wrong> {
    let (kind, what) = match (end, lost) {
        (End::Exit(exit), None) => return Ok(Some(exit)),
        (End::Dropped, _) => return Ok(None),
        (End::Exit(_), Some(lost)) => (
            Kind::LostFinalizers,
            format!("finalizers were lost: {lost}"),
        ),
        (End::Deadlock(deadlock), _) => (Kind::Deadlock, deadlock.to_string()),
        (End::TooLong, _) => {
            let what = format!("it has not ended after {max_steps} steps");
            (Kind::TooLong, what)
        }
    };
    Err(Wrong::new(kind, what))
}

fn books(what: String) -> Wrong {
    Wrong::new(Kind::Books, what)
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
        if let Fault::Interrupt {
            fiber,
            suspension,
            after,
        } = *fault
        {
            let fiber = FiberId::new(fiber);
            shared.family.plan(Interrupt {
                fiber,
                suspension,
                after,
            });
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
    let looks = trial.clone();
    events.sort_by_key(|(step, _)| std::cmp::Reverse(*step));
    Box::new(Disturbance {
        spurious: Chance::new(plan.spurious_percent, plan.seed ^ 0xd1b5_4a32_d192_ed03),
        swapped: Chance::new(plan.swapped_percent, plan.seed ^ 0x8cb9_2ba7_2f3d_8dd7),
        poll_cost: (
            plan.poll_cost,
            Rng::with_seed(plan.seed ^ 0xaef1_7502_108e_f2d9),
        ),
        when_idle: Box::new(move || looks.look_when_idle()),
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
