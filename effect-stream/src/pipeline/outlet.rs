//! Where a worker's results go: the next queue, or the output, which is where items are delivered.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use effect_core::sync::{Supply, WaitingSender};

use super::ticket::Envelope;
use crate::{Channel, ChannelClosed};

/// Where a stage leaves its results. The last writer that ends closes it.
pub(super) struct Outlet<T> {
    target: Target<T>,
    writers: Arc<AtomicUsize>,
}

enum Target<T> {
    /// The queue before the next stage.
    Queue(Channel<Envelope<T>>),
    /// The pipeline's output: items are delivered here.
    Output(Channel<T>),
}

impl<T> Outlet<T> {
    pub(super) fn queue(queue: Channel<Envelope<T>>) -> Self {
        Outlet {
            target: Target::Queue(queue),
            writers: Arc::new(AtomicUsize::new(1)),
        }
    }

    pub(super) fn output(output: Channel<T>) -> Self {
        Outlet {
            target: Target::Output(output),
            writers: Arc::new(AtomicUsize::new(1)),
        }
    }

    /// Moves everything out of `done`, in batches, as room allows.
    pub(super) async fn flush(
        &self,
        done: &mut VecDeque<Envelope<T>>,
    ) -> Result<(), ChannelClosed> {
        if done.is_empty() {
            return Ok(());
        }
        match &self.target {
            Target::Queue(queue) => {
                let mut sender = WaitingSender::new(queue);
                poll_fn(|task| sender.poll_push(task, done)).await
            }
            Target::Output(output) => {
                let mut sender = WaitingSender::new(output);
                let mut delivering = Delivering { done };
                poll_fn(|task| sender.poll_push(task, &mut delivering)).await
            }
        }
    }
}

impl<T> Clone for Outlet<T> {
    fn clone(&self) -> Self {
        self.writers.fetch_add(1, Ordering::Relaxed);
        let target = match &self.target {
            Target::Queue(queue) => Target::Queue(queue.clone()),
            Target::Output(output) => Target::Output(output.clone()),
        };
        Outlet {
            target,
            writers: Arc::clone(&self.writers),
        }
    }
}

impl<T> Drop for Outlet<T> {
    fn drop(&mut self) {
        // The channel's lock orders what the writers sent; the count only has to be exact.
        if self.writers.fetch_sub(1, Ordering::AcqRel) == 1 {
            match &self.target {
                Target::Queue(queue) => queue.close(),
                Target::Output(output) => output.close(),
            }
        }
    }
}

/// Delivers items at the moment in which the output accepts them, and not before.
struct Delivering<'a, T> {
    done: &'a mut VecDeque<Envelope<T>>,
}

impl<T> Supply<T> for Delivering<'_, T> {
    fn is_empty(&self) -> bool {
        self.done.is_empty()
    }

    fn take(&mut self) -> Option<T> {
        let Envelope { ticket, value } = self.done.pop_front()?;
        ticket.deliver();
        Some(value)
    }
}
