//! A run that is stopped loses nothing: its partial result has what was made of the items that were delivered, and the
//! others themselves, the one in hand and those behind it.
//!
//! Run it: `cargo run --example stopped_run`
//!
//! Readings from a channel are saved one by one, for five seconds at most, or until somebody cancels it. The first run has
//! too little time; the second goes on where that stopped, and is cancelled; the third ends by itself. The seconds are those
//! of a virtual clock, so none of this takes any.

use std::time::Duration;

use effect::prelude::*;
use effect::{CancelToken, Partial, RunStatus, Stop};

const LIMIT: Duration = Duration::from_secs(5);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let exit = VirtualTime::new().run(effect(program))?;
    assert_eq!(exit, Exit::Success(()));
    Ok(())
}

async fn program(cx: Cx<()>) -> Result<(), Never> {
    let readings = Channel::bounded(4);
    let meter = readings.clone();
    let _meter = cx.fork(effect(async move |_: Cx<()>| {
        for n in 0..40 {
            meter.send(20 + (n * 7) % 13).await?;
        }
        meter.close();
        Ok::<_, SendError<u32>>(())
    }));

    let first = cx
        .run(save(Vec::new(), &readings, &CancelToken::new()))
        .await?;
    tell(&first);

    let token = CancelToken::new();
    let operator = token.clone();
    let lunch = sleep::<_, Never>(Duration::from_secs(2)).map(move |()| operator.cancel("lunch"));
    let _operator = cx.fork(lunch);
    let second = cx.run(save(unsaved(&first), &readings, &token)).await?;
    tell(&second);

    let third = cx
        .run(save(unsaved(&second), &readings, &CancelToken::new()))
        .await?;
    tell(&third);
    assert_eq!(third.status, RunStatus::Completed);
    assert_eq!(first.delivered + second.delivered + third.delivered, 40);
    Ok(())
}

/// What has become of a run, with how many readings it has saved, and the highest of them.
type Saved = Partial<u32, Never, (u32, u32)>;

fn save(begun: Vec<u32>, readings: &Channel<u32>, token: &CancelToken) -> Effect<(), Never, Saved> {
    Stream::from_iter(begun)
        .concat(Stream::from_channel(readings.clone()))
        .report_each(10, |progress, reading| {
            let line = format!("  {} read, the last is {reading}", progress.items);
            sync::<_, Never, _, _>(move || println!("{line}"))
        })
        .run_bounded(Stop::any([Stop::after(LIMIT), Stop::token(token)]))
        .read_ahead(2)
        .fold((0, 0), |(count, highest): &mut (u32, u32), reading| {
            *count += 1;
            *highest = reading.max(*highest);
        })
        .for_each(|_| sleep(Duration::from_millis(240)))
        .erase()
}

/// What a run has taken and not saved: for the next one to begin with.
fn unsaved(saved: &Saved) -> Vec<u32> {
    let unsaved = saved.in_hand.iter().chain(&saved.buffered);
    unsaved.copied().collect()
}

fn tell(saved: &Saved) {
    let (count, highest) = saved.value;
    println!("{}: {}", saved.status, saved.tally());
    println!(
        "  {count} saved, the highest is {highest}, {:.1} per second",
        saved.rate()
    );
}
