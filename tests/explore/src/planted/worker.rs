//! A copy of the pipeline's worker: takes batches, runs items, and gives each ticket its fate; with bugs to plant.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use effect::{Budget, yield_now};
use futures::future::{FutureExt, try_join};
use futures::poll;

use super::channel::{Channel, Closed};

mod ticket;
mod inlet;
mod outlet;
mod program;

use inlet::Batch;
use outlet::Outlet;
pub(super) use program::stage;
use ticket::{Envelope, Ledger, Ticket};

/// What can be wrong with a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bug {
    /// An item is delivered before it has run.
    AckBeforeRun,
    /// It is delivered when it has run, before the output accepts it.
    AckBeforeAccepted,
    /// The ticket of an item that fails is forgotten.
    TicketForgotten,
    /// Each attempt at an item settles its ticket.
    SettledTwice,
    /// What fails is counted, and told to nobody.
    ErrorSwallowed,
    /// An item whose failure the error channel refuses is counted as if it had been told of.
    RefusalIgnored,
    /// A panic of an item ends its worker.
    PanicEndsWorker,
    /// A batch that is dropped keeps its claim.
    BatchKeptOnDrop,
    /// A batch that is dropped drops its items.
    BatchLostOnDrop,
    /// An item that waits keeps those behind it waiting.
    BatchHeld,
    /// The item that runs is given back with the others when its worker is interrupted.
    BegunGivenBack,
    /// An empty batch is not given back, and its claim is kept.
    EmptyClaimKept,
    /// Items are taken without a claim: others think that the input has ended.
    ClaimForgotten,
    /// The end of the input drops what is done and not sent yet.
    DoneDroppedAtEnd,
    /// The output is closed by a worker that returns, and not by one that is interrupted.
    OutputLeftOpen,
    /// The output is closed by the first worker that ends.
    OutputClosedEarly,
}

/// How many items go through a worker that never waits before others have a turn.
const ITEMS_PER_TURN: u32 = 2;

/// How often an item is tried.
const ATTEMPTS: u32 = 2;

/// Why an item has failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failed {
    Error,
    Panic,
}

/// The copy of `Worker`. Its output closes when the last one is dropped.
struct Worker<F> {
    bug: Option<Bug>,
    run: F,
    input: Channel<u64>,
    output: Outlet,
    errors: Channel<Failed>,
    ledger: Arc<Ledger>,
}

/// How a worker ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Done {
    InputEnded,
    OutputClosed,
    ErrorsClosed,
}

impl<F> Worker<F> {
    fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    /// Works until the input has ended, or nobody wants the rest.
    async fn work<Fut>(mut self) -> Done
    where
        F: Fn(u64, u32) -> Fut,
        Fut: Future<Output = Result<u64, ()>>,
    {
        let mut hand = Hand {
            batch: Batch::new(&self.input, &self.ledger, self.bug),
            ticket: None,
            done: VecDeque::new(),
        };
        let done = loop {
            let fault = {
                let working = AssertUnwindSafe(self.work_until_fault(&mut hand));
                if self.has(Bug::PanicEndsWorker) {
                    Ok(working.0.await)
                } else {
                    working.catch_unwind().await
                }
            };
            let failed = match fault {
                Ok(Ok(())) => break Done::InputEnded,
                Ok(Err(Interrupted::OutputClosed)) => break Done::OutputClosed,
                Ok(Err(Interrupted::Fault(failed))) => failed,
                Err(_) => Failed::Panic,
            };
            let ticket = hand
                .ticket
                .take()
                .expect("a fault is that of the item in hand");
            match self.report(&mut hand, ticket, failed).await {
                Ok(true) => {}
                Ok(false) => break Done::ErrorsClosed,
                Err(Closed) => break Done::OutputClosed,
            }
        };
        drop(hand);
        self.output.returned = true;
        done
    }

    /// Works until the input has ended, or an item fails: then its ticket is still in hand.
    async fn work_until_fault<Fut>(&self, hand: &mut Hand<'_>) -> Result<(), Interrupted>
    where
        F: Fn(u64, u32) -> Fut,
        Fut: Future<Output = Result<u64, ()>>,
    {
        let mut budget = Budget::of(ITEMS_PER_TURN);
        loop {
            while let Some(Envelope {
                mut ticket,
                value: item,
            }) = hand.batch.items.pop_front()
            {
                if self.has(Bug::AckBeforeRun) {
                    ticket.deliver();
                }
                hand.ticket = Some(ticket);
                let result = self.attempts(hand, item).await?;
                let Ok(value) = result else {
                    return Err(Interrupted::Fault(Failed::Error));
                };
                let mut ticket = hand
                    .ticket
                    .take()
                    .expect("it is in hand while its item runs");
                if self.has(Bug::AckBeforeAccepted) {
                    ticket.deliver();
                }
                hand.done.push_back(Envelope { ticket, value });
                if budget.is_spent() {
                    yield_now().await;
                }
            }
            if !self.has(Bug::DoneDroppedAtEnd) {
                flush(&self.output.channel, &mut hand.done).await?;
            }
            if hand.batch.fill().await.is_err() {
                return Ok(());
            }
        }
    }

    /// Runs an item, again if it fails, and gives back the rest of the batch if it has to wait.
    async fn attempts<Fut>(&self, hand: &mut Hand<'_>, item: u64) -> Result<Result<u64, ()>, Closed>
    where
        F: Fn(u64, u32) -> Fut,
        Fut: Future<Output = Result<u64, ()>>,
    {
        let mut attempt = 1;
        loop {
            let mut run = pin!((self.run)(item, attempt));
            let result = match poll!(run.as_mut()) {
                Poll::Ready(result) => result,
                Poll::Pending => {
                    if !self.has(Bug::BatchHeld) {
                        hand.batch.release();
                    }
                    if self.has(Bug::BegunGivenBack) {
                        hand.batch.begun = Some(item);
                    }
                    let flush = flush(&self.output.channel, &mut hand.done);
                    unless_closed(run, flush).await?
                }
            };
            hand.batch.begun = None;
            if result.is_ok() || attempt == ATTEMPTS {
                return Ok(result);
            }
            if self.has(Bug::SettledTwice) {
                let ticket = hand
                    .ticket
                    .as_mut()
                    .expect("it is in hand while its item runs");
                ticket.settle_again();
            }
            attempt += 1;
        }
    }

    /// Tells of a failure, and sends what is done meanwhile. False if nobody wants to hear of it.
    async fn report(
        &self,
        hand: &mut Hand<'_>,
        mut ticket: Ticket,
        failed: Failed,
    ) -> Result<bool, Closed> {
        match self.bug {
            Some(Bug::TicketForgotten) => ticket.forget(),
            Some(Bug::ErrorSwallowed) => {
                ticket.fail();
                return Ok(true);
            }
            _ => {}
        }
        hand.batch.release();
        let route = async {
            let told = self.errors.send(failed).await.is_ok();
            if told || self.has(Bug::RefusalIgnored) {
                ticket.fail();
                return true;
            }
            false
        };
        unless_closed(route, flush(&self.output.channel, &mut hand.done)).await
    }
}

/// Moves everything out of `done`. An item is delivered when the output accepts it, and not before.
async fn flush(output: &Channel<u64>, done: &mut VecDeque<Envelope>) -> Result<(), Closed> {
    while let Some(envelope) = done.front() {
        let mut send = output.send(envelope.value);
        poll_fn(|task| {
            let sent = send.poll_unpin(task);
            if let Poll::Ready(Ok(())) = sent
                && let Some(mut envelope) = done.pop_front()
            {
                envelope.ticket.deliver();
            }
            sent
        })
        .await?;
    }
    Ok(())
}

/// Waits for both, but no longer than until the output is found closed.
async fn unless_closed<F: Future>(
    work: F,
    flush: impl Future<Output = Result<(), Closed>>,
) -> Result<F::Output, Closed> {
    let (output, ()) = try_join(work.map(Ok), flush).await?;
    Ok(output)
}

/// Why a worker has to do something else than to work.
enum Interrupted {
    Fault(Failed),
    OutputClosed,
}

impl From<Closed> for Interrupted {
    fn from(_: Closed) -> Self {
        Interrupted::OutputClosed
    }
}

/// What a worker holds, while it works and between.
struct Hand<'a> {
    batch: Batch<'a>,
    /// The ticket of the item that runs.
    ticket: Option<Ticket>,
    done: VecDeque<Envelope>,
}
