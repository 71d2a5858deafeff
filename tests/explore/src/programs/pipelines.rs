//! The reference pipelines: each has a part of what a pipeline can do, and all keep the same laws.
//!
//! Every item that was received has one fate, and those who read the output and the errors count the same as the report.
//! Every finalizer runs once, nothing is left alive, and what is inside is bounded, in every step. Whoever waits for
//! something that never comes can be interrupted all the while.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use effect::prelude::*;
use effect::simulation::{Case, Probe, Tickets, Trial};
use effect::{ErrorsFull, NodeKind, PipelineHandle, yield_now};
use futures::FutureExt;

pub(super) mod control;
pub(super) mod fan;
pub(super) mod features;
pub(super) mod inputs;
pub(super) mod routes;
pub(super) mod stages;

const ITEMS: u64 = 5;

/// An item, with something to be found if it is forgotten somewhere.
#[derive(Clone, Debug)]
pub(super) struct Item {
    ticket: u64,
    _probe: Arc<Probe>,
}

/// A pipeline of such items.
type Items = Pipeline<(), Item, Item>;

/// What the items come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    Channel,
    Stream,
    /// A stream that never ends after them: it has to be drained.
    Endless,
}

/// Where failures go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Errors {
    End,
    Read,
    Count,
}

/// What is done to the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Control {
    Nothing,
    Drain,
    Pause,
    Interrupt,
}

/// What stands around a pipeline.
#[derive(Clone, Copy, Debug)]
struct Around {
    from: From,
    errors: Errors,
    control: Control,
    /// The capacity of the output.
    output: usize,
    /// How many items come from elsewhere.
    extra: u64,
    /// Whether they are delivered in order.
    in_order: bool,
}

const AROUND: Around = Around {
    from: From::Channel,
    errors: Errors::Read,
    control: Control::Nothing,
    output: 2,
    extra: 0,
    in_order: false,
};

/// A run and its handle, of which the law looks at both.
type Run<O> = (
    PipelineHandle,
    Effect<(), effect::PipelineError<Item, O>, PipelineReport>,
);

/// Builds a pipeline. A box, so that its surroundings are compiled once.
type Build<O> = Box<dyn FnOnce(&Laws, Items) -> Pipeline<(), Item, Item, O>>;

/// What a case shares with the code of its stages.
#[derive(Clone)]
struct Laws {
    trial: Trial,
    tickets: Tickets,
    handle: Arc<OnceLock<PipelineHandle>>,
    /// Whether several pipelines meet.
    meets: bool,
    /// The capacity of the output.
    output: usize,
}

impl Laws {
    /// Looks at the bound of what is inside: all capacities, all workers, and one for each node.
    fn look(&self) {
        let Some(handle) = self.handle.get() else {
            return;
        };
        let nodes = handle.blueprint().nodes().iter();
        let bound: usize = nodes.map(|node| node.buffer + node.workers + 1).sum();
        let report = handle.report();
        let inside = report.in_flight();
        self.trial.expect(
            inside <= bound as u64,
            format!("{inside} are inside, and {bound} may be: {report}"),
        );
    }

    /// Looks at each stage when nobody can go on: what its workers are busy with, and what waits behind them, are no more
    /// than its workers and the queue.
    fn look_at_stages(&self) {
        self.look();
        let Some(handle) = self.handle.get() else {
            return;
        };
        let report = handle.report();
        if report.abandoned > 0 {
            // It is over, and nobody counts where they were.
            return;
        }
        for &(from, to) in handle.blueprint().edges() {
            let ordered = handle.blueprint().nodes()[from].ordered;
            let (from, to) = (&report.stages[from], &report.stages[to]);
            // A source without a buffer before it holds an item, and an item that becomes several may be one ahead.
            let ahead = match from.kind {
                NodeKind::Source => usize::from(to.buffer == 0),
                NodeKind::FlatMap => 1,
                // Results that are early have the places of the output.
                _ if ordered => 1 + self.output,
                NodeKind::Stage | NodeKind::Filter => 0,
                // Several ways meet behind the others.
                _ => return,
            };
            let (inside, bound) = (from.running + to.queued, from.workers + to.buffer + ahead);
            self.trial.expect(
                inside <= bound || self.meets,
                format!(
                    "{inside} are at {} and before {}, and {bound} may be: {report}",
                    from.name, to.name
                ),
            );
        }
    }

    fn item(&self) -> Item {
        Item {
            ticket: self.tickets.issue(),
            _probe: Arc::new(self.trial.probe()),
        }
    }

    /// What a stage does: waits by chance, fails, panics where the plan says so, and cleans up.
    fn working(&self) -> impl Fn(Item) -> Effect<(), Item, Item> + Clone + Send + Sync + 'static {
        let laws = self.clone();
        move |item: Item| {
            laws.trial.fault_point();
            let (books, inside) = (laws.trial.finalizers(), laws.clone());
            let (first, second) = (books.clone(), books.clone());
            effect(async move |cx: Cx<()>| {
                // Two finalizers, which run in reverse order.
                books.acquired(1);
                books.acquired(2);
                match cx.random() % 4 {
                    0 => yield_now().await,
                    1 => cx.sleep(Duration::from_micros(cx.random() % 5)).await,
                    _ => {}
                }
                inside.look();
                inside.trial.fault_point();
                if item.ticket % 5 == 3 {
                    Err(item)
                } else {
                    Ok(item)
                }
            })
            .ensuring(sleep(Duration::from_micros(1)).map(move |()| {
                if second.held().contains(&2) {
                    second.released(2);
                }
            }))
            .ensuring(sync(move || {
                if first.held().contains(&1) {
                    first.released(1);
                }
            }))
            .erase_once()
        }
    }

    /// A stage that does nothing, but panic where the plan says so.
    fn passing(&self) -> impl Fn(Item) -> Result<Item, Item> + Clone + Send + Sync + 'static {
        let laws = self.clone();
        move |item| {
            laws.look();
            laws.trial.fault_point();
            Ok(item)
        }
    }

    /// Some items of one, each with a ticket of its own; and panics where the plan says so.
    fn several(
        &self,
    ) -> impl Fn(Item) -> Result<Box<dyn Iterator<Item = Item> + Send>, Item> + Send + Sync + 'static
    {
        let laws = self.clone();
        move |item| {
            laws.trial.fault_point();
            let laws = laws.clone();
            let parts = (0..item.ticket % 3).map(move |_| {
                laws.trial.fault_point();
                laws.item()
            });
            Ok(Box::new(parts))
        }
    }

    /// Holds of the items that the plan does not panic at.
    fn holds(&self, predicate: fn(u64) -> bool) -> impl Fn(&Item) -> bool + Send + Sync + 'static {
        let trial = self.trial.clone();
        move |item| {
            trial.fault_point();
            predicate(item.ticket)
        }
    }

    /// A key by which items are told apart.
    fn key(&self) -> impl Fn(&Item) -> u64 + Send + Sync + 'static {
        let trial = self.trial.clone();
        move |item| {
            trial.fault_point();
            item.ticket % 2
        }
    }
}

/// A fiber that reads a channel until it is closed, and counts what it reads, now and then slowly.
fn reader<T: effect::Value>(
    cx: &Cx<()>,
    laws: &Laws,
    channel: Channel<T>,
    read: impl Fn(&T) + Send + 'static,
) -> Fiber<Never, ()> {
    let (laws, closes) = (laws.clone(), channel.clone());
    let reading = effect(async move |cx: Cx<()>| {
        while let Some(Ok(item)) = laws.trial.droppable(channel.receive()).await {
            read(&item);
            laws.look();
            drop(item);
            if cx.random().is_multiple_of(3) {
                cx.sleep(Duration::from_micros(cx.random() % 9)).await;
            }
        }
        Ok(())
    });
    // A reader who goes closes: nobody is to wait for it.
    let closing = sync(move || closes.close());
    cx.fork_named("reader", reading.ensuring(closing))
}

/// A pipeline in its surroundings, and all that has to hold of it.
fn law<O: effect::Origin + std::fmt::Debug>(
    trial: &Trial,
    around: Around,
    build: Build<O>,
) -> Case<Never, ()> {
    let laws = Laws {
        trial: trial.clone(),
        tickets: trial.tickets(),
        handle: Arc::default(),
        meets: around.extra > 0,
        output: around.output,
    };
    let input = Channel::bounded(trial.capacity(3));
    let output = Channel::bounded(match around.output {
        0 => 0,
        capacity => trial.capacity(capacity),
    });
    let errors = Channel::bounded(trial.capacity(2));
    let items: Vec<_> = (0..ITEMS).map(|_| laws.item()).collect();
    let mut unsent = Vec::new();
    let source = match around.from {
        From::Channel => {
            unsent = items;
            Pipeline::from_channel(input.clone())
        }
        From::Stream => Pipeline::from_stream(Stream::from_iter(items).erase()),
        From::Endless => {
            let never = Stream::from_channel(Channel::bounded(1));
            Pipeline::from_stream(Stream::from_iter(items).merge(never).erase())
        }
    };
    let connected = build(&laws, source).to_channel(output.clone());
    let connected = match around.errors {
        Errors::End => connected,
        Errors::Read => connected.with_error_channel(errors.clone()),
        Errors::Count => connected
            .with_error_channel(errors.clone())
            .when_errors_are_full(ErrorsFull::Count),
    };
    let run: Run<O> = (connected.handle(), connected.run());
    let (handle, run) = run;
    drop(laws.handle.set(handle.clone()));
    let looks = laws.clone();
    trial.when_idle(move || looks.look_at_stages());
    let (sent, failures) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (counts_sent, counts_failures) = (Arc::clone(&sent), Arc::clone(&failures));
    let (left_in, left_out, left_failed) = (input.clone(), output.clone(), errors.clone());
    let (books, controlled) = (laws.tickets.clone(), handle.clone());
    let program = effect(async move |cx: Cx<()>| {
        // Somebody who waits for ever can be interrupted at any time.
        let waits = laws.trial.finalizers();
        let woken = waits.clone();
        let waiter = effect(async move |cx: Cx<()>| {
            waits.acquired(0);
            cx.run(never::<(), Never, ()>()).await
        });
        let waiter = cx.fork_named(
            "waiter",
            waiter.ensuring(sync(move || {
                woken.held().iter().for_each(|held| woken.released(*held));
            })),
        );
        let (sends, closes) = (input.clone(), input.clone());
        let sending = effect(async move |_: Cx<()>| {
            for item in unsent {
                if sends.send(item).await.is_err() {
                    break;
                }
                counts_sent.fetch_add(1, Ordering::Relaxed);
            }
            Ok::<_, Never>(())
        });
        let sending = sending.ensuring(sync(move || closes.close()));
        let sender = cx.fork_named("sender", sending);
        let (tickets, trial) = (laws.tickets.clone(), laws.trial.clone());
        let last = AtomicU64::new(0);
        let delivered = reader(&cx, &laws, output, move |item: &Item| {
            tickets.settle(item.ticket, "delivered");
            let before = last.swap(item.ticket, Ordering::Relaxed);
            let in_order = before == 0 || before < item.ticket;
            trial.expect(in_order || !around.in_order, "an item was overtaken");
        });
        let failed = (around.errors == Errors::Read).then(|| {
            let tickets = laws.tickets.clone();
            reader(&cx, &laws, errors, move |failed: &Failed<Item, O>| {
                counts_failures.fetch_add(1, Ordering::Relaxed);
                if let Fault::Error(item) = &failed.fault {
                    tickets.settle(item.ticket, "failed");
                }
            })
        });
        let (pauses, ends) = (controlled.clone(), controlled);
        let control = effect(async move |cx: Cx<()>| {
            if around.control == Control::Pause {
                pauses.pause();
            }
            cx.sleep(Duration::from_micros(cx.random() % 20)).await;
            Ok::<_, Never>(())
        });
        let control = control.ensuring(sync(move || {
            ends.resume();
            if around.control == Control::Drain || around.from == From::Endless {
                ends.drain();
            }
        }));
        let control = cx.fork_named("control", control);
        if around.control == Control::Interrupt {
            let run = cx.fork_named("pipeline", run);
            cx.sleep(Duration::from_micros(cx.random() % 20)).await;
            let Ok(_) = cx.run(run.interrupt()).await;
        } else {
            drop(laws.trial.droppable(cx.run(run.exit())).await);
        }
        // If the run has ended early, somebody may still wait to send.
        input.close();
        let fibers = [Some(delivered), failed, Some(sender), Some(control)];
        for fiber in fibers.into_iter().flatten() {
            drop(cx.run(fiber.exit()).await);
        }
        let Ok(exit) = cx.run(waiter.interrupt()).await;
        laws.trial.expect(!exit.is_success(), "never has come");
        Ok(())
    });
    Case::new(program).check(move |exit| {
        let report = handle.report();
        let fates = report.delivered + report.failed + report.filtered + report.joined;
        let fates = fates + report.abandoned;
        assert_eq!(report.received + report.made, fates, "{report}");
        if exit.is_some() {
            assert!(left_out.is_closed(), "an end was not told");
        }
        let delivered = (books.count("delivered") + left_out.len()) as u64;
        assert_eq!(delivered, report.delivered, "{report}");
        let told = report.failed - report.unreported;
        let read = failures.load(Ordering::Relaxed) + left_failed.len() as u64;
        // What ends a run is not in the channel.
        assert!(read <= told && told <= read + 1, "{read} read: {report}");
        assert!(
            around.errors != Errors::End || report.failed <= 1,
            "{report}"
        );
        if around.from == From::Channel {
            let taken = report.received + left_in.len() as u64;
            assert!(sent.load(Ordering::Relaxed) <= taken, "{report}");
            assert!(taken <= ITEMS + around.extra, "{report}");
        } else {
            assert!(report.received <= ITEMS, "{report}");
        }
        for channel in [left_in, left_out] {
            channel.close();
            while let Some(Ok(_)) = channel.receive().now_or_never() {}
        }
        left_failed.close();
        while let Some(Ok(_)) = left_failed.receive().now_or_never() {}
    })
}

/// Makes a module of each pipeline, with its case.
macro_rules! pipelines {
    ($($(#[$doc:meta])* $name:ident: $around:expr, |$laws:ident, $items:ident| $built:expr;)*) => {
        $($(#[$doc])* pub(crate) mod $name {
            use super::*;

            pub(crate) fn case(trial: &Trial) -> Case<Never, ()> {
                law(trial, $around, Box::new(|$laws, $items| $built))
            }
        })*
    };
}
use pipelines;
