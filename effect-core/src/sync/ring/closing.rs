//! Waiting until a ring is closed, whether anything is left in it or not.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::Ring;
use crate::sync::waiters::Place;
use crate::sync::wakers::Wakers;

/// One that waits until a ring is closed. It waits among those who wait for the end, all of whom hear of the close.
pub(in crate::sync) struct Closing<'a, T> {
    ring: &'a Ring<T>,
    waiting: Option<Place>,
}

impl<'a, T> Closing<'a, T> {
    pub(in crate::sync) fn new(ring: &'a Ring<T>) -> Self {
        Closing {
            ring,
            waiting: None,
        }
    }
}

impl<T> Future for Closing<'_, T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        // Dropped when the lock is free.
        let mut wakers = Wakers::default();
        let mut state = self.ring.state.lock();
        if state.is_closed() {
            return Poll::Ready(());
        }
        (state.mourners).wait(&mut self.waiting, task, &mut wakers);
        drop(state);
        Poll::Pending
    }
}

impl<T> Drop for Closing<'_, T> {
    fn drop(&mut self) {
        if let Some(place) = self.waiting.take() {
            let mut state = self.ring.state.lock();
            let _left = state.mourners.leave(place);
            drop(state);
        }
    }
}
