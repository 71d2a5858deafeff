//! What a fiber owes: work that drops have left, and the defects of that work.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;

use super::{FiberState, Inner};
use crate::cleanup::{Claimed, Finalizer, Mark};
use crate::{Defect, driver, measure};

impl FiberState {
    pub(crate) fn record_defect(&self, defect: Defect) {
        let mut inner = self.inner.lock();
        let recorded = &mut inner.rest_mut().defects;
        recorded.push(defect);
        self.defects.store(recorded.len(), Ordering::Relaxed);
    }

    /// Puts another list in the place of the one that defects of finalizers are recorded in.
    #[inline]
    pub(crate) fn swap_defects(&self, defects: &mut Vec<Defect>) {
        if !defects.is_empty() || self.defects.load(Ordering::Relaxed) != 0 {
            self.exchange_defects(defects);
        }
    }

    #[inline]
    pub(crate) fn has_defects(&self) -> bool {
        self.defects.load(Ordering::Relaxed) != 0
    }

    #[cold]
    fn exchange_defects(&self, defects: &mut Vec<Defect>) {
        let mut inner = self.inner.lock();
        let recorded = &mut inner.rest_mut().defects;
        std::mem::swap(recorded, defects);
        self.defects.store(recorded.len(), Ordering::Relaxed);
    }

    /// Takes the defects of finalizers that were recorded.
    #[inline]
    pub(crate) fn take_defects(&self) -> Vec<Defect> {
        let mut taken = Vec::new();
        self.swap_defects(&mut taken);
        taken
    }

    #[inline]
    pub(crate) fn mark(&self) -> Mark {
        Mark(self.pushed.load(Ordering::Acquire))
    }

    /// Owes a piece of work. The fiber does not end before it is done; if it has ended, an orphan does it.
    pub(crate) fn owe(self: &Arc<Self>, work: Finalizer) {
        self.push(work, |inner| inner.waker.clone());
    }

    /// Owes a piece of work in a poll of the fiber which takes it on before it returns. So nobody need be woken.
    pub(crate) fn owe_at_once(self: &Arc<Self>, work: Finalizer) {
        self.push(work, |_| None);
    }

    fn push(self: &Arc<Self>, work: Finalizer, to_wake: impl FnOnce(&Inner) -> Option<Waker>) {
        measure::finalizers(1);
        let (late, waker) = {
            let mut inner = self.inner.lock();
            let at = Mark(self.pushed.fetch_add(1, Ordering::AcqRel));
            inner.rest_mut().cleanup.push(at, work);
            self.unclaimed.fetch_add(1, Ordering::Release);
            let late = inner.done && !std::mem::replace(&mut inner.late, true);
            (late, to_wake(&inner))
        };
        if late {
            driver::finish_late(self);
        } else if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Ends the work on what was owed late. False if there is more by now.
    pub(crate) fn try_end_late(&self) -> bool {
        let mut inner = self.inner.lock();
        let ended = inner.owed() == 0;
        inner.late = !ended;
        ended
    }

    /// Whether there is work that nobody has taken on.
    pub(crate) fn has_unclaimed(&self) -> bool {
        self.unclaimed.load(Ordering::Acquire) > 0
    }

    /// Takes on what was pushed since a mark, and nobody else has taken on. It runs before what is claimed already.
    pub(crate) fn claim(&self, since: Mark, claimed: &mut Claimed) {
        if !self.has_unclaimed() {
            return;
        }
        let mut inner = self.inner.lock();
        let count = inner.rest_mut().cleanup.claim(since, claimed);
        self.unclaimed.fetch_sub(count, Ordering::Relaxed);
        self.claimed.fetch_add(count, Ordering::Relaxed);
    }

    /// Counts work that was claimed, and has ended or is owed again.
    pub(crate) fn give_up(&self, count: usize) {
        measure::finalizers(-(count as isize));
        let count = u32::try_from(count).expect("it was claimed, and counted");
        self.claimed.fetch_sub(count, Ordering::Relaxed);
    }

    /// How many finalizers are owed. Children are not counted: they owe their own.
    pub(crate) fn owed(&self) -> usize {
        let claimed = self.claimed.load(Ordering::Relaxed);
        let in_scope = self.own_scope().map_or(0, |scope| scope.len());
        claimed as usize + self.inner.lock().owed() + in_scope
    }
}
