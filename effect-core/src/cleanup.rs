//! The cleanup queue: async work that a drop owes, and the waiting for it.
//!
//! Rust cancels by dropping, at any `.await`, and a `Drop` cannot wait. So a future that owes async work
//! pushes that work here, in its `Drop`, and whoever dropped it waits until what was pushed by that drop has
//! run. Drop order gives inner before outer, so the queue's order is the reverse of acquisition.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use crate::defect::catch_poll;
use crate::fiber::FiberState;
use crate::scope::Finalizer;

/// A moment in the life of a queue: what is pushed later is told from what was there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark(pub(crate) u64);

impl Mark {
    /// The beginning: everything was pushed since.
    pub(crate) const START: Mark = Mark(0);
}

/// Work that is owed, in the order in which it is to run.
#[derive(Default)]
pub(crate) struct CleanupQueue {
    owed: VecDeque<(Mark, Finalizer)>,
}

impl CleanupQueue {
    pub(crate) fn push(&mut self, at: Mark, work: Finalizer) {
        self.owed.push_back((at, work));
    }

    /// Puts back work that was begun, ahead of all that waits.
    fn put_back(&mut self, at: Mark, work: Finalizer) {
        self.owed.push_front((at, work));
    }

    fn pop_since(&mut self, since: Mark) -> Option<(Mark, Finalizer)> {
        let index = self.owed.iter().position(|(at, _)| *at >= since)?;
        self.owed.remove(index)
    }

    pub(crate) fn len(&self) -> usize {
        self.owed.len()
    }
}

/// Runs what was pushed onto a fiber's queue since a mark, in order, until there is none.
///
/// Work that panics is recorded as a defect of the fiber and does not stop the next. Dropped while it
/// waits, it puts the work that it has begun back.
pub(crate) struct Settle {
    fiber: Arc<FiberState>,
    since: Mark,
    begun: Option<(Mark, Finalizer)>,
}

impl Settle {
    pub(crate) fn new(fiber: &Arc<FiberState>, since: Mark) -> Self {
        Settle {
            fiber: Arc::clone(fiber),
            since,
            begun: None,
        }
    }
}

impl Future for Settle {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        loop {
            if this.begun.is_none() {
                if this.fiber.mark() <= this.since {
                    return Poll::Ready(());
                }
                this.begun = this.fiber.with_cleanup(|queue| queue.pop_since(this.since));
            }
            let Some((_, work)) = &mut this.begun else {
                return Poll::Ready(());
            };
            let ended = ready!(catch_poll(work.as_mut(), task));
            this.begun = None;
            if let Err(defect) = ended {
                this.fiber.record_defect(defect);
            }
        }
    }
}

impl Drop for Settle {
    fn drop(&mut self) {
        if let Some((at, work)) = self.begun.take() {
            self.fiber.with_cleanup(|queue| queue.put_back(at, work));
            self.fiber.adopt_late_cleanup();
        }
    }
}
