//! A copy of the time limit: polls a body until its time is up, drops the loser and waits for it; with bugs to plant.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use effect::{Cx, Runtime, Timer};
use futures::future::FutureExt;

use super::scope::{Owed, Settle};

mod program;

pub(super) use program::limits;

/// What can be wrong with a time limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bug {
    /// The timer is kept when the body wins.
    TimerKept,
    /// Nobody waits for what the loser owes.
    LoserNotAwaited,
    /// A wake-up with nothing from the body is taken for that of the timer.
    WakeTakenForTime,
    /// The time begins anew whenever something happens.
    DeadlineMoves,
    /// The time begins when the limit is made, and not when the body starts.
    DeadlineTooEarly,
    /// When both are ready, the value is lost.
    TimerWins,
    /// The timer wakes the task of the first poll.
    TimerWakerKept,
}

/// The time was up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct TimedOut;

/// The copy of `Limited`.
struct Limited<F> {
    bug: Option<Bug>,
    runtime: Arc<dyn Runtime>,
    limit: Duration,
    made: Instant,
    // Set when the body starts.
    deadline: Option<Instant>,
    timer: Option<Pin<Box<Timer>>>,
    polled: bool,
    body: Pin<Box<F>>,
}

/// The copy of `timeout`: limits a body, and waits for what its drop owes.
async fn timeout<F: Future>(owed: &Owed, limited: Limited<F>) -> Result<F::Output, TimedOut> {
    let awaits = limited.bug != Some(Bug::LoserNotAwaited);
    let output = limited.await;
    if awaits {
        Settle::new(owed).await;
    }
    output
}

impl<F: Future> Limited<F> {
    fn new(cx: &Cx<()>, bug: Option<Bug>, limit: Duration, body: F) -> Self {
        Limited {
            bug,
            runtime: Arc::clone(cx.runtime()),
            limit,
            made: cx.now(),
            deadline: None,
            timer: None,
            polled: false,
            body: Box::pin(body),
        }
    }

    fn poll_timer(&mut self, task: &mut Context<'_>) -> Poll<()> {
        let now = self.runtime.now();
        let begin = match self.bug {
            Some(Bug::DeadlineTooEarly) => self.made,
            _ => now,
        };
        let mut deadline = *self.deadline.get_or_insert(begin + self.limit);
        if self.bug == Some(Bug::DeadlineMoves) {
            deadline = now + self.limit;
            self.timer = None;
        }
        if self.bug == Some(Bug::TimerWakerKept) && self.timer.is_some() {
            return if now >= deadline {
                Poll::Ready(())
            } else {
                Poll::Pending
            };
        }
        let runtime = &self.runtime;
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(runtime.sleep_until(deadline)));
        timer.poll_unpin(task)
    }
}

impl<F: Future> Future for Limited<F> {
    type Output = Result<F::Output, TimedOut>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if this.deadline.is_none() && this.bug != Some(Bug::DeadlineTooEarly) {
            this.deadline = Some(this.runtime.now() + this.limit);
        }
        if let Poll::Ready(output) = this.body.poll_unpin(task) {
            if this.bug == Some(Bug::TimerWins) && this.poll_timer(task).is_ready() {
                return Poll::Ready(Err(TimedOut));
            }
            if this.bug == Some(Bug::TimerKept) {
                std::mem::forget(this.timer.take());
            }
            return Poll::Ready(Ok(output));
        }
        let again = std::mem::replace(&mut this.polled, true);
        let timer = this.poll_timer(task);
        if timer.is_ready() || again && this.bug == Some(Bug::WakeTakenForTime) {
            return Poll::Ready(Err(TimedOut));
        }
        Poll::Pending
    }
}
