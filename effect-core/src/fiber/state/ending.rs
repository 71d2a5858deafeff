//! The end of a fiber, and who is told of it.

use std::future::poll_fn;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};

use smallvec::SmallVec;

use super::{FiberState, Inner, Place};
use crate::cleanup::CleanupQueue;
use crate::{WaitsFor, measure, scope};

impl FiberState {
    pub(crate) fn poll_done(&self, task: &Context<'_>) -> Poll<()> {
        let mut inner = self.inner.lock();
        if inner.done {
            return Poll::Ready(());
        }
        if !inner
            .joiners
            .iter()
            .any(|waker| waker.will_wake(task.waker()))
        {
            inner.joiners.push(task.waker().clone());
        }
        Poll::Pending
    }

    /// Somebody looks at the exit, and leaves it there.
    pub(crate) fn observe_exit(&self) {
        self.inner.lock().exit_observed = true;
    }

    pub(crate) fn is_exit_observed(&self) -> bool {
        self.inner.lock().exit_observed
    }

    /// Waits until the fiber has ended.
    pub(crate) async fn ended(&self, waits_for: WaitsFor) {
        let ended = poll_fn(|task| self.poll_done(task));
        waits_for.told_by(ended).await;
    }

    pub(crate) fn is_done(&self) -> bool {
        self.inner.lock().done
    }

    /// Ends the fiber, unless more is owed by now. True if it has ended.
    pub(crate) fn try_end(&self) -> bool {
        let (ended, forgotten) = {
            let mut inner = self.inner.lock();
            let owes = inner.owed() > 0 || inner.has_children();
            if owes || self.own_scope().is_some_and(|scope| !scope.try_close()) {
                return false;
            }
            (inner.end(), inner.forgotten)
        };
        if forgotten {
            self.slot.forget(self);
        }
        ended.tell();
        self.observe_ended();
        true
    }

    /// Ends the fiber with what it still owes: its runtime is gone, and nothing can run it.
    pub(crate) fn abandon(&self) -> usize {
        let (owed, ended, forgotten) = {
            let mut inner = self.inner.lock();
            // What the drops below owe is lost as well, and has to be told of as well.
            inner.late = false;
            let owed = inner.rest.as_mut();
            let owed = owed.map(|rest| std::mem::take(&mut rest.cleanup));
            self.unclaimed.store(0, Ordering::Relaxed);
            (owed, inner.end(), inner.forgotten)
        };
        let mut lost = owed.as_ref().map_or(0, CleanupQueue::len);
        measure::finalizers(-(lost as isize));
        drop(owed);
        lost += self.own_scope().map_or(0, |scope| scope.abandon());
        if forgotten {
            self.slot.forget(self);
        }
        ended.tell();
        self.observe_ended();
        lost
    }
}

impl Inner {
    fn end(&mut self) -> Ended {
        self.done = true;
        Ended {
            _waker: self.waker.take(),
            joiners: std::mem::take(&mut self.joiners),
            parent: self.parent.take(),
            scope_place: self.rest.as_mut().and_then(|rest| rest.scope_place.take()),
        }
    }
}

/// Who is to be told that a fiber has ended.
struct Ended {
    // Nobody any more, but it is dropped when the lock is free.
    _waker: Option<Waker>,
    joiners: SmallVec<[Waker; 1]>,
    parent: Option<Place>,
    scope_place: Option<scope::Place>,
}

impl Ended {
    /// Called without the fiber's lock: a waker may run anything.
    fn tell(self) {
        if let Some((scope, key)) = self.scope_place
            && let Some(scope) = scope.upgrade()
        {
            drop(scope.remove(key));
        }
        // After that: whoever waited for it finds that it has left its scope.
        self.joiners.into_iter().for_each(Waker::wake);
        let Some((parent, place)) = self.parent else {
            return;
        };
        let (_child, waker) = {
            let mut family = parent.inner.lock();
            let child = family.rest_mut().children.remove(place);
            let last = family.awaits_children && !family.has_children();
            (child, if last { family.waker.clone() } else { None })
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
