//! A simulation can be had again: the same program and plan are the same run, here and in another process, and a plan is
//! read as it is printed.

use std::collections::HashSet;
use std::env;
use std::time::Duration;

use crate::common::dice::Dice;
use crate::common::processes::{again, is_child, printed};
use effect::prelude::*;
use effect::simulation::{Case, Explored, Fault, Order, Plan, PlanError, Sim, Trial, Violation};
use effect::{Value, yield_now};

const fn micros(n: u64) -> Duration {
    Duration::from_micros(n)
}

/// Something of everything: fibers, timers, chance, channels, a pipeline, and places for every kind of fault.
fn everything(trial: &Trial) -> Case<Never, ()> {
    let (input, output) = (
        Channel::bounded(trial.capacity(4)),
        Channel::bounded(trial.capacity(2)),
    );
    let (works, trial) = (trial.clone(), trial.clone());
    let work = move |n: u64| {
        let works = works.clone();
        effect(async move |cx: Cx<()>| {
            cx.sleep(micros(cx.random() % 30)).await;
            works.fault_point();
            if n % 4 == 3 { Err(n) } else { Ok(n) }
        })
    };
    let errors = Channel::bounded(trial.capacity(2));
    let run = Pipeline::from_channel(input.clone())
        .via(stage("work", work).workers(2))
        .to_channel(output.clone())
        .with_error_channel(errors.clone())
        .run();
    let program = effect(async move |cx: Cx<()>| {
        let (sends, closes) = (input.clone(), input.clone());
        let sending = effect(async move |cx: Cx<()>| {
            for n in 0..8 {
                cx.sleep(micros(cx.random() % 10)).await;
                if sends.send(n).await.is_err() {
                    break;
                }
            }
            Ok::<_, Never>(())
        });
        let sender = cx.fork_named("sender", sending.ensuring(sync(move || closes.close())));
        let delivered = cx.fork_named("delivered", read(&trial, output));
        let failed = cx.fork_named("failed", read(&trial, errors));
        let run = cx.fork_named("pipeline", run);
        drop(cx.run(run.exit()).await);
        input.close();
        for fiber in [sender, delivered, failed] {
            drop(cx.run(fiber.exit()).await);
        }
        Ok(())
    });
    Case::new(program)
}

/// Reads a channel to its end; whoever goes before that closes it.
fn read<T: Value>(trial: &Trial, channel: Channel<T>) -> Effect<(), Never, ()> {
    let (trial, closes) = (trial.clone(), channel.clone());
    effect(async move |_: Cx<()>| {
        while let Some(Ok(_)) = trial.droppable(channel.receive()).await {
            yield_now().await;
        }
        Ok(())
    })
    .ensuring(sync(move || closes.close()))
    .erase_once()
}

impl Dice {
    fn small(&mut self, sides: u64) -> u32 {
        u32::try_from(self.roll(sides)).unwrap()
    }

    fn percent(&mut self) -> u8 {
        let percent = u8::try_from(self.roll(101)).unwrap();
        percent.saturating_sub(50)
    }
}

/// Plans with every order and every fault.
fn plans(count: u64) -> impl Iterator<Item = Plan> {
    (0..count).map(|seed| {
        let mut dice = Dice(seed);
        let mut plan = Plan::of_seed(dice.roll(u64::MAX));
        plan.order = match seed % 5 {
            0 => Order::Turns,
            1 => Order::Random,
            2 => Order::Priorities {
                changes: dice.small(4),
                steps: dice.small(200),
            },
            3 => Order::Starve {
                task: dice.small(8),
            },
            _ => Order::Choices((0..dice.roll(40)).map(|_| dice.small(4) as u16).collect()),
        };
        plan.spurious_percent = dice.percent();
        plan.swapped_percent = dice.percent();
        plan.poll_cost = Duration::from_nanos(dice.roll(3) * dice.roll(2_000));
        for _ in 0..dice.roll(4) {
            plan.faults.push(match dice.roll(7) {
                0 => Fault::Interrupt {
                    fiber: 1 + dice.roll(8),
                    suspension: 1 + dice.small(10),
                    after: 0,
                },
                1 => Fault::Panic {
                    call: 1 + dice.small(8),
                },
                2 => Fault::Drop {
                    handle: 1 + dice.small(10),
                    step: dice.small(100),
                },
                3 => Fault::DropRun {
                    step: dice.small(150),
                },
                4 => Fault::InterruptAll {
                    step: dice.small(150),
                },
                5 => Fault::Slow {
                    task: dice.small(8),
                    delay: micros(dice.roll(100)),
                },
                _ => Fault::SmallCapacity {
                    place: 1 + dice.small(3),
                },
            });
        }
        plan
    })
}

/// How many plans are run in both processes.
const PLANS: u64 = 400;

#[test]
fn the_same_plan_is_the_same_run_in_this_process_and_in_another() {
    let line = |plan: &Plan| {
        let replayed = Sim::new().replay(plan, everything);
        assert_eq!(replayed.wrong, None, "{plan}");
        assert!(replayed.census.is_clean(), "{plan}");
        assert_eq!(replayed, Sim::new().replay(plan, everything), "{plan}");
        let steps = replayed.timeline.join("; ");
        format!("{plan}: {:016x} {steps}", replayed.trace)
    };
    let lines: Vec<_> = plans(PLANS).map(|plan| line(&plan)).collect();
    if is_child() {
        lines.iter().for_each(|line| println!("run {line}"));
        return;
    }
    let other = again(
        "simulation_again::the_same_plan_is_the_same_run_in_this_process_and_in_another",
        &[],
    );
    let printed = printed(&other);
    // What the test harness says may stand before the first, in the same line.
    let others = printed.lines().filter_map(|line| line.split_once("run "));
    let others: Vec<_> = others.map(|(_, run)| run).collect();
    let others = &others[others.len() - lines.len()..];
    assert_eq!(others, lines);
}

#[test]
fn other_seeds_are_other_runs() {
    let traces = (0..200).map(|seed| Sim::new().replay(&Plan::of_seed(seed), everything).trace);
    assert_eq!(traces.collect::<HashSet<_>>().len(), 200);
}

#[test]
fn a_plan_is_read_as_it_is_printed() {
    let mut long = Plan::of_seed(u64::MAX);
    long.order = Order::Choices(vec![0, u16::MAX]);
    long.poll_cost = Duration::MAX;
    long = long.with(Fault::Slow {
        task: u32::MAX,
        delay: Duration::MAX,
    });
    for plan in plans(2_000).chain([long]) {
        assert_eq!(plan.to_string().parse(), Ok(plan));
    }
}

#[test]
fn a_plan_is_read_from_any_part_of_it() {
    assert_eq!("".parse(), Ok(Plan::of_seed(0)));
    assert_eq!("  seed=3\n".parse(), Ok(Plan::of_seed(3)));
    let fault = Fault::DropRun { step: 4 };
    assert_eq!("drop-run=4".parse(), Ok(Plan::of_seed(0).with(fault)));
}

#[test]
fn what_is_no_plan_is_refused_with_the_part_that_is_wrong() {
    for bad in [
        "seed",
        "seed=",
        "seed=-1",
        "seed=18446744073709551616",
        "order=",
        "order=backwards",
        "order=starve",
        "order=starve:x",
        "order=priorities:3",
        "order=choices:1,,2",
        "order=choices:65536",
        "spurious=101",
        "swapped=-1",
        "cost=5",
        "cost=5ms",
        "interrupt=1",
        "interrupt=1@",
        "panic=first",
        "drop=1",
        "drop-run=@2",
        "slow=1@2",
        "capacity=",
        "surprise=1",
        "=1",
    ] {
        let error: PlanError = format!("seed=1 {bad} panic=2").parse::<Plan>().unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("not a part of a plan: {bad:?}"),
            "{bad}"
        );
    }
}

#[test]
fn all_cores_make_the_runs_that_one_makes() {
    let sim = Sim::new().runs(300);
    let one = sim.explore(everything).unwrap();
    assert_eq!(one.runs, 300);
    assert_eq!(sim.on_all_cores().explore(everything), Ok(one));
}

#[test]
fn each_fault_is_tried_in_each_of_its_places() {
    let three_waits = |trial: &Trial| {
        let trial = trial.clone();
        Case::new(effect(async move |_: Cx<()>| {
            for _ in 0..3 {
                trial.droppable(yield_now()).await;
                trial.fault_point();
            }
            Ok::<_, Never>(())
        }))
    };
    let runs = |explored: Result<Explored, Box<Violation>>| explored.unwrap().runs;
    let sim = Sim::new();
    // In each place, and one and two steps after it.
    assert_eq!(runs(sim.each_interrupt(three_waits)), 3 * 3);
    // Of each place, and one step after it.
    assert_eq!(runs(sim.each_pair(three_waits)), 6 * 5 / 2);
    assert_eq!(runs(sim.each_panic(three_waits)), 3);
    // Before each of four polls and after the last, there are the run, everybody, and three handles.
    assert_eq!(runs(sim.each_drop(three_waits)), 5 * 5);
    assert_eq!(runs(sim.seeds(7).each_panic(three_waits)), 7 * 3);
}

#[test]
fn a_test_passes_if_nothing_is_wrong() {
    if env::var_os("SIM_PLAN").is_none() {
        Sim::new().runs(100).test(everything);
    }
}
