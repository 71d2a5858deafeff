//! A copy of clean-up: a scope, the queue of what drops owe, and a driver that runs all of it; with bugs to plant.

use std::collections::VecDeque;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use effect::{Cx, FiberId, Report, Runtime};
use futures::future::{BoxFuture, FutureExt};
use parking_lot::Mutex;

mod program;

pub(super) use program::nested;

/// What can be wrong with clean-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bug {
    /// A body that panics is not cleaned up after.
    SkippedOnPanic,
    /// A driver that is dropped leaves what it owes to nobody.
    SkippedOnDrop,
    /// It does so only if it is dropped while finalizers run.
    SkippedOnSecondDrop,
    /// A finalizer that was cut short begins anew.
    BegunAnew,
    /// A finalizer that was cut short is forgotten.
    BegunForgotten,
    /// A finalizer that was cut short goes on after those that came behind it.
    BegunLast,
    /// What is acquired first is released first.
    Fifo,
    /// A finalizer that panics takes the next ones with it.
    PanicStopsNext,
    /// Finalizers run while the body is still there.
    BeforeBodyDropped,
    /// The driver does not wait for the finalizers.
    NotAwaited,
    /// An acquisition that ends after its scope was closed is not released.
    LateAcquisitionKept,
    /// An acquisition is interrupted between having its resource and promising its release.
    AcquisitionCut,
    /// What a finalizer owes by a drop of its own comes behind those that wait.
    InnerOwedLast,
    /// What is lost with its runtime owes more when it is dropped, and that is kept.
    LostOwesMore,
}

/// How a body has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Returned,
    Panicked,
}

/// Awaits a body, and then all that is owed because of it. Dropped, it leaves that to an orphan.
pub(super) async fn drive(cx: &Cx<()>, owed: &Owed, body: impl Future<Output = ()>) -> Ended {
    let mut guard = DropGuard {
        runtime: Arc::clone(cx.runtime()),
        fiber: cx.fiber_id(),
        owed: Some(owed.clone()),
    };
    let ended = AssertUnwindSafe(body).catch_unwind().await;
    match owed.bug {
        Some(Bug::SkippedOnPanic) if ended.is_err() => drop(owed.take()),
        Some(Bug::SkippedOnSecondDrop) => {
            guard.owed = None;
            Settle::new(owed).await;
        }
        Some(Bug::NotAwaited) => return Ended::Returned,
        _ => Settle::new(owed).await,
    }
    guard.owed = None;
    match ended {
        Ok(()) => Ended::Returned,
        Err(_) => Ended::Panicked,
    }
}

/// A piece of work that is owed.
struct Work {
    /// What [`Bug::BegunAnew`] begins it anew with.
    again: Option<Finalizer>,
    future: BoxFuture<'static, ()>,
}

/// A finalizer: what makes the future that is awaited.
pub(super) type Finalizer = Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

impl Work {
    fn of(finalizer: Finalizer) -> Self {
        Work {
            future: finalizer(),
            again: Some(finalizer),
        }
    }
}

/// The copy of a fiber's cleanup queue.
#[derive(Clone)]
pub(super) struct Owed {
    bug: Option<Bug>,
    queue: Arc<Mutex<VecDeque<Work>>>,
}

impl Owed {
    pub(super) fn new(bug: Option<Bug>) -> Self {
        Owed {
            bug,
            queue: Arc::default(),
        }
    }

    fn owe(&self, work: Work) {
        self.queue.lock().push_back(work);
    }

    /// Takes on all that nobody else has taken on.
    fn take(&self) -> VecDeque<Work> {
        std::mem::take(&mut *self.queue.lock())
    }
}

/// The copy of `Settle`: runs what is owed, one piece after the other. Cut short, it owes the rest again.
pub(super) struct Settle<'a> {
    owed: &'a Owed,
    running: Option<Work>,
    claimed: VecDeque<Work>,
}

impl<'a> Settle<'a> {
    pub(super) fn new(owed: &'a Owed) -> Self {
        Settle {
            owed,
            running: None,
            claimed: owed.take(),
        }
    }
}

impl Future for Settle<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        loop {
            if this.running.is_none() {
                this.running = this.claimed.pop_front();
            }
            let Some(running) = &mut this.running else {
                return Poll::Ready(());
            };
            let poll = AssertUnwindSafe(|| running.future.poll_unpin(task));
            let polled = catch_unwind(poll);
            if !matches!(polled, Ok(Poll::Pending)) {
                this.running = None;
            }
            // What the work has itself dropped owes work that comes before all that is around it.
            let mut inner = this.owed.take();
            if this.owed.bug == Some(Bug::InnerOwedLast) {
                this.claimed.append(&mut inner);
            } else {
                inner.append(&mut this.claimed);
                this.claimed = inner;
            }
            match polled {
                Ok(Poll::Pending) => return Poll::Pending,
                Err(_) if this.owed.bug == Some(Bug::PanicStopsNext) => this.claimed.clear(),
                Ok(Poll::Ready(())) | Err(_) => {}
            }
        }
    }
}

impl Drop for Settle<'_> {
    fn drop(&mut self) {
        let mut begun = self.running.take();
        match self.owed.bug {
            Some(Bug::BegunForgotten) => begun = None,
            Some(Bug::BegunLast) => self.claimed.extend(begun.take()),
            Some(Bug::BegunAnew) => {
                begun = begun.map(|work| match work.again {
                    Some(finalizer) => Work::of(finalizer),
                    None => work,
                });
            }
            _ => {}
        }
        let works = begun.into_iter().chain(self.claimed.drain(..));
        works.for_each(|work| self.owed.owe(work));
    }
}

/// The copy of `Scope`: finalizers, until it is closed.
#[derive(Clone)]
pub(super) struct Scope {
    owed: Owed,
    // `None` once closed.
    finalizers: Arc<Mutex<Option<Vec<Finalizer>>>>,
}

impl Scope {
    fn new(owed: &Owed) -> Self {
        Scope {
            owed: owed.clone(),
            finalizers: Arc::new(Mutex::new(Some(Vec::new()))),
        }
    }

    fn add(&self, finalizer: Finalizer) -> Result<(), Finalizer> {
        match self.finalizers.lock().as_mut() {
            Some(finalizers) => {
                finalizers.push(finalizer);
                Ok(())
            }
            None => Err(finalizer),
        }
    }

    /// Acquires something and promises its release, without a moment in between.
    pub(super) async fn acquire(
        &self,
        acquire: impl Future<Output = ()> + Send + 'static,
        release: Finalizer,
    ) {
        let scope = self.clone();
        let acquire = async move {
            acquire.await;
            // A scope that was closed meanwhile hands it back, to be run at once.
            if let Err(late) = scope.add(release)
                && scope.owed.bug != Some(Bug::LateAcquisitionKept)
            {
                late().await;
            }
        };
        let masked = Masked {
            owed: &self.owed,
            body: Some(acquire.boxed()),
        };
        masked.await;
    }
}

/// Closes a scope when it is dropped: owes its finalizers, last first.
struct Closing(Scope);

impl Drop for Closing {
    fn drop(&mut self) {
        let finalizers = self.0.finalizers.lock().take().unwrap_or_default();
        let works = finalizers.into_iter().map(Work::of);
        let owe = |work| self.0.owed.owe(work);
        if self.0.owed.bug == Some(Bug::Fifo) {
            works.for_each(owe);
        } else {
            works.rev().for_each(owe);
        }
    }
}

/// The copy of `scoped`: a body in a scope of its own. The body is dropped first.
pub(super) struct Scoped<'a, F> {
    owed: &'a Owed,
    settle: Option<Settle<'a>>,
    body: Option<Pin<Box<F>>>,
    closing: Option<Closing>,
}

impl<'a, F: Future<Output = ()>> Scoped<'a, F> {
    pub(super) fn new(owed: &'a Owed, body: impl FnOnce(Scope) -> F) -> Self {
        let scope = Scope::new(owed);
        Scoped {
            owed,
            settle: None,
            body: Some(Box::pin(body(scope.clone()))),
            closing: Some(Closing(scope)),
        }
    }
}

impl<F: Future<Output = ()>> Future for Scoped<'_, F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if let (Some(body), None) = (&mut this.body, &this.settle) {
            ready!(body.poll_unpin(task));
            if this.owed.bug != Some(Bug::BeforeBodyDropped) {
                this.body = None;
            }
            this.closing = None;
        }
        let settle = this.settle.get_or_insert_with(|| Settle::new(this.owed));
        settle.poll_unpin(task)
    }
}

/// The copy of `Masked`: dropped half-way, it is owed, and ends there.
struct Masked<'a> {
    owed: &'a Owed,
    body: Option<BoxFuture<'static, ()>>,
}

impl Future for Masked<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        let body = self.body.as_mut().expect("polled after completion");
        let polled = body.poll_unpin(task);
        if polled.is_ready() {
            self.body = None;
        }
        polled
    }
}

impl Drop for Masked<'_> {
    fn drop(&mut self) {
        if let Some(future) = self.body.take()
            && self.owed.bug != Some(Bug::AcquisitionCut)
            && !std::thread::panicking()
        {
            let again = None;
            self.owed.owe(Work { again, future });
        }
    }
}

/// Sees to it that a driver which is itself dropped leaves nothing behind.
struct DropGuard {
    runtime: Arc<dyn Runtime>,
    fiber: FiberId,
    /// `None` once nothing is owed.
    owed: Option<Owed>,
}

impl Drop for DropGuard {
    fn drop(&mut self) {
        let Some(owed) = self.owed.take() else {
            return;
        };
        if owed.bug == Some(Bug::SkippedOnDrop) {
            drop(owed.take());
            return;
        }
        let runtime = Arc::clone(&self.runtime);
        let orphan = Orphan {
            runtime: Arc::clone(&self.runtime),
            fiber: self.fiber,
            owed,
        };
        runtime.spawn_orphan(orphan.finish().boxed());
    }
}

/// Runs what a driver that was dropped has owed, or reports that it is lost.
struct Orphan {
    runtime: Arc<dyn Runtime>,
    fiber: FiberId,
    owed: Owed,
}

impl Orphan {
    async fn finish(self) {
        Settle::new(&self.owed).await;
    }
}

impl Drop for Orphan {
    fn drop(&mut self) {
        let mut lost = 0;
        loop {
            let works = self.owed.take();
            if works.is_empty() {
                break;
            }
            lost += works.len();
            // What these drops owe is lost as well, and the queue would keep itself alive by it.
            drop(works);
            if self.owed.bug == Some(Bug::LostOwesMore) {
                break;
            }
        }
        if lost > 0 {
            self.runtime.report(&Report::LostFinalizers {
                fiber: self.fiber,
                count: lost,
            });
        }
    }
}
