//! The timeline: what is to be called later.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use effect_core::{Effect, Env, IntoEffect, Value};
use parking_lot::Mutex;

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
    /// The time of day, where now is known.
    pub(super) fn after(self, now: SystemTime) -> SystemTime {
        match self {
            When::Now => now,
            // Beyond all time: nobody will see it.
            When::After(delay) => now.checked_add(delay).unwrap_or(now),
            When::At(at) => at,
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
    ended: Vec<u64>,
    caller: Option<Waker>,
}

/// Something that is called later.
pub(super) struct Call<R, E> {
    pub(super) when: When,
    pub(super) effect: Effect<R, E, ()>,
}

/// What has happened since it was asked last.
pub(super) struct News<R, E> {
    pub(super) calls: Vec<Call<R, E>>,
    pub(super) ended: Vec<u64>,
}

impl<R, E> Timeline<R, E> {
    pub(super) fn new() -> Self {
        Timeline {
            calls: Arc::new(Mutex::new(Calls {
                asked: Vec::new(),
                ended: Vec::new(),
                caller: None,
            })),
        }
    }

    /// Tells of a member of the crew that has ended.
    pub(super) fn tell_end(&self, member: u64) {
        let caller = {
            let mut calls = self.calls.lock();
            calls.ended.push(member);
            calls.caller.take()
        };
        caller.into_iter().for_each(Waker::wake);
    }

    /// What has happened; nothing, if nothing has and nobody waits for anything.
    pub(super) fn poll_news(&self, task: &Context<'_>, waits: bool) -> Poll<Option<News<R, E>>> {
        let waker = task.waker().clone();
        let _replaced = {
            let mut calls = self.calls.lock();
            if !calls.asked.is_empty() || !calls.ended.is_empty() {
                return Poll::Ready(Some(News {
                    calls: std::mem::take(&mut calls.asked),
                    ended: std::mem::take(&mut calls.ended),
                }));
            }
            if !waits {
                return Poll::Ready(None);
            }
            calls.caller.replace(waker)
        };
        Poll::Pending
    }
}

impl<R: Env, E: Value> Timeline<R, E> {
    /// Has an effect run later, as a part of the replay: at a time, after a delay, or now.
    ///
    /// Calls of the same time are made in the order in which they were asked for, and before the events of that time.
    /// They do not wait for each other. When the replay is over, nobody makes a call any more.
    pub fn call_later<I>(&self, when: impl Into<When>, effect: I)
    where
        I: IntoEffect<R, Error = E>,
    {
        let call = Call {
            when: when.into(),
            effect: effect.into_effect().map(drop).erase_once(),
        };
        let caller = {
            let mut calls = self.calls.lock();
            calls.asked.push(call);
            calls.caller.take()
        };
        caller.into_iter().for_each(Waker::wake);
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
