//! How queues and hubs end: who is let in until then, and who waits for it.

use std::ops::Deref;
use std::task::{Context, Poll};

use super::waiters::{Place, Waiters};
use super::wakers::Wakers;
use crate::WaitsFor;

/// Who may put something in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Everybody.
    Open,
    /// Those who have waited for room when it was closed.
    Draining,
    /// Nobody.
    Closed,
}

impl Phase {
    /// Whether one is let in, who has waited for room or comes now.
    #[inline]
    pub(super) fn admits(self, waits: bool) -> bool {
        match self {
            Phase::Open => true,
            Phase::Draining => waits,
            Phase::Closed => false,
        }
    }
}

/// What comes to an end, with an error or without.
pub(super) trait Ends {
    type Error;

    /// The error that it was closed with.
    fn error(&self) -> Option<&Self::Error>;

    /// Does something, under the lock, with those who wait for the end; says whether that has come.
    fn mourning<T>(&self, act: impl FnOnce(bool, &mut Waiters) -> T) -> T;
}

/// One that waits for the end of something.
pub(super) struct Mourner<H: Deref<Target: Ends>> {
    handle: H,
    waits_for: WaitsFor,
    waiting: Option<Place>,
}

impl<H: Deref<Target: Ends>> Mourner<H> {
    pub(super) fn new(handle: H, waits_for: WaitsFor) -> Self {
        Mourner {
            handle,
            waits_for,
            waiting: None,
        }
    }

    /// Ready, with the error that it was closed with, when the end has come.
    pub(super) fn poll(
        &mut self,
        task: &mut Context<'_>,
    ) -> Poll<Result<(), <H::Target as Ends>::Error>>
    where
        <H::Target as Ends>::Error: Clone,
    {
        // Dropped when the lock is free.
        let mut wakers = Wakers::default();
        let waiting = &mut self.waiting;
        let ended = self.handle.mourning(|ended, mourners| {
            if ended {
                // Nobody waits any more.
                *waiting = None;
            } else {
                mourners.wait(waiting, task, &mut wakers);
            }
            ended
        });
        if !ended {
            self.waits_for.note();
            return Poll::Pending;
        }
        Poll::Ready(match self.handle.error() {
            None => Ok(()),
            Some(error) => Err(error.clone()),
        })
    }
}

impl<H: Deref<Target: Ends>> Drop for Mourner<H> {
    fn drop(&mut self) {
        if let Some(place) = self.waiting.take() {
            let _left = self.handle.mourning(|_, mourners| mourners.leave(place));
        }
    }
}
