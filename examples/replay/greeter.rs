//! Somebody who greets by name, and remembers whom it has met; and when its clock says that it is.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use effect::prelude::*;

pub(crate) const NAMES: [&str; 5] = ["Jane", "John", "Sarah", "Paul", "Jane"];

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// Live events are closer together here, so that nobody has to wait.
pub(crate) const A_MOMENT: Duration = Duration::from_millis(20);

/// 2025-01-01, UTC.
pub(crate) fn new_year() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_735_689_600)
}

/// These names, one each second.
pub(crate) fn each_second(names: &[&'static str]) -> Vec<(SystemTime, &'static str)> {
    let names = names.iter().zip(0..);
    names
        .map(|(name, n)| (new_year() + SECOND * n, *name))
        .collect()
}

/// The time, as seen by whoever asks: on the day of the past events, or later.
pub(crate) fn clock(cx: &Cx<()>) -> String {
    let passed = cx.wall_now().duration_since(new_year()).unwrap_or_default();
    match passed.as_secs() {
        seconds @ ..60 => format!("00:00:{seconds:02}.{:03}", passed.subsec_millis()),
        _ => "live        ".to_owned(),
    }
}

/// An effect that prints a line, and the time.
pub(crate) fn say(line: String) -> Effect<(), Never, ()> {
    effect(async move |cx: Cx<()>| {
        println!("  {} {line}", clock(&cx));
        Ok(())
    })
    .erase_once()
}

#[derive(Clone, Default)]
pub(crate) struct Greeter {
    met: Arc<Mutex<HashSet<&'static str>>>,
}

impl Greeter {
    /// Whom it has met it knows when it is called, and not before.
    pub(crate) fn greet(&self, name: &'static str) -> Effect<(), Never, ()> {
        let met = Arc::clone(&self.met);
        sync(move || met.lock().is_ok_and(|mut met| met.insert(name)))
            .flat_map(move |new| {
                say(if new {
                    format!("Hello {name}.")
                } else {
                    format!("Hello again {name}!")
                })
            })
            .erase()
    }
}
