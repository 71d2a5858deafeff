//! A lookup that runs, and those who wait for it.

use std::panic::Location;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::future::FutureExt;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::store::Store;
use crate::fiber::FiberState;
use crate::{Cx, Effect, Env, Exit, Fiber, Never, Value, WaitsFor, effect};

/// A lookup that runs.
pub(super) struct Running<E, A> {
    /// Changed under the lock of the store, so that nobody comes while the last one goes.
    waiting: AtomicUsize,
    /// `None` until it has ended, and then `None` inside if it was interrupted.
    exit: Mutex<Option<Option<Exit<E, A>>>>,
    ended: Notify,
    /// Put there by the first who waits, in the poll in which it came.
    fiber: OnceLock<Arc<FiberState>>,
}

impl<E, A> Running<E, A> {
    pub(super) fn new() -> Self {
        Running {
            waiting: AtomicUsize::new(0),
            exit: Mutex::new(None),
            ended: Notify::new(),
            fiber: OnceLock::new(),
        }
    }

    pub(super) fn enter(&self) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
    }

    /// True for the last.
    pub(super) fn leave(&self) -> bool {
        self.waiting.fetch_sub(1, Ordering::Relaxed) == 1
    }

    /// Whether it has ended otherwise than by interruption.
    fn has_found(&self) -> bool {
        matches!(*self.exit.lock(), Some(Some(_)))
    }

    fn end(&self, exit: Option<Exit<E, A>>) {
        *self.exit.lock() = Some(exit);
        self.ended.notify_waiters();
    }
}

impl<E, A> Running<E, A> {
    /// Waits until the fiber has ended, its finalizers and children included.
    pub(super) async fn end_of_fiber(&self, waits_for: WaitsFor) {
        if let Some(fiber) = self.fiber.get() {
            fiber.ended(waits_for).await;
        }
    }
}

impl<E: Clone, A: Clone> Running<E, A> {
    /// Waits for the exit; `None` if the lookup was interrupted.
    pub(super) async fn found(&self) -> Option<Exit<E, A>> {
        loop {
            // Registered before the look, so that no end comes between.
            let mut ended = std::pin::pin!(self.ended.notified());
            ended.as_mut().enable();
            let found = self.exit.lock().clone();
            if let Some(exit) = found {
                return exit;
            }
            ended.await;
        }
    }
}

/// One who waits for a lookup. The last to go interrupts it, and owes to its fiber the waiting for that.
pub(super) struct Waiter<'cx, K, E, A>
where
    K: Clone + Ord,
    A: Clone,
{
    fiber: &'cx Arc<FiberState>,
    store: &'cx Arc<Store<K, E, A>>,
    key: &'cx K,
    lookup: &'cx Arc<Running<E, A>>,
}

impl<'cx, K, E, A> Waiter<'cx, K, E, A>
where
    K: Clone + Ord,
    A: Clone,
{
    pub(super) fn new(
        fiber: &'cx Arc<FiberState>,
        store: &'cx Arc<Store<K, E, A>>,
        key: &'cx K,
        lookup: &'cx Arc<Running<E, A>>,
    ) -> Self {
        Waiter {
            fiber,
            store,
            key,
            lookup,
        }
    }
}

impl<K, E, A> Drop for Waiter<'_, K, E, A>
where
    K: Clone + Ord,
    A: Clone,
{
    fn drop(&mut self) {
        // One that has found something is about to end by itself.
        if !self.store.leave(self.key, self.lookup) || self.lookup.has_found() {
            return;
        }
        let Some(lookup) = self.lookup.fiber.get().filter(|fiber| !fiber.is_done()) else {
            return;
        };
        lookup.interrupt(Some(self.fiber.id()));
        let lookup = Arc::clone(lookup);
        let waits_for = WaitsFor::here("a lookup that nobody waits for any more");
        let waiting = async move { lookup.ended(waits_for).await };
        self.fiber.owe(waiting.boxed());
    }
}

/// Ends a lookup, whatever becomes of its fiber.
pub(super) struct Look<K, E, A>
where
    K: Clone + Ord,
    A: Clone,
{
    store: Arc<Store<K, E, A>>,
    key: K,
    lookup: Arc<Running<E, A>>,
}

impl<K, E, A> Look<K, E, A>
where
    K: Value + Sync + Clone + Ord,
    E: Value + Clone,
    A: Value + Clone,
{
    /// Starts a lookup on a fiber that is nobody's child.
    pub(super) fn start<R, F>(
        cx: &Cx<R>,
        waiter: &Waiter<'_, K, E, A>,
        key: K,
        ttl: Option<Duration>,
        (find, place): (F, &'static Location<'static>),
    ) where
        R: Env,
        F: FnOnce(K) -> Effect<R, E, A> + Value,
    {
        let look = Look {
            store: Arc::clone(waiter.store),
            key: key.clone(),
            lookup: Arc::clone(waiter.lookup),
        };
        let body = effect(move |cx: Cx<R>| look.run(cx, key, ttl, find));
        let fiber = Fiber::detach(body, cx, None, place);
        let _ = waiter.lookup.fiber.set(fiber.shared_state());
    }

    async fn run<R, F>(self, cx: Cx<R>, key: K, ttl: Option<Duration>, find: F) -> Result<(), Never>
    where
        R: Env,
        F: FnOnce(K) -> Effect<R, E, A> + Value,
    {
        let found = effect(move |cx: Cx<R>| async move { cx.run(find(key)).await });
        let Ok(exit) = cx.run(found.scoped().exit()).await;
        if let Exit::Success(value) = &exit {
            let until = ttl.map(|ttl| crate::cx::deadline(cx.now(), ttl));
            self.store
                .found(&self.key, &self.lookup, value.clone(), until);
        }
        let interrupted = exit.is_interrupt();
        self.lookup.end((!interrupted).then_some(exit));
        Ok(())
    }
}

impl<K, E, A> Drop for Look<K, E, A>
where
    K: Clone + Ord,
    A: Clone,
{
    fn drop(&mut self) {
        self.store.forget(&self.key, &self.lookup);
        if self.lookup.exit.lock().is_none() {
            self.lookup.end(None);
        }
    }
}
