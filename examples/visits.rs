//! Windows of event time: visits to a site, from a log whose lines are out of order.
//!
//! Run it: `cargo run --example visits`
//!
//! A visit of a client ends when nothing has come from it for ten minutes, by the times in the log. Lines may be up to two minutes
//! late; the one that is later, and the one that is no line, go to an output of their own.

use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use effect::prelude::*;
use effect::{Late, LineError, Windows};

/// A file or a socket would stand here: minutes, clients and bytes.
const LOG: &[u8] =
    b"0 ann 100\n1 bob 10\n4 ann 300\r\n3 ann 200\nnonsense\n21 bob 20\n9 ann 50\n35 ann 5";

const MINUTE: Duration = Duration::from_secs(60);

#[derive(Clone, Debug)]
struct Hit {
    minute: u32,
    client: String,
    bytes: u64,
}

#[derive(Debug, thiserror::Error)]
enum BadLine {
    #[error(transparent)]
    Unreadable(#[from] LineError<std::io::Error>),
    #[error("{line:?} is no hit")]
    NoHit { line: String },
    #[error("the hit of {} is late", .0.item.client)]
    Late(#[from] Late<Hit>),
}

fn main() -> ExitCode {
    run_main(effect(program))
}

async fn program(cx: Cx<()>) -> Result<(), Never> {
    let lines = StreamE::from_reader(LOG, 4 * 1024).lines(1024);
    let hits = lines.map_result(|line| {
        let line = line?;
        parse(&line).ok_or(BadLine::NoHit { line })
    });
    let visits = hits.windowed_fold(
        Windows::sessions(10 * MINUTE).lateness(2 * MINUTE),
        |hit| {
            (
                SystemTime::UNIX_EPOCH + hit.minute * MINUTE,
                hit.client.clone(),
            )
        },
        (0, 0),
        |(hits, bytes), hit| (hits + 1, bytes + hit.bytes),
        |(hits, bytes), (more, later)| (hits + more, bytes + later),
    );
    let bad = Channel::bounded(16);
    let (good, _) = cx.run(visits.route_errors(bad.clone()).partition()).await?;
    bad.close();
    for visit in &good {
        let began = visit.start.duration_since(SystemTime::UNIX_EPOCH);
        let (minute, (hits, bytes)) = (began.unwrap_or_default().as_secs() / 60, visit.value);
        println!(
            "{} from minute {minute}: {hits} hits, {bytes} bytes",
            visit.key
        );
    }
    let bad = cx.run(Stream::from_channel(bad).run_collect()).await?;
    for bad in &bad {
        println!("{bad}");
    }
    assert_eq!((good.len(), bad.len()), (4, 2));
    Ok(())
}

fn parse(line: &str) -> Option<Hit> {
    let mut words = line.split(' ');
    let mut word = || words.next();
    Some(Hit {
        minute: word()?.parse().ok()?,
        client: word()?.to_owned(),
        bytes: word()?.parse().ok()?,
    })
}
