//! The future of a watched fiber: polled in its spans, and timed.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use pin_project_lite::pin_project;

use super::FiberState;
use super::watch::BegunPoll;
use crate::spans::Spans;

thread_local! {
    /// How long the fibers took that were polled, and timed, inside of the poll that goes on on this thread.
    static INSIDE: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

pin_project! {
    /// Polls what drives a fiber, and watches it, if it is watched.
    pub(crate) struct Watched<Fut> {
        watcher: Option<Box<Watcher>>,
        #[pin]
        driver: Fut,
    }
}

/// Watches a fiber while its driver is polled.
struct Watcher {
    fiber: Arc<FiberState>,
    spans: Option<Spans>,
}

/// Watches what drives a fiber, if the fiber is watched.
pub(crate) fn watched<Fut: Future>(fiber: &Arc<FiberState>, driver: Fut) -> Watched<Fut> {
    let watcher = fiber.is_watched().then(|| Watcher::new(fiber));
    Watched { watcher, driver }
}

/// Watches a task that drives a fiber. The box of a fiber that is not watched is left as it is.
#[inline]
pub(crate) fn watched_task(
    fiber: &Arc<FiberState>,
    task: BoxFuture<'static, ()>,
) -> BoxFuture<'static, ()> {
    if fiber.is_watched() {
        Box::pin(watched(fiber, task))
    } else {
        task
    }
}

impl Watcher {
    #[cold]
    fn new(fiber: &Arc<FiberState>) -> Box<Self> {
        Box::new(Watcher {
            spans: fiber.spans(),
            fiber: Arc::clone(fiber),
        })
    }

    fn poll<Fut: Future>(
        &mut self,
        driver: Pin<&mut Fut>,
        task: &mut Context<'_>,
    ) -> Poll<Fut::Output> {
        let Watcher { fiber, spans } = self;
        let waker = spans.as_mut().and_then(|spans| spans.waker(task.waker()));
        let _entered = spans.as_ref().map(Spans::enter);
        let begun = fiber.driver_begins();
        let around = INSIDE.replace(Duration::ZERO);
        let polled = match &waker {
            Some(waker) => driver.poll(&mut Context::from_waker(waker)),
            None => driver.poll(task),
        };
        fiber.driver_pauses();
        Watcher::end_poll(fiber, begun, around);
        polled
    }

    /// Tells how long a poll took, without those inside of it: whoever awaits a root fiber is not to blame for it.
    fn end_poll(fiber: &Arc<FiberState>, begun: BegunPoll, around: Duration) {
        let inside = INSIDE.get();
        let Some((begun, waited_for)) = begun else {
            INSIDE.set(around + inside);
            return;
        };
        let took = fiber.runtime().now().saturating_duration_since(begun);
        INSIDE.set(around + took);
        fiber.driver_took(took.saturating_sub(inside), waited_for);
    }
}

impl<Fut: Future> Future for Watched<Fut> {
    type Output = Fut::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Fut::Output> {
        let this = self.project();
        match this.watcher {
            None => this.driver.poll(task),
            Some(watcher) => watcher.poll(this.driver, task),
        }
    }
}
