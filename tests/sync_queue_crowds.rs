//! Whoever offers and takes, and goes at any moment: a queue loses nothing, and gives nothing twice.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::everywhere;
use crate::sync_queue::drain;
use effect::prelude::*;
use effect::simulation::{Case, Sim, Tickets, Trial};
use effect::sync::Queue;
use effect::yield_now;

/// What those share who offer and take in a simulation.
#[derive(Clone)]
struct Between {
    trial: Trial,
    queue: Queue<u64>,
    tickets: Tickets,
    /// The tickets of which the queue has said that they are in.
    accepted: Arc<Mutex<BTreeSet<u64>>>,
    takers: Arc<AtomicUsize>,
    offerers: Arc<AtomicUsize>,
}

/// Counts who waits, as long as it is alive.
struct Waiting(Arc<AtomicUsize>);

impl Waiting {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Waiting(Arc::clone(count))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Between {
    fn new(trial: &Trial, queue: Queue<u64>) -> Self {
        Between {
            trial: trial.clone(),
            queue,
            tickets: trial.tickets(),
            accepted: Arc::default(),
            takers: Arc::default(),
            offerers: Arc::default(),
        }
    }

    async fn offer(self, cx: Cx<()>, many: bool) -> Result<(), Never> {
        let mut items: Vec<_> = (0..4).map(|_| self.tickets.issue()).collect();
        if many {
            let all = items.clone();
            let waiting = Waiting::new(&self.offerers);
            let offered = self.trial.droppable(self.queue.offer_all(items)).await;
            drop(waiting);
            if let Some(Ok(())) = offered {
                self.accepted.lock().unwrap().extend(all);
            }
            return Ok(());
        }
        for item in items.drain(..) {
            let waiting = Waiting::new(&self.offerers);
            let offered = self.trial.droppable(self.queue.offer(item)).await;
            drop(waiting);
            if let Some(Ok(())) = offered {
                self.accepted.lock().unwrap().insert(item);
            }
            if cx.random().is_multiple_of(2) {
                yield_now().await;
            }
        }
        Ok(())
    }

    async fn take(self, how: usize) -> Result<(), Never> {
        loop {
            let waiting = Waiting::new(&self.takers);
            let taken = match how {
                0 => {
                    let one = self.trial.droppable(self.queue.take()).await;
                    one.map(|taken| taken.map(|item| vec![item]))
                }
                1 => self.trial.droppable(self.queue.take_many(3)).await,
                _ => self.trial.droppable(self.queue.take_between(2, 3)).await,
            };
            drop(waiting);
            let Some(Ok(items)) = taken else {
                return Ok(());
            };
            for item in items {
                self.tickets.settle(item, "taken");
            }
        }
    }

    /// Takes what is left, after the end.
    fn settle(&self) {
        for item in self.queue.abort() {
            self.tickets.settle(item, "left");
        }
    }
}

/// Three who offer and some who take, any of whom may go at any moment: what was accepted is taken, or left.
fn comings_and_goings(
    trial: &Trial,
    queue: Queue<u64>,
    takers: &'static [usize],
) -> Case<Never, ()> {
    let between = Between::new(trial, queue);
    let looks = between.clone();
    trial.when_idle(move || {
        let wait = |count: &AtomicUsize| count.load(Ordering::Relaxed) > 0;
        let (offer, take) = (wait(&looks.offerers), wait(&looks.takers));
        let (len, capacity) = (looks.queue.len(), looks.queue.capacity());
        let expect = |holds, what| looks.trial.expect(holds, what);
        expect(!take || len == 0, "a taker waits for an item that is there");
        expect(
            !offer || len >= capacity,
            "an offer waits for room that is there",
        );
        expect(!(offer && take), "an offer and a taker wait for each other");
    });
    let after = between.clone();
    let program = effect(async move |cx: Cx<()>| {
        let offers = [true, false, false].map(|many| {
            let between = between.clone();
            cx.fork(effect(move |cx| between.offer(cx, many)))
        });
        let takers = takers.iter().map(|how| cx.fork(between.clone().take(*how)));
        let takers: Vec<_> = takers.collect();
        cx.sleep(Duration::from_secs(1)).await;
        between.queue.close();
        cx.sleep(Duration::from_secs(1)).await;
        between.settle();
        for fiber in offers.into_iter().chain(takers) {
            drop(cx.run(fiber.exit()).await);
        }
        Ok(())
    });
    Case::new(program).check(move |_| {
        after.settle();
        let lost: Vec<_> = after.tickets.open();
        let accepted = after.accepted.lock().unwrap();
        let lost: Vec<_> = lost.iter().filter(|item| accepted.contains(item)).collect();
        assert!(lost.is_empty(), "{lost:?} were accepted, and never taken");
    })
}

// T67
#[test]
fn a_taker_or_an_offer_that_goes_at_any_moment_loses_nothing() {
    let program = |trial: &Trial| {
        let queue = Queue::bounded(trial.capacity(2));
        comings_and_goings(trial, queue, &[0, 1])
    };
    Sim::new().runs(10_000).on_all_cores().test(program);
}

// T67, T66
#[test]
fn whoever_goes_from_a_rendezvous_at_any_moment_loses_nothing() {
    let program = |trial: &Trial| comings_and_goings(trial, Queue::rendezvous(), &[0, 1]);
    Sim::new().runs(10_000).on_all_cores().test(program);
}

// T67
#[test]
fn one_that_gathers_and_goes_at_any_moment_loses_nothing() {
    let program = |trial: &Trial| {
        let queue = Queue::bounded(trial.capacity(2));
        comings_and_goings(trial, queue, &[2, 2, 0])
    };
    Sim::new().runs(10_000).on_all_cores().test(program);
}

/// So many who offer and so many who take: what each of the takers has had.
fn crowd(
    queue: Queue<(usize, usize)>,
    offerers: usize,
    takers: usize,
    each: usize,
) -> Effect<(), Never, ()> {
    effect(async move |cx: Cx<()>| {
        let offering: Vec<_> = (0..offerers)
            .map(|me| {
                let queue = queue.clone();
                cx.fork(effect(async move |_: Cx<()>| {
                    for n in 0..each {
                        queue.offer((me, n)).await.unwrap();
                    }
                    Ok::<_, Never>(())
                }))
            })
            .collect();
        let taking: Vec<_> = (0..takers)
            .map(|_| {
                let queue = queue.clone();
                cx.fork(async move { Ok::<_, Never>(drain(&queue).await.0) })
            })
            .collect();
        for offering in offering {
            cx.run(offering.join()).await?;
        }
        queue.close();
        let (mut all, mut count) = (BTreeSet::new(), 0);
        for taking in taking {
            let taken = cx.run(taking.join()).await?;
            for me in 0..offerers {
                let mine = taken.iter().filter(|(by, _)| *by == me);
                assert!(mine.is_sorted_by_key(|(_, n)| *n), "an item was overtaken");
            }
            count += taken.len();
            all.extend(taken);
        }
        assert_eq!((count, all.len()), (offerers * each, offerers * each));
        Ok(())
    })
    .erase_once()
}

/// How many offer, and how many take.
const SHAPES: [(usize, usize); 4] = [(1, 6), (6, 1), (2, 5), (5, 2)];

/// A queue of each kind that refuses nothing.
fn kinds<T>() -> [Queue<T>; 3] {
    [Queue::bounded(4), Queue::rendezvous(), Queue::unbounded()]
}

// T68
#[test]
fn a_crowd_of_any_shape_takes_each_item_once_in_any_order() {
    everywhere(async |cx: Cx<()>| {
        for (offerers, takers) in SHAPES {
            for queue in kinds() {
                let Ok(()) = cx.run(crowd(queue, offerers, takers, 20)).await;
            }
        }
    });
}

// T68
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_crowd_of_any_shape_takes_each_item_once_on_threads() {
    for (offerers, takers) in SHAPES {
        for queue in kinds() {
            let Ok(()) = crowd(queue, offerers, takers, 5_000).await;
        }
    }
}
