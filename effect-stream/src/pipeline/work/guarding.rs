//! Working at items only as often, and only as long, as what they call can bear it.

use std::future::Future;

use effect_core::{CircuitBreaker, CircuitError, Env, RateLimiter, Value};

use super::{Failure, Work, Worker, contained};
use crate::Fault;

/// Works through a circuit breaker.
#[derive(Clone, Debug)]
pub struct Guarded<W> {
    pub(crate) work: W,
    pub(crate) breaker: CircuitBreaker,
}

impl<R: Env, A: Value, W: Work<R, A>> Work<R, A> for Guarded<W> {
    type Error = W::Error;
    type Value = W::Value;

    fn prepare(
        &self,
        worker: Worker<'_, R>,
        workers: usize,
    ) -> impl Future<Output = Result<(), Box<Failure<W::Error>>>> + Send {
        self.work.prepare(worker, workers)
    }

    async fn work(
        &self,
        item: A,
        worker: Worker<'_, R>,
    ) -> Result<W::Value, Box<Failure<W::Error>>> {
        let work = contained(&self.work, item, worker);
        match self.breaker.run(worker.cx, work).await {
            Ok(value) => Ok(value),
            Err(CircuitError::Failed(failure)) => Err(failure),
            Err(_) => Err(Failure::new(Fault::CircuitOpen)),
        }
    }
}

/// Works as often as a rate limiter allows.
#[derive(Clone, Debug)]
pub struct Limited<W> {
    pub(crate) work: W,
    pub(crate) limiter: RateLimiter,
}

impl<R: Env, A: Value, W: Work<R, A>> Work<R, A> for Limited<W> {
    type Error = W::Error;
    type Value = W::Value;

    fn prepare(
        &self,
        worker: Worker<'_, R>,
        workers: usize,
    ) -> impl Future<Output = Result<(), Box<Failure<W::Error>>>> + Send {
        self.work.prepare(worker, workers)
    }

    async fn work(
        &self,
        item: A,
        worker: Worker<'_, R>,
    ) -> Result<W::Value, Box<Failure<W::Error>>> {
        let Ok(()) = worker.cx.run(self.limiter.acquire(1)).await;
        self.work.work(item, worker).await
    }
}
