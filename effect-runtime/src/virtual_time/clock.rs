//! The clock: time moves when it is told to, from timer to timer.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use super::shared::Shared;

/// The time, and who waits for what time.
pub(super) struct Clock {
    pub(super) now: Instant,
    /// By deadline, and then in the order in which they were set.
    timers: BTreeMap<(Instant, u64), Waker>,
    set: u64,
}

impl Clock {
    pub(super) fn new(now: Instant) -> Self {
        Clock {
            now,
            timers: BTreeMap::new(),
            set: 0,
        }
    }

    /// Goes to the time of the next timers, and has those who wait for them. There may be none.
    pub(super) fn advance(&mut self) -> Vec<Waker> {
        let Some((&(deadline, _), _)) = self.timers.first_key_value() else {
            return Vec::new();
        };
        self.now = deadline;
        let later = self.timers.split_off(&(deadline, u64::MAX));
        std::mem::replace(&mut self.timers, later)
            .into_values()
            .collect()
    }
}

/// A timer of this clock.
pub(super) struct Alarm {
    shared: Arc<Shared>,
    deadline: Instant,
    /// Its place among those of the same deadline, once it is set.
    place: Option<u64>,
}

impl Alarm {
    pub(super) fn new(shared: Arc<Shared>, deadline: Instant) -> Self {
        Alarm {
            shared,
            deadline,
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
            if clock.now >= this.deadline {
                return Poll::Ready(());
            }
            let place = *this.place.get_or_insert_with(|| {
                clock.set += 1;
                clock.set
            });
            clock.timers.insert((this.deadline, place), waker)
        };
        Poll::Pending
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            let _removed = self
                .shared
                .clock
                .lock()
                .timers
                .remove(&(self.deadline, place));
        }
    }
}
