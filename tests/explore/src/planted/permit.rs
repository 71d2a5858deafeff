//! Permits, given out as the channel grants its room: in turn, to whoever has waited longest; with bugs to plant.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;

use effect::WaitsFor;
use parking_lot::Mutex;

mod program;

pub(super) use program::sections;

/// What can be wrong with permits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bug {
    /// Whoever is dropped after having been granted permits keeps them.
    GrantLost,
    /// Whoever waits for several takes those that are there, and keeps them when dropped.
    PartLost,
    /// Whoever leaves the front of the queue does not let the next go on, who needs less.
    LeaverBlocks,
    /// A release lets one go on, though there is enough for two.
    ReleaseWakesOne,
    /// Who comes later and needs less goes past those who wait.
    Barging,
    /// A section that panics gives its permits back twice.
    ReleasedTwiceOnPanic,
    /// A section that panics does not give them back.
    KeptOnPanic,
    /// Whoever is polled again keeps the waker of the first poll.
    WakerKept,
}

/// So many permits.
#[derive(Clone)]
pub(super) struct Permits {
    bug: Option<Bug>,
    state: Arc<Mutex<State>>,
}

struct State {
    free: usize,
    next: u64,
    waiting: VecDeque<Waiting>,
}

struct Waiting {
    place: u64,
    need: usize,
    /// What [`Bug::PartLost`] has taken already.
    part: usize,
    waker: Waker,
}

impl Permits {
    pub(super) fn new(count: usize, bug: Option<Bug>) -> Self {
        let state = State {
            free: count,
            next: 0,
            waiting: VecDeque::new(),
        };
        Permits {
            bug,
            state: Arc::new(Mutex::new(state)),
        }
    }

    fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    #[track_caller]
    pub(super) fn acquire(&self, need: usize) -> Acquire {
        Acquire {
            permits: self.clone(),
            waits_for: WaitsFor::here("the copy of a permit"),
            need,
            place: None,
        }
    }

    fn free(&self) -> usize {
        self.state.lock().free
    }

    /// Whether somebody waits for what is there.
    fn is_idle(&self) -> bool {
        let state = self.state.lock();
        let first = state.waiting.front();
        first.is_some_and(|first| first.need <= first.part + state.free)
    }

    fn release(&self, count: usize) {
        let woken = {
            let mut state = self.state.lock();
            state.free += count;
            self.grant(&mut state)
        };
        woken.into_iter().for_each(Waker::wake);
    }

    /// Gives what there is to those who have waited longest, and has their wakers.
    fn grant(&self, state: &mut State) -> Vec<Waker> {
        let mut woken = Vec::new();
        while let Some(first) = state.waiting.front()
            && first.need - first.part <= state.free
            && let Some(first) = state.waiting.pop_front()
        {
            state.free -= first.need - first.part;
            woken.push(first.waker);
            if self.has(Bug::ReleaseWakesOne) {
                break;
            }
        }
        woken
    }
}

/// Permits that are held until this is dropped.
pub(super) struct Permit {
    permits: Permits,
    count: usize,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let times = match self.permits.bug {
            Some(Bug::KeptOnPanic) if thread::panicking() => 0,
            Some(Bug::ReleasedTwiceOnPanic) if thread::panicking() => 2,
            _ => 1,
        };
        self.permits.release(self.count * times);
    }
}

/// Waits for permits, in turn.
pub(super) struct Acquire {
    permits: Permits,
    waits_for: WaitsFor,
    need: usize,
    place: Option<u64>,
}

impl Future for Acquire {
    type Output = Permit;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Permit> {
        let this = &mut *self;
        let permits = this.permits.clone();
        let mut state = permits.state.lock();
        if let Some(place) = this.place {
            let waiting = state.waiting.iter_mut();
            if let Some(waiting) = waiting.into_iter().find(|waiting| waiting.place == place) {
                if !permits.has(Bug::WakerKept) {
                    waiting.waker = task.waker().clone();
                }
                this.waits_for.note();
                return Poll::Pending;
            }
            this.place = None;
        } else {
            let in_turn = state.waiting.is_empty() || permits.has(Bug::Barging);
            if !in_turn || state.free < this.need {
                let takes = permits.has(Bug::PartLost);
                let part = if takes {
                    std::mem::take(&mut state.free)
                } else {
                    0
                };
                let place = state.next;
                state.next += 1;
                state.waiting.push_back(Waiting {
                    place,
                    need: this.need,
                    part,
                    waker: task.waker().clone(),
                });
                this.place = Some(place);
                this.waits_for.note();
                return Poll::Pending;
            }
            state.free -= this.need;
        }
        Poll::Ready(Permit {
            permits: permits.clone(),
            count: this.need,
        })
    }
}

impl Drop for Acquire {
    fn drop(&mut self) {
        let Some(place) = self.place else {
            return;
        };
        let (_left, woken) = {
            let mut state = self.permits.state.lock();
            let position = state
                .waiting
                .iter()
                .position(|waiting| waiting.place == place);
            match position {
                Some(position) => {
                    let left = state.waiting.remove(position);
                    let woken = if self.permits.has(Bug::LeaverBlocks) {
                        Vec::new()
                    } else {
                        self.permits.grant(&mut state)
                    };
                    (left, woken)
                }
                None if self.permits.has(Bug::GrantLost) => (None, Vec::new()),
                None => {
                    state.free += self.need;
                    (None, self.permits.grant(&mut state))
                }
            }
        };
        woken.into_iter().for_each(Waker::wake);
    }
}
