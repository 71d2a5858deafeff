//! A runner's desk: where failures go, to the error channel or to the end of the run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Context;

use effect_core::sync::{Supply, WaitingSender};

use super::board::{Board, Done};
use super::item::Queue;
use super::line::NotReady;
use super::report::Failed;
use crate::Channel;

/// Why a run ends before its input does.
pub(super) enum Halt<E, O> {
    Failed(Failed<E, O>),
    OutputClosed,
    NotReady(NotReady<E>),
}

/// What becomes of a failure that the error channel has no room for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorsFull {
    /// It waits, and with it the worker: nothing is lost, and somebody has to read the channel.
    #[default]
    Wait,
    /// It is counted, as [unreported](crate::PipelineReport::unreported), and dropped: nobody has to read the channel.
    Count,
}

/// Where all runners of a run send failures.
pub(super) struct Routes<E, O> {
    pub(super) errors: Option<Channel<Failed<E, O>>>,
    pub(super) full: ErrorsFull,
    pub(super) halt: Channel<Halt<E, O>>,
    pub(super) halted: AtomicBool,
}

impl<E, O> Routes<E, O> {
    /// Ends the run. False if something else had ended it before.
    pub(super) fn halt(&self, halt: Halt<E, O>) -> bool {
        // Only one is ever sent, so there is room for it. What comes with it, the channel orders.
        !self.halted.swap(true, Ordering::Relaxed) && self.halt.push_now(&mut Some(halt)).is_ok()
    }

    pub(super) fn is_halted(&self) -> bool {
        self.halted.load(Ordering::Relaxed)
    }
}

/// A runner's desk.
pub(super) struct Desk<E, O> {
    pub(super) routes: Arc<Routes<E, O>>,
    board: Arc<Board>,
    /// Failures for which the error channel has no room yet: each still has a worker of its stage.
    waiting: Queue<Waiting<E, O>>,
}

struct Waiting<E, O> {
    at: usize,
    failed: Failed<E, O>,
}

impl<E, O> Desk<E, O> {
    pub(super) fn new(routes: Arc<Routes<E, O>>, board: &Arc<Board>) -> Self {
        Desk {
            routes,
            board: Arc::clone(board),
            waiting: Queue::new(board),
        }
    }

    /// Routes a failure of the stage `at`. False if it waits for room, and the worker with it.
    #[cold]
    pub(super) fn fail(&mut self, at: usize, failed: Failed<E, O>) -> bool {
        let mut failed = Some(failed);
        if let Some(errors) = &self.routes.errors
            && self.waiting.is_empty()
            && errors.push_now(&mut failed).is_ok()
            && failed.is_none()
        {
            self.board.lock().fates().failed += 1;
            return true;
        }
        let failed = failed.expect("a failure that is not accepted comes back");
        let open = self
            .routes
            .errors
            .as_ref()
            .is_some_and(|errors| !errors.is_closed());
        if !open {
            self.give_up(failed);
            return true;
        }
        if self.routes.full == ErrorsFull::Count {
            {
                let mut board = self.board.lock();
                let fates = board.fates();
                fates.failed += 1;
                fates.unreported += 1;
            }
            drop(failed);
            return true;
        }
        self.waiting.push_back(Waiting { at, failed });
        false
    }

    /// Ends the run by a failure. Of several that fail at once, one is the run's; the others are abandoned.
    fn give_up(&self, failed: Failed<E, O>) {
        let first = self.routes.halt(Halt::Failed(failed));
        let mut board = self.board.lock();
        let fates = board.fates();
        if first {
            fates.failed += 1;
        } else {
            fates.abandoned += 1;
        }
    }

    /// Moves what waits into the error channel, as far as there is room. True if anything has moved.
    pub(super) fn flush(&mut self) -> bool {
        if self.waiting.is_empty() {
            return false;
        }
        let Some(errors) = self.routes.errors.clone() else {
            return false;
        };
        let before = self.waiting.len();
        let mut moving = Moving::new(&mut self.waiting);
        let pushed = errors.push_now(&mut moving);
        let accepted = moving.accepted;
        self.settle(&accepted, pushed.is_err());
        self.waiting.len() < before
    }

    /// Waits for room in the error channel. True if something has moved.
    pub(super) fn leave_word<'c>(
        &mut self,
        task: &mut Context<'_>,
        sender: &mut Option<WaitingSender<'c, Failed<E, O>>>,
        errors: Option<&'c Channel<Failed<E, O>>>,
    ) -> bool {
        let Some(errors) = errors.filter(|_| !self.waiting.is_empty()) else {
            *sender = None;
            return false;
        };
        let before = self.waiting.len();
        let sender = sender.get_or_insert_with(|| WaitingSender::new(errors));
        let mut moving = Moving::new(&mut self.waiting);
        let pushed = sender.poll_push(task, &mut moving);
        let accepted = moving.accepted;
        let closed = matches!(pushed, std::task::Poll::Ready(Err(_)));
        self.settle(&accepted, closed);
        self.waiting.len() < before
    }

    /// The error channel has accepted some; or it was closed, which ends the run.
    fn settle(&mut self, accepted: &[usize], closed: bool) {
        let wakers = {
            let mut board = self.board.lock();
            for at in accepted {
                board.fates().failed += 1;
                let done = Done {
                    permits: 1,
                    ..Done::default()
                };
                board.settle(*at, *at, &done);
            }
            board.last_word()
        };
        wakers.into_iter().for_each(std::task::Waker::wake);
        if closed && let Some(Waiting { failed, .. }) = self.waiting.pop_front() {
            self.give_up(failed);
        }
    }
}

/// Moves failures one by one, and notes whose they were.
struct Moving<'a, E, O> {
    waiting: &'a mut Queue<Waiting<E, O>>,
    accepted: Vec<usize>,
}

impl<'a, E, O> Moving<'a, E, O> {
    fn new(waiting: &'a mut Queue<Waiting<E, O>>) -> Self {
        Moving {
            waiting,
            accepted: Vec::new(),
        }
    }
}

impl<E, O> Supply<Failed<E, O>> for Moving<'_, E, O> {
    fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    fn take(&mut self) -> Option<Failed<E, O>> {
        let Waiting { at, failed } = self.waiting.pop_front()?;
        self.accepted.push(at);
        Some(failed)
    }
}
