//! What the tests of replays share: times of their own, a log that has them, and somebody who greets.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use effect::prelude::*;
use effect::{Events, Program, Value};

pub const SECOND: Duration = Duration::from_secs(1);

/// 2025-01-01, UTC.
pub fn new_year() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_735_689_600)
}

/// So many seconds after it.
pub fn at(seconds: u64) -> SystemTime {
    new_year() + Duration::from_secs(seconds)
}

/// Seconds since the new year, with their fraction.
pub fn seconds(at: SystemTime) -> f64 {
    match at.duration_since(new_year()) {
        Ok(after) => after.as_secs_f64(),
        Err(before) => -before.duration().as_secs_f64(),
    }
}

/// What was seen, and when by the replay's clock.
#[derive(Clone, Default)]
pub struct Log {
    pub lines: Arc<Mutex<Vec<(f64, String)>>>,
}

impl Log {
    pub fn write(&self, cx: &Cx<()>, line: impl Into<String>) {
        let line = (seconds(cx.wall_now()), line.into());
        self.lines.lock().unwrap().push(line);
    }

    /// An effect that writes a line.
    pub fn note(&self, line: impl Into<String> + Send + 'static) -> Effect<(), Never, ()> {
        let log = self.clone();
        effect(async move |cx: Cx<()>| {
            log.write(&cx, line);
            Ok(())
        })
        .erase_once()
    }

    #[track_caller]
    pub fn assert(&self, expected: &[(f64, &str)]) {
        let lines = self.lines.lock().unwrap();
        let lines: Vec<_> = lines
            .iter()
            .map(|(at, line)| (*at, line.as_str()))
            .collect();
        assert_eq!(lines, expected);
    }
}

/// Runs an effect in a virtual time whose own clock, the one on the wall, stands where nobody should look.
#[track_caller]
pub fn run<E: Value, A: Value, P>(effect: Effect<(), E, A, P>) -> Exit<E, A>
where
    P: Program<(), Error = E, Value = A>,
{
    run_at(SystemTime::UNIX_EPOCH, effect)
}

/// The same, with a wall clock that shows the given time.
#[track_caller]
pub fn run_at<E: Value, A: Value, P>(wall: SystemTime, effect: Effect<(), E, A, P>) -> Exit<E, A>
where
    P: Program<(), Error = E, Value = A>,
{
    let exit = VirtualTime::new().start(wall).run(effect);
    exit.unwrap_or_else(|deadlock| panic!("{deadlock}"))
}

pub const NAMES: [&str; 5] = ["Jane", "John", "Sarah", "Paul", "Jane"];

/// One name each second.
pub fn names(count: usize) -> impl Iterator<Item = (SystemTime, &'static str)> + Send {
    (0..).map(at).zip(NAMES).take(count)
}

/// Greets by name, and knows whom it has met.
#[derive(Clone, Default)]
pub struct Greeter {
    pub met: Arc<Mutex<HashSet<&'static str>>>,
    pub log: Log,
}

impl Greeter {
    pub fn greet(&self, name: &'static str) -> Effect<(), Never, ()> {
        let new = self.met.lock().unwrap().insert(name);
        self.log.note(if new {
            format!("Hello {name}.")
        } else {
            format!("Hello again {name}!")
        })
    }
}

/// A handler that writes down the events of a stream by its name.
pub fn named<T: Value + std::fmt::Display>(
    log: &Log,
    name: &'static str,
) -> impl FnMut(SystemTime, T) -> Effect<(), Never, ()> + use<T> {
    let log = log.clone();
    move |_, value| log.note(format!("{name}{value}"))
}

pub fn past(times: impl IntoIterator<Item = u64>) -> Events<(), Never, u64> {
    let events: Vec<_> = times.into_iter().map(|n| (at(n), n)).collect();
    Events::past(events)
}

pub fn past_of<E: Value>(times: impl IntoIterator<Item = u64>) -> Events<(), E, u64> {
    let events: Vec<_> = times.into_iter().map(|n| (at(n), n)).collect();
    Events::past(events)
}
