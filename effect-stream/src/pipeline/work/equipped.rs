//! Workers that have something of their own: a resource, or a state.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use effect_core::{Env, IntoEffect, Value};
use parking_lot::Mutex;

use super::{Failure, Work, Worker};

/// What workers have, while none of them uses it.
struct Shelf<T> {
    free: Mutex<Vec<T>>,
}

impl<T> Shelf<T> {
    fn new() -> Self {
        Shelf {
            free: Mutex::new(Vec::new()),
        }
    }

    fn take(&self) -> Option<T> {
        self.free.lock().pop()
    }

    fn put(&self, value: T) {
        self.free.lock().push(value);
    }
}

/// Calls a function with a worker's resource and the item.
pub struct CallWith<T, F, G> {
    acquire: F,
    f: G,
    shelf: Shelf<Arc<T>>,
}

impl<T, F, G> CallWith<T, F, G> {
    pub(crate) fn new(acquire: F, f: G) -> Self {
        CallWith {
            acquire,
            f,
            shelf: Shelf::new(),
        }
    }
}

/// A resource that goes back to its shelf, however the work with it ends.
struct Borrowed<'a, T> {
    resource: Arc<T>,
    shelf: &'a Shelf<Arc<T>>,
}

impl<T> Deref for Borrowed<'_, T> {
    type Target = Arc<T>;

    fn deref(&self) -> &Arc<T> {
        &self.resource
    }
}

impl<T> Drop for Borrowed<'_, T> {
    fn drop(&mut self) {
        self.shelf.put(Arc::clone(&self.resource));
    }
}

impl<R, A, T, F, I, G, J> Work<R, A> for CallWith<T, F, G>
where
    R: Env,
    A: Value,
    T: Env,
    F: Fn() -> I + Send + Sync + 'static,
    I: IntoEffect<R, Value = T, Error = J::Error>,
    G: Fn(Arc<T>, A) -> J + Send + Sync + 'static,
    J: IntoEffect<R>,
{
    type Error = J::Error;
    type Value = J::Value;

    async fn prepare(
        &self,
        worker: Worker<'_, R>,
        workers: usize,
    ) -> Result<(), Box<Failure<J::Error>>> {
        let cx = worker.cx;
        for _ in 0..workers {
            let acquire = async move { cx.run((self.acquire)()).await };
            let (ended, defects) = cx.attempting(acquire).await;
            let acquired = ended.map(|result| result.map_err(Failure::error));
            let resource = Failure::of((acquired, defects))?;
            self.shelf.put(Arc::new(resource));
        }
        Ok(())
    }

    async fn work(
        &self,
        item: A,
        worker: Worker<'_, R>,
    ) -> Result<J::Value, Box<Failure<J::Error>>> {
        let cx = worker.cx;
        let borrowed = Borrowed {
            resource: self.shelf.take().expect("there is one for each worker"),
            shelf: &self.shelf,
        };
        let result = cx.run((self.f)(Arc::clone(&borrowed), item)).await;
        result.map_err(Failure::error)
    }
}

impl<T, F, G> fmt::Debug for CallWith<T, F, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallWith").finish_non_exhaustive()
    }
}

/// Calls a function with a worker's state and the item.
pub struct CallState<S, F, G> {
    init: F,
    f: G,
    shelf: Shelf<S>,
}

impl<S, F, G> CallState<S, F, G> {
    pub(crate) fn new(init: F, f: G) -> Self {
        CallState {
            init,
            f,
            shelf: Shelf::new(),
        }
    }
}

impl<R, A, S, B, E, F, G> Work<R, A> for CallState<S, F, G>
where
    R: Env,
    A: Value,
    S: Value,
    B: Value,
    E: Value,
    F: Fn() -> S + Send + Sync + 'static,
    G: Fn(&mut S, A) -> Result<B, E> + Send + Sync + 'static,
{
    type Error = E;
    type Value = B;

    async fn work(&self, item: A, _worker: Worker<'_, R>) -> Result<B, Box<Failure<E>>> {
        // What a panic has left half-done is dropped, and the worker begins anew.
        let mut state = self.shelf.take().unwrap_or_else(&self.init);
        let result = (self.f)(&mut state, item);
        self.shelf.put(state);
        result.map_err(Failure::error)
    }
}

impl<S, F, G> fmt::Debug for CallState<S, F, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallState").finish_non_exhaustive()
    }
}
