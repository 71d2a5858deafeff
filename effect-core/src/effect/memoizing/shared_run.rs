//! A run of an effect that several fibers wait for, and that ends with the last of them.

use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use futures::future::FutureExt;
use parking_lot::Mutex;
use slab::Slab;

use crate::driver;
use crate::fiber::FiberState;
use crate::{Cause, Cx, Env, Exit, Program, Runtime, Value};

/// One run, on a fiber of its own that no other supervises: those who wait for it keep it going.
pub(super) struct SharedRun<E, A> {
    fiber: Arc<FiberState>,
    /// Set before the state says that it has ended. Apart from that, because a user's clone is made under the lock.
    exit: Mutex<Option<Exit<E, A>>>,
    state: Mutex<State>,
}

enum State {
    /// It goes on, for so many.
    Wanted { by: usize, wakers: Wakers },
    /// Nobody wanted it any more, so it was interrupted. Some may wait until it has ended.
    GivenUp { wakers: Wakers },
    /// It has ended at that time.
    Ended { at: Instant, interrupted: bool },
}

/// A place for the waker of each who waits.
type Wakers = Slab<Option<Waker>>;

impl<E: Value, A: Value> SharedRun<E, A> {
    /// A run that is to be started by whoever takes the first seat.
    pub(super) fn new(runtime: &Arc<dyn Runtime>) -> Arc<Self> {
        Arc::new(SharedRun {
            fiber: FiberState::root(Arc::clone(runtime), None),
            exit: Mutex::new(None),
            state: Mutex::new(State::Wanted {
                by: 0,
                wakers: Wakers::new(),
            }),
        })
    }

    /// Whether to wait for it, or for its result, is better than to start another one.
    pub(super) fn is_of_use(&self, now: Instant, ttl: Option<Duration>) -> bool {
        match *self.state.lock() {
            // While it still cleans up, another one must not begin.
            State::Wanted { .. } | State::GivenUp { .. } => true,
            State::Ended { at, interrupted } => {
                let age = now.saturating_duration_since(at);
                !interrupted && ttl.is_none_or(|ttl| age < ttl)
            }
        }
    }

    /// Takes a seat, as somebody who wants it if it still goes on.
    pub(super) fn seat(self: &Arc<Self>, fiber: &Arc<FiberState>) -> Seat<E, A> {
        let place = match &mut *self.state.lock() {
            State::Wanted { by, wakers } => {
                *by += 1;
                Place::Wants(wakers.insert(None))
            }
            State::GivenUp { wakers } => Place::Watches(wakers.insert(None)),
            State::Ended { .. } => Place::Late,
        };
        Seat {
            run: Arc::clone(self),
            fiber: Arc::clone(fiber),
            place,
        }
    }

    fn end(&self, exit: Exit<E, A>) {
        let ended = State::Ended {
            at: self.fiber.runtime().now(),
            interrupted: exit.is_interrupt(),
        };
        *self.exit.lock() = Some(exit);
        let before = mem::replace(&mut *self.state.lock(), ended);
        if let State::Wanted { wakers, .. } | State::GivenUp { wakers } = before {
            wakers
                .into_iter()
                .filter_map(|(_, waker)| waker)
                .for_each(Waker::wake);
        }
    }
}

/// Says that a run has ended, also of one that is dropped with its runtime.
struct Ending<E: Value, A: Value> {
    run: Option<Arc<SharedRun<E, A>>>,
}

impl<E: Value, A: Value> Ending<E, A> {
    fn end(mut self, exit: Exit<E, A>) {
        if let Some(run) = self.run.take() {
            run.end(exit);
        }
    }
}

impl<E: Value, A: Value> Drop for Ending<E, A> {
    fn drop(&mut self) {
        if let Some(run) = self.run.take() {
            run.end(Exit::Failure(Cause::interrupt(None)));
        }
    }
}

/// Where one waits for a run. Whoever leaves the last seat of those who want it interrupts it, and owes the waiting.
pub(super) struct Seat<E: Value, A: Value> {
    run: Arc<SharedRun<E, A>>,
    /// Who waits.
    fiber: Arc<FiberState>,
    place: Place,
}

#[derive(Clone, Copy)]
enum Place {
    Wants(usize),
    Watches(usize),
    /// It had ended before.
    Late,
}

impl<E: Value, A: Value> Seat<E, A> {
    /// Starts the run. To be called once, by the one who has made it.
    pub(super) fn start<R, P>(&self, program: P, cx: &Cx<R>)
    where
        R: Env,
        P: Program<R, Error = E, Value = A>,
    {
        let ending = Ending {
            run: Some(Arc::clone(&self.run)),
        };
        let cx = cx.of_child(Arc::clone(&self.run.fiber));
        let exit = driver::drive_root(program, cx);
        let task = exit.map(move |exit| ending.end(exit));
        self.run.fiber.runtime().spawn(task.boxed());
    }

    /// Ready when the run has ended, with all that it owes.
    pub(super) fn poll_ended(&mut self, task: &Context<'_>) -> Poll<()> {
        let fresh = task.waker().clone();
        let _replaced = match (&mut *self.run.state.lock(), self.place) {
            (State::Ended { .. }, _) => return Poll::Ready(()),
            (
                State::Wanted { wakers, .. } | State::GivenUp { wakers },
                Place::Wants(key) | Place::Watches(key),
            ) => wakers[key].replace(fresh),
            (_, Place::Late) => unreachable!("what has ended does not go on"),
        };
        Poll::Pending
    }

    /// The exit of a run that has ended; none if the run was given up, and nobody is to see how it ended.
    pub(super) fn exit(&self) -> Option<Exit<E, A>>
    where
        E: Clone,
        A: Clone,
    {
        let exit = self.run.exit.lock().clone();
        let exit = exit.expect("a run that has ended has an exit");
        match self.place {
            Place::Watches(_) if exit.is_interrupt() => None,
            _ => Some(exit),
        }
    }
}

impl<E: Value, A: Value> Drop for Seat<E, A> {
    fn drop(&mut self) {
        let (given_up, _waker) = {
            let mut state = self.run.state.lock();
            match (&mut *state, self.place) {
                (State::Wanted { by, wakers }, Place::Wants(key)) => {
                    let waker = wakers.remove(key);
                    *by -= 1;
                    let given_up = *by == 0;
                    if given_up {
                        let wakers = mem::take(wakers);
                        *state = State::GivenUp { wakers };
                    }
                    (given_up, waker)
                }
                (State::GivenUp { wakers }, Place::Watches(key)) => (false, wakers.remove(key)),
                _ => (false, None),
            }
        };
        if !given_up {
            return;
        }
        self.run.fiber.interrupt(Some(self.fiber.id()));
        let mut watching = self.run.seat(&self.fiber);
        let ended = async move {
            std::future::poll_fn(|task| watching.poll_ended(task)).await;
            watching.tell_defects();
        };
        self.fiber.owe(ended.boxed());
    }
}

impl<E: Value, A: Value> Seat<E, A> {
    /// Records the defects of a run that was given up: nobody else hears of them.
    fn tell_defects(&self) {
        let exit = self.run.exit.lock();
        let cause = exit.as_ref().and_then(Exit::cause);
        for defect in cause.into_iter().flat_map(Cause::defects) {
            self.fiber.record_defect(defect.clone());
        }
    }
}
