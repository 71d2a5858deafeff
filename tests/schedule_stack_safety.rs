//! A hundred thousand nested schedules on a small stack: asked, cloned, dropped.

use std::time::Duration;

use crate::common::small_stack::on_small_stack;
use crate::common::{in_turns, secs};
use effect::prelude::*;
use effect::{Moment, ScheduleFor};

const DEPTH: u64 = 100_000;

/// Adds one to the output, each time around the one before.
fn deep() -> Schedule {
    (0..DEPTH).fold(Schedule::recurs(3).erase(), |schedule, _| {
        schedule.map(|n| n + 1).erase()
    })
}

#[test]
fn a_deep_schedule_can_be_dropped_before_it_is_asked() {
    on_small_stack(|| drop(deep()));
}

#[test]
fn a_deep_schedule_can_be_asked_cloned_half_way_and_gone_by() {
    on_small_stack(|| {
        let mut driver = deep().start();
        let ask =
            |driver: &mut effect::Driver| driver.decide(Moment::at(Duration::ZERO), &()).output;
        assert_eq!(ask(&mut driver), DEPTH);
        let mut copy = driver.clone();
        assert_eq!([ask(&mut driver), ask(&mut copy)], [DEPTH + 1; 2]);
        assert_eq!(deep().preview(10).len(), 3);
    });
}

#[test]
fn a_deep_schedule_that_looks_at_its_input_can_be_asked_and_dropped() {
    on_small_stack(|| {
        let deep: ScheduleFor<u64> = (0..DEPTH).fold(
            Schedule::forever()
                .while_input(|n: &u64| *n < 3)
                .erase_for(),
            |schedule, _| schedule.map(|n| n).erase_for(),
        );
        let mut driver = deep.start();
        let mut asked = |n| driver.decide(Moment::at(Duration::ZERO), &n).delay;
        assert!(asked(1).is_some() && asked(3).is_none());
    });
}

#[test]
fn an_effect_is_repeated_by_a_deep_schedule() {
    on_small_stack(|| {
        in_turns(async |cx: Cx<()>| {
            let repeated = sleep::<_, Never>(secs(1)).repeat(deep());
            assert_eq!(cx.run(repeated).await, Ok(DEPTH + 3));
        });
    });
}
