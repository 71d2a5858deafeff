//! A worker that is written by hand loses an item when it is interrupted; a pipeline accounts for each, whatever happens.
//!
//! Run it: `cargo run --example simulate_a_pipeline`
//!
//! The simulator interrupts the worker in each of the places where it waits, and prints the plan of the run in which an
//! item is lost; the same line shows it again. Then a pipeline has the same items and the same work, under thousands of
//! plans: each item is delivered, failed, reported as abandoned, or still in the input.

use std::error::Error;
use std::time::Duration;

use effect::prelude::*;
use effect::simulation::{Case, Plan, Sim, Trial};
use futures::FutureExt;

const ITEMS: u64 = 4;

fn main() -> Result<(), Box<dyn Error>> {
    let sim = Sim::new();
    let Err(violation) = sim.each_interrupt(by_hand) else {
        return Err("the worker has to lose an item".into());
    };
    let line = violation.plan.to_string();
    println!("by hand:        {}", violation.what);
    println!("the plan:       {line}");
    let plan: Plan = line.parse()?;
    let again = sim.replay(&plan, by_hand).wrong.ok_or("it has to again")?;
    println!("by that plan:   {again}");
    assert_eq!(again, "item 0 is lost");
    assert_eq!(again, violation.what);

    println!("by a pipeline:");
    let chance = sim.runs(2_000).explore(by_pipeline)?;
    println!("{:>6} plans that chance has made", chance.runs);
    let one = sim.each_interrupt(by_pipeline)?;
    println!("{:>6} interrupts of one", one.runs);
    let two = sim.each_pair(by_pipeline)?;
    println!("{:>6} interrupts of two", two.runs);
    let dropped = sim.each_drop(by_pipeline)?;
    println!("{:>6} ways to drop or stop all of it", dropped.runs);
    println!("no item was lost");
    assert_eq!(chance.runs, 2_000);
    assert!(one.runs > 0 && two.runs > one.runs && dropped.runs > 0);
    Ok(())
}

/// What is done to an item: it takes its time, and panics where a plan says so.
fn work(trial: &Trial, item: u64) -> Effect<(), Never, u64> {
    let trial = trial.clone();
    let wait = sleep(Duration::from_millis(5));
    wait.map(move |()| {
        trial.fault_point();
        item
    })
    .erase_once()
}

/// Receives, works, sends: between the first and the last, an item is in nobody's books.
fn by_hand(trial: &Trial) -> Case<Never, ()> {
    let (input, output) = (full_of_items(), Channel::bounded(ITEMS as usize));
    let (from, to, trial) = (input.clone(), output.clone(), trial.clone());
    let worker = effect(async move |cx: Cx<()>| {
        while let Ok(item) = from.receive().await {
            let item = cx.run(work(&trial, item)).await?;
            let _ = to.send(item).await;
        }
        Ok(())
    });
    Case::new(worker).check(move |_| {
        let there = [rest(&input), rest(&output)].concat();
        for item in 0..ITEMS {
            assert!(there.contains(&item), "item {item} is lost");
        }
    })
}

/// The same items and the same work, by a pipeline with two workers, which may be dropped half-way.
fn by_pipeline(trial: &Trial) -> Case<Never, ()> {
    let (input, output) = (full_of_items(), Channel::bounded(ITEMS as usize));
    let works = trial.clone();
    let connected = Pipeline::from_channel(input.clone())
        .via(stage("work", move |item| work(&works, item)).workers(2))
        .to_channel(output.clone())
        .with_error_channel(Channel::bounded(ITEMS as usize));
    let (trial, progress, run) = (trial.clone(), connected.handle(), connected.run());
    let program = effect(async move |cx: Cx<()>| {
        drop(trial.droppable(cx.run(run.exit())).await);
        Ok(())
    });
    Case::new(program).check(move |_| {
        let report = progress.report();
        let fates = report.delivered + report.failed + report.abandoned;
        assert_eq!(fates + rest(&input).len() as u64, ITEMS, "{report}");
        assert_eq!(rest(&output).len() as u64, report.delivered, "{report}");
    })
}

/// A channel with all items in it, and no more to come.
fn full_of_items() -> Channel<u64> {
    let input = Channel::bounded(ITEMS as usize);
    let sent = input.send_many(0..ITEMS).now_or_never();
    assert_eq!(sent, Some(Ok(())), "there is room for all");
    input.close();
    input
}

/// What is in a channel.
fn rest(channel: &Channel<u64>) -> Vec<u64> {
    std::iter::from_fn(|| channel.receive().now_or_never()?.ok()).collect()
}
