//! What stands in for an item's result when the work at it has failed.

use std::fmt;
use std::future::Future;

use effect_core::{Env, IntoEffect, Value};

use super::{Failure, Work, Worker, contained};
use crate::Fault;

/// Asks a function for what stands in for a failure.
#[derive(Clone)]
pub struct Fallback<W, F> {
    pub(crate) work: W,
    pub(crate) f: F,
}

impl<R, A, W, F, I> Work<R, A> for Fallback<W, F>
where
    R: Env,
    A: Value,
    W: Work<R, A>,
    F: Fn(Fault<W::Error>) -> I + Send + Sync + 'static,
    I: IntoEffect<R, Value = W::Value, Error = W::Error>,
{
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
        let failure = match contained(&self.work, item, worker).await {
            Ok(value) => return Ok(value),
            Err(failure) => failure,
        };
        // A bug is not covered up.
        if matches!(failure.fault, Fault::Defect(_)) || !failure.then.is_empty() {
            return Err(failure);
        }
        let (cx, attempts, fault) = (worker.cx, failure.attempts, failure.fault);
        let stand_in = cx.run((self.f)(fault)).await;
        stand_in.map_err(|error| {
            let mut failure = Failure::error(error);
            failure.attempts = attempts;
            failure
        })
    }
}

impl<W, F> fmt::Debug for Fallback<W, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fallback").finish_non_exhaustive()
    }
}
