//! A worker: takes what is ready in batches, never waits to fill one, and gives back what it cannot do at once.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use effect_core::{Budget, Cx, Defect, Env, IntoEffect, Program, Value, yield_now};
use futures::future::{FutureExt, try_join};
use futures::poll;

use super::Halt;
use super::failures::Failures;
use super::inlet::{BATCH, Batch, Inlet};
use super::outlet::Outlet;
use super::report::{Failed, Fault};
use super::ticket::{Envelope, Ticket};
use crate::ChannelClosed;

/// How many items go through a worker that never waits before others have a turn. What a stage does with one may
/// take a millisecond.
pub(super) const ITEMS_PER_TURN: u32 = 512;

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
            let flush = self.outlet.flush(&mut hand.done);
            let mut report = pin!(unless_closed(route, flush));
            let reported = match poll!(report.as_mut()) {
                Poll::Ready(reported) => reported,
                Poll::Pending => {
                    if !self.alone {
                        hand.batch.release();
                    }
                    report.await
                }
            };
            match reported {
                Ok(true) => {}
                Ok(false) => return,
                Err(ChannelClosed) => {
                    self.failures.halt(Halt::OutputClosed).await;
                    return;
                }
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
                // Dropped before its ticket goes on: if that panics as well, it is this item's failure.
                let result = {
                    let run = (self.f)(value).into_effect().into_program().run(cx);
                    let mut run = pin!(run);
                    match poll!(run.as_mut()) {
                        Poll::Ready(result) => result,
                        Poll::Pending => {
                            if !self.alone {
                                hand.batch.release();
                            }
                            // What is done goes on, and what has started is never left unpolled.
                            let flush = self.outlet.flush(&mut hand.done);
                            unless_closed(resume(run), flush).await?
                        }
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

/// Goes on with a future that was pending in this turn, in the next one: it has the waker, and may have given its turn
/// to others.
fn resume<F: Future>(mut pending: Pin<&mut F>) -> impl Future<Output = F::Output> {
    let mut next_turn = false;
    poll_fn(move |task| {
        if std::mem::replace(&mut next_turn, true) {
            pending.as_mut().poll(task)
        } else {
            Poll::Pending
        }
    })
}

/// Waits for both, but no longer than until the outlet is found closed: nobody wants the rest.
async fn unless_closed<F: Future>(
    work: F,
    flush: impl Future<Output = Result<(), ChannelClosed>>,
) -> Result<F::Output, ChannelClosed> {
    let (output, ()) = try_join(work.map(Ok), flush).await?;
    Ok(output)
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
