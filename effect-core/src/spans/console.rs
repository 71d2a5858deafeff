//! Fibers as tokio-console sees tasks: the spans and events that tokio would write, for fibers.

use std::panic::Location;
use std::sync::Arc;
use std::task::{Wake, Waker};

use tracing::Span;
use tracing::span::Entered;

use crate::FiberId;

/// A fiber as a task of the console.
pub(crate) struct Task {
    span: Span,
    /// The waker that the fiber was polled with last, and the one that stands for it.
    waker: Option<(Waker, Waker)>,
}

impl Task {
    pub(super) fn begin(
        id: FiberId,
        name: Option<&str>,
        place: Option<&'static Location<'static>>,
    ) -> Self {
        let name = name.unwrap_or_default();
        let span = tracing::trace_span!(
            target: "tokio::task",
            parent: None,
            "runtime.spawn",
            kind = %"task",
            task.name = %name,
            task.id = id.number(),
            loc.file = place.map(Location::file),
            loc.line = place.map(Location::line),
            loc.col = place.map(Location::column),
        );
        Task { span, waker: None }
    }

    pub(super) fn is_looked_at(&self) -> bool {
        !self.span.is_none()
    }

    pub(super) fn enter(&self) -> Entered<'_> {
        self.span.enter()
    }

    /// What to wake the fiber with, so that the console is told of it.
    pub(super) fn waker(&mut self, waker: &Waker) -> Option<Waker> {
        // The console knows tasks by their spans.
        let task = self.span.id()?.into_u64();
        let known = self.waker.as_ref();
        if !known.is_some_and(|(inner, _)| inner.will_wake(waker)) {
            let inner = waker.clone();
            let told = Waker::from(Arc::new(TellingWaker { task, inner }));
            self.waker = Some((waker.clone(), told));
        }
        self.waker.as_ref().map(|(_, told)| told.clone())
    }
}

impl Clone for Task {
    fn clone(&self) -> Self {
        Task {
            span: self.span.clone(),
            waker: None,
        }
    }
}

/// Tells the console when it wakes a fiber.
struct TellingWaker {
    task: u64,
    inner: Waker,
}

impl Wake for TellingWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Always by reference: of `waker.wake`, the console would think that a clone is gone, and it knows of none.
        tracing::trace!(
            target: "tokio::task::waker",
            op = "waker.wake_by_ref",
            task.id = self.task,
        );
        self.inner.wake_by_ref();
    }
}
