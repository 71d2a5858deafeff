//! A stream of events: past ones, live ones, or both, with something to be done between.

use std::fmt;
use std::future::{Future, poll_fn};
use std::iter::{self, Peekable};
use std::pin::pin;
use std::sync::Arc;
use std::time::SystemTime;

use effect_core::{Cx, Effect, Env, IntoEffect, Value, WaitsFor, effect, poll_turn, sync};
use tokio::sync::Mutex;
use tokio::task::unconstrained;

use super::{Part, Run};
use crate::virtual_time::Live;

/// A stream of events with their times: past ones, live ones, or both.
///
/// # Examples
///
/// ```
/// use effect_core::{sync, Cx, Exit, Never};
/// use effect_runtime::{Events, Replay, VirtualTime};
/// use std::time::{Duration, SystemTime};
///
/// let past = [(SystemTime::UNIX_EPOCH, "past")];
/// let events = Events::past(past)
///     .then_live(|feed| feed.event_now("live"))
///     .on_live(sync(|| println!("** Running live **")));
/// let replay = Replay::<(), Never>::new().events(events, |_at, event| {
///     sync(move || println!("{event}"))
/// });
/// assert_eq!(VirtualTime::new().run(replay.run()), Ok(Exit::Success(())));
/// ```
#[must_use = "events happen in a replay"]
pub struct Events<R, E, T> {
    past: Peekable<Past<T>>,
    live: Option<LiveSource<R, E, T>>,
    on_live: Option<Effect<R, E, ()>>,
}

type Past<T> = Box<dyn Iterator<Item = (SystemTime, T)> + Send>;
type LiveSource<R, E, T> = Box<dyn FnOnce(Feed<R, E, T>) -> Effect<R, E, ()> + Send>;

impl<R: Env, E: Value, T: Value> Events<R, E, T> {
    /// Past events. They are pulled one by one, and handled in this order: one that is older than the one before is late.
    pub fn past<I>(events: I) -> Self
    where
        I: IntoIterator<Item = (SystemTime, T)>,
        I::IntoIter: Send + 'static,
    {
        let past: Past<T> = Box::new(events.into_iter());
        Events {
            past: past.peekable(),
            live: None,
            on_live: None,
        }
    }

    /// Live events alone.
    pub fn live<I>(source: impl FnOnce(Feed<R, E, T>) -> I + Send + 'static) -> Self
    where
        I: IntoEffect<R, Error = E>,
    {
        Events::past(iter::empty()).then_live(source)
    }

    /// Live events after the past ones: an effect that [feeds](Feed) them, and that begins when the replay has caught up.
    /// A stream's `run_for_each` is such an effect.
    pub fn then_live<I>(self, source: impl FnOnce(Feed<R, E, T>) -> I + Send + 'static) -> Self
    where
        I: IntoEffect<R, Error = E>,
    {
        Events {
            live: Some(Box::new(|feed| {
                source(feed).into_effect().map(drop).erase_once()
            })),
            ..self
        }
    }

    /// Runs an effect when the past is over, right before the first live event. Not at all, if nothing is live.
    pub fn on_live<I>(self, hook: I) -> Self
    where
        I: IntoEffect<R, Error = E>,
    {
        Events {
            on_live: Some(hook.into_effect().map(drop).erase_once()),
            ..self
        }
    }
}

impl<R, E, T> Events<R, E, T> {
    /// Whether they go on when the past is over.
    pub(super) fn is_live(&self) -> bool {
        self.live.is_some()
    }
}

impl<R, E, T> fmt::Debug for Events<R, E, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events")
            .field("live", &self.live.is_some())
            .finish_non_exhaustive()
    }
}

/// Where live events are handed over. Each ends when it was handled, and has cleaned up; they are handled one after the
/// other, in the order in which they were fed. A handler must not feed its own stream: it would wait for itself.
pub struct Feed<R, E, T> {
    handle: Arc<Mutex<Handler<R, E, T>>>,
}

type Handler<R, E, T> = Box<dyn FnMut(SystemTime, T) -> Effect<R, E, ()> + Send>;

impl<R: Env, E: Value, T: Value> Feed<R, E, T> {
    /// Has an event handled that happened at the given time.
    ///
    /// # Errors
    ///
    /// What the handler fails with.
    pub fn event(&self, at: SystemTime, value: T) -> Effect<R, E, ()> {
        self.handled(Some(at), value)
    }

    /// Has an event handled that happens now.
    ///
    /// # Errors
    ///
    /// What the handler fails with.
    pub fn event_now(&self, value: T) -> Effect<R, E, ()> {
        self.handled(None, value)
    }

    fn handled(&self, at: Option<SystemTime>, value: T) -> Effect<R, E, ()> {
        let handle = Arc::clone(&self.handle);
        effect(async move |cx: Cx<R>| {
            let at = at.unwrap_or_else(|| cx.wall_now());
            // Whoever feeds one that is handled at once lets others run now and then.
            poll_fn(poll_turn).await;
            // One after the other, whoever feeds them, in the order in which they came.
            // Tokio's budget is not ours: used up, it would wake us by a way that only tokio knows.
            let mut waiting = pin!(unconstrained(handle.lock_owned()));
            let waits_for = WaitsFor::here("an event before this one to be handled");
            let mut handle = poll_fn(|task| {
                let locked = waiting.as_mut().poll(task);
                if locked.is_pending() {
                    waits_for.note();
                }
                locked
            })
            .await;
            let handled = handle(at, value);
            // Held until the handler has cleaned up, also if it is interrupted.
            cx.run(handled.ensuring(sync(move || drop(handle)))).await
        })
        .erase_once()
    }
}

impl<R, E, T> Clone for Feed<R, E, T> {
    fn clone(&self) -> Self {
        Feed {
            handle: Arc::clone(&self.handle),
        }
    }
}

impl<R, E, T> fmt::Debug for Feed<R, E, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed").finish_non_exhaustive()
    }
}

/// Events, and what handles them.
pub(super) struct Handling<R, E, T> {
    events: Events<R, E, T>,
    handle: Handler<R, E, T>,
}

impl<R: Env, E: Value, T: Value> Handling<R, E, T> {
    pub(super) fn new<I, F>(events: Events<R, E, T>, mut handle: F) -> Self
    where
        I: IntoEffect<R, Error = E>,
        F: FnMut(SystemTime, T) -> I + Send + 'static,
    {
        Handling {
            events,
            handle: Box::new(move |at, value| {
                handle(at, value).into_effect().map(drop).erase_once()
            }),
        }
    }
}

impl<R: Env, E: Value, T: Value> Part<R, E> for Handling<R, E, T> {
    fn begins(&mut self) -> Option<SystemTime> {
        self.events.past.peek().map(|(at, _)| *at)
    }

    fn handle(self: Box<Self>, run: &Run) -> Effect<R, E, ()> {
        let Handling { events, mut handle } = *self;
        let (shared, rank) = (Arc::clone(&run.shared), run.rank);
        effect(async move |cx: Cx<R>| {
            for (at, value) in events.past {
                shared.in_turn(at, rank).await;
                cx.run(handle(at, value)).await?;
            }
            let Some(live) = events.live else {
                return Ok(());
            };
            Live { shared }.await;
            if let Some(hook) = events.on_live {
                cx.run(hook).await?;
            }
            let feed = Feed {
                handle: Arc::new(Mutex::new(handle)),
            };
            cx.run(live(feed)).await
        })
        .erase_once()
    }
}
