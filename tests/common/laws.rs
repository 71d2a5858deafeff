//! How laws are checked: over many programs, in many orders of events, interrupted at any moment.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use effect::prelude::*;
use effect::{Program, Reason, Value};

use super::dice::mixed;
use super::programs::{ANYTHING, BEAT, Kind, Programs, Subject};
use super::steps::Steps;
use super::virtual_runtime;
use super::watched::Watched;

/// How many programs a law is checked with. Each has a seed of its own for the order of events as well.
const PROGRAMS: u64 = 200;
const DEPTH: u32 = 4;

/// What has not ended by then never does, and is interrupted.
pub const FOR_EVER: Duration = Duration::from_secs(24 * 3600);

/// What decides the order of events.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Order {
    /// Virtual time, by turns.
    Turns,
    /// Virtual time, by chance.
    Seed(u64),
    /// Tokio, in its paused time.
    Tokio,
}

/// One way to run the programs of one number.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    pub number: u64,
    pub order: Order,
    /// When they are interrupted from outside.
    pub interrupted: Option<Duration>,
}

/// All runs.
pub fn runs() -> impl Iterator<Item = Run> {
    undisturbed_runs().flat_map(|run| {
        // Half a beat after something may have happened.
        let moment = |n| BEAT * u32::try_from(mixed(run.number + n) % 7).unwrap() + BEAT / 2;
        [None, Some(moment(0)), Some(moment(1 << 32))].map(|interrupted| Run { interrupted, ..run })
    })
}

/// The runs that are interrupted from outside, and when.
pub fn interrupted_runs() -> impl Iterator<Item = (Run, Duration)> {
    runs().filter_map(|run| Some((run, run.interrupted?)))
}

/// The runs that are not interrupted from outside.
pub fn undisturbed_runs() -> impl Iterator<Item = Run> {
    (0..PROGRAMS).flat_map(|number| {
        [Order::Turns, Order::Seed(number), Order::Tokio].map(|order| Run {
            number,
            order,
            interrupted: None,
        })
    })
}

/// What a law is about: the same number gives the same.
pub struct Given {
    number: u64,
    pub steps: Steps,
}

impl Given {
    /// Any program.
    pub fn any(&self, name: &'static str) -> Subject {
        self.effect(ANYTHING, name)
    }

    /// A program of a kind.
    pub fn effect(&self, kind: Kind, name: &'static str) -> Subject {
        self.programs(name).effect(kind, DEPTH)
    }

    /// A function to programs of a kind.
    pub fn function(
        &self,
        kind: Kind,
        name: &'static str,
    ) -> impl Fn(u32) -> Subject + Clone + Send + use<> {
        let (number, steps) = (self.number, self.steps.clone());
        move |n| {
            let mut programs = Programs::new(number + mixed(u64::from(n)), &steps, name);
            let (step, next) = (programs.step(), programs.effect(kind, DEPTH - 1));
            step.flat_map(move |_| next).map(move |m| m + n).erase()
        }
    }

    /// A finalizer in which nothing goes wrong.
    pub fn finalizer(&self, name: &'static str) -> Effect<(), Never, ()> {
        self.programs(name).finalizer()
    }

    /// A time to wait: some beats.
    pub fn time(&self, name: &'static str) -> Duration {
        self.programs(name).beats(6)
    }

    pub fn programs(&self, name: &'static str) -> Programs {
        Programs::new(self.number, &self.steps, name)
    }
}

/// All that can be seen of a program.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen<E, A> {
    pub exit: Exit<E, A>,
    pub steps: Vec<(Duration, String)>,
    pub took: Duration,
}

impl<E, A> Seen<E, A> {
    /// The steps, without their times.
    pub fn names(&self) -> Vec<&str> {
        self.steps.iter().map(|(_, name)| name.as_str()).collect()
    }
}

impl Run {
    /// Runs a program. Nothing may be left of it in the end, whatever law it is for.
    #[track_caller]
    pub fn see<E, A, P>(self, program: impl FnOnce(&Given) -> Effect<(), E, A, P>) -> Seen<E, A>
    where
        E: Value + Clone,
        A: Value + Clone,
        P: Program<(), Error = E, Value = A>,
    {
        let steps = Steps::default();
        let given = Given {
            number: self.number,
            steps: steps.clone(),
        };
        let program = program(&given);
        let exit = self.drive(effect(async move |cx: Cx<()>| {
            let watched = Watched::new(cx.runtime());
            given.steps.begin(&cx);
            let begun = cx.now();
            // In a body that goes on after it: a fiber that is uninterruptible as a whole ends with its result, and what is
            // equal to it but for a step around it, does not.
            let program = effect(async move |cx: Cx<()>| cx.run(program).await);
            let (fiber, exit) = program.start_on(Arc::<Watched>::clone(&watched));
            let interrupter = fiber.clone();
            drop(
                cx.fork(
                    sleep::<_, Never>(self.interrupted.unwrap_or(FOR_EVER))
                        .map(move |()| interrupter.interrupt_fork()),
                ),
            );
            let exit = exit.await;
            let took = cx.now() - begun;
            assert!(fiber.is_done(), "the fiber has not ended");
            assert_eq!(fiber.children().len(), 0, "children are left");
            assert_eq!(watched.tasks(), 0, "tasks are left");
            assert_eq!(watched.timers(), 0, "timers are left");
            assert_eq!(watched.lost_finalizers(), 0, "finalizers are lost");
            Ok::<_, Never>((exit, took))
        }));
        let (exit, took) = exit
            .into_result()
            .unwrap_or_else(|cause| panic!("{cause}, in {self:?}"));
        assert_eq!(
            steps.holders(),
            1,
            "parts of the program are left, in {self:?}"
        );
        Seen {
            exit: anonymous(exit),
            steps: steps.take(),
            took,
        }
    }

    /// Runs an effect to its end in this order of events.
    #[track_caller]
    pub fn drive<E, A, P>(self, effect: Effect<(), E, A, P>) -> Exit<E, A>
    where
        E: Value,
        A: Value,
        P: Program<(), Error = E, Value = A>,
    {
        let time = match self.order {
            Order::Turns => VirtualTime::new(),
            Order::Seed(seed) => VirtualTime::new().seed(seed),
            Order::Tokio => return virtual_runtime().block_on(effect.run_exit()),
        };
        time.run(effect)
            .unwrap_or_else(|deadlock| panic!("{deadlock}, in {self:?}"))
    }
}

/// Says of no interruption whose it was: two runs have different fibers.
fn anonymous<E: Clone, A>(exit: Exit<E, A>) -> Exit<E, A> {
    let Exit::Failure(cause) = exit else {
        return exit;
    };
    let reasons = cause.reasons().iter().map(|reason| match reason {
        Reason::Fail(error) => Cause::fail(error.clone()),
        Reason::Die(defect) => Cause::die(defect.clone()),
        Reason::Interrupt(_) => Cause::interrupt(None),
    });
    Exit::Failure(reasons.reduce(Cause::and).expect("a cause has a reason"))
}

/// Checks that nobody can tell two programs apart: by their exits, their steps, or their times.
#[track_caller]
pub fn equal<E, A, P, Q>(
    left: impl Fn(&Given) -> Effect<(), E, A, P>,
    right: impl Fn(&Given) -> Effect<(), E, A, Q>,
) where
    E: Value + Clone + Debug + PartialEq,
    A: Value + Clone + Debug + PartialEq,
    P: Program<(), Error = E, Value = A>,
    Q: Program<(), Error = E, Value = A>,
{
    check_equal(runs(), left, right);
}

/// Checks that nobody can tell two programs apart who does not interrupt them.
#[track_caller]
pub fn equal_undisturbed<E, A, P, Q>(
    left: impl Fn(&Given) -> Effect<(), E, A, P>,
    right: impl Fn(&Given) -> Effect<(), E, A, Q>,
) where
    E: Value + Clone + Debug + PartialEq,
    A: Value + Clone + Debug + PartialEq,
    P: Program<(), Error = E, Value = A>,
    Q: Program<(), Error = E, Value = A>,
{
    check_equal(undisturbed_runs(), left, right);
}

#[track_caller]
fn check_equal<E, A, P, Q>(
    runs: impl Iterator<Item = Run>,
    left: impl Fn(&Given) -> Effect<(), E, A, P>,
    right: impl Fn(&Given) -> Effect<(), E, A, Q>,
) where
    E: Value + Clone + Debug + PartialEq,
    A: Value + Clone + Debug + PartialEq,
    P: Program<(), Error = E, Value = A>,
    Q: Program<(), Error = E, Value = A>,
{
    for run in runs {
        let (left, right) = (run.see(&left), run.see(&right));
        assert_eq!(left, right, "the two sides of the law, in {run:?}");
    }
}
