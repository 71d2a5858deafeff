//! Workers by hand: a task each, an item at a time.

use super::wire::Wire;
use super::{Job, checksum};
use crate::drive::{Failed, in_two_threads};

/// Tasks wired with channels of a kind.
pub(crate) fn workers<W: Wire, J: Job>(n: u64) -> u64 {
    in_two_threads(async move {
        let (errors, mut failed) = W::bounded(J::CAPACITY);
        let mut queue = source::<W, _>(J::CAPACITY, 0..n);
        for (index, workers) in J::WORKERS.iter().enumerate() {
            let step = move |item| J::step(index, item);
            queue = stage::<W, _, _, _>(*workers, J::CAPACITY, queue, &errors, step);
        }
        drop(errors);
        let failures = tokio::spawn(async move {
            let mut failures = 0_u64;
            while W::receive(&mut failed).await.is_some() {
                failures += 1;
            }
            failures
        });
        let mut sum = 0_u64;
        while let Some(value) = W::receive(&mut queue).await {
            sum = sum.wrapping_add(value);
        }
        checksum(sum, failures.await.expect("no contender panics"))
    })
}

/// Starts a task that fills the first queue.
pub(super) fn source<W: Wire, T: Send + Unpin + 'static>(
    capacity: usize,
    items: impl Iterator<Item = T> + Send + 'static,
) -> W::Receiver<T> {
    let (source, queue) = W::bounded(capacity);
    tokio::spawn(async move {
        for item in items {
            if !W::send(&source, item).await {
                return;
            }
        }
    });
    queue
}

/// Starts the workers of a stage, and gives the queue that they fill.
pub(super) fn stage<W, T, F, Fut>(
    workers: usize,
    capacity: usize,
    input: W::Receiver<T>,
    errors: &W::Sender<Failed>,
    step: F,
) -> W::Receiver<T>
where
    W: Wire,
    T: Send + Unpin + 'static,
    F: Fn(T) -> Fut + Copy + Send + Sync + 'static,
    Fut: Future<Output = Result<T, Failed>> + Send + 'static,
{
    let (sender, receiver) = W::bounded(capacity);
    let input = W::share(input);
    for _ in 0..workers {
        let input = input.clone();
        let sender = sender.clone();
        let errors = errors.clone();
        tokio::spawn(async move {
            while let Some(item) = W::take(&input).await {
                let sent = match step(item).await {
                    Ok(value) => W::send(&sender, value).await,
                    Err(error) => W::send(&errors, error).await,
                };
                if !sent {
                    return;
                }
            }
        });
    }
    receiver
}
