//! The timeline: what is to be called later.

use std::fmt;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use effect_core::{Effect, Env, IntoEffect, Runtime, Value};
use parking_lot::Mutex;

use crate::virtual_time::Shared;

/// When something is to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// At once: as soon as nobody else can go on.
    Now,
    /// After a time.
    After(Duration),
    /// At a time of day. If that is past, at once, and before what is due later.
    At(SystemTime),
}

impl When {
    /// The time of day, where now is known. There is none beyond all time, which nobody will see.
    pub(super) fn time(self, now: SystemTime) -> Option<SystemTime> {
        match self {
            When::Now => Some(now),
            When::After(delay) => now.checked_add(delay),
            When::At(at) => Some(at),
        }
    }
}

impl From<Duration> for When {
    fn from(delay: Duration) -> Self {
        When::After(delay)
    }
}

impl From<SystemTime> for When {
    fn from(at: SystemTime) -> Self {
        When::At(at)
    }
}

/// A handle to a replay by which effects are called later, in the order of their times.
///
/// # Examples
///
/// ```
/// use effect_core::{sync, Exit, Never};
/// use effect_runtime::{Replay, VirtualTime, When};
/// use std::sync::{Arc, Mutex};
/// use std::time::Duration;
///
/// let replay = Replay::<(), Never>::new();
/// let (timeline, said) = (replay.timeline(), Arc::new(Mutex::new(Vec::new())));
/// for (when, word) in [(When::After(Duration::from_secs(1)), "later"), (When::Now, "now")] {
///     let said = Arc::clone(&said);
///     timeline.call_later(when, sync(move || said.lock().unwrap().push(word)));
/// }
/// assert_eq!(VirtualTime::new().run(replay.run()), Ok(Exit::Success(())));
/// assert_eq!(*said.lock().unwrap(), ["now", "later"]);
/// ```
pub struct Timeline<R, E> {
    calls: Arc<Mutex<Calls<R, E>>>,
}

/// What was asked for and has not been begun, and who does that.
struct Calls<R, E> {
    asked: Vec<Call<R, E>>,
    /// The clock of the run, while there is one.
    run: Weak<Shared>,
    /// The replay is over.
    closed: bool,
    caller: Option<Waker>,
}

/// Something that is called later.
pub(super) struct Call<R, E> {
    pub(super) when: When,
    pub(super) effect: Effect<R, E, ()>,
}

impl<R, E> Timeline<R, E> {
    pub(super) fn new() -> Self {
        Timeline {
            calls: Arc::new(Mutex::new(Calls {
                asked: Vec::new(),
                run: Weak::new(),
                closed: false,
                caller: None,
            })),
        }
    }

    /// What was asked for before counts from now on.
    pub(super) fn begin(&self, run: &Arc<Shared>) {
        self.calls.lock().run = Arc::downgrade(run);
    }

    /// What was asked for, once something was.
    pub(super) fn poll_asked(&self, task: &Context<'_>) -> Poll<Vec<Call<R, E>>> {
        let waker = task.waker().clone();
        let _replaced = {
            let mut calls = self.calls.lock();
            if !calls.asked.is_empty() {
                return Poll::Ready(std::mem::take(&mut calls.asked));
            }
            calls.caller.replace(waker)
        };
        Poll::Pending
    }

    /// What was asked for is dropped, and so is whatever will be.
    fn close(&self) {
        let _dropped = {
            let mut calls = self.calls.lock();
            calls.closed = true;
            (std::mem::take(&mut calls.asked), calls.caller.take())
        };
    }
}

impl<R: Env, E: Value> Timeline<R, E> {
    /// Has an effect run later, as a part of the replay: at a time, after a delay, or now.
    ///
    /// Calls of the same time are made in the order in which they were asked for, and before the events of that time.
    /// They do not wait for each other. What is asked for before the replay begins counts from its beginning; what is
    /// asked for when it is over is dropped.
    pub fn call_later<I>(&self, when: impl Into<When>, effect: I)
    where
        I: IntoEffect<R, Error = E>,
    {
        let when = when.into();
        let effect = effect.into_effect().map(drop).erase_once();
        let run = self.calls.lock().run.upgrade();
        // By the replay's clock at this moment: it may be later when the call is taken in.
        let when = match run {
            None => when,
            Some(run) => match when.time(run.wall_now()) {
                Some(at) => When::At(at),
                None => return,
            },
        };
        let (caller, _refused) = {
            let mut calls = self.calls.lock();
            let call = Call { when, effect };
            let refused = if calls.closed {
                Some(call)
            } else {
                calls.asked.push(call);
                None
            };
            (calls.caller.take(), refused)
        };
        caller.into_iter().for_each(Waker::wake);
    }
}

/// Closes a timeline when the replay is over, or is dropped before it has begun: what is asked for may hold on to it.
pub(super) struct Owner<R, E> {
    pub(super) timeline: Timeline<R, E>,
}

impl<R, E> Drop for Owner<R, E> {
    fn drop(&mut self) {
        self.timeline.close();
    }
}

impl<R, E> Clone for Timeline<R, E> {
    fn clone(&self) -> Self {
        Timeline {
            calls: Arc::clone(&self.calls),
        }
    }
}

impl<R, E> fmt::Debug for Timeline<R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timeline").finish_non_exhaustive()
    }
}
