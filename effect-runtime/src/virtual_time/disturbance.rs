//! What is done to a run on purpose, step by step: a simulation's faults, in the form in which the executor meets them.

use std::time::Duration;

use effect_core::FiberRef;
use fastrand::Rng;

use super::clock::{Moment, since_beginning};
use super::family::Family;

/// What is done to a run on purpose, and what is written down of it.
pub(crate) struct Disturbance {
    /// In how many of a hundred steps somebody is polled whom nobody has woken.
    pub(crate) spurious: Chance,
    /// In how many of a hundred polls the task has another waker than before, and the old one wakes nobody.
    pub(crate) swapped: Chance,
    /// How long a poll takes at most, and the chance in it.
    pub(crate) poll_cost: (Duration, Rng),
    /// Tasks whose every wake-up takes its time.
    pub(crate) slow: Vec<(usize, Duration)>,
    /// What happens before which step, latest first.
    pub(crate) events: Vec<(u32, Event)>,
    /// What is looked at when nobody can go on, before time passes.
    pub(crate) when_idle: Box<dyn Fn() + Send>,
    /// After how many steps it is taken that the run will never end.
    pub(crate) max_steps: u32,
    /// What identifies the run: whom it has polled, and when.
    pub(crate) trace: Trace,
    /// What happened, for somebody to read, if anybody will.
    pub(crate) timeline: Option<Vec<String>>,
}

/// The chance of one kind of noise. Each kind has its own, so that without one kind the others stay as they were.
pub(crate) struct Chance {
    percent: u8,
    random: Rng,
}

impl Chance {
    pub(crate) fn new(percent: u8, seed: u64) -> Self {
        Chance {
            percent,
            random: Rng::with_seed(seed),
        }
    }

    pub(super) fn strikes(&mut self) -> bool {
        self.percent > 0 && self.random.u8(..100) < self.percent
    }

    /// One of so many.
    pub(super) fn one_of(&mut self, count: usize) -> usize {
        self.random.usize(..count.max(1))
    }
}

/// What happens before a step.
pub(crate) enum Event {
    /// Everybody is interrupted.
    InterruptAll,
    /// The run is dropped.
    DropRun,
    /// Something is dropped that is registered for that.
    Drop(Box<dyn FnOnce() + Send>),
}

/// Why a run does not go on to its end.
pub(crate) enum Stop {
    Dropped,
    TooLong,
}

impl Disturbance {
    /// How slow the wake-up of a task is.
    pub(super) fn delay(&self, task: usize) -> Option<Duration> {
        let slow = self.slow.iter().find(|(slow, _)| *slow == task);
        slow.map(|(_, delay)| *delay)
    }

    /// Has happen what is to happen before this step.
    pub(super) fn before(&mut self, step: u32, family: &Family) -> Option<Stop> {
        family.begin_step();
        while let Some((_, event)) = self.events.pop_if(|(at, _)| *at <= step) {
            let what = match &event {
                Event::InterruptAll => "everybody is interrupted",
                Event::DropRun => "the run is dropped",
                Event::Drop(_) => "a handle is dropped",
            };
            self.tell(|| what.to_owned());
            match event {
                Event::InterruptAll => family.alive().iter().for_each(FiberRef::interrupt_fork),
                Event::DropRun => return Some(Stop::Dropped),
                Event::Drop(handle) => handle(),
            }
        }
        (step >= self.max_steps).then_some(Stop::TooLong)
    }

    /// Has looked at what is to hold when nobody can go on. With slow wake-ups, somebody soon can.
    pub(super) fn idle(&self) {
        if self.slow.is_empty() {
            (self.when_idle)();
        }
    }

    /// How long a poll takes.
    pub(super) fn cost(&mut self) -> Option<Duration> {
        let (most, random) = &mut self.poll_cost;
        let most = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
        (most > 0).then(|| Duration::from_nanos(random.u64(..=most)))
    }

    /// Writes down a poll.
    pub(super) fn polled(&mut self, now: Moment, task: usize, fiber: Option<&FiberRef>) {
        self.trace.add(task as u64);
        self.trace.add(u64::try_from(now).unwrap_or(u64::MAX));
        let Some(timeline) = &mut self.timeline else {
            return;
        };
        let at = since_beginning(now);
        let waits = fiber.and_then(|fiber| Some((fiber, fiber.waits()?.0)));
        timeline.push(match waits {
            None => format!("{at:?}: task {task} has ended, or waits for its finalizers"),
            Some((fiber, None)) => format!("{at:?}: task {task}, {fiber}, waits"),
            Some((fiber, Some(what))) => format!("{at:?}: task {task}, {fiber}, waits for {what}"),
        });
    }

    pub(super) fn tell(&mut self, what: impl FnOnce() -> String) {
        if let Some(timeline) = &mut self.timeline {
            timeline.push(what());
        }
    }
}

/// A hash of whom a run has polled, and when: FNV-1a, which is the same in every process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trace(pub(crate) u64);

impl Trace {
    pub(crate) const fn new() -> Self {
        Trace(0xcbf2_9ce4_8422_2325)
    }

    fn add(&mut self, number: u64) {
        for byte in number.to_le_bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
