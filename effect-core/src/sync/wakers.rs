//! Wakers that are called when the lock is free.

use std::task::Waker;

/// Wakers, to be called after the lock is released: a task that is woken may want it at once. There is seldom
/// more than one.
#[derive(Default)]
pub(super) struct Wakers {
    first: Option<Waker>,
    others: Vec<Waker>,
    discarded: Option<Waker>,
}

impl Wakers {
    pub(super) fn push(&mut self, waker: Waker) {
        match &self.first {
            None => self.first = Some(waker),
            Some(_) => self.others.push(waker),
        }
    }

    pub(super) fn extend(&mut self, wakers: impl Iterator<Item = Waker>) {
        wakers.for_each(|waker| self.push(waker));
    }

    /// Keeps a waker that is not needed any more: a task may be dropped with it, and want the lock as well.
    pub(super) fn discard(&mut self, waker: Option<Waker>) {
        self.discarded = waker;
    }

    #[inline]
    pub(super) fn wake(self) {
        if self.first.is_none() && self.discarded.is_none() {
            // Without a first there are no others: nothing is to be dropped, and nobody needs to look.
            std::mem::forget(self);
        } else {
            self.wake_all();
        }
    }

    fn wake_all(mut self) {
        if let Some(first) = self.first.take() {
            first.wake();
            // Seldom any, and most of what it costs to look.
            if !self.others.is_empty() {
                self.others.drain(..).for_each(Waker::wake);
            }
        }
    }
}
