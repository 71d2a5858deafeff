//! A pipeline loses nothing and leaves nothing behind, in whatever order its fibers run and whenever it is interrupted.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use effect::prelude::*;
use effect::yield_now;

const SEEDS: u64 = 2_000;
const ITEMS: u64 = 30;

/// How many items were begun, and how many finalizers of theirs have run.
#[derive(Clone, Default)]
struct Finalized {
    begun: Arc<AtomicUsize>,
    ended: Arc<AtomicUsize>,
}

/// Waits by chance, fails, dies, and has a finalizer that takes its time.
fn work(n: u64, finalized: &Finalized) -> Effect<(), u64, u64> {
    let Finalized { begun, ended } = finalized.clone();
    effect(async move |cx: Cx<()>| {
        begun.fetch_add(1, Ordering::Relaxed);
        match cx.random() % 4 {
            0 => yield_now().await,
            1 => cx.sleep(Duration::from_millis(cx.random() % 5)).await,
            _ => {}
        }
        assert!(n % 11 != 5, "a bug");
        if n % 7 == 3 { Err(n) } else { Ok(n) }
    })
    .ensuring(sleep(Duration::from_millis(n % 3)).map(move |()| {
        ended.fetch_add(1, Ordering::Relaxed);
    }))
    .erase()
}

/// Runs a pipeline that is interrupted in one of three runs, and has the seed decide everything else as well.
#[track_caller]
fn check(seed: u64) {
    let finalized = Finalized::default();
    let tally = finalized.clone();
    // With rendezvous on either side, and without.
    let place = |n: u64| usize::try_from(n % 3).expect("below three");
    let input = Channel::bounded(place(seed));
    let output = Channel::bounded(place(seed / 3));
    let errors = Channel::bounded(place(seed / 9));
    let connected = Pipeline::from_channel(input.clone())
        .via(stage("work", move |n| work(n, &tally)).workers(2))
        .via(stage("pass", |n: u64| async move { Ok(n) }).workers(3))
        .to_channel(output.clone())
        .with_error_channel(errors.clone());
    let handle = connected.handle();
    let run = connected.run();
    let program = effect(async move |cx: Cx<()>| {
        let run = cx.fork_named("pipeline", run);
        let sender = input.clone();
        let sending = cx.fork_named("sender", async move {
            for n in 0..ITEMS {
                if sender.send(n).await.is_err() {
                    break;
                }
            }
            sender.close();
            Ok::<_, Never>(())
        });
        let outputs = cx.fork(Stream::from_channel(output).run_fold(0, |n: u64, _| n + 1));
        let failures = cx.fork(Stream::from_channel(errors).run_fold(0, |n: u64, _| n + 1));
        let interrupts = cx.random().is_multiple_of(3);
        if interrupts {
            for _ in 0..cx.random() % 60 {
                yield_now().await;
            }
            cx.sleep(Duration::from_millis(cx.random() % 20)).await;
            drop(cx.run(run.interrupt()).await);
        } else {
            drop(cx.run(run.exit()).await);
        }
        let Ok(_) = cx.run(sending.interrupt()).await;
        let counts = (
            cx.run(outputs.join()).await?,
            cx.run(failures.join()).await?,
        );
        input.close();
        let mut left = 0;
        while input.receive().await.is_ok() {
            left += 1;
        }
        Ok::<_, Never>((interrupts, counts, left))
    });
    let exit = VirtualTime::new()
        .seed(seed)
        .run(program)
        .unwrap_or_else(|deadlock| panic!("seed {seed}: {deadlock}"));
    let (interrupted, counts, left) = *exit.value().expect("it cannot fail");
    let report = handle.report();
    assert_eq!(report.in_flight(), 0, "seed {seed}: {report}");
    assert_eq!(
        (report.delivered, report.failed),
        counts,
        "seed {seed}: {report}"
    );
    assert!(
        report.received + left <= ITEMS,
        "seed {seed}: {report}, {left} left"
    );
    if !interrupted {
        assert_eq!(
            (report.received, report.abandoned),
            (ITEMS, 0),
            "seed {seed}"
        );
    }
    let begun = finalized.begun.load(Ordering::Relaxed);
    assert_eq!(
        finalized.ended.load(Ordering::Relaxed),
        begun,
        "seed {seed}"
    );
}

#[test]
fn it_loses_nothing_under_any_seed() {
    for seed in 0..SEEDS {
        check(seed);
    }
}
