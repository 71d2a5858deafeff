//! Spans and events, told to the subscriber.

use std::borrow::Cow;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use pin_project_lite::pin_project;
use tracing::level_filters::LevelFilter;
use tracing::span::Entered;
use tracing::{Level, Span};

#[cfg(feature = "console")]
use super::console::Task;
use crate::{FiberId, Report};

/// The spans that a fiber runs in.
#[derive(Clone)]
pub(crate) struct Spans {
    /// The fiber's own. Where nobody wants one for each fiber, the span in which it was forked.
    fiber: Span,
    #[cfg(feature = "console")]
    task: Task,
}

impl Spans {
    /// The spans of a fiber that begins here, if anybody looks.
    #[inline]
    pub(crate) fn begin(
        id: FiberId,
        name: Option<&str>,
        place: Option<&'static Location<'static>>,
    ) -> Option<Self> {
        // One load. It is all that a program without a subscriber pays for a fiber.
        if LevelFilter::current() == LevelFilter::OFF {
            return None;
        }
        Spans::open(id, name, place)
    }

    #[cold]
    fn open(
        id: FiberId,
        name: Option<&str>,
        place: Option<&'static Location<'static>>,
    ) -> Option<Self> {
        let own = tracing::debug_span!(target: "effect::fiber", "fiber", id = id.number(), name);
        let spans = Spans {
            fiber: if own.is_none() { Span::current() } else { own },
            #[cfg(feature = "console")]
            task: Task::begin(id, name, place),
        };
        #[cfg(feature = "console")]
        let looked_at = !spans.fiber.is_none() || spans.task.is_looked_at();
        #[cfg(not(feature = "console"))]
        let (looked_at, _) = (!spans.fiber.is_none(), place);
        looked_at.then_some(spans)
    }

    /// Has what happens be in these spans, until it is dropped.
    pub(crate) fn enter(&self) -> InSpans<'_> {
        #[cfg(feature = "console")]
        let task = self.task.enter();
        InSpans {
            _fiber: self.fiber.enter(),
            #[cfg(feature = "console")]
            _task: task,
        }
    }

    /// What to wake the fiber with instead, so that it is told who has done so. None, if nobody wants to know.
    #[cfg(feature = "console")]
    pub(crate) fn waker(&mut self, waker: &Waker) -> Option<Waker> {
        self.task.waker(waker)
    }

    /// What to wake the fiber with instead. Nobody wants to know of that.
    #[cfg(not(feature = "console"))]
    pub(crate) fn waker(&mut self, _waker: &Waker) -> Option<Waker> {
        None
    }

    /// The fiber is interrupted.
    pub(crate) fn interrupted(&self, fiber: FiberId, by: Option<FiberId>) {
        tracing::event!(
            name: "interrupt",
            target: "effect::fiber",
            parent: &self.fiber,
            Level::DEBUG,
            fiber = fiber.number(),
            by = by.map(FiberId::number),
            "a fiber is interrupted"
        );
    }
}

/// Spans that are entered.
pub(crate) struct InSpans<'a> {
    // Left first.
    _fiber: Entered<'a>,
    #[cfg(feature = "console")]
    _task: Entered<'a>,
}

/// A finalizer has taken long. In the span of its fiber, which polls it.
pub(crate) fn slow_finalizer(fiber: FiberId, took: Duration) {
    tracing::event!(
        name: "finalizer.slow",
        target: "effect::scope",
        Level::WARN,
        fiber = fiber.number(),
        took_ms = millis(took),
        "a finalizer took long"
    );
}

/// An effect that has failed is about to run again.
#[inline]
pub(crate) fn retried(attempt: u64, delay: Duration) {
    // Nobody listens, mostly: so much is to be seen without a call.
    if Level::DEBUG <= LevelFilter::current() {
        tell_retried(attempt, delay);
    }
}

#[cold]
fn tell_retried(attempt: u64, delay: Duration) {
    tracing::event!(
        name: "retry",
        target: "effect::fiber",
        Level::DEBUG,
        attempt,
        delay_ms = millis(delay),
        "an effect failed and is retried"
    );
}

/// Tells the subscriber what would otherwise go unseen. False if it does not want to know.
pub(crate) fn report(report: &Report) -> bool {
    match report {
        Report::UnobservedFailure { fiber, .. } => unseen(*fiber, report),
        Report::LostFinalizers { fiber, .. } => unseen(*fiber, report),
        Report::IgnoredFailure { fiber, .. } => warning(*fiber, report),
        Report::LateFinalizer { fiber, .. } => warning(*fiber, report),
        Report::SlowPoll { fiber, .. } => warning(*fiber, report),
    }
}

fn unseen(fiber: FiberId, report: &Report) -> bool {
    let wanted = tracing::enabled!(target: "effect::fiber", Level::ERROR);
    tracing::event!(
        name: "unobserved",
        target: "effect::fiber",
        Level::ERROR,
        fiber = fiber.number(),
        "{report}"
    );
    wanted
}

fn warning(fiber: FiberId, report: &Report) -> bool {
    let wanted = tracing::enabled!(target: "effect::fiber", Level::WARN);
    tracing::event!(
        name: "warning",
        target: "effect::fiber",
        Level::WARN,
        fiber = fiber.number(),
        "{report}"
    );
    wanted
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The span of a named effect.
fn named(name: &str) -> Span {
    tracing::info_span!(target: "effect::named", "effect", name)
}

/// Calls `f` in the span of a named effect.
pub(crate) fn in_named_span<T>(name: &str, f: impl FnOnce() -> T) -> T {
    named(name).in_scope(f)
}

/// What a part of an effect runs in.
pub(crate) enum Scope {
    /// A span that is opened when the part begins.
    Named(Cow<'static, str>),
    Span(Span),
}

pin_project! {
    /// Polls a body in a span, and drops it there.
    pub(crate) struct InSpan<Fut> {
        scope: Scope,
        #[pin]
        body: Option<Fut>,
    }

    impl<Fut> PinnedDrop for InSpan<Fut> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.body.is_some() && let Scope::Span(span) = this.scope {
                let _entered = span.enter();
                this.body.set(None);
            }
        }
    }
}

impl<Fut> InSpan<Fut> {
    pub(crate) fn new(scope: Scope, body: Fut) -> Self {
        InSpan {
            scope,
            body: Some(body),
        }
    }
}

impl<Fut: Future> Future for InSpan<Fut> {
    type Output = Fut::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Fut::Output> {
        let mut this = self.project();
        if let Scope::Named(name) = this.scope {
            *this.scope = Scope::Span(named(name));
        }
        let Scope::Span(span) = this.scope else {
            unreachable!("it has just been opened");
        };
        let _entered = span.enter();
        let body = this.body.as_mut().as_pin_mut();
        let polled = body.expect("polled after completion").poll(task);
        if polled.is_ready() {
            this.body.set(None);
        }
        polled
    }
}
