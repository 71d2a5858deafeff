//! What the tests of effects share: the runtimes that each runs on, and a log that effects write to.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "every test file uses its part of this"
)]

pub mod jumping;
pub mod pipelines;
pub mod steps;
pub mod programs;
pub mod replays;
pub mod simulated;
pub mod small_stack;
pub mod watched;
pub mod witness;
pub mod elements;
pub mod operators;
pub mod dice;
pub mod laws;
pub mod processes;
pub mod threads;

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use effect::prelude::*;
use futures::FutureExt;

use self::threads::Threads;

/// An effect as most tests want it.
pub type Task = Effect<(), &'static str, ()>;

/// What effects did, in order.
#[derive(Clone, Default)]
pub struct Log {
    lines: Arc<Mutex<Vec<String>>>,
}

impl Log {
    pub fn new() -> Self {
        Log::default()
    }

    pub fn write(&self, line: impl Into<String>) {
        self.lines.lock().unwrap().push(line.into());
    }

    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    pub fn clear(&self) {
        self.lines.lock().unwrap().clear();
    }

    pub fn count(&self) -> usize {
        self.lines.lock().unwrap().len()
    }

    /// An effect that writes a line.
    pub fn note(&self, line: &'static str) -> Effect<(), Never, ()> {
        let log = self.clone();
        sync(move || log.write(line)).erase()
    }

    /// An effect that writes a line after a while, as an async finalizer does.
    pub fn note_after(&self, delay: Duration, line: &'static str) -> Effect<(), Never, ()> {
        let log = self.clone();
        sleep(delay).map(move |()| log.write(line)).erase()
    }
}

pub const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

pub const fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A number each so often, the first after so long, for ever.
pub fn ticks(interval: Duration) -> Stream<(), u64> {
    Stream::from_iter(0..)
        .tap(move |_| sleep::<_, Never>(interval))
        .into_values()
        .erase()
}

/// How many of the orders that chance may choose [`everywhere`] looks at.
const SEEDS: u64 = 1_000;

/// And how many [`heavily`] does.
const HEAVY_SEEDS: u64 = 50;

/// How often [`on_both`] has threads run a body, and [`everywhere`].
const FEW_THREADED: u64 = 3;
const MANY_THREADED: u64 = 20;

/// Runs a test's body in virtual time, by turns, on tokio, in its paused time, and a few times on threads.
///
/// The body runs more than once, so what it looks at is made in it. On threads, nothing is known of the order in which
/// fibers that can go on do so: what holds only by turns is tested [`in_turns`].
#[track_caller]
pub fn on_both<F, Fut>(body: F)
where
    F: FnOnce(Cx<()>) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    in_turns(body.clone());
    on_threads(FEW_THREADED, body);
}

/// As [`on_both`], and then in orders that chance chooses, and more often on threads: for tests that hold in any.
#[track_caller]
pub fn everywhere<F, Fut>(body: F)
where
    F: FnOnce(Cx<()>) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    in_turns(body.clone());
    by_chance(SEEDS, body.clone());
    on_threads(MANY_THREADED, body);
}

/// As [`everywhere`], in fewer orders: for tests that would take many seconds there. Each says what it is that does.
#[track_caller]
pub fn heavily<F, Fut>(body: F)
where
    F: FnOnce(Cx<()>) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    on_both(body.clone());
    by_chance(HEAVY_SEEDS, body);
}

/// As [`everywhere`], without threads: for tests that hold in any order, but only where nobody runs at the same time.
/// Each says why.
#[track_caller]
pub fn on_one_thread<F, Fut>(body: F)
where
    F: FnOnce(Cx<()>) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    in_turns(body.clone());
    by_chance(SEEDS, body);
}

/// Runs a test's body in virtual time, and on tokio, in its paused time: on one thread, where fibers take turns.
///
/// For tests that say who is next, or how often somebody is polled: each says why it cannot say less.
#[track_caller]
pub fn in_turns<F, Fut>(body: F)
where
    F: FnOnce(Cx<()>) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    run_by(Order::Turns, test(body.clone()));
    run_by(Order::Tokio, test(body));
}

/// Runs a test's body in orders that chance chooses, on one thread.
#[track_caller]
pub fn by_chance<F, Fut>(seeds: u64, body: F)
where
    F: FnOnce(Cx<()>) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    for seed in 0..seeds {
        run_by(Order::Chance { seed }, test(body.clone()));
    }
}

/// Runs a test's body on threads, so often.
#[track_caller]
pub fn on_threads<F, Fut>(times: u64, body: F)
where
    F: FnOnce(Cx<()>) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    for run in 0..times {
        run_by(Order::Threads { run }, test(body.clone()));
    }
}

/// Erased, so that what drives it is compiled once a file, and not once a test.
fn test<F, Fut>(body: F) -> Effect<(), Never, ()>
where
    F: FnOnce(Cx<()>) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    effect(move |cx| body(cx).map(Ok)).erase_once()
}

/// Who says which fiber is next.
#[derive(Clone, Copy)]
enum Order {
    Turns,
    Tokio,
    Chance { seed: u64 },
    Threads { run: u64 },
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Order::Turns => write!(f, "in virtual time, by turns"),
            Order::Tokio => write!(f, "on tokio, in its paused time"),
            Order::Chance { seed } => write!(f, "in virtual time, with seed {seed}"),
            Order::Threads { run } => write!(f, "on threads, run {run}"),
        }
    }
}

/// A panic of the test is a defect of its exit, and is one here again.
#[track_caller]
fn run_by(order: Order, test: Effect<(), Never, ()>) {
    let exit = match order {
        Order::Turns => told(VirtualTime::new().run(test)),
        Order::Tokio => Ok(virtual_runtime().block_on(test.run_exit())),
        Order::Chance { seed } => told(VirtualTime::new().seed(seed).run(test)),
        Order::Threads { run } => told(Threads::run(run, |threads| test.run_on(threads))),
    };
    match exit {
        Ok(Exit::Success(())) => {}
        Ok(Exit::Failure(cause)) => panic!("{order}: {cause}"),
        Err(deadlock) => panic!("{order}: {deadlock}"),
    }
}

/// A deadlock in words.
fn told<T>(run: Result<T, impl fmt::Display>) -> Result<T, String> {
    run.map_err(|deadlock| deadlock.to_string())
}

/// A tokio runtime on one thread, in paused time.
pub fn virtual_runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
}

/// Runs a future on tokio, in its paused time: for tests of what is tokio's.
pub fn in_virtual_time<T>(future: impl Future<Output = T>) -> T {
    virtual_runtime().block_on(future)
}

/// Runs an effect as a root fiber beside the test's own, and has its exit.
pub fn exit_of<E, A, P>(
    cx: &Cx<()>,
    effect: Effect<(), E, A, P>,
) -> impl Future<Output = Exit<E, A>> + Send + use<E, A, P>
where
    E: effect::Value,
    A: effect::Value,
    P: effect::Program<(), Error = E, Value = A>,
{
    effect.run_on(Arc::clone(cx.runtime()))
}

/// The whole seconds that a future takes, and what it yields.
pub async fn timed<T>(cx: &Cx<()>, future: impl Future<Output = T>) -> (u64, T) {
    let begin = cx.now();
    let output = future.await;
    ((cx.now() - begin).as_secs(), output)
}

/// The reasons of a cause, printed without the places of its defects.
pub fn reasons<E: std::fmt::Display>(cause: &Cause<E>) -> Vec<String> {
    cause
        .reasons()
        .iter()
        .map(|reason| match reason {
            effect::Reason::Fail(error) => format!("fail {error}"),
            effect::Reason::Die(defect) => format!("die {}", defect.message()),
            effect::Reason::Interrupt(_) => "interrupt".to_owned(),
        })
        .collect()
}
