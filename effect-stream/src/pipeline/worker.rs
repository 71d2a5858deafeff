//! A worker: takes what is ready in batches, never waits to fill one, and gives back what it cannot do at once.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;

use effect_core::{Budget, Cx, Defect, Env, IntoEffect, Program, Value, yield_now};
use futures::Stream as _;
use futures::future::join;
use futures::poll;

use super::Halt;
use super::report::{Failed, Fault};
use super::ticket::{Envelope, Ledger, Ticket};
use crate::Channel;
use crate::channel::{ChannelClosed, Receive, Supply, WaitingSender};
use crate::source::{Source, beside};

/// How many items move at once. More would cost latency and save little: the lock that a batch shares is
/// already a fraction of what an item costs.
const BATCH: usize = 32;

/// How many items go through a worker that never waits before others have a turn. What a stage does with one may
/// take a millisecond.
const ITEMS_PER_TURN: u32 = 512;

/// Where a stage takes its items from.
pub(super) enum Inlet<T> {
    /// The pipeline's input: items get their tickets here.
    Input(Channel<T>, Arc<Ledger>),
    /// The queue behind another stage.
    Queue(Channel<Envelope<T>>),
}

impl<T> Clone for Inlet<T> {
    fn clone(&self) -> Self {
        match self {
            Inlet::Input(channel, ledger) => Inlet::Input(channel.clone(), Arc::clone(ledger)),
            Inlet::Queue(queue) => Inlet::Queue(queue.clone()),
        }
    }
}

/// The items in a worker's hand. What it has not begun goes back when it is dropped.
struct Batch<'a, T> {
    inlet: &'a Inlet<T>,
    receive: ReceiveFrom<T>,
    items: VecDeque<Envelope<T>>,
    claimed: usize,
}

enum ReceiveFrom<T> {
    Input(Receive<T>),
    Queue(Receive<Envelope<T>>),
}

impl<'a, T> Batch<'a, T> {
    fn new(inlet: &'a Inlet<T>) -> Self {
        let receive = match inlet {
            Inlet::Input(channel, _) => ReceiveFrom::Input(channel.receive()),
            Inlet::Queue(queue) => ReceiveFrom::Queue(queue.receive()),
        };
        Batch {
            inlet,
            receive,
            items: VecDeque::with_capacity(BATCH),
            claimed: 0,
        }
    }

    /// Takes what is there, at least one item.
    async fn fill(&mut self) -> Result<(), ChannelClosed> {
        self.release();
        let Batch {
            inlet,
            receive,
            items,
            claimed,
        } = self;
        poll_fn(|task| match (&mut *receive, *inlet) {
            (ReceiveFrom::Input(receive), Inlet::Input(_, ledger)) => {
                receive.poll_many(task, BATCH, true, |value| {
                    items.push_back(Envelope {
                        ticket: Ticket::issue(ledger),
                        value,
                    });
                })
            }
            (ReceiveFrom::Queue(receive), _) => {
                receive.poll_many(task, BATCH, true, |envelope| items.push_back(envelope))
            }
            (ReceiveFrom::Input(_), Inlet::Queue(_)) => unreachable!("made from the same inlet"),
        })
        .await?;
        *claimed = items.len();
        Ok(())
    }

    /// Gives back what has not been begun, ahead of what came later, for other workers to take.
    fn release(&mut self) {
        if self.claimed == 0 {
            return;
        }
        let items = self.items.drain(..);
        match self.inlet {
            Inlet::Input(channel, _) => channel.release(
                self.claimed,
                items.map(|Envelope { ticket, value }| {
                    ticket.cancel();
                    value
                }),
            ),
            Inlet::Queue(queue) => queue.release(self.claimed, items),
        }
        self.claimed = 0;
    }
}

impl<T> Drop for Batch<'_, T> {
    fn drop(&mut self) {
        self.release();
    }
}

/// Where a stage leaves its results. The last writer that ends closes it.
pub(super) struct Outlet<T> {
    target: Target<T>,
    writers: Arc<AtomicUsize>,
}

enum Target<T> {
    /// The queue before the next stage.
    Queue(Channel<Envelope<T>>),
    /// The pipeline's output: items are delivered here.
    Output(Channel<T>),
}

impl<T> Outlet<T> {
    pub(super) fn queue(queue: Channel<Envelope<T>>) -> Self {
        Outlet {
            target: Target::Queue(queue),
            writers: Arc::new(AtomicUsize::new(1)),
        }
    }

    pub(super) fn output(output: Channel<T>) -> Self {
        Outlet {
            target: Target::Output(output),
            writers: Arc::new(AtomicUsize::new(1)),
        }
    }

    /// Moves everything out of `done`, in batches, as room allows.
    pub(super) async fn flush(
        &self,
        done: &mut VecDeque<Envelope<T>>,
    ) -> Result<(), ChannelClosed> {
        if done.is_empty() {
            return Ok(());
        }
        match &self.target {
            Target::Queue(queue) => {
                let mut sender = WaitingSender::new(queue);
                poll_fn(|task| sender.poll_push(task, done)).await
            }
            Target::Output(output) => {
                let mut sender = WaitingSender::new(output);
                let mut delivering = Delivering { done };
                poll_fn(|task| sender.poll_push(task, &mut delivering)).await
            }
        }
    }
}

impl<T> Clone for Outlet<T> {
    fn clone(&self) -> Self {
        self.writers.fetch_add(1, Ordering::Relaxed);
        let target = match &self.target {
            Target::Queue(queue) => Target::Queue(queue.clone()),
            Target::Output(output) => Target::Output(output.clone()),
        };
        Outlet {
            target,
            writers: Arc::clone(&self.writers),
        }
    }
}

impl<T> Drop for Outlet<T> {
    fn drop(&mut self) {
        // The channel's lock orders what the writers sent; the count only has to be exact.
        if self.writers.fetch_sub(1, Ordering::AcqRel) == 1 {
            match &self.target {
                Target::Queue(queue) => queue.close(),
                Target::Output(output) => output.close(),
            }
        }
    }
}

/// Delivers items at the moment in which the output accepts them, and not before.
struct Delivering<'a, T> {
    done: &'a mut VecDeque<Envelope<T>>,
}

impl<T> Supply<T> for Delivering<'_, T> {
    fn is_empty(&self) -> bool {
        self.done.is_empty()
    }

    fn take(&mut self) -> Option<T> {
        let Envelope { ticket, value } = self.done.pop_front()?;
        ticket.deliver();
        Some(value)
    }
}

/// Moves what a stream emits into an outlet: what is ready in batches, and what has begun goes on meanwhile.
pub(super) async fn feed<R, T, S>(
    source: S,
    cx: &Cx<R>,
    ledger: &Arc<Ledger>,
    outlet: Outlet<T>,
) -> Result<(), ChannelClosed>
where
    R: Env,
    T: Value,
    S: Source<R, Item = T>,
{
    let mut source = pin!(source.open(cx));
    let mut done = VecDeque::with_capacity(BATCH);
    let mut budget = Budget::of(ITEMS_PER_TURN / BATCH as u32);
    loop {
        let goes_on = poll_fn(|task| {
            while done.len() < BATCH {
                match source.as_mut().poll_next(task) {
                    Poll::Ready(Some(value)) => done.push_back(Envelope {
                        ticket: Ticket::issue(ledger),
                        value,
                    }),
                    Poll::Ready(None) => return Poll::Ready(false),
                    Poll::Pending if done.is_empty() => return Poll::Pending,
                    Poll::Pending => break,
                }
            }
            Poll::Ready(true)
        })
        .await;
        beside(source.as_mut(), outlet.flush(&mut done)).await?;
        if !goes_on {
            return Ok(());
        }
        budget.spend().await;
    }
}

/// Where the failures of a run go.
pub(super) struct Failures<E> {
    pub(super) errors: Option<Channel<Failed<E>>>,
    pub(super) halt: Channel<Halt<E>>,
    pub(super) halted: Arc<AtomicBool>,
}

impl<E> Failures<E> {
    /// Routes a failure. False if there was no way for it but to end the run.
    async fn route(&self, ticket: Ticket, failed: Failed<E>) -> bool {
        let failed = match &self.errors {
            Some(errors) => match errors.send(failed).await {
                Ok(()) => {
                    ticket.fail();
                    return true;
                }
                Err(rejected) => rejected.0,
            },
            None => failed,
        };
        // Of several that fail at once, one is the run's failure; the others are abandoned.
        if self.halt(Halt::Failed(failed)).await {
            ticket.fail();
        }
        false
    }

    /// Ends the run. False if something else had ended it before.
    pub(super) async fn halt(&self, halt: Halt<E>) -> bool {
        // Only one is ever sent, so that one never waits. What comes with it, the channel orders.
        !self.halted.swap(true, Ordering::Relaxed) && self.halt.send(halt).await.is_ok()
    }
}

impl<E> Clone for Failures<E> {
    fn clone(&self) -> Self {
        Failures {
            errors: self.errors.clone(),
            halt: self.halt.clone(),
            halted: Arc::clone(&self.halted),
        }
    }
}

/// What one worker of a stage is made of.
pub(super) struct Worker<A, B, E, F> {
    pub(super) stage: Arc<str>,
    pub(super) f: Arc<F>,
    /// Whether it is the stage's only one: then there is nobody to give items back to, and the order is kept.
    pub(super) alone: bool,
    pub(super) inlet: Inlet<A>,
    pub(super) outlet: Outlet<B>,
    pub(super) failures: Failures<E>,
}

impl<A: Value, B: Value, E: Value, F> Worker<A, B, E, F> {
    /// Works until the inlet has ended, or the run is halted.
    pub(super) async fn work<R, I>(self, cx: Cx<R>)
    where
        R: Env,
        I: IntoEffect<R, Error = E, Value = B>,
        F: Fn(A) -> I + Send + Sync + 'static,
    {
        let mut hand = Hand {
            batch: Batch::new(&self.inlet),
            ticket: None,
            done: VecDeque::with_capacity(BATCH),
        };
        loop {
            // One net for all items, not one for each: after a panic it is spread anew, for the items left.
            let (fault, then) = match cx.catching(self.work_until_fault(&cx, &mut hand)).await {
                Ok(Ok(())) => return,
                Ok(Err(Interrupted::OutputClosed)) => {
                    self.failures.halt(Halt::OutputClosed).await;
                    return;
                }
                Ok(Err(Interrupted::Fault(fault, then))) => (fault, then),
                Err(cause) => {
                    let mut defects = cause.defects().cloned();
                    let panic = defects.next().expect("what was caught is a panic");
                    (Fault::Defect(panic), defects.collect())
                }
            };
            let ticket = hand
                .ticket
                .take()
                .expect("a fault is that of the item in hand");
            let stage = Arc::clone(&self.stage);
            let route = self.failures.route(ticket, Failed { stage, fault, then });
            let mut report = pin!(join(route, self.outlet.flush(&mut hand.done)));
            let (routed, flushed) = match poll!(report.as_mut()) {
                Poll::Ready(reported) => reported,
                Poll::Pending => {
                    if !self.alone {
                        hand.batch.release();
                    }
                    report.await
                }
            };
            if flushed.is_err() {
                self.failures.halt(Halt::OutputClosed).await;
                return;
            }
            if !routed {
                return;
            }
        }
    }

    /// Works until the inlet has ended, or an item fails: then its ticket is still in hand.
    async fn work_until_fault<R, I>(
        &self,
        cx: &Cx<R>,
        hand: &mut Hand<'_, A, B>,
    ) -> Result<(), Interrupted<E>>
    where
        R: Env,
        I: IntoEffect<R, Error = E, Value = B>,
        F: Fn(A) -> I + Send + Sync + 'static,
    {
        let mut budget = Budget::of(ITEMS_PER_TURN);
        loop {
            while let Some(Envelope { ticket, value }) = hand.batch.items.pop_front() {
                hand.ticket = Some(ticket);
                let run = (self.f)(value).into_effect().into_program().run(cx);
                let mut run = pin!(run);
                let result = match poll!(run.as_mut()) {
                    Poll::Ready(result) => result,
                    Poll::Pending => {
                        if !self.alone {
                            hand.batch.release();
                        }
                        // What is done goes on, and what has started is never left unpolled.
                        let (result, flushed) = join(run, self.outlet.flush(&mut hand.done)).await;
                        flushed?;
                        result
                    }
                };
                // Those of this item: of every one before, they were taken.
                let defects = cx.take_defects();
                let value = match result {
                    Ok(value) if defects.is_empty() => value,
                    result => return Err(Interrupted::fault(result, defects)),
                };
                let ticket = hand.ticket.take();
                let ticket = ticket.expect("the ticket is in hand while its item runs");
                hand.done.push_back(Envelope { ticket, value });
                if budget.is_spent() {
                    yield_now().await;
                }
            }
            self.outlet.flush(&mut hand.done).await?;
            if hand.batch.fill().await.is_err() {
                return Ok(());
            }
        }
    }
}

/// What a worker holds, while it works and between.
struct Hand<'a, A, B> {
    batch: Batch<'a, A>,
    /// The ticket of the item that runs.
    ticket: Option<Ticket>,
    done: VecDeque<Envelope<B>>,
}

/// Why a worker has to do something else than to work.
enum Interrupted<E> {
    /// The item in hand has failed; the defects of its finalizers came after.
    Fault(Fault<E>, Vec<Defect>),
    OutputClosed,
}

impl<E> Interrupted<E> {
    /// What became of an item that failed, or whose finalizers died.
    #[cold]
    fn fault<B>(result: Result<B, E>, mut defects: Vec<Defect>) -> Self {
        match result {
            Ok(_) => Interrupted::Fault(Fault::Defect(defects.remove(0)), defects),
            Err(error) => Interrupted::Fault(Fault::Error(error), defects),
        }
    }
}

impl<E> From<ChannelClosed> for Interrupted<E> {
    fn from(_: ChannelClosed) -> Self {
        Interrupted::OutputClosed
    }
}
