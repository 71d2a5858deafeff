//! A pipeline with an error channel, and one without: every item has one fate, and both channels are closed at the end.

use std::sync::Arc;
use std::time::Duration;

use effect::prelude::*;
use effect::simulation::{Case, Probe, Tickets, Trial};
use effect::yield_now;
use futures::FutureExt;

const ITEMS: u64 = 8;

/// An item, with something to be found if it is forgotten somewhere.
#[derive(Clone, Debug)]
struct Item {
    ticket: u64,
    _probe: Arc<Probe>,
}

/// What a stage does: waits by chance, fails, panics where the plan says so, and cleans up.
fn work(trial: &Trial, item: Item) -> Effect<(), Item, Item> {
    let (books, inside) = (trial.finalizers(), trial.clone());
    let released = books.clone();
    effect(async move |cx: Cx<()>| {
        books.acquired(item.ticket);
        match cx.random() % 4 {
            0 => yield_now().await,
            1 => cx.sleep(Duration::from_micros(cx.random() % 5)).await,
            _ => {}
        }
        inside.fault_point();
        if item.ticket % 5 == 3 {
            Err(item)
        } else {
            Ok(item)
        }
    })
    .ensuring(sleep(Duration::from_micros(1)).map(move |()| {
        for held in released.held() {
            released.released(held);
        }
    }))
    .erase_once()
}

/// The items of a run.
fn items(trial: &Trial, tickets: &Tickets) -> Vec<Item> {
    let item = |_| Item {
        ticket: tickets.issue(),
        _probe: Arc::new(trial.probe()),
    };
    (0..ITEMS).map(item).collect()
}

/// A fiber that reads a channel until it is closed, and settles what it reads.
fn reader<T: effect::Value>(
    cx: &Cx<()>,
    trial: &Trial,
    channel: Channel<T>,
    settle: impl Fn(&T) + Send + 'static,
) -> Fiber<Never, ()> {
    let (trial, closes) = (trial.clone(), channel.clone());
    let reading = async move {
        while let Some(Ok(item)) = trial.droppable(channel.receive()).await {
            settle(&item);
        }
        Ok(())
    };
    // A reader who goes closes: nobody is to wait for it.
    let closing = sync(move || closes.close());
    cx.fork_named("reader", reading.into_effect().ensuring(closing))
}

/// A report that adds up, and of which nothing is inside any more.
fn settled(report: PipelineReport) -> PipelineReport {
    assert_eq!(report.in_flight(), 0, "{report}");
    let fates = report.delivered + report.failed + report.abandoned;
    assert_eq!(report.received, fates, "{report}");
    report
}

/// With an error channel, from a channel, through two stages with several workers.
pub(super) mod routed {
    use super::*;

    pub(crate) fn case(trial: &Trial) -> Case<Never, ()> {
        let tickets = trial.tickets();
        let (input, output, errors) = (
            Channel::bounded(trial.capacity(3)),
            Channel::bounded(trial.capacity(2)),
            Channel::bounded(trial.capacity(2)),
        );
        let (first, second) = (trial.clone(), trial.clone());
        let connected = Pipeline::from_channel(input.clone())
            .via(stage("work", move |item| work(&first, item)).workers(2))
            .via(
                stage("pass", move |item| {
                    second.fault_point();
                    async move { Ok(item) }
                })
                .workers(2)
                .buffer(trial.capacity(4)),
            )
            .to_channel(output.clone())
            .with_error_channel(errors.clone());
        let handle = connected.handle();
        let run = connected.run();
        let (trial, books) = (trial.clone(), tickets.clone());
        let (left_in, left_out, left_failed) = (input.clone(), output.clone(), errors.clone());
        let program = effect(async move |cx: Cx<()>| {
            let closes = input.clone();
            let send = input.send_many(items(&trial, &tickets)).map(Ok::<_, Never>);
            let sender = cx.fork_named(
                "sender",
                send.into_effect().ensuring(sync(move || closes.close())),
            );
            let settles = tickets.clone();
            let delivered = reader(&cx, &trial, output, move |item: &Item| {
                settles.settle(item.ticket, "delivered")
            });
            let failed = reader(&cx, &trial, errors, move |failed: &Failed<Item>| {
                if let Fault::Error(item) = &failed.fault {
                    tickets.settle(item.ticket, "failed");
                }
            });
            let run = cx.fork_named("pipeline", run);
            drop(cx.run(run.exit()).await);
            // If the run has ended early, somebody may still wait to send.
            input.close();
            for fiber in [delivered, failed] {
                drop(cx.run(fiber.exit()).await);
            }
            drop(cx.run(sender.exit()).await);
            Ok(())
        });
        Case::new(program).check(move |exit| {
            let report = settled(handle.report());
            if exit.is_some() {
                assert!(
                    left_out.is_closed() && left_failed.is_closed(),
                    "an end was not told"
                );
            }
            let count = |fate| books.count(fate) as u64;
            let left = left_out.len() as u64;
            assert_eq!(count("delivered") + left, report.delivered, "{report}");
            assert!(count("failed") <= report.failed, "{report}");
            let inside = ITEMS.min(books.issued()) - left_in.len() as u64;
            assert!(report.received <= inside, "{report}");
            for channel in [left_in, left_out] {
                while let Some(Ok(_)) = channel.receive().now_or_never() {}
            }
            while let Some(Ok(_)) = left_failed.receive().now_or_never() {}
        })
    }
}

/// Without one, from a stream: the first failure ends the run.
pub(super) mod fail_fast {
    use super::*;

    pub(crate) fn case(trial: &Trial) -> Case<Never, ()> {
        let tickets = trial.tickets();
        let output = Channel::bounded(trial.capacity(2));
        let works = trial.clone();
        let connected = Pipeline::from_stream(Stream::from_iter(items(trial, &tickets)))
            .via(stage("work", move |item| work(&works, item)).workers(3))
            .to_channel(output.clone());
        let handle = connected.handle();
        let run = connected.run();
        let (trial, left) = (trial.clone(), output.clone());
        let books = tickets.clone();
        let program = effect(async move |cx: Cx<()>| {
            let delivered = reader(&cx, &trial, output, move |item: &Item| {
                tickets.settle(item.ticket, "delivered")
            });
            drop(trial.droppable(cx.run(run.exit())).await);
            drop(cx.run(delivered.exit()).await);
            Ok(())
        });
        Case::new(program).check(move |exit| {
            let report = settled(handle.report());
            assert!(report.failed <= 1, "{report}");
            if exit.is_some() {
                assert!(left.is_closed(), "an end was not told");
            }
            let delivered = books.count("delivered") + left.len();
            assert_eq!(delivered as u64, report.delivered, "{report}");
            while let Some(Ok(_)) = left.receive().now_or_never() {}
        })
    }
}
