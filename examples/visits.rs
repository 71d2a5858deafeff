//! Windows of event time: requests for each minute, and visits of each client, from a web server's access log.
//!
//!     cargo run --example visits                                  # the sample in this repository
//!     cargo run --example visits -- /var/log/apache2/access.log
//!
//! Both come of one run over the log, which is broadcast. What counts are the times in its lines: a visit ends when nothing has come from its client for
//! half an hour. A line may be ten seconds late, behind the latest that was read; one that is later goes to an output of its
//! own, as does a line that is none.

use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use effect::prelude::*;
use effect::{Late, LineError, Windows};

const SAMPLE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/examples/data/out_of_order.log"
);

const MINUTE: Duration = Duration::from_secs(60);
const LATENESS: Duration = Duration::from_secs(10);

#[derive(Clone, Debug)]
struct Hit {
    at: jiff::Timestamp,
    client: String,
}

impl Hit {
    fn time(&self) -> SystemTime {
        self.at.into()
    }
}

/// Why a line is in no window.
#[derive(Clone, Debug, thiserror::Error)]
enum BadLine {
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    #[error("no client, or no time: {0}")]
    NoHit(String),
    #[error("{:?} late: {} at {}", .0.behind, .0.item.client, .0.item.at)]
    Late(#[from] Late<Hit>),
}

fn main() -> ExitCode {
    run_main(effect(program).scoped())
}

async fn program(cx: Cx<()>) -> Result<(), std::io::Error> {
    let path = std::env::args().nth(1).unwrap_or_else(|| SAMPLE.to_owned());
    let file = tokio::fs::File::open(path).await?;
    let lines = StreamE::from_reader(file, 64 * 1024).lines(16 * 1024);
    let hits = lines.map_result(|line: Result<_, LineError<_>>| {
        let line = line.map_err(|error| BadLine::Unreadable(error.to_string()))?;
        parse(&line).ok_or(BadLine::NoHit(line))
    });
    let Ok([one, other]) = cx.run(hits.broadcast(256)).await;

    let minutes = one.windowed_fold(
        Windows::tumbling(MINUTE).lateness(LATENESS),
        Hit::time,
        0,
        |hits, _| hits + 1,
        |hits, more| hits + more,
    );
    let visits = other.windowed_fold(
        Windows::sessions(30 * MINUTE).lateness(LATENESS),
        |hit| (hit.time(), hit.client.clone()),
        0,
        |hits, _| hits + 1,
        |hits, more| hits + more,
    );
    let both = minutes.partition().zip_par(visits.partition());
    let Ok(((mut minutes, bad), (mut visits, _))) = cx.run(both).await;

    let hits: u64 = minutes.iter().map(|minute| minute.value).sum();
    println!("{hits} requests in {} minutes, the busiest:", minutes.len());
    minutes.sort_by_key(|minute| std::cmp::Reverse(minute.value));
    for minute in minutes.iter().take(3) {
        println!("  {}: {}", show(minute.start), minute.value);
    }
    println!("{} visits, the longest:", visits.len());
    visits.sort_by_key(|visit| std::cmp::Reverse(visit.value));
    for visit in visits.iter().take(3) {
        println!(
            "  {} from {}: {}",
            visit.key,
            show(visit.start),
            visit.value
        );
    }
    println!("{} lines are in no window, such as:", bad.len());
    for bad in bad.iter().take(3) {
        println!("  {bad}");
    }
    Ok(())
}

/// Of `host ident user [day/month/year:hour:minute:second zone] ...`, who and when.
fn parse(line: &str) -> Option<Hit> {
    let (client, rest) = line.split_once(' ')?;
    let (_, rest) = rest.split_once('[')?;
    let (at, _) = rest.split_once(']')?;
    Some(Hit {
        at: jiff::Timestamp::strptime("%d/%b/%Y:%H:%M:%S %z", at).ok()?,
        client: client.to_owned(),
    })
}

fn show(time: SystemTime) -> String {
    jiff::Timestamp::try_from(time).map_or_else(|_| format!("{time:?}"), |at| at.to_string())
}
