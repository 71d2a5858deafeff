//! A run of a replay that has begun, and has to be driven to its end by whoever is there.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use effect_core::{Exit, FiberRef, Value, WaitsFor};
use parking_lot::Mutex;

use crate::virtual_time::{Deadlock, End, Executor};

/// A run that has begun: whoever drives it may be dropped half-way, and somebody else drives it to its end then.
pub(super) struct Running<E, A> {
    root: FiberRef,
    /// Away while it is polled, and when it has ended.
    run: Arc<Mutex<Option<BoxedRun<E, A>>>>,
}

type BoxedRun<E, A> = Pin<Box<Executor<E, A>>>;

impl<E: Value, A: Value> Running<E, A> {
    pub(super) fn new(root: FiberRef, run: Executor<E, A>) -> Self {
        Running {
            root,
            run: Arc::new(Mutex::new(Some(Box::pin(run)))),
        }
    }

    /// Drives the run to its end.
    ///
    /// # Panics
    ///
    /// If nobody can go on: everybody is interrupted first, and has cleaned up.
    pub(super) async fn to_end(&self) -> Exit<E, A> {
        match self.until_end_or_deadlock().await {
            Ok(exit) => exit,
            Err(deadlock) => {
                self.root.interrupt_fork();
                drop(self.until_end_or_deadlock().await);
                let over = self.run.lock().take();
                drop(over);
                panic!("{deadlock}");
            }
        }
    }

    async fn until_end_or_deadlock(&self) -> Result<Exit<E, A>, Deadlock> {
        let waits_for = WaitsFor::here("a replay to end");
        let end = poll_fn(|task| {
            // Taken out meanwhile: no lock is held while it is polled.
            let mut run = self.run.lock().take().expect("it has not ended");
            let polled = run.as_mut().poll(task).map(|end| match end {
                End::Exit(exit) => Ok(exit),
                End::Deadlock(deadlock) => Err(deadlock),
                End::Dropped | End::TooLong => unreachable!("nobody disturbs this run"),
            });
            if polled.is_pending() {
                waits_for.note();
            }
            if !matches!(polled, Poll::Ready(Ok(_))) {
                *self.run.lock() = Some(run);
            }
            polled
        });
        end.await
    }

    /// Interrupts the run, if it has not ended, and waits for its end.
    pub(super) async fn stop(&self) {
        if self.run.lock().is_some() {
            self.root.interrupt_fork();
            drop(self.to_end().await);
        }
    }
}

impl<E, A> Clone for Running<E, A> {
    fn clone(&self) -> Self {
        Running {
            root: self.root.clone(),
            run: Arc::clone(&self.run),
        }
    }
}
