//! Replay: past events at their own times, as fast as they can be handled, and then, without a gap, live ones.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use effect_core::{Cx, Effect, Env, IntoEffect, Program, Value, effect, from_exit, succeed};

use crate::virtual_time::{self, Executor, Shared};

mod events;
mod every;
mod crew;
mod running;
mod timeline;

pub use events::{Events, Feed};
pub use every::Every;
pub use timeline::{Timeline, When};

use crew::Crew;
use events::Handling;
use running::Running;
use timeline::Owner;

/// Handles streams of events on a clock of its own: what is past as fast as possible, yet at its own time, and what is
/// live when it comes.
///
/// All that runs in a replay sees its clock: [`Cx::wall_now`] is the time of the event that is handled, and a `sleep`
/// takes no time while the replay is in the past. Events of several streams are handled in the order of their times,
/// those of the same time in the order in which the streams were added. Of one stream, each is handled when the one
/// before has been; an event that is late is handled at once, and sees by its own time that it is.
///
/// Where nothing is live, nothing in a replay depends on the clock on the wall, and each run is the same. Where
/// something is, the replay goes live when it has caught up: when nothing is left to do that is due. Only then the first
/// live event is handled.
///
/// A replay knows nothing of what happens outside of it while it is in the past: whoever waits there for a socket, a thread
/// or a task of another runtime, and for nothing else, looks as if nobody could go on. That is a deadlock, or, if something
/// is live, the end of the past. What a handler forks, and acquires outside of a scope of its own, lives until its stream
/// ends. A live replay goes with the steady clock outside, and does not see when the time of day there is set.
///
/// Inside of a [simulation](crate::simulation), the fibers of a replay are of that run: chance orders them, and interrupts
/// and panics strike them. Steps are those of the run around it, of which each may be several in here.
///
/// The replay is over when all of its events were handled, all calls made, and its main effect has ended. It fails with
/// the first failure of any of them, and the others are interrupted. Two replays know nothing of each other.
///
/// The idea is that of the Python package async-stream-processing.
///
/// # Examples
///
/// ```
/// use effect_core::{sync, Exit, Never};
/// use effect_runtime::{Events, Replay, VirtualTime};
/// use std::sync::{Arc, Mutex};
/// use std::time::{Duration, SystemTime};
///
/// let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_735_689_600);
/// let names = (0..).map(move |n| start + Duration::from_secs(n)).zip(["Jane", "John"]);
/// let greeted = Arc::new(Mutex::new(Vec::new()));
/// let log = Arc::clone(&greeted);
/// let replay = Replay::<(), Never>::new().events(Events::past(names), move |_at, name| {
///     let log = Arc::clone(&log);
///     sync(move || log.lock().unwrap().push(name))
/// });
/// assert_eq!(VirtualTime::new().run(replay.run()), Ok(Exit::Success(())));
/// assert_eq!(*greeted.lock().unwrap(), ["Jane", "John"]);
/// ```
#[must_use = "a replay is a description: nothing happens until it is run"]
pub struct Replay<R, E> {
    start: Option<SystemTime>,
    parts: Vec<Box<dyn Part<R, E>>>,
    live: bool,
    calls: Owner<R, E>,
}

/// Something that a replay consists of.
trait Part<R, E>: Send {
    /// When its first event is, if it is past.
    fn begins(&mut self) -> Option<SystemTime>;

    /// All of it.
    fn handle(self: Box<Self>, run: &Run) -> Effect<R, E, ()>;
}

/// What the parts of a run know of it.
struct Run {
    shared: Arc<Shared>,
    start: SystemTime,
    /// The part's place among those that have something to do at the same time.
    rank: u32,
}

/// The rank of calls: what was promised comes before what happens.
const CALLS: u32 = 1;

impl<R: Env, E: Value + fmt::Debug> Replay<R, E> {
    /// Begins with the first past event. Without any: now, if something is live, and else with the year 2000.
    pub fn new() -> Self {
        Replay {
            start: None,
            parts: Vec::new(),
            live: false,
            calls: Owner {
                timeline: Timeline::new(),
            },
        }
    }

    /// Begins at the given time. Events that are older are handled then, in their order, and are late.
    pub fn starting(start: SystemTime) -> Self {
        Replay {
            start: Some(start),
            ..Replay::new()
        }
    }

    /// Handles each event of a stream by an effect.
    pub fn events<T, I, F>(mut self, events: Events<R, E, T>, handle: F) -> Self
    where
        T: Value,
        I: IntoEffect<R, Error = E>,
        F: FnMut(SystemTime, T) -> I + Send + 'static,
    {
        self.live |= events.is_live();
        self.parts.push(Box::new(Handling::new(events, handle)));
        self
    }

    /// Runs an effect time after time. Each begins when the one before has ended; none is left out, and none drifts.
    pub fn timer<I, F>(mut self, every: Every, handle: F) -> Self
    where
        I: IntoEffect<R, Error = E>,
        F: FnMut(SystemTime) -> I + Send + 'static,
    {
        self.parts
            .push(Box::new(every::Ticking::new(every, handle)));
        self
    }

    /// Goes live when it has caught up, also if no stream of events does: timers and calls then wait for their time.
    pub fn then_live(mut self) -> Self {
        self.live = true;
        self
    }

    /// A handle by which effects are called later. It is for what runs in this replay, and may be had before that.
    pub fn timeline(&self) -> Timeline<R, E> {
        self.calls.timeline.clone()
    }

    /// Describes a run of the replay. Run a second time, the effect dies.
    ///
    /// # Errors
    ///
    /// The first failure of a handler, a call, or a live stream.
    ///
    /// # Panics
    ///
    /// If nothing is live and nobody can go on, which is a [`Deadlock`](crate::Deadlock): the replay is interrupted, and the
    /// effect dies of it.
    ///
    /// # Cancel safety
    ///
    /// Interrupted, it interrupts all that runs in the replay and waits for its finalizers, on the replay's clock.
    pub fn run(self) -> Effect<R, E, ()> {
        self.run_with(succeed(()))
    }

    /// Describes a run of the replay beside a main effect, which has the same clock, and whose value it has. A live replay
    /// that is to start later waits for that.
    ///
    /// # Errors
    ///
    /// The first failure of a handler, a call, a live stream, or the main effect.
    ///
    /// # Panics
    ///
    /// As [`run`](Replay::run).
    ///
    /// # Cancel safety
    ///
    /// As [`run`](Replay::run).
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{sleep, Exit, Never};
    /// use effect_runtime::{Replay, VirtualTime};
    /// use std::time::Duration;
    ///
    /// let answer = sleep(Duration::from_secs(1)).map(|()| 42);
    /// let replay = Replay::<(), Never>::new().run_with(answer);
    /// assert_eq!(VirtualTime::new().run(replay), Ok(Exit::Success(42)));
    /// ```
    pub fn run_with<A, I>(self, main: I) -> Effect<R, E, A>
    where
        A: Value,
        I: IntoEffect<R, Error = E, Value = A>,
    {
        let main = main.into_effect();
        effect(async move |cx: Cx<R>| {
            let (replay, start) = self.starts(&cx);
            if let Ok(not_yet) = start.duration_since(cx.wall_now())
                && replay.live
            {
                cx.sleep(not_yet).await;
            }
            let running = replay.begin(&cx, start, main);
            let stopped = running.clone();
            let stop = effect(async move |_| {
                stopped.stop().await;
                Ok(())
            });
            let ended = effect(async move |_| Ok(running.to_end().await)).ensuring(stop);
            let exit = cx.run(ended).await?;
            cx.run(from_exit(exit)).await
        })
        .erase_once()
    }

    /// When a run starts.
    fn starts(mut self, cx: &Cx<R>) -> (Self, SystemTime) {
        let first = self.parts.iter_mut().filter_map(|part| part.begins()).min();
        let start = self.start.or(first).unwrap_or_else(|| {
            if self.live {
                cx.wall_now()
            } else {
                virtual_time::beginning()
            }
        });
        (self, start)
    }

    /// Begins a run on a clock of its own, inside of this fiber.
    fn begin<A, P>(self, cx: &Cx<R>, start: SystemTime, main: Effect<R, E, A, P>) -> Running<E, A>
    where
        A: Value,
        P: Program<R, Error = E, Value = A>,
    {
        let seed = if self.live { cx.random() } else { 0 };
        let (shared, scheduler) = Shared::inside_of(cx.runtime(), seed, start);
        if self.live {
            shared.follow(Arc::clone(cx.runtime()));
        }
        let parts = self.parts.into_iter().zip(CALLS + 1..);
        let parts = parts.map(|(part, rank)| {
            part.handle(&Run {
                shared: Arc::clone(&shared),
                start,
                rank,
            })
        });
        let crew = Crew {
            parts: parts.collect(),
            calls: self.calls,
            shared: Arc::clone(&shared),
        };
        let root = crew.work(main).provide_shared(cx.share_env());
        let (root, exit) = root.start_on(Arc::<Shared>::clone(&shared));
        Running::new(root, Executor::new(&shared, exit, scheduler, None))
    }
}

impl<R: Env, E: Value + fmt::Debug> Default for Replay<R, E> {
    fn default() -> Self {
        Replay::new()
    }
}

impl<R, E> fmt::Debug for Replay<R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replay")
            .field("start", &self.start)
            .field("parts", &self.parts.len())
            .finish_non_exhaustive()
    }
}
