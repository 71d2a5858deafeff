//! The ten operations that most programs of streams are made of, each as a function of its own.
//!
//! Run it: `cargo run --example ten_operations`
//!
//! It runs in virtual time, so what takes seconds takes none, and each operation prints exactly how long it took.

use std::fmt::Debug;
use std::time::Duration;

use effect::RateLimiter;
use effect::prelude::*;

const MILLI: Duration = Duration::from_millis(1);

fn range(from: i64, to: i64) -> Stream<(), i64> {
    Stream::range(from..to).erase()
}

fn map(numbers: Stream<(), i64>) -> Stream<(), i64> {
    numbers.map(|n| n * 2).erase()
}

fn filter(numbers: Stream<(), i64>) -> Stream<(), i64> {
    numbers.filter(|n| *n >= 3).erase()
}

fn chunks(numbers: Stream<(), i64>) -> Stream<(), Vec<i64>> {
    numbers.chunks(3).erase()
}

fn fold(numbers: Stream<(), i64>) -> Effect<(), Never, i64> {
    numbers.run_fold(0, |sum, n| sum + n).erase()
}

fn merge(left: Stream<(), i64>, right: Stream<(), i64>) -> Stream<(), i64> {
    left.merge(right).erase()
}

/// A slow consumer holds up a fast producer: no more than ten wait between the two.
fn backpressure(numbers: Stream<(), i64>) -> Effect<(), Never, Vec<i64>> {
    let channel = Channel::bounded(10);
    let closing = channel.clone();
    let producer = numbers.run_into_channel(&channel).exit();
    let producer = producer.ensuring(sync(move || closing.close()));
    let consumer = Stream::from_channel(channel).tap(|_| sleep(5 * MILLI));
    let consumer = consumer.map(|n| n * 2).into_values().run_collect();
    producer.zip_par(consumer).map(|(_, all)| all).erase()
}

/// Each element has a result of its own: one that fails ends nothing.
fn check(numbers: Stream<(), i64>) -> StreamE<(), String, i64> {
    let checked = numbers.map_effect(|n| {
        from_result(if n == 3 {
            Err(format!("failed on: {n}"))
        } else {
            Ok(n * 2)
        })
    });
    checked.erase()
}

fn rate_limited(numbers: Stream<(), i64>) -> Stream<(), i64> {
    let five_a_second = RateLimiter::new(5, Duration::from_secs(1));
    numbers.throttle(five_a_second).erase()
}

fn in_parallel(numbers: Stream<(), i64>) -> StreamE<(), Never, i64> {
    let slow = numbers.map_effect_par(4, |n| sleep(100 * MILLI).map(move |()| n));
    slow.erase()
}

fn main() {
    let exit = VirtualTime::new().run(effect(program)).unwrap();
    assert!(exit.is_success());
}

async fn program(cx: Cx<()>) -> Result<(), Never> {
    show(&cx, "range", range(0, 5).run_collect()).await?;
    show(&cx, "map", map(range(1, 4)).run_collect()).await?;
    show(&cx, "filter", filter(range(1, 6)).run_collect()).await?;
    show(&cx, "chunks", chunks(range(0, 10)).run_collect()).await?;
    show(&cx, "fold", fold(range(1, 101))).await?;
    let merged = merge(range(1, 4), range(10, 12));
    show(&cx, "merge", merged.run_collect()).await?;
    let last = backpressure(range(0, 100)).map(|all| all.last().copied());
    show(&cx, "backpressure", last).await?;
    show(&cx, "errors", check(range(1, 5)).run_collect()).await?;
    // The same stream, but the first failure ends it.
    let collected = check(range(1, 5)).collect_results().result();
    show(&cx, "errors, collected", collected).await?;
    show(&cx, "rate limit", rate_limited(range(0, 10)).run_collect()).await?;
    let parallel = in_parallel(range(0, 8)).collect_results();
    show(&cx, "in parallel", parallel).await
}

async fn show<I>(cx: &Cx<()>, name: &str, effect: I) -> Result<(), Never>
where
    I: IntoEffect<(), Error = Never, Value: Debug>,
{
    let began = cx.now();
    let value = cx.run(effect).await?;
    println!("{name}: {value:?}, after {:?}", cx.now() - began);
    Ok(())
}
