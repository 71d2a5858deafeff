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

use smallvec::SmallVec;

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

/// Work that is owed, in the order in which it is to run, and that nobody has taken on yet.
#[derive(Default)]
pub(crate) struct CleanupQueue {
    // The marks only grow.
    owed: VecDeque<(Mark, Finalizer)>,
}

impl CleanupQueue {
    pub(crate) fn push(&mut self, at: Mark, work: Finalizer) {
        self.owed.push_back((at, work));
    }

    /// Takes the first piece of work.
    pub(crate) fn pop(&mut self) -> Option<(Mark, Finalizer)> {
        self.owed.pop_front()
    }

    /// Puts back the first piece of work, which was begun.
    pub(crate) fn put_back(&mut self, at: Mark, work: Finalizer) {
        self.owed.push_front((at, work));
    }

    /// Takes all that was pushed since a mark.
    pub(crate) fn claim(&mut self, since: Mark) -> Claimed {
        let first = self.owed.partition_point(|(at, _)| *at < since);
        self.owed
            .drain(first..)
            .rev()
            .map(|(_, work)| work)
            .collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.owed.len()
    }
}

/// Work that somebody has taken on, last first.
pub(crate) type Claimed = SmallVec<[Finalizer; 1]>;

/// Runs what was pushed onto a fiber's queue since a mark, in order, until there is none.
///
/// It takes that work on when it is created, right after the drop that pushed it: whatever else runs on the
/// fiber meanwhile, a sibling's finalizers or the driver, cannot begin the second piece before the first has
/// ended. Work that panics is recorded as a defect of the fiber and does not stop the next. Dropped while it
/// waits, it owes what is left to the fiber again.
pub(crate) struct Settle {
    fiber: Arc<FiberState>,
    since: Mark,
    claimed: Claimed,
}

impl Settle {
    pub(crate) fn new(fiber: &Arc<FiberState>, since: Mark) -> Self {
        Settle {
            fiber: Arc::clone(fiber),
            since,
            claimed: fiber.claim(since),
        }
    }
}

impl Future for Settle {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        loop {
            let Some(work) = this.claimed.last_mut() else {
                // The work may itself have dropped what owes work.
                this.claimed = this.fiber.claim(this.since);
                if this.claimed.is_empty() {
                    return Poll::Ready(());
                }
                continue;
            };
            let ended = ready!(catch_poll(work.as_mut(), task));
            drop(this.claimed.pop());
            this.fiber.give_up(1);
            if let Err(defect) = ended {
                this.fiber.record_defect(defect);
            }
        }
    }
}

impl Drop for Settle {
    fn drop(&mut self) {
        self.fiber.give_up(self.claimed.len());
        while let Some(work) = self.claimed.pop() {
            self.fiber.owe(work);
        }
    }
}
