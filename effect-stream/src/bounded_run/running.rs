//! How a bounded run goes on: the stop first, then the body in hand, then the next item.

use std::future::{Future, Ready, poll_fn};
use std::marker::PhantomData;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use effect_core::{Budget, Cx, Env, IntoEffect, Never, Program, Stop, StopReason, Value};

use super::ledger::Ledger;
use super::partial::{Partial, RunStatus};
use super::watch::Watch;
use crate::opaque_debug::opaque_debug;
use crate::source::{Pull, Source};

/// What is run for each item that a bounded run has in hand, if anything is.
pub trait Body<R: Env, A>: Send + 'static {
    /// What it fails with.
    type Error: Value;

    /// Begins what is run for an item, or says that there is nothing to run.
    fn begin<'cx>(
        &mut self,
        item: &A,
        cx: &'cx Cx<R>,
    ) -> Option<impl Future<Output = Result<(), Self::Error>> + Send + use<'cx, Self, R, A>>;
}

/// An effect for each.
#[derive(Clone)]
pub struct ForEachBounded<G>(pub(super) G);

impl<R, A, I, G> Body<R, A> for ForEachBounded<G>
where
    R: Env,
    A: Value,
    I: IntoEffect<R>,
    G: FnMut(&A) -> I + Value,
{
    type Error = I::Error;

    fn begin<'cx>(
        &mut self,
        item: &A,
        cx: &'cx Cx<R>,
    ) -> Option<impl Future<Output = Result<(), I::Error>> + Send + use<'cx, R, A, I, G>> {
        let body = (self.0)(item).into_effect().into_program();
        Some(async move { body.run(cx).await.map(drop) })
    }
}

/// Nothing for any.
pub struct NoBody<E>(PhantomData<fn() -> E>);

impl<E> NoBody<E> {
    pub(super) const fn new() -> Self {
        NoBody(PhantomData)
    }
}

impl<E> Clone for NoBody<E> {
    fn clone(&self) -> Self {
        NoBody::new()
    }
}

impl<R: Env, A: Value, E: Value> Body<R, A> for NoBody<E> {
    type Error = E;

    #[inline]
    fn begin<'cx>(
        &mut self,
        _item: &A,
        _cx: &'cx Cx<R>,
    ) -> Option<impl Future<Output = Result<(), E>> + Send + use<'cx, R, A, E>> {
        None::<Ready<_>>
    }
}

/// The program of a [`BoundedRun`](crate::BoundedRun).
pub struct RunBounded<R, E, A, S, B, F, G> {
    pub(super) source: S,
    pub(super) stop: Stop<R>,
    pub(super) read_ahead: usize,
    pub(super) finishes_in_hand: bool,
    pub(super) value: B,
    pub(super) keep: F,
    pub(super) watch: Option<Watch<A, E, B>>,
    pub(super) body: G,
}

impl<R, E, A, S, B, F, G> Program<R> for RunBounded<R, E, A, S, B, F, G>
where
    R: Env,
    E: Value,
    A: Value,
    B: Value,
    S: Source<R, Item = Result<A, E>>,
    F: FnMut(&mut B, A) + Value,
    G: Body<R, A, Error = E>,
{
    type Error = Never;
    type Value = Partial<A, E, B>;

    async fn run(mut self, cx: &Cx<R>) -> Result<Partial<A, E, B>, Never> {
        // Outside of what is settled: it has all that there is, also while that cleans up.
        let mut books = Ledger::begin(cx, self.value, self.watch);
        let ledger = &mut books;
        let run = async move {
            let source = pin!(self.source.open(cx));
            let mut intake = Intake::new(source);
            let stop = pin!(cx.run(self.stop));
            let mut stop = Stopper::new(stop);
            let mut budget = Budget::of(ITEMS_PER_TURN);
            let status = loop {
                let item = poll_fn(|task| ledger.poll_item(&mut intake, task));
                match stop.unless(item).await {
                    Ok(true) => {}
                    Ok(false) => break intake.how(RunStatus::Completed),
                    Err(reason) => break intake.how(RunStatus::Stopped(reason)),
                }
                if let Some(body) = self.body.begin(ledger.in_hand(), cx) {
                    let mut body = pin!(body);
                    let done = poll_fn(|task| {
                        let mut most = self.read_ahead;
                        if let Some(reason) = stop.poll(task) {
                            if !self.finishes_in_hand {
                                return Poll::Ready(Err(reason));
                            }
                            most = 0;
                        }
                        let polled = body.as_mut().poll(task);
                        if polled.is_pending() {
                            ledger.read_ahead(&mut intake, most, task);
                        }
                        polled.map(Ok)
                    });
                    match done.await {
                        Ok(Ok(())) => {}
                        Ok(Err(error)) => break RunStatus::Failed(error),
                        Err(reason) => break intake.how(RunStatus::Stopped(reason)),
                    }
                }
                ledger.deliver(&mut self.keep);
                budget.spend().await;
            };
            ledger.close(status);
        };
        cx.settling(run).await;
        Ok(books.take_partial())
    }
}

/// After how many items that are all ready a run lets others run: as often as whoever else finds everything ready does.
const ITEMS_PER_TURN: u32 = 128;

/// The source of a run, and what is known of it.
struct Intake<'a, S, E> {
    source: Pin<&'a mut S>,
    /// It was asked for an item and has not answered.
    asked: bool,
    /// How it has ended, if it has.
    ended: Option<Result<(), E>>,
}

impl<'a, S, E> Intake<'a, S, E> {
    const fn new(source: Pin<&'a mut S>) -> Self {
        Intake {
            source,
            asked: false,
            ended: None,
        }
    }

    /// How the run ends: as it would, unless a failure was read ahead.
    fn how(self, status: RunStatus<E>) -> RunStatus<E> {
        match self.ended {
            Some(Err(error)) => RunStatus::Failed(error),
            _ => status,
        }
    }

    /// The next item, if there is one.
    fn poll_item<A>(&mut self, task: &mut Context<'_>) -> Poll<Option<A>>
    where
        S: Pull<Item = Result<A, E>>,
    {
        if self.ended.is_some() {
            return Poll::Ready(None);
        }
        let polled = self.source.as_mut().poll_next(task);
        self.asked = polled.is_pending();
        self.ended = match ready!(polled) {
            Some(Ok(item)) => return Poll::Ready(Some(item)),
            Some(Err(error)) => Some(Err(error)),
            None => Some(Ok(())),
        };
        Poll::Ready(None)
    }
}

/// A stop, and what it has said. It has the first word.
struct Stopper<'a, S> {
    stop: Pin<&'a mut S>,
    reason: Option<StopReason>,
}

impl<'a, S: Future<Output = Result<StopReason, Never>>> Stopper<'a, S> {
    const fn new(stop: Pin<&'a mut S>) -> Self {
        Stopper { stop, reason: None }
    }

    /// Why it is to stop, if it is.
    fn poll(&mut self, task: &mut Context<'_>) -> Option<StopReason> {
        if self.reason.is_none()
            && let Poll::Ready(Ok(reason)) = self.stop.as_mut().poll(task)
        {
            self.reason = Some(reason);
        }
        self.reason.clone()
    }

    /// Awaits a future, unless it is to stop before that is ready.
    async fn unless<T>(&mut self, body: impl Future<Output = T>) -> Result<T, StopReason> {
        let mut body = pin!(body);
        poll_fn(|task| match self.poll(task) {
            Some(reason) => Poll::Ready(Err(reason)),
            None => body.as_mut().poll(task).map(Ok),
        })
        .await
    }
}

impl<R, A, E, B> Ledger<'_, R, A, E, B> {
    /// Takes the next item in hand. False if there will be none.
    fn poll_item<S>(&mut self, intake: &mut Intake<'_, S, E>, task: &mut Context<'_>) -> Poll<bool>
    where
        S: Pull<Item = Result<A, E>>,
    {
        if self.take_buffered() {
            return Poll::Ready(true);
        }
        let item = ready!(intake.poll_item(task));
        Poll::Ready(item.map(|item| self.pull(item)).is_some())
    }

    /// Pulls what there is room for, and lets the source go on with what it has begun.
    fn read_ahead<S>(&mut self, intake: &mut Intake<'_, S, E>, most: usize, task: &mut Context<'_>)
    where
        S: Pull<Item = Result<A, E>>,
    {
        for _ in 0..ITEMS_PER_TURN {
            // What was asked for goes on, also when no more is wanted: it may hold what the body waits for.
            let is_wanted = intake.asked || self.buffered() < most;
            if intake.ended.is_some() || !is_wanted {
                // Whether it is done does not matter; its wakers are registered.
                let _ = intake.source.as_mut().poll_progress(task);
                return;
            }
            match intake.poll_item(task) {
                Poll::Ready(Some(item)) => self.pull_ahead(item),
                Poll::Ready(None) => {}
                Poll::Pending => return,
            }
        }
        task.waker().wake_by_ref();
    }
}

impl<R, E, A, S: Clone, B: Clone, F: Clone, G: Clone> Clone for RunBounded<R, E, A, S, B, F, G> {
    fn clone(&self) -> Self {
        RunBounded {
            source: self.source.clone(),
            stop: self.stop.clone(),
            read_ahead: self.read_ahead,
            finishes_in_hand: self.finishes_in_hand,
            value: self.value.clone(),
            keep: self.keep.clone(),
            watch: self.watch.clone(),
            body: self.body.clone(),
        }
    }
}

opaque_debug!(RunBounded<R, E, A, S, B, F, G>, ForEachBounded<G>, NoBody<E>);
