//! The end of a fiber, and who is told of it.

use std::sync::atomic::Ordering;
use std::task::{Poll, Waker};

use super::{FiberState, Inner, Place};
use crate::cleanup::CleanupQueue;
use crate::defect::catch;
use crate::joiners::{Joined, Joiners, WakerId, joining};
use crate::{Cause, Never, WaitsFor, measure, scope};

impl FiberState {
    /// Somebody looks at the exit, and leaves it there.
    pub(crate) fn observe_exit(&self) {
        self.inner.lock().exit_observed = true;
    }

    pub(crate) fn is_exit_observed(&self) -> bool {
        self.inner.lock().exit_observed
    }

    /// Waits until the fiber has ended.
    pub(crate) async fn ended(&self, waits_for: WaitsFor) {
        waits_for.told_by(joining(self)).await;
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
            self.forget_exit();
        }
        ended.tell();
        self.observe_ended();
        true
    }

    /// Drops an exit that nobody will look at.
    fn forget_exit(&self) {
        self.catching(|| self.slot.forget(self));
    }

    /// Drops what is a user's. A panic in that is no reason not to tell those who wait for this fiber.
    fn catching(&self, drops: impl FnOnce()) {
        if let Err(defect) = catch(drops) {
            self.report_unobserved(&Cause::<Never>::die(defect));
        }
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
        self.catching(|| drop(owed));
        lost += self.own_scope().map_or(0, |scope| scope.abandon());
        if forgotten {
            self.forget_exit();
        }
        ended.tell();
        self.observe_ended();
        lost
    }
}

impl Joined for FiberState {
    fn poll_ended(&self, joined: &mut Option<WakerId>, waker: &Waker) -> Poll<()> {
        let _replaced = {
            let mut inner = self.inner.lock();
            if inner.done {
                return Poll::Ready(());
            }
            inner.joiners.join(joined, waker)
        };
        Poll::Pending
    }

    fn leave(&self, joined: WakerId) {
        let left = self.inner.lock().joiners.leave(joined);
        drop(left);
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
    joiners: Joiners,
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
        self.joiners.wake();
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
