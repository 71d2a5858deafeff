//! An hour of waiting takes no time, and a seed is one order of events, which anybody can have again.
//!
//!     cargo run --example an_hour_in_a_millisecond

use std::time::Duration;

use effect::prelude::*;

const MINUTE: Duration = Duration::from_secs(60);

/// A sensor that is asked every minute, for an hour.
fn watch(readings: Channel<u64>) -> Effect<(), Never, ()> {
    let close = readings.clone();
    effect(async move |cx: Cx<()>| {
        for _ in 0..60 {
            cx.sleep(MINUTE).await;
            let _ = readings.send(cx.random() % 100).await;
        }
        Ok(())
    })
    .ensuring(sync(move || close.close()))
    .erase()
}

/// The highest reading of an hour, and how long that took.
fn highest() -> Effect<(), Never, (u64, Duration)> {
    effect(async |cx: Cx<()>| {
        let begun = cx.now();
        let readings = Channel::bounded(4);
        let watcher = cx.fork_named("watcher", watch(readings.clone()));
        let highest = Stream::from_channel(readings).run_fold(0, u64::max);
        let highest = cx.run(highest).await?;
        cx.run(watcher.join()).await?;
        Ok((highest, cx.now() - begun))
    })
    .erase()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for seed in [1, 2] {
        let first = VirtualTime::new().seed(seed).run(highest())?;
        let again = VirtualTime::new().seed(seed).run(highest())?;
        assert_eq!(first, again);
        let (_, passed) = first.value().ok_or("it cannot fail")?;
        println!(
            "seed {seed}: {} minutes, twice the same",
            passed.as_secs() / 60
        );
    }

    // Nobody ever sends, and nobody closes the channel: that is told at once, and not waited for.
    let silent = Channel::<u64>::bounded(1);
    let waiting = effect(async move |_: Cx<()>| Ok::<_, Never>(silent.receive().await));
    let Err(deadlock) = VirtualTime::new().run(waiting) else {
        return Err("this has to be a deadlock".into());
    };
    assert!(deadlock.to_string().contains("an item from a channel"));
    println!("a deadlock after {:?}", deadlock.after());
    Ok(())
}
