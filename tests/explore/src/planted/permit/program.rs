//! Sections that need one permit or both, and are left in every way.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use effect::prelude::{Cx, Effect, Never, effect};
use effect::simulation::{Case, Trial};
use parking_lot::Mutex;

use super::{Acquire, Bug, Permit, Permits};

const PERMITS: usize = 2;
const ROUNDS: usize = 3;

pub(in crate::planted) fn sections(trial: &Trial, bug: Option<Bug>) -> Case<Never, ()> {
    let permits = Permits::new(PERMITS, bug);
    let log = Log::default();
    let last = (permits.clone(), log.clone());
    let trial = trial.clone();
    let program = effect(async move |cx: Cx<()>| {
        let fibers = [1, 2, 1, 1].map(|need| {
            let section = enter(&trial, &permits, &log, need);
            cx.fork_named(if need > 1 { "both" } else { "one" }, section)
        });
        for fiber in fibers {
            let _ = cx.run(fiber.exit()).await;
        }
        Ok(())
    });
    Case::new(program).check(move |_| {
        let (permits, log) = last;
        if let Some(wrong) = log.books.lock().wrong {
            panic!("{wrong}");
        }
        let free = permits.free();
        assert!(free == PERMITS, "{free} of {PERMITS} permits are left");
    })
}

fn enter(trial: &Trial, permits: &Permits, log: &Log, need: usize) -> Effect<(), Never, ()> {
    let (trial, permits, log) = (trial.clone(), permits.clone(), log.clone());
    effect(async move |cx: Cx<()>| {
        for _ in 0..ROUNDS {
            let acquired = {
                let mut arrival = Arrival::new(&log, need);
                let mut acquire = permits.acquire(need);
                let acquire = poll_fn(|task| arrival.poll(Pin::new(&mut acquire), task));
                trial.droppable(acquire).await
            };
            log.look_at(&permits);
            let Some(permit) = acquired else {
                return Ok(());
            };
            let inside = Inside::new(&log, permit, need);
            trial.fault_point();
            cx.sleep(Duration::from_millis(cx.random() % 3)).await;
            trial.fault_point();
            drop(inside);
            log.look_at(&permits);
        }
        Ok(())
    })
    .erase_once()
}

/// Who waits, and who is inside.
#[derive(Clone, Default)]
struct Log {
    books: Arc<Mutex<Books>>,
}

#[derive(Default)]
struct Books {
    arrived: u64,
    /// In the order in which they came, with what they need.
    waiting: Vec<(u64, usize)>,
    inside: usize,
    wrong: Option<&'static str>,
}

impl Log {
    fn look_at(&self, permits: &Permits) {
        if permits.is_idle() {
            self.wrong("there is what somebody waits for");
        }
    }

    fn wrong(&self, what: &'static str) {
        self.books.lock().wrong.get_or_insert(what);
    }
}

/// Somebody who waits as long as this is alive.
struct Arrival {
    log: Log,
    need: usize,
    number: Option<u64>,
}

impl Arrival {
    fn new(log: &Log, need: usize) -> Self {
        Arrival {
            log: log.clone(),
            need,
            number: None,
        }
    }

    fn poll(&mut self, acquire: Pin<&mut Acquire>, task: &mut Context<'_>) -> Poll<Permit> {
        let number = *self.number.get_or_insert_with(|| {
            let mut books = self.log.books.lock();
            books.arrived += 1;
            let number = books.arrived;
            books.waiting.push((number, self.need));
            number
        });
        let acquired = acquire.poll(task);
        if acquired.is_ready() {
            // Of those who need one, two may be granted at once, and go on in any order.
            let first = self.log.books.lock().waiting.first().copied();
            if first.is_some_and(|(first, need)| first < number && need == PERMITS) {
                self.log.wrong("somebody goes past one who waits for all");
            }
        }
        acquired
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        let mut books = self.log.books.lock();
        books
            .waiting
            .retain(|(number, _)| Some(*number) != self.number);
    }
}

/// Somebody who is inside as long as this is alive.
struct Inside {
    log: Log,
    need: usize,
    _permit: Permit,
}

impl Inside {
    fn new(log: &Log, permit: Permit, need: usize) -> Self {
        let inside = {
            let mut books = log.books.lock();
            books.inside += need;
            books.inside
        };
        if inside > PERMITS {
            log.wrong("more are inside than there are permits");
        }
        Inside {
            log: log.clone(),
            need,
            _permit: permit,
        }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.log.books.lock().inside -= self.need;
    }
}
