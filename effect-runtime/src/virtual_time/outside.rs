//! Outside: the clock of whatever a run is in, which the run's own goes with once it has caught up.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant, SystemTime};

use effect_core::{Runtime, Timer};

use super::clock::{Moment, moment, since_beginning};
use super::shared::Shared;

/// How long is waited at once for what is further away than the clock outside can tell.
const A_LONG_TIME: Duration = Duration::from_secs(1 << 30);

/// The clock outside.
pub(super) struct Outside {
    runtime: Arc<dyn Runtime>,
    /// The time of day at which the run begins.
    wall_begin: SystemTime,
    /// The run's own time when it went live, and the time outside then.
    live: Option<(Moment, Instant)>,
    /// Who waits for that.
    waiting: Vec<Waker>,
}

impl Outside {
    pub(super) fn new(runtime: Arc<dyn Runtime>, wall_begin: SystemTime) -> Self {
        Outside {
            runtime,
            wall_begin,
            live: None,
            waiting: Vec::new(),
        }
    }

    /// The time of day outside, as a moment of the run.
    pub(super) fn wall_now(&self) -> Moment {
        moment_of(self.runtime.wall_now(), self.wall_begin)
    }

    /// The time, if the run is live.
    pub(super) fn now(&self) -> Option<Moment> {
        let (then, there) = self.live?;
        let passed = self.runtime.now().saturating_duration_since(there);
        Some(then.saturating_add(moment(passed)))
    }

    /// When a moment of the live run is, by the clock outside.
    pub(super) fn instant(&self, at: Moment) -> Instant {
        let now = self.runtime.now();
        let Some((then, there)) = self.live else {
            return now;
        };
        let after = since_beginning(at.saturating_sub(then));
        there
            .checked_add(after)
            .unwrap_or_else(|| now + A_LONG_TIME)
    }

    /// Goes live, from where the run has got to at least, and has those who waited for it.
    pub(super) fn go_live(&mut self, reached: Moment) -> Vec<Waker> {
        self.live = Some((self.wall_now().max(reached), self.runtime.now()));
        self.take_waiting()
    }

    /// Takes those who wait for it to go live.
    pub(super) fn take_waiting(&mut self) -> Vec<Waker> {
        std::mem::take(&mut self.waiting)
    }

    /// The runtime there, if the run is live.
    pub(super) fn live_runtime(&self) -> Option<Arc<dyn Runtime>> {
        self.live.map(|_| Arc::clone(&self.runtime))
    }

    /// Ready when the run is live.
    pub(super) fn poll_live(&mut self, task: &Context<'_>) -> Poll<()> {
        if self.live.is_some() {
            return Poll::Ready(());
        }
        if !self
            .waiting
            .iter()
            .any(|waker| waker.will_wake(task.waker()))
        {
            self.waiting.push(task.waker().clone());
        }
        Poll::Pending
    }

    /// A timer there.
    pub(super) fn timer(&self, until: Instant) -> Timer {
        self.runtime.sleep_until(until)
    }
}

/// A time of day as a moment of a run that begins at another.
pub(crate) fn moment_of(at: SystemTime, wall_begin: SystemTime) -> Moment {
    match at.duration_since(wall_begin) {
        Ok(after) => moment(after),
        Err(before) => -moment(before.duration()),
    }
}

/// The future of the moment in which a run goes live. A run that never does never gets there.
pub(crate) struct Live {
    pub(crate) shared: Arc<Shared>,
}

impl Future for Live {
    type Output = ();

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        self.shared.poll_live(task)
    }
}

/// The timer of a live run, by the clock outside: for whichever of its own is next.
#[derive(Default)]
pub(super) struct OutsideAlarm {
    set: Option<(Instant, Pin<Box<Timer>>)>,
}

impl OutsideAlarm {
    /// Sets it, or takes it away.
    pub(super) fn set(&mut self, until: Option<Instant>, shared: &Shared) {
        if until != self.set.as_ref().map(|(until, _)| *until) {
            self.set =
                until.and_then(|until| Some((until, Box::pin(shared.outside_timer(until)?))));
        }
    }

    /// Ready when it rings.
    pub(super) fn poll(&mut self, task: &mut Context<'_>) -> Poll<()> {
        let Some((_, timer)) = &mut self.set else {
            return Poll::Pending;
        };
        ready!(timer.as_mut().poll(task));
        self.set = None;
        Poll::Ready(())
    }
}
