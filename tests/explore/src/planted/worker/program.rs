//! A stage of two workers between a feeder, a sink and a reader of errors, and what has to add up.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};

use effect::prelude::*;
use effect::simulation::{Case, Trial};
use effect::yield_now;
use parking_lot::Mutex;

use super::{Bug, Channel, Done, Failed, Ledger, Outlet, Worker};

const ITEMS: u64 = 7;

const WORKERS: usize = 2;

/// The item that waits until the next one has begun, on the other worker.
const PATIENT: u64 = 1;

pub(in crate::planted) fn stage(trial: &Trial, bug: Option<Bug>) -> Case<Never, ()> {
    let stage = Stage {
        bug,
        trial: trial.clone(),
        input: Channel::bounded(trial.capacity(4), None),
        output: Channel::bounded(trial.capacity(2), None),
        errors: Channel::bounded(1, None),
        ledger: Arc::default(),
        seen: Arc::default(),
    };
    let last = stage.clone();
    let program = effect(async move |cx: Cx<()>| {
        let outlet = Outlet::new(&stage.output, bug);
        let workers = [(); WORKERS].map(|()| {
            let worker = stage.worker(outlet.clone());
            cx.fork_named("worker", worker)
        });
        drop(outlet);
        let others = [
            cx.fork_named("feeder", stage.feeder()),
            cx.fork_named("sink", stage.sink()),
            cx.fork_named("reader", stage.reader()),
        ];
        let mut well = true;
        for worker in workers {
            let exit = cx.run(worker.exit()).await?;
            if let Some(cause) = exit.cause() {
                assert!(!cause.is_die(), "a worker has ended: {cause}");
            }
            well &= exit.value().is_some_and(Option::is_some);
        }
        // Everybody else is done when the workers are, or has something to wait for no more.
        stage.errors.close();
        for other in others {
            well &= cx.run(other.exit()).await?.value() == Some(&true);
        }
        stage.seen.lock().well = well;
        Ok(())
    });
    Case::new(program).check(move |exit| {
        if let Some(cause) = exit.as_ref().and_then(Exit::cause) {
            assert!(cause.is_interrupt(), "{cause}");
        }
        last.check();
    })
}

/// What all share.
#[derive(Clone)]
struct Stage {
    bug: Option<Bug>,
    trial: Trial,
    input: Channel<u64>,
    output: Channel<u64>,
    errors: Channel<Failed>,
    ledger: Arc<Ledger>,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    begun: BTreeSet<u64>,
    twice: Option<u64>,
    delivered: u64,
    failed: u64,
    /// Workers who have left.
    left: usize,
    /// One of them has found the input ended.
    ended: bool,
    waiting: Vec<Waker>,
    /// Nobody was interrupted, and nobody gave up.
    well: bool,
}

impl Stage {
    fn worker(&self, output: Outlet) -> Effect<(), Never, Option<Done>> {
        let stage = self.clone();
        let leaving = Leaving(self.clone());
        effect(async move |_: Cx<()>| {
            let running = stage.clone();
            let worker = Worker {
                bug: stage.bug,
                run: move |item, attempt| running.clone().run(item, attempt),
                input: stage.input.clone(),
                output,
                errors: stage.errors.clone(),
                ledger: Arc::clone(&stage.ledger),
            };
            let done = stage.trial.droppable(worker.work()).await;
            stage.seen.lock().ended |= done == Some(Done::InputEnded);
            drop(leaving);
            Ok(done)
        })
        .erase_once()
    }

    /// What is done with an item: some fail once, some always, and one waits for another.
    async fn run(self, item: u64, attempt: u32) -> Result<u64, ()> {
        if attempt == 1 {
            self.begin(item);
        }
        self.trial.fault_point();
        match item {
            PATIENT => poll_fn(|task| self.poll_begun(PATIENT + 1, task)).await,
            _ if item.is_multiple_of(3) => yield_now().await,
            _ => {}
        }
        let fails = item % 4 == 3 || item % 4 == 2 && attempt == 1;
        if fails { Err(()) } else { Ok(item) }
    }

    fn begin(&self, item: u64) {
        let waiting = {
            let mut seen = self.seen.lock();
            if !seen.begun.insert(item) {
                seen.twice = Some(item);
            }
            std::mem::take(&mut seen.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Ready when an item has begun, or nobody is there to begin it.
    fn poll_begun(&self, item: u64, task: &Context<'_>) -> Poll<()> {
        let mut seen = self.seen.lock();
        if seen.begun.contains(&item) || seen.left > 0 {
            return Poll::Ready(());
        }
        seen.waiting.push(task.waker().clone());
        Poll::Pending
    }

    fn feeder(&self) -> Effect<(), Never, bool> {
        let input = self.input.clone();
        let closing = Closing(self.input.clone());
        effect(async move |_: Cx<()>| {
            for item in 0..ITEMS {
                if input.send(item).await.is_err() {
                    return Ok(false);
                }
            }
            drop(closing);
            Ok(true)
        })
        .erase_once()
    }

    fn sink(&self) -> Effect<(), Never, bool> {
        let (trial, output, seen) = (
            self.trial.clone(),
            self.output.clone(),
            Arc::clone(&self.seen),
        );
        let closing = Closing(self.output.clone());
        effect(async move |_: Cx<()>| {
            let all = trial.droppable(async {
                while output.receive().await.is_ok() {
                    seen.lock().delivered += 1;
                    yield_now().await;
                }
            });
            let all = all.await.is_some();
            drop(closing);
            Ok(all)
        })
        .erase_once()
    }

    fn reader(&self) -> Effect<(), Never, bool> {
        let (trial, errors, seen) = (
            self.trial.clone(),
            self.errors.clone(),
            Arc::clone(&self.seen),
        );
        let closing = Closing(self.errors.clone());
        effect(async move |_: Cx<()>| {
            let all = trial.droppable(async {
                while errors.receive().await.is_ok() {
                    seen.lock().failed += 1;
                    yield_now().await;
                }
            });
            let all = all.await.is_some();
            drop(closing);
            Ok(all)
        })
        .erase_once()
    }

    /// What has to add up, however everybody has ended.
    fn check(&self) {
        let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        let Ledger {
            received,
            delivered,
            failed,
            abandoned,
        } = &*self.ledger;
        let (received, delivered) = (count(received), count(delivered));
        let (failed, abandoned) = (count(failed), count(abandoned));
        let seen = self.seen.lock();
        if let Some(twice) = seen.twice {
            panic!("item {twice} has begun twice");
        }
        let fates = delivered + failed + abandoned;
        assert!(
            fates == received,
            "{received} were received: {delivered} delivered, {failed} failed, {abandoned} abandoned"
        );
        let begun = seen.begun.len() as u64;
        assert!(
            received == begun,
            "{received} were received, and {begun} begun"
        );
        let sunk = seen.delivered + self.output.drain().len() as u64;
        assert!(
            delivered == sunk,
            "{delivered} were delivered, and {sunk} came"
        );
        let told = seen.failed + self.errors.drain().len() as u64;
        assert!(
            failed == told,
            "{failed} have failed, and {told} were told of"
        );
        let left = self.input.drain().len();
        assert!(
            !seen.ended || left == 0,
            "the input had ended, and {left} are left in it"
        );
        assert!(
            !seen.well || abandoned == 0,
            "nobody was interrupted, and {abandoned} were abandoned"
        );
    }
}

/// Nobody waits for a worker who has left, and the last one closes the input.
struct Leaving(Stage);

impl Drop for Leaving {
    fn drop(&mut self) {
        let (left, waiting) = {
            let mut seen = self.0.seen.lock();
            seen.left += 1;
            (seen.left, std::mem::take(&mut seen.waiting))
        };
        waiting.into_iter().for_each(Waker::wake);
        if left == WORKERS {
            self.0.input.close();
        }
    }
}

/// Closes a channel when its end is dropped.
struct Closing<T>(Channel<T>);

impl<T> Drop for Closing<T> {
    fn drop(&mut self) {
        self.0.close();
    }
}
