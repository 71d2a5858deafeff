//! Permits under a short lock, and those who wait for them in turn: what semaphores and mutexes are made of.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};

use parking_lot::Mutex;

use super::section::Hold;
use super::waiters::{Place, Waiters};
use super::wakers::Wakers;

pub(super) use holding::Asks;
pub use holding::{TryWithPermits, WithPermits};

mod holding;

/// Permits under a short lock, and those who wait for them in turn.
pub(super) struct Permits {
    state: Mutex<State>,
    /// The most that there have ever been: written under the lock, and read by those who have no other use for it.
    most: AtomicU32,
}

/// The first of those who wait, if any, wants more than is free.
struct State {
    total: u32,
    /// How many nobody holds. Less than none while more are held than there are by now: a debt, which is paid by what
    /// comes back.
    free: i64,
    /// Those who wait, each with how many it wants. Who is not among them any more holds what it has waited for.
    waiting: Waiters<u32>,
}

impl State {
    /// Takes so many permits for one who comes now, if it need not wait.
    #[inline]
    fn take(&mut self, count: u32) -> bool {
        let enough = self.waiting.is_empty() && self.free >= i64::from(count);
        // Who wants none waits for nobody.
        if enough || count == 0 {
            self.free -= i64::from(count);
            return true;
        }
        false
    }

    /// Gives what is free to those who have waited longest.
    #[inline]
    fn grant(&mut self, wakers: &mut Wakers) {
        while let Some(&count) = self.waiting.first()
            && self.free >= i64::from(count)
            && let Some(waker) = self.waiting.pop()
        {
            self.free -= i64::from(count);
            wakers.push(waker);
        }
    }
}

impl Permits {
    pub(super) fn new(total: u32) -> Arc<Self> {
        Arc::new(Permits {
            state: Mutex::new(State {
                total,
                free: i64::from(total),
                waiting: Waiters::new(),
            }),
            most: AtomicU32::new(total),
        })
    }

    /// How many there are.
    pub(super) fn total(&self) -> u32 {
        self.state.lock().total
    }

    /// Sees to it that nobody asks for more than there have ever been: who does would wait for ever, in all likelihood.
    ///
    /// Than there are now would be too little: they may have become fewer a moment ago, and will be more again.
    #[inline]
    #[track_caller]
    pub(super) fn expect_ever(&self, count: u32) {
        let most = self.most.load(Ordering::Relaxed);
        assert!(
            count <= most,
            "a semaphore of {most} permits will never have {count}"
        );
    }

    /// How many nobody holds.
    pub(super) fn free(&self) -> u32 {
        let free = self.state.lock().free.max(0);
        u32::try_from(free).expect("no more are free than there are")
    }

    /// Has so many permits from now on. Where there are fewer than are held, what comes back is not given out again.
    pub(super) fn resize(&self, total: u32) {
        self.change(|state| {
            state.free += i64::from(total) - i64::from(state.total);
            state.total = total;
            self.most.fetch_max(total, Ordering::Relaxed);
        });
    }

    /// Takes so many permits, if that needs no wait.
    pub(super) fn try_acquire(self: Arc<Self>, count: u32) -> Option<Permit> {
        let taken = self.state.lock().take(count);
        taken.then(|| Permit {
            permits: self,
            count,
        })
    }

    /// Waits for so many permits, in turn.
    #[inline]
    pub(super) fn acquire(self: Arc<Self>, count: u32) -> Acquire {
        Acquire {
            permits: Some(self),
            count,
            place: None,
        }
    }

    /// Whether so many permits have been taken; if not, the caller has a place among those who wait.
    #[inline]
    fn poll_take(&self, count: u32, place: &mut Option<Place>, task: &mut Context<'_>) -> bool {
        let mut wakers = Wakers::default();
        let mut state = self.state.lock();
        match *place {
            None => {
                let taken = state.take(count);
                if !taken {
                    *place = Some(state.waiting.join_for(count, task.waker()));
                }
                taken
            }
            Some(mine) if state.waiting.contains(mine) => {
                wakers.discard(state.waiting.update(mine, task.waker()));
                false
            }
            Some(_) => {
                *place = None;
                true
            }
        }
    }

    /// Gives up a place among those who wait, or what has been given to it.
    fn leave(&self, place: Place, count: u32) {
        let mut left = None;
        self.change(|state| {
            left = state.waiting.leave(place);
            if left.is_none() {
                state.free += i64::from(count);
            }
        });
    }

    #[inline]
    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut wakers = Wakers::default();
        {
            let mut state = self.state.lock();
            change(&mut state);
            state.grant(&mut wakers);
        }
        wakers.wake();
    }
}

/// The future of so many permits.
pub(super) struct Acquire {
    /// Until it has them.
    permits: Option<Arc<Permits>>,
    count: u32,
    place: Option<Place>,
}

impl Future for Acquire {
    type Output = Permit;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Permit> {
        let Acquire {
            permits,
            count,
            place,
        } = &mut *self;
        let waits_with = permits.as_ref().expect("polled after completion");
        if !waits_with.poll_take(*count, place, task) {
            return Poll::Pending;
        }
        let permits = permits.take().expect("it was there just now");
        Poll::Ready(Permit {
            permits,
            count: *count,
        })
    }
}

impl Drop for Acquire {
    #[inline]
    fn drop(&mut self) {
        if let (Some(permits), Some(place)) = (&self.permits, self.place) {
            permits.leave(place, self.count);
        }
    }
}

/// So many permits, held until this is dropped.
pub(super) struct Permit {
    permits: Arc<Permits>,
    count: u32,
}

impl Permit {
    pub(super) fn permits(&self) -> &Arc<Permits> {
        &self.permits
    }
}

impl Hold for Permit {}

impl Drop for Permit {
    #[inline]
    fn drop(&mut self) {
        let count = i64::from(self.count);
        self.permits.change(|state| state.free += count);
    }
}
