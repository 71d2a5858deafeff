//! Work that is a `tower::Service`.

use std::fmt;
use std::future::poll_fn;

use effect_core::{Env, Value};
use parking_lot::Mutex;
use tower_service::Service;

use super::{Failure, Work, Worker};

/// Calls a service, once it is ready. Each worker has a clone of its own.
pub struct CallService<S> {
    original: Mutex<S>,
    free: Mutex<Vec<S>>,
}

impl<S> CallService<S> {
    pub(crate) fn new(service: S) -> Self {
        CallService {
            original: Mutex::new(service),
            free: Mutex::new(Vec::new()),
        }
    }
}

impl<R, A, S> Work<R, A> for CallService<S>
where
    R: Env,
    A: Value,
    S: Service<A, Response: Value, Error: Value, Future: Send> + Clone + Value,
{
    type Error = S::Error;
    type Value = S::Response;

    async fn work(
        &self,
        item: A,
        _worker: Worker<'_, R>,
    ) -> Result<S::Response, Box<Failure<S::Error>>> {
        let free = self.free.lock().pop();
        let mut service = free.unwrap_or_else(|| self.original.lock().clone());
        let ready = poll_fn(|task| service.poll_ready(task)).await;
        ready.map_err(Failure::error)?;
        let response = service.call(item).await;
        // One that has failed to be ready, or was interrupted, is not used again.
        self.free.lock().push(service);
        response.map_err(Failure::error)
    }
}

impl<S> fmt::Debug for CallService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallService").finish_non_exhaustive()
    }
}
