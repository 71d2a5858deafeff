//! The clock: time moves when it is told to, from timer to timer.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use effect_core::{Runtime, Timer};

use super::outside::Outside;
use super::shared::Shared;

/// A moment of a run, in nanoseconds since its beginning. What was due before that is negative. There is room for any
/// duration.
pub(crate) type Moment = i128;

/// The moment after so long a time.
pub(crate) fn moment(since_beginning: Duration) -> Moment {
    i128::try_from(since_beginning.as_nanos()).unwrap_or(Moment::MAX)
}

/// How long after the beginning a moment is.
pub(super) fn since_beginning(at: Moment) -> Duration {
    const A_SECOND: u128 = 1_000_000_000;
    let nanos = u128::try_from(at).unwrap_or(0);
    let seconds = u64::try_from(nanos / A_SECOND).unwrap_or(u64::MAX);
    // Below a second, which fits.
    Duration::new(seconds, (nanos % A_SECOND) as u32)
}

/// In which order those are served whose moment is the same: by rank, and then in the order in which they asked.
type Turn = (u32, u64);

/// The rank of those who sleep, who are all woken at once. Everybody else is woken alone.
pub(crate) const SLEEPERS: u32 = 0;

/// The time, and who waits for what time.
#[derive(Default)]
pub(super) struct Clock {
    /// As far as it has gone by itself.
    reached: Moment,
    timers: BTreeMap<(Moment, Turn), Waker>,
    set: u64,
    /// The clock that this one goes with when it has caught up with it, if it is to.
    outside: Option<Outside>,
}

/// What there is to do when nobody can go on.
pub(super) enum Idle {
    /// To wake these, of whom there may be none: something else has changed then.
    Wake(Vec<Waker>),
    /// To wait until something happens outside, and not beyond a time of the clock there.
    Wait(Option<Instant>),
    /// Nothing will ever happen again.
    Nothing,
}

impl Clock {
    pub(super) fn now(&self) -> Moment {
        let outside = self.outside.as_ref().and_then(Outside::now);
        outside.map_or(self.reached, |now| now.max(self.reached))
    }

    pub(super) fn since_beginning(&self) -> Duration {
        since_beginning(self.now())
    }

    /// Has it go with another clock as soon as it has caught up with it.
    pub(super) fn follow(&mut self, outside: Outside) {
        self.outside = Some(outside);
    }

    /// Ready when it goes with the clock outside.
    pub(super) fn poll_live(&mut self, task: &Context<'_>) -> Poll<()> {
        let outside = self.outside.as_mut();
        outside.map_or(Poll::Pending, |outside| outside.poll_live(task))
    }

    /// The runtime outside, if the run is live.
    pub(super) fn live_runtime(&self) -> Option<Arc<dyn Runtime>> {
        self.outside.as_ref().and_then(Outside::live_runtime)
    }

    pub(super) fn outside_timer(&self, until: Instant) -> Option<Timer> {
        self.outside.as_ref().map(|outside| outside.timer(until))
    }

    /// What there is to do, now that nobody can go on.
    pub(super) fn idle(&mut self) -> Idle {
        let next = self.timers.keys().next().map(|&(at, _)| at);
        let Some(outside) = &mut self.outside else {
            return match next {
                Some(_) => Idle::Wake(self.advance()),
                None => Idle::Nothing,
            };
        };
        let there = outside.now();
        match (there, next) {
            (None, Some(at)) if at <= outside.wall_now() => Idle::Wake(self.advance()),
            // What was due has been done.
            (None, _) => Idle::Wake(outside.go_live(self.reached)),
            (Some(now), Some(at)) if at <= now.max(self.reached) => Idle::Wake(self.advance()),
            (Some(_), next) => Idle::Wait(next.map(|at| outside.instant(at))),
        }
    }

    /// Has those whose time has passed while others ran, up to the first who is woken alone: if it goes with the clock
    /// outside, it does not stand still.
    pub(super) fn overdue(&mut self) -> Vec<Waker> {
        let Some(now) = self.outside.as_ref().and_then(Outside::now) else {
            return Vec::new();
        };
        let mut due = Vec::new();
        while let Some(first) = self.timers.first_entry()
            && first.key().0 <= now
        {
            let alone = first.key().1.0 != SLEEPERS;
            due.push(first.remove());
            if alone {
                break;
            }
        }
        due
    }

    /// Goes to the time of the next timers, and has those who wait for them.
    fn advance(&mut self) -> Vec<Waker> {
        let Some(&(at, (rank, _))) = self.timers.keys().next() else {
            return Vec::new();
        };
        self.reached = self.reached.max(at);
        if rank == SLEEPERS {
            self.take_sleepers(at)
        } else {
            self.timers
                .pop_first()
                .into_iter()
                .map(|(_, waker)| waker)
                .collect()
        }
    }

    /// Lets time pass while others run, and has those who have slept long enough.
    pub(super) fn pass(&mut self, time: Duration) -> Vec<Waker> {
        self.reached = self.reached.saturating_add(moment(time));
        let mut due = Vec::new();
        while let Some(&(at, (SLEEPERS, _))) = self.timers.keys().next()
            && at <= self.reached
        {
            due.append(&mut self.take_sleepers(at));
        }
        due
    }

    fn take_sleepers(&mut self, at: Moment) -> Vec<Waker> {
        let later = self.timers.split_off(&(at, (SLEEPERS, u64::MAX)));
        std::mem::replace(&mut self.timers, later)
            .into_values()
            .collect()
    }

    /// Takes all who wait for anything: the run is over.
    pub(super) fn take_all(&mut self) -> Vec<Waker> {
        let waiting = self.outside.as_mut().map(Outside::take_waiting);
        let timers = std::mem::take(&mut self.timers).into_values();
        timers.chain(waiting.into_iter().flatten()).collect()
    }

    /// Wakes somebody after a time.
    pub(super) fn wake_after(&mut self, delay: Duration, waker: Waker) {
        self.set(self.now().saturating_add(moment(delay)), SLEEPERS, waker);
    }

    /// Sets a timer, and has its place.
    pub(super) fn set(&mut self, at: Moment, rank: u32, waker: Waker) -> u64 {
        self.set += 1;
        self.timers.insert((at, (rank, self.set)), waker);
        self.set
    }
}

/// A timer of this clock.
pub(crate) struct Alarm {
    shared: Arc<Shared>,
    at: Moment,
    rank: u32,
    /// Its place among those of the same moment and rank, once it is set.
    place: Option<u64>,
}

impl Alarm {
    pub(super) fn new(shared: Arc<Shared>, deadline: Instant) -> Self {
        let at = moment(deadline.saturating_duration_since(shared.begin));
        Alarm::ranked(shared, at, SLEEPERS)
    }

    /// A timer that rings in turn with all others, even if it is due.
    pub(crate) fn ranked(shared: Arc<Shared>, at: Moment, rank: u32) -> Self {
        shared.alarms.fetch_add(1, Ordering::Relaxed);
        Alarm {
            shared,
            at,
            rank,
            place: None,
        }
    }
}

impl Future for Alarm {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let waker = task.waker().clone();
        // What is replaced is dropped when the lock is free.
        let _replaced = {
            let mut clock = this.shared.clock.lock();
            match this.place {
                None if this.rank == SLEEPERS && clock.now() >= this.at => return Poll::Ready(()),
                None => {
                    this.place = Some(clock.set(this.at, this.rank, waker));
                    None
                }
                Some(place) => match clock.timers.get_mut(&(this.at, (this.rank, place))) {
                    None => return Poll::Ready(()),
                    Some(set) => Some(std::mem::replace(set, waker)),
                },
            }
        };
        Poll::Pending
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.shared.alarms.fetch_sub(1, Ordering::Relaxed);
        if let Some(place) = self.place {
            let mut clock = self.shared.clock.lock();
            let removed = clock.timers.remove(&(self.at, (self.rank, place)));
            drop(clock);
            drop(removed);
        }
    }
}
