//! Each order of a simulated run picks whom it says.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use crate::common::Log;
use crate::common::simulated::{case, wrong};
use effect::prelude::*;
use effect::simulation::{Case, Order, Plan, Sim, Trial};
use effect::yield_now;

fn plan(seed: u64, order: Order) -> Plan {
    Plan {
        order,
        ..Plan::of_seed(seed)
    }
}

/// The fibers of [`steps_by`], whose tasks are 1, 2 and 3.
const NAMES: [&str; 3] = ["a", "b", "c"];

/// Three fibers that each note so many steps: who has made which.
fn steps_by(plan: &Plan, steps: usize) -> String {
    let log = Log::new();
    let program = |_: &Trial| {
        let log = log.clone();
        case(async move |cx| {
            let fibers = NAMES.map(|name| {
                let log = log.clone();
                cx.fork(effect(async move |_: Cx<()>| {
                    for _ in 0..steps {
                        log.write(name);
                        yield_now().await;
                    }
                    Ok::<_, Never>(())
                }))
            });
            for fiber in fibers {
                drop(cx.run(fiber.exit()).await);
            }
        })
    };
    assert_eq!(wrong(plan, program), None);
    log.lines().concat()
}

/// How often somebody else goes on, and once for the first.
fn groups(steps: &str) -> usize {
    let changes = steps.as_bytes().windows(2).filter(|two| two[0] != two[1]);
    changes.count() + 1
}

#[test]
fn by_turns_each_is_next_in_turn() {
    for seed in 0..3 {
        assert_eq!(steps_by(&plan(seed, Order::Turns), 4), "abcabcabcabc");
    }
}

#[test]
fn by_chance_every_order_comes_up() {
    let orders = (0..200).map(|seed| steps_by(&plan(seed, Order::Random), 1));
    let orders: HashSet<_> = orders.collect();
    assert_eq!(orders.len(), 6, "{orders:?}");
}

#[test]
fn by_priorities_each_goes_on_until_it_ends_or_falls_behind() {
    for changes in 0..3 {
        let orders = (0..300).map(|seed| {
            let steps = 30;
            steps_by(&plan(seed, Order::Priorities { changes, steps }), 10)
        });
        let orders: HashSet<_> = orders.collect();
        let most = orders.iter().map(|order| groups(order)).max();
        assert_eq!(most, Some(3 + changes as usize));
        let uninterrupted = orders.iter().filter(|order| groups(order) == 3);
        assert_eq!(uninterrupted.count(), 6);
    }
}

#[test]
fn by_priorities_one_that_never_waits_falls_behind_in_the_end() {
    let steps = steps_by(
        &plan(
            0,
            Order::Priorities {
                changes: 0,
                steps: 30,
            },
        ),
        200,
    );
    assert!(groups(&steps) > 3, "{steps}");
}

/// A door that is open for one step, and somebody whom it lets in only if it finds it open in all of many steps.
fn door(_: &Trial) -> Case<Never, ()> {
    let open = Arc::new(Mutex::new(false));
    let entered = Arc::new(Mutex::new(false));
    let seen = Arc::clone(&entered);
    let program = case(async move |cx| {
        let door = Arc::clone(&open);
        let opener = cx.fork(effect(async move |_: Cx<()>| {
            for step in 0..20 {
                *door.lock().unwrap() = step == 11;
                yield_now().await;
            }
            Ok::<_, Never>(())
        }));
        let visitor = cx.fork(effect(async move |_: Cx<()>| {
            let mut found_open = true;
            for _ in 0..20 {
                found_open &= *open.lock().unwrap();
                yield_now().await;
            }
            *entered.lock().unwrap() = found_open;
            Ok::<_, Never>(())
        }));
        drop(cx.run(opener.exit()).await);
        drop(cx.run(visitor.exit()).await);
    });
    program.check(move |_| assert!(!*seen.lock().unwrap(), "somebody got in"))
}

#[test]
fn priorities_find_what_takes_one_preemption_in_just_the_wrong_place() {
    let found = |order: &Order| {
        let plans = (0..2_000).map(|seed| plan(seed, order.clone()));
        plans.filter(|plan| wrong(plan, door).is_some()).count()
    };
    let by_priorities = found(&Order::Priorities {
        changes: 1,
        steps: 50,
    });
    // One of two priorities, times one of fifty places.
    assert!((5..=40).contains(&by_priorities), "{by_priorities}");
    assert_eq!(found(&Order::Random), 0);
    assert_eq!(found(&Order::Turns), 0);
    let violation = Sim::new().runs(10_000).explore(door).unwrap_err();
    assert_eq!(violation.what, "somebody got in");
}

#[test]
fn who_is_starved_goes_on_only_when_nobody_else_can() {
    let mut orders = HashSet::new();
    for seed in 0..50 {
        let steps = steps_by(&plan(seed, Order::Starve { task: 2 }), 5);
        let (others, last) = steps.split_at(10);
        assert_eq!(last, "bbbbb");
        orders.insert(others.to_owned());
    }
    assert!(orders.len() > 20, "the others go on by chance");
}

#[test]
fn who_is_starved_has_a_turn_now_and_then() {
    let waits_for_it = |_: &Trial| {
        let done = Arc::new(Mutex::new(false));
        case(async move |cx| {
            let sets = Arc::clone(&done);
            let starved = sync::<_, Never, _, _>(move || *sets.lock().unwrap() = true);
            drop(cx.fork(starved));
            while !*done.lock().unwrap() {
                yield_now().await;
            }
        })
    };
    for seed in 0..20 {
        assert_eq!(
            wrong(&plan(seed, Order::Starve { task: 1 }), waits_for_it),
            None
        );
    }
}

#[test]
fn by_choices_so_many_are_passed_over_and_then_they_take_turns() {
    let by = |choices: &[u16]| steps_by(&plan(0, Order::Choices(choices.to_vec())), 2);
    // The first step is the root's, whom nobody is beside.
    assert_eq!(by(&[]), "abcabc");
    assert_eq!(by(&[0, 2]), "cabcab");
    assert_eq!(by(&[0, 2, 1]), "cbacba");
    assert_eq!(by(&[0, 0, 2]), "aabcbc");
    assert_eq!(by(&[9, 9]), "cabcab", "more than there are is the last");
}

#[test]
fn what_chance_has_chosen_is_had_again_by_its_choices() {
    let wanted = |_: &Trial| {
        let log = Log::new();
        let seen = log.clone();
        let program = case(async move |cx| {
            let fibers = NAMES.map(|name| cx.fork(log.note(name)));
            for fiber in fibers {
                drop(cx.run(fiber.exit()).await);
            }
        });
        program.check(move |_| assert_ne!(seen.lines().concat(), "cab", "cab"))
    };
    let violation = Sim::new().explore(wanted).unwrap_err();
    assert_eq!(violation.plan.order, Order::Choices(vec![0, 2]));
    let again = violation.plan.to_string().parse().unwrap();
    assert_eq!(wrong(&again, wanted), Some(violation.what));
}
