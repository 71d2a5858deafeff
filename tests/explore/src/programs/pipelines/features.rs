//! What is around the work of a stage, and pipelines that part and meet.

use effect::{CircuitBreaker, Either, RateLimiter, Schedule, stage_sync, stage_with};

use super::*;

const fn micros(n: u64) -> Duration {
    Duration::from_micros(n)
}

pipelines! {
    /// What fails is tried again.
    retried: AROUND, |laws, items| items
        .via(stage("work", laws.working()).workers(2).retry(Schedule::spaced(micros(2)).times(2)));

    /// What takes too long fails, and something stands in for it.
    timed: AROUND, |laws, items| {
        let stand_in = laws.clone();
        let fallback = move |fault: Fault<Item>| {
            stand_in.trial.fault_point();
            async move {
                match fault {
                    Fault::Error(item) => Ok(item),
                    fault => panic!("a panic was covered up: {fault:?}"),
                }
            }
        };
        items
            .via(stage("timed", laws.working()).workers(2).timeout(micros(3)))
            .via(stage("covered", laws.working()).fallback(fallback))
    };

    /// A limit on the rate, and a breaker.
    guarded: Around { from: From::Stream, ..AROUND }, |laws, items| items
        .via(stage("limited", laws.working()).workers(2).rate_limit(RateLimiter::new(2, micros(5))))
        .via(stage("guarded", laws.working()).circuit_breaker(CircuitBreaker::consecutive(1)));

    /// Batches, and their items.
    batched: AROUND, |laws, items| items
        .via(stage("work", laws.working()).workers(2))
        .batch(2, micros(3))
        .flat_map(stage_sync("each", |items: Vec<Item>| Ok(items)));

    /// Two ways.
    branched: AROUND, |laws, items| {
        let trial = laws.trial.clone();
        let which = move |item: Item| {
            trial.fault_point();
            Ok(if item.ticket.is_multiple_of(2) { Either::Left(item) } else { Either::Right(item) })
        };
        items.branch(
            stage_sync("which", which),
            |even| even.via(stage("even", laws.working()).buffer(laws.trial.capacity(2))),
            |odd| odd.filter("odd", laws.holds(|ticket| ticket % 3 != 0)),
        )
    };

    /// Two pipelines.
    merged: Around { extra: 2, ..AROUND }, |laws, items| {
        let more = [laws.item(), laws.item()];
        let other = Pipeline::from_stream(Stream::from_iter(more).erase());
        items
            .via(stage("work", laws.working()).workers(2))
            .merge(other.via(stage("other", laws.working())))
            .via(stage_sync("pass", laws.passing()))
    };

    /// A resource for each worker.
    equipped: AROUND, |laws, items| {
        let (trial, work) = (laws.trial.clone(), laws.working());
        let acquire = move || {
            let (books, trial) = (trial.finalizers(), trial.clone());
            let released = books.clone();
            let acquire = sync::<_, Item, _, _>(move || {
                trial.fault_point();
                books.acquired(7);
            });
            acquire_release(acquire, move |()| sync(move || released.released(7)))
        };
        items.via(stage_with("work", acquire, move |_: Arc<()>, item: Item| work(item)).workers(2))
    };
}
