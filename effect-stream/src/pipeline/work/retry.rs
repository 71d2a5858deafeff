//! Working at an item again after a failure.

use std::future::Future;

use effect_core::{Defect, Env, Recurrence, Schedule, Value};

use super::{Failure, Work, Worker, contained};
use crate::Fault;

/// Works at an item again after a failure, as a schedule says.
#[derive(Clone, Debug)]
pub struct Retry<W, Out, S> {
    pub(crate) work: W,
    pub(crate) schedule: Schedule<Out, S>,
}

impl<R, A, W, Out, S> Work<R, A> for Retry<W, Out, S>
where
    R: Env,
    A: Value + Clone + Sync,
    W: Work<R, A>,
    Out: Value,
    S: Recurrence<Fault<W::Error>, Output = Out> + Clone + Send + Sync + 'static,
    W::Error: Sync,
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
        let mut driver = None;
        let mut attempts = 0;
        loop {
            // Both are the user's code.
            let again = Defect::catch(|| item.clone())
                .map_err(|defect| Failure::new(Fault::Defect(defect)))?;
            let mut failure = match contained(&self.work, again, worker).await {
                Ok(value) => return Ok(value),
                Err(failure) => failure,
            };
            attempts += failure.attempts;
            failure.attempts = attempts;
            // A bug is not tried again: it would be one again.
            if matches!(failure.fault, Fault::Defect(_)) || !failure.then.is_empty() {
                return Err(failure);
            }
            let driver = driver.get_or_insert_with(|| self.schedule.start());
            let delay = match Defect::catch(|| driver.ask(worker.cx, &failure.fault).delay) {
                Ok(Some(delay)) => delay,
                Ok(None) => return Err(failure),
                Err(defect) => {
                    failure.then.push(defect);
                    return Err(failure);
                }
            };
            drop(failure);
            worker.count_retry(attempts, delay);
            if !delay.is_zero() {
                worker.cx.sleep(delay).await;
            }
        }
    }
}
