//! A section: what runs while something is held, which is let go of after all that the body owes.

use std::future::{Future, Pending};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::cleanup::Settle;
use crate::fiber::FiberState;
use crate::settled::{Settled, settled};
use crate::{WaitsFor, poll_turn};

/// What is held in a section.
pub(super) trait Hold: Send + Unpin + 'static {
    /// Does something of the section: polls it, drops it, runs what it owes.
    fn inside<T>(&self, work: impl FnOnce() -> T) -> T {
        work()
    }
}

pin_project! {
    /// Acquires something, runs a body, and lets go.
    ///
    /// Cut short, it lets go after the finalizers that the drop of its body owes: they are part of the section.
    pub(super) struct Section<'cx, Acquire, H: Hold, Fut: Future> {
        fiber: &'cx Arc<FiberState>,
        waits_for: WaitsFor,
        #[pin]
        acquire: Option<Acquire>,
        held: Option<H>,
        #[pin]
        body: Option<Settled<'cx, Fut>>,
    }

    impl<Acquire, H: Hold, Fut: Future> PinnedDrop for Section<'_, Acquire, H, Fut> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let Some(held) = this.held.take() else { return };
            let before = this.fiber.mark();
            held.inside(|| this.body.set(None));
            if this.fiber.mark() != before {
                let mut owed = Settle::new(this.fiber);
                owed.claim(before);
                this.fiber.owe(Box::pin(LettingGo { owed, held }));
            }
        }
    }
}

/// Runs a body while what `acquire` yields is held.
pub(super) fn section<Acquire, H, Fut>(
    fiber: &Arc<FiberState>,
    waits_for: WaitsFor,
    acquire: Acquire,
    body: Fut,
) -> Section<'_, Acquire, H, Fut>
where
    Acquire: Future<Output = H>,
    H: Hold,
    Fut: Future,
{
    Section {
        fiber,
        waits_for,
        acquire: Some(acquire),
        held: None,
        body: Some(settled(fiber, body)),
    }
}

/// Runs a body while that is held which the caller has acquired.
pub(super) fn entered<H, Fut>(
    fiber: &Arc<FiberState>,
    waits_for: WaitsFor,
    held: H,
    body: Fut,
) -> Section<'_, Pending<H>, H, Fut>
where
    H: Hold,
    Fut: Future,
{
    Section {
        fiber,
        waits_for,
        acquire: None,
        held: Some(held),
        body: Some(settled(fiber, body)),
    }
}

impl<Acquire, H: Hold, Fut: Future> Section<'_, Acquire, H, Fut> {
    /// Polls the body without acquiring anything: the caller is inside already.
    pub(super) fn poll_body(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Fut::Output> {
        let body = self.project().body.as_pin_mut();
        body.expect("a section has a body until it ends").poll(task)
    }
}

impl<Acquire, H, Fut> Future for Section<'_, Acquire, H, Fut>
where
    Acquire: Future<Output = H>,
    H: Hold,
    Fut: Future,
{
    type Output = Fut::Output;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Fut::Output> {
        let mut this = self.project();
        if let Some(acquire) = this.acquire.as_mut().as_pin_mut() {
            ready!(poll_turn(task));
            let Poll::Ready(held) = acquire.poll(task) else {
                this.waits_for.note();
                return Poll::Pending;
            };
            *this.held = Some(held);
            this.acquire.set(None);
        }
        let held = this.held.as_ref().expect("polled after completion");
        let body = this.body.as_mut().as_pin_mut();
        let output = ready!(held.inside(|| body.expect("polled after completion").poll(task)));
        this.body.set(None);
        *this.held = None;
        Poll::Ready(output)
    }
}

/// Runs what the drop of a body owes, and lets go of what was held meanwhile.
struct LettingGo<H> {
    // Dropped first: what is left of it is owed to the fiber again.
    owed: Settle,
    held: H,
}

impl<H: Hold> Future for LettingGo<H> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        let LettingGo { owed, held } = &mut *self;
        held.inside(|| Pin::new(owed).poll(task))
    }
}
