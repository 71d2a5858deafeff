//! A state under a short lock, and those who wait until it is as they want it.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use parking_lot::Mutex;

use super::waiters::{Place, Waiters};
use super::wakers::Wakers;
use crate::{WaitsFor, poll_turn};

/// A state under a short lock, and those who wait until it is as they want it.
///
/// No closure of a user's is called under the lock, and what is taken out of the state is dropped by the caller.
pub(super) struct Watched<S> {
    inner: Mutex<Inner<S>>,
}

struct Inner<S> {
    state: S,
    waiters: Waiters,
}

impl<S> Watched<S> {
    pub(super) fn new(state: S) -> Arc<Self> {
        Arc::new(Watched {
            inner: Mutex::new(Inner {
                state,
                waiters: Waiters::new(),
            }),
        })
    }

    /// Looks at the state.
    pub(super) fn look<T>(&self, look: impl FnOnce(&S) -> T) -> T {
        look(&self.inner.lock().state)
    }

    /// Changes the state, and wakes everybody who waits.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut S) -> T) -> T {
        self.change_if(|state| (change(state), true))
    }

    /// Changes the state, and wakes everybody who waits, if `change` says so.
    pub(super) fn change_if<T>(&self, change: impl FnOnce(&mut S) -> (T, bool)) -> T {
        let mut wakers = Wakers::default();
        let output = {
            let mut inner = self.inner.lock();
            let (output, wakes) = change(&mut inner.state);
            if wakes {
                wakers.extend(inner.waiters.drain());
            }
            output
        };
        wakers.wake();
        output
    }
}

/// One that waits until a state is as it wants it. Dropped, it leaves no trace.
pub(super) struct Watcher<S> {
    watched: Arc<Watched<S>>,
    waits_for: WaitsFor,
    place: Option<Place>,
}

impl<S> Watcher<S> {
    pub(super) fn new(watched: &Arc<Watched<S>>, waits_for: WaitsFor) -> Self {
        Watcher {
            watched: Arc::clone(watched),
            waits_for,
            place: None,
        }
    }

    pub(super) fn watched(&self) -> &Watched<S> {
        &self.watched
    }

    /// Ready with what `look` sees in the state, once it sees something.
    pub(super) fn poll<T>(
        &mut self,
        task: &mut Context<'_>,
        look: impl FnOnce(&mut S) -> Option<T>,
    ) -> Poll<T> {
        ready!(poll_turn(task));
        let mut wakers = Wakers::default();
        let mut guard = self.watched.inner.lock();
        let Inner { state, waiters } = &mut *guard;
        if let Some(seen) = look(state) {
            if let Some(place) = self.place.take() {
                wakers.discard(waiters.leave(place));
            }
            return Poll::Ready(seen);
        }
        waiters.wait(&mut self.place, task, &mut wakers);
        self.waits_for.note();
        Poll::Pending
    }

    /// Waits no more.
    pub(super) fn forget(&mut self) {
        if let Some(place) = self.place.take() {
            let _left = self.watched.inner.lock().waiters.leave(place);
        }
    }
}

impl<S> Drop for Watcher<S> {
    fn drop(&mut self) {
        self.forget();
    }
}
