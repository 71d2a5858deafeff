//! What a fiber waits for, told by the futures that wait, for reports of fibers that get nowhere.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

/// What a fiber waits for, and the place in the source where it does.
///
/// # Examples
///
/// ```
/// use effect_core::WaitsFor;
///
/// #[track_caller]
/// fn lock() -> WaitsFor {
///     WaitsFor::here("a lock")
/// }
/// assert!(lock().to_string().starts_with("a lock at "));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitsFor {
    what: &'static str,
    place: &'static Location<'static>,
}

thread_local! {
    /// What the future that was polled last on this thread, and is pending, waits for.
    static LATEST: Cell<Option<WaitsFor>> = const { Cell::new(None) };
}

impl WaitsFor {
    /// Says what is waited for, by the caller.
    #[track_caller]
    pub const fn here(what: &'static str) -> Self {
        WaitsFor {
            what,
            place: Location::caller(),
        }
    }

    /// Leaves word for whoever polls. To be called by a future of one's own right before it is pending.
    #[inline]
    pub fn note(self) {
        LATEST.set(Some(self));
    }

    /// A future that leaves word whenever it is pending.
    pub(crate) fn told_by<F: Future>(self, future: F) -> Telling<F> {
        Telling {
            waits_for: self,
            future,
        }
    }

    /// What the pending future that was polled last has left word of, if any.
    pub(crate) fn take_latest() -> Option<Self> {
        LATEST.take()
    }

    /// What is waited for.
    pub fn what(&self) -> &'static str {
        self.what
    }

    /// The place in the source where it is waited for.
    pub fn place(&self) -> &'static Location<'static> {
        self.place
    }
}

pin_project! {
    /// A future that leaves word of what it waits for.
    pub(crate) struct Telling<F> {
        waits_for: WaitsFor,
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for Telling<F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let polled = this.future.poll(task);
        if polled.is_pending() {
            this.waits_for.note();
        }
        polled
    }
}

impl fmt::Display for WaitsFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} at {}:{}",
            self.what,
            self.place.file(),
            self.place.line()
        )
    }
}
