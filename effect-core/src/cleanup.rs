//! The cleanup queue: async work that a drop owes, and the waiting for it.
//!
//! Rust cancels by dropping, at any `.await`, and a `Drop` cannot wait. So a future that owes async work
//! pushes that work here, in its `Drop`, and whoever dropped it waits until what was pushed by that drop has
//! run. Drop order gives inner before outer, so the queue's order is the reverse of acquisition.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use futures::future::BoxFuture;
use smallvec::SmallVec;

use crate::defect::catch_poll;
use crate::fiber::FiberState;

/// Work that is owed. It never fails; a panic in it is caught by whoever runs it.
pub(crate) type Finalizer = BoxFuture<'static, ()>;

/// A moment in the life of a fiber: what is owed later is told from what was there before. See [`Owing::mark`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(pub(crate) u64);

impl Mark {
    /// The beginning: everything was pushed since.
    pub(crate) const START: Mark = Mark(0);
}

/// A look at what is owed on a fiber: [`Cx::owing`](crate::Cx::owing).
#[derive(Clone, Copy)]
pub struct Owing<'cx> {
    pub(crate) fiber: &'cx FiberState,
}

impl Owing<'_> {
    /// This moment.
    #[inline]
    pub fn mark(self) -> Mark {
        self.fiber.mark()
    }

    /// Whether nothing was owed since that moment, and no finalizer has panicked.
    #[inline]
    pub fn is_quiet_since(self, mark: Mark) -> bool {
        self.fiber.mark() == mark && !self.fiber.has_defects()
    }
}

impl fmt::Debug for Owing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Owing").finish_non_exhaustive()
    }
}

/// Work that is owed, in the order in which it is to run, and that nobody has taken on yet.
#[derive(Default)]
pub(crate) struct CleanupQueue {
    // The marks only grow.
    owed: Vec<(Mark, Finalizer)>,
}

impl CleanupQueue {
    pub(crate) fn push(&mut self, at: Mark, work: Finalizer) {
        self.owed.push((at, work));
    }

    /// Moves all that was pushed since a mark before what is claimed already. How much that is.
    pub(crate) fn claim(&mut self, since: Mark, claimed: &mut Claimed) -> u32 {
        let mut count = 0;
        while let Some((_, work)) = self.owed.pop_if(|(at, _)| *at >= since) {
            claimed.push(work);
            count += 1;
        }
        count
    }

    pub(crate) fn len(&self) -> usize {
        self.owed.len()
    }
}

/// Work that somebody has taken on, last first.
pub(crate) type Claimed = SmallVec<[Finalizer; 1]>;

/// Runs work that was pushed onto a fiber's queue, one piece after the other, in order.
///
/// It takes that work on right after the poll or the drop that pushed it, so that nobody else on the fiber does, a
/// sibling or the driver. Work that panics is recorded as a defect of the fiber and does not stop the next. Dropped
/// while it waits, it owes what is left to the fiber again.
pub(crate) struct Settle {
    fiber: Arc<FiberState>,
    running: Option<Finalizer>,
    /// When that began, where somebody wants to know.
    begun: Option<Instant>,
    claimed: Claimed,
}

impl Settle {
    /// Nothing yet.
    pub(crate) fn new(fiber: &Arc<FiberState>) -> Self {
        Settle {
            fiber: Arc::clone(fiber),
            running: None,
            begun: None,
            claimed: Claimed::new(),
        }
    }

    pub(crate) fn fiber(&self) -> &Arc<FiberState> {
        &self.fiber
    }

    /// Takes on what was pushed since a mark, behind what is there.
    pub(crate) fn claim(&mut self, since: Mark) {
        let mut earlier = std::mem::take(&mut self.claimed);
        self.fiber.claim(since, &mut self.claimed);
        self.claimed.append(&mut earlier);
    }
}

impl Future for Settle {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        loop {
            if this.running.is_none() {
                this.running = this.claimed.pop();
                this.begun = this.fiber.finalizer_begins();
            }
            let Some(running) = &mut this.running else {
                return Poll::Ready(());
            };
            let before = this.fiber.mark();
            let polled = catch_poll(running.as_mut(), task);
            if polled.is_ready() {
                this.running = None;
                this.fiber.give_up(1);
                if let Some(begun) = this.begun {
                    this.fiber.finalizer_ends(begun);
                }
            }
            // What the work has itself dropped owes work that comes before all that is around it.
            this.fiber.claim(before, &mut this.claimed);
            if let Err(defect) = ready!(polled) {
                this.fiber.record_defect(defect);
            }
        }
    }
}

impl Drop for Settle {
    fn drop(&mut self) {
        let begun = self.running.take();
        if begun.is_none() && self.claimed.is_empty() {
            return;
        }
        self.fiber
            .give_up(self.claimed.len() + usize::from(begun.is_some()));
        for work in begun.into_iter().chain(self.claimed.drain(..).rev()) {
            self.fiber.owe(work);
        }
    }
}

/// What a drop owes: a future of those finalizers, which [`Cx::owed_by`](crate::Cx::owed_by) gives.
///
/// Dropped before it has ended, it owes what is left to the fiber again.
#[must_use = "the finalizers run when it is awaited, or else when the fiber comes to them"]
pub struct Owed {
    settle: Settle,
}

impl Owed {
    /// Takes on what was pushed since a mark, if anything was.
    pub(crate) fn since(mark: Mark, fiber: &Arc<FiberState>) -> Option<Self> {
        if fiber.mark() == mark || !fiber.has_unclaimed() {
            return None;
        }
        let mut settle = Settle::new(fiber);
        settle.claim(mark);
        Some(Owed { settle })
    }
}

impl Future for Owed {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.settle).poll(task)
    }
}

impl fmt::Debug for Owed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Owed")
    }
}
