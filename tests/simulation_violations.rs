//! What was found is said with the smallest plan that shows it, and is shown again by that line.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::common::Log;
use crate::common::processes::{again, is_child, printed};
use effect::prelude::*;
use effect::simulation::{Case, Fault, Order, Plan, Sim, Trial};
use effect::yield_now;

const fn micros(n: u64) -> Duration {
    Duration::from_micros(n)
}

/// A fiber that loses an item if it is interrupted where it waits for the second time, beside others who do not matter.
fn loses_an_item(trial: &Trial) -> Case<Never, ()> {
    let tickets = trial.tickets();
    let (books, trial) = (tickets.clone(), trial.clone());
    let program = effect(async move |cx: Cx<()>| {
        let worker = effect(async move |cx: Cx<()>| {
            cx.sleep(micros(3)).await;
            let item = books.issue();
            cx.sleep(micros(3)).await;
            books.settle(item, "done");
            cx.sleep(micros(3)).await;
            Ok::<_, Never>(())
        });
        let worker = cx.fork_named("worker", worker);
        let others = [(); 3].map(|()| {
            let trial = trial.clone();
            cx.fork(effect(async move |_: Cx<()>| {
                for _ in 0..4 {
                    trial.droppable(yield_now()).await;
                    trial.fault_point();
                }
                Ok::<_, Never>(())
            }))
        });
        for other in others {
            drop(cx.run(other.exit()).await);
        }
        drop(cx.run(worker.exit()).await);
        Ok(())
    });
    Case::new(program).check(move |exit| {
        // Whoever drops or interrupts all of it knows what is lost.
        let ended = exit.is_some_and(|exit| exit.is_success());
        assert!(!ended || tickets.open().is_empty(), "an item was lost");
    })
}

#[test]
fn of_three_faults_and_noise_only_the_one_that_is_needed_is_reported() {
    let needed = Fault::Interrupt {
        fiber: 2,
        suspension: 2,
        after: 0,
    };
    let mut crowded = 0;
    for seed in 0..200 {
        let sim = Sim::new().seed(seed * 1_000);
        let violation = sim.explore(loses_an_item).unwrap_err();
        let first = &violation.first;
        let noise = first.spurious_percent > 0
            && first.swapped_percent > 0
            && !first.poll_cost.is_zero()
            && first.order != Order::Turns;
        crowded += usize::from(noise && first.faults.len() == 3);
        assert_eq!(violation.what, "an item was lost");
        let smallest = Plan {
            order: Order::Turns,
            ..Plan::of_seed(first.seed)
        };
        assert_eq!(violation.plan, smallest.with(needed), "{first}");
    }
    assert!(crowded > 0, "no plan had three faults and noise");
}

#[test]
fn all_cores_find_what_one_finds() {
    let one = Sim::new().explore(loses_an_item).unwrap_err();
    let all = Sim::new().on_all_cores().explore(loses_an_item);
    assert_eq!(all, Err(one));
}

#[test]
fn an_order_that_is_needed_is_said_as_the_few_choices_that_matter() {
    let last_is_first = |_: &Trial| {
        let log = Log::new();
        let seen = log.clone();
        let program = effect(async move |cx: Cx<()>| {
            let fibers = ["a", "b", "c", "d"].map(|name| cx.fork(log.note(name)));
            for fiber in fibers {
                drop(cx.run(fiber.exit()).await);
            }
            Ok::<_, Never>(())
        });
        Case::new(program).check(move |_| {
            assert!(
                seen.lines().first().is_none_or(|name| name != "d"),
                "d is first"
            );
        })
    };
    let violation = Sim::new().explore(last_is_first).unwrap_err();
    // After the root, whom nobody is beside, three are passed over.
    assert_eq!(violation.plan.order, Order::Choices(vec![0, 3]));
    assert_eq!(violation.plan.faults, []);
}

#[test]
fn a_violation_is_printed_with_the_line_that_shows_it_again() {
    let violation = Sim::new().explore(loses_an_item).unwrap_err();
    let report = violation.to_string();
    let mut lines = report.lines();
    let first = format!("violation after {} runs: an item was lost", violation.runs);
    assert_eq!(lines.next(), Some(&*first));
    let place = lines.next().unwrap();
    assert!(place.starts_with(concat!("at ", file!(), ":")), "{place}");
    let third = lines.next().unwrap();
    let plan = third.strip_prefix("replay it with SIM_PLAN='").unwrap();
    let plan: Plan = plan.strip_suffix('\'').unwrap().parse().unwrap();
    assert!(
        report.contains("  fiber #2 (worker) is interrupted, where it waits for a time at "),
        "{report}"
    );

    let replayed = Sim::new().replay(&plan, loses_an_item);
    assert_eq!(replayed.wrong.as_ref(), Some(&violation.what));
    assert_eq!(replayed.timeline, violation.timeline);
}

#[test]
fn a_test_panics_with_the_report() {
    let panic = catch_unwind(|| Sim::new().test(loses_an_item)).unwrap_err();
    let report = panic.downcast_ref::<String>().unwrap();
    let violation = Sim::new().explore(loses_an_item).unwrap_err();
    assert_eq!(*report, violation.to_string());
}

#[test]
fn with_a_plan_in_the_environment_a_test_replays_only_that() {
    if is_child() {
        let runs = AtomicUsize::new(0);
        let counted = |trial: &Trial| {
            runs.fetch_add(1, Ordering::Relaxed);
            loses_an_item(trial)
        };
        let ended = catch_unwind(AssertUnwindSafe(|| Sim::new().test(counted)));
        let panic = ended
            .err()
            .and_then(|panic| panic.downcast::<String>().ok());
        println!("{runs:?} runs, {panic:?}");
        return;
    }
    let replay = |plan: &str| {
        let test = "simulation_violations::with_a_plan_in_the_environment_a_test_replays_only_that";
        printed(&again(test, &[("SIM_PLAN", plan)]))
    };
    let bad = replay("seed=7 order=turns interrupt=2@2");
    assert!(bad.contains("1 runs, Some(\"an item was lost\")"), "{bad}");
    assert!(bad.contains("task 1, fiber #2 (worker), waits"), "{bad}");
    let good = replay("seed=7 order=turns interrupt=2@1");
    assert!(good.contains("1 runs, None"), "{good}");
    let empty = replay("");
    assert!(!empty.contains("1 runs"), "{empty}");
    assert!(empty.contains("SIM_PLAN='"), "{empty}");
    let nonsense = replay("seed=7 interrupt=often");
    assert!(
        nonsense.contains("0 runs, Some(\"SIM_PLAN: not a part of a plan: "),
        "{nonsense}"
    );
}
