//! The laws of schedules: how they are put together does not matter.

use std::time::Duration;

use crate::common::dice::Dice;
use effect::prelude::*;
use effect::{Decision, Moment};

/// How many schedules a law is checked with.
const SCHEDULES: u64 = 500;
/// How often each is asked, beyond the end of most.
const STEPS: u64 = 40;

impl Dice {
    fn millis(&mut self, sides: u64) -> Duration {
        Duration::from_millis(self.roll(sides))
    }

    /// Any schedule that does not look at its input.
    fn schedule(&mut self, depth: u32) -> Schedule {
        let kinds = if depth == 0 { 8 } else { 17 };
        match self.roll(kinds) {
            0 => Schedule::recurs(self.roll(6)).erase(),
            1 => Schedule::spaced(self.millis(50)).erase(),
            2 => Schedule::fixed(self.millis(50) + Duration::from_millis(1)).erase(),
            3 => Schedule::windowed(self.millis(50) + Duration::from_millis(1)).erase(),
            4 => Schedule::linear(self.millis(50)).erase(),
            5 => Schedule::fibonacci(self.millis(50)).erase(),
            6 => Schedule::exponential(self.millis(50)).erase(),
            7 => {
                let delays = (0..self.roll(5)).map(|n| Duration::from_millis(n * 7));
                Schedule::from_durations(delays).erase()
            }
            8 => self.part(depth).both(self.part(depth)).erase(),
            9 => self.part(depth).either(self.part(depth)).erase(),
            10 => self.part(depth).then(self.part(depth)).erase(),
            11 => self.part(depth).times(self.roll(10)).erase(),
            12 => self.part(depth).up_to(self.millis(300)).erase(),
            13 => self.part(depth).reset_after(self.millis(50)).erase(),
            14 => self.part(depth).max_delay(self.millis(50)).erase(),
            15 => self.part(depth).add_delay(self.millis(10)).erase(),
            _ => self.part(depth).jittered().erase(),
        }
    }

    fn part(&mut self, depth: u32) -> Schedule {
        self.schedule(depth - 1)
    }
}

/// What a schedule decides at moments by chance, also after it has said to stop.
fn decisions(schedule: &Schedule, seed: u64) -> Vec<Decision<u64>> {
    let mut dice = Dice(seed);
    let mut driver = schedule.start();
    let mut elapsed = Duration::ZERO;
    let step = |_| {
        let chance = dice.roll(100) as f64 / 100.0;
        let decision = driver.decide(Moment::at(elapsed).with_chance(chance), &());
        elapsed += decision.delay.unwrap_or_default() + dice.millis(100);
        decision
    };
    (0..STEPS).map(step).collect()
}

fn delays(schedule: &Schedule, seed: u64) -> Vec<Option<Duration>> {
    let decisions = decisions(schedule, seed).into_iter();
    decisions.map(|decision| decision.delay).collect()
}

/// Checks a law of three schedules.
#[track_caller]
fn equal(
    left: impl Fn(Schedule, Schedule, Schedule) -> Schedule,
    right: impl Fn(Schedule, Schedule, Schedule) -> Schedule,
) {
    let mut went_on = 0;
    for seed in 0..SCHEDULES {
        let mut dice = Dice(seed);
        let [a, b, c] = [(); 3].map(|()| dice.schedule(3));
        let seen = decisions(&left(a.clone(), b.clone(), c.clone()), seed);
        assert_eq!(seen, decisions(&right(a, b, c), seed), "seed {seed}");
        went_on += seen.iter().filter(|step| step.delay.is_some()).count();
    }
    // They are not all of those that do nothing.
    assert!(went_on > 1000, "only {went_on} steps to go on");
}

// Law 1: associativity.

#[test]
fn then_is_associative() {
    equal(
        |a, b, c| a.then(b).then(c).erase(),
        |a, b, c| a.then(b.then(c)).erase(),
    );
}

#[test]
fn both_is_associative() {
    equal(
        |a, b, c| a.both(b).both(c).erase(),
        |a, b, c| a.both(b.both(c)).erase(),
    );
}

#[test]
fn either_is_associative() {
    equal(
        |a, b, c| a.either(b).either(c).erase(),
        |a, b, c| a.either(b.either(c)).erase(),
    );
}

// Law 1: identities. They are of the delays; an output is of the schedule whose it is.

#[track_caller]
fn equal_delays(changed: impl Fn(Schedule) -> Schedule) {
    for seed in 0..SCHEDULES {
        let schedule = Dice(seed).schedule(3);
        let changed = changed(schedule.clone());
        assert_eq!(
            delays(&schedule, seed),
            delays(&changed, seed),
            "seed {seed}"
        );
    }
}

#[test]
fn forever_changes_nothing_by_both() {
    equal_delays(|a| a.both(Schedule::forever()).erase());
    equal_delays(|a| Schedule::forever().both(a).erase());
}

#[test]
fn stop_changes_nothing_by_either() {
    equal_delays(|a| a.either(Schedule::stop()).erase());
    equal_delays(|a| Schedule::stop().either(a).erase());
}

#[test]
fn stop_before_or_after_changes_nothing() {
    equal_delays(|a| Schedule::stop().then(a).erase());
    // What has stopped is not asked again by `then`.
    for seed in 0..SCHEDULES {
        let schedule = Dice(seed).schedule(3);
        let followed = schedule.clone().then(Schedule::stop()).erase();
        let until_stop = |schedule: &Schedule| {
            let delays = delays(schedule, seed).into_iter();
            delays.map_while(|delay| delay).collect::<Vec<_>>()
        };
        assert_eq!(until_stop(&schedule), until_stop(&followed), "seed {seed}");
    }
}

// Ours.

#[test]
fn both_and_either_do_not_mind_the_order() {
    for seed in 0..SCHEDULES {
        let mut dice = Dice(seed);
        let (a, b) = (dice.schedule(3), dice.schedule(3));
        // Chance is asked in another order.
        let preview = |schedule: Schedule| schedule.preview(30);
        let pairs = [
            (
                a.clone().both(b.clone()).erase(),
                b.clone().both(a.clone()).erase(),
            ),
            (a.clone().either(b.clone()).erase(), b.either(a).erase()),
        ];
        for (one, other) in pairs {
            assert_eq!(preview(one), preview(other), "seed {seed}");
        }
    }
}

#[test]
fn a_schedule_with_itself_is_itself() {
    equal_delays(|a| a.clone().both(a).erase());
    equal_delays(|a| a.clone().either(a).erase());
}

#[test]
fn to_map_is_to_map_once() {
    equal(
        |a, _, _| a.map(|n| n + 1).map(|n| n * 2).erase(),
        |a, _, _| a.map(|n| (n + 1) * 2).erase(),
    );
}

#[test]
fn to_erase_changes_nothing() {
    equal(
        |a, b, _| a.both(b).erase(),
        |a, b, _| a.both(b).erase().erase(),
    );
}
