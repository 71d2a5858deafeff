//! Working at an item for so long, and no longer.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use effect_core::{Env, Value};

use super::{Failure, Work, Worker};
use crate::Fault;

/// Interrupts the work at an item that takes longer than it may, and waits for its finalizers.
#[derive(Clone, Debug)]
pub struct Timeout<W> {
    pub(crate) work: W,
    pub(crate) limit: Duration,
}

impl<R: Env, A: Value, W: Work<R, A>> Work<R, A> for Timeout<W> {
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
        let (cx, limit) = (worker.cx, self.limit);
        let timed = async move {
            let mut work = pin!(self.work.work(item, worker));
            // What need not wait has no timer.
            let mut timer = pin!(None);
            poll_fn(|task| {
                if let Poll::Ready(result) = work.as_mut().poll(task) {
                    return Poll::Ready(result);
                }
                if timer.is_none() {
                    timer.set(Some(cx.sleep(limit)));
                }
                let timer = timer.as_mut().as_pin_mut().expect("it was set");
                timer
                    .poll(task)
                    .map(|()| Err(Failure::new(Fault::TimedOut(limit))))
            })
            .await
        };
        Failure::of(cx.attempting(timed).await)
    }
}
