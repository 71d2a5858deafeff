//! Windows of event time over a real log, whose lines are out of order.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::common::in_turns;
use effect::prelude::*;
use effect::{Late, Windows};

const TEN_SECONDS: Duration = Duration::from_secs(10);
const LATENESS: Duration = Duration::from_secs(7);

/// The times of the lines, in seconds since 1970, if there is a real log.
fn times() -> Option<Vec<u64>> {
    let folder = std::env::var_os("EFFECT_DATA").map(PathBuf::from);
    let shared = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data"));
    let log = std::fs::read(folder.unwrap_or_else(shared).join("apache_access.log")).ok()?;
    let log = String::from_utf8_lossy(&log).into_owned();
    let times = log.lines().map(|line| {
        let (_, rest) = line.split_once('[').expect("a time");
        let (at, _) = rest.split_once(']').expect("the end of a time");
        let at = jiff::Timestamp::strptime("%d/%b/%Y:%H:%M:%S %z", at).expect("a time");
        u64::try_from(at.as_second()).expect("after 1970")
    });
    Some(times.collect())
}

/// How many lines each window has, and how many lines are late, counted in a plain loop.
fn counted(times: &[u64]) -> (BTreeMap<u64, u64>, usize) {
    let (mut windows, mut late, mut latest) = (BTreeMap::new(), 0, 0);
    for &time in times {
        latest = latest.max(time);
        let start = time / 10 * 10;
        if start + 10 + LATENESS.as_secs() <= latest {
            late += 1;
        } else {
            *windows.entry(start).or_default() += 1;
        }
    }
    (windows, late)
}

#[test]
fn windows_of_a_real_log_are_those_of_a_plain_count() {
    let Some(times) = times() else {
        eprintln!("skipped: there is no real log; set EFFECT_DATA to a folder that has one");
        return;
    };
    let (wanted, wanted_late) = counted(&times);
    assert!(wanted_late > 0, "the log is in order");
    in_turns(async move |cx: Cx<()>| {
        let lines = Stream::from_iter(times.clone());
        let windows = lines.windowed_fold(
            Windows::tumbling(TEN_SECONDS).lateness(LATENESS),
            |time| SystemTime::UNIX_EPOCH + Duration::from_secs(*time),
            0_u64,
            |lines, _| lines + 1,
            |lines, more| lines + more,
        );
        let Ok((windows, late)) = cx.run(windows.partition()).await;
        let windows = windows.into_iter().map(|window| {
            let start = window.start.duration_since(SystemTime::UNIX_EPOCH);
            (start.unwrap().as_secs(), window.value)
        });
        assert_eq!(windows.collect::<BTreeMap<_, _>>(), wanted);
        let late: Vec<Late<u64>> = late;
        assert_eq!(late.len(), wanted_late);
    });
}
