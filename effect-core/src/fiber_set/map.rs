//! A bounded map from keys to fibers: at most one runs for each key.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::OwnedSemaphorePermit;

use super::crew::{AwaitEmpty, Close, Crew, Make};
use super::{FiberSetClosed, OnClose};
use crate::fiber::FiberState;
use crate::opaque_debug::opaque_debug;
use crate::{Cx, Effect, Env, Fiber, FiberRef, IntoEffect, Never, Program, Value, WaitsFor};

mod running;

use running::Run;
pub use running::{RunByKey, RunIfMissing};

/// A bounded map from keys to fibers that ends with a scope: at most one fiber runs for each key.
///
/// It is [made](FiberMap::make) in a scope, and closes with that. A fiber in it is nobody's child, so it outlives whoever
/// starts it there. A failure that nobody observes is reported once, as of any fiber.
///
/// # Examples
///
/// ```
/// use effect_core::{effect, never, succeed, Cx, FiberMap, Never, OnClose};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let sessions = effect(async |cx: Cx<()>| {
///     let sessions = cx.run(FiberMap::make(100, OnClose::Interrupt)).await?;
///     let first = cx.run(sessions.run("Ada", never::<_, Never, u8>())).await.expect("it is open");
///     // The newer one takes the place of the older, which ends first.
///     let second = cx.run(sessions.run("Ada", succeed::<_, Never, _>(2))).await.expect("it is open");
///     Ok::<_, Never>((cx.run(first.exit()).await?.is_interrupt(), cx.run(second.join()).await?))
/// });
/// assert_eq!(sessions.scoped().await, Ok((true, 2)));
/// # }
/// ```
pub struct FiberMap<K> {
    state: Arc<MapState<K>>,
}

struct MapState<K> {
    crew: Arc<Crew>,
    fibers: Mutex<Fibers<K>>,
}

struct Fibers<K> {
    by_key: BTreeMap<K, Seat>,
    seats_taken: u64,
}

/// The place of a key's fiber.
struct Seat {
    /// Tells it from those that had the key before.
    number: u64,
    fiber: Arc<FiberState>,
    /// Those before it which may not have ended: it begins after them, or never.
    before: Vec<Arc<FiberState>>,
    /// One for each key, however often its fiber is replaced.
    permit: Arc<OwnedSemaphorePermit>,
}

/// Why a fiber was not started for a key that may have one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RunIfMissingError {
    /// The map is closed, and takes no fiber any more.
    #[error("the map of fibers is closed")]
    Closed,
    /// A fiber runs for this key.
    #[error("a fiber runs for this key")]
    Running,
}

impl<K: Value + Sync + Clone + Ord> FiberMap<K> {
    /// Makes a map for so many keys at a time, which closes with the current scope.
    ///
    /// # Panics
    ///
    /// If `capacity` is 0, or more than a semaphore counts.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::{FiberMap, OnClose};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let Ok(map) = FiberMap::<u64>::make(8, OnClose::Await).await;
    /// // The scope was the one of the fiber, which has ended.
    /// assert!(map.is_closed());
    /// # }
    /// ```
    #[track_caller]
    pub fn make<R: Env>(
        capacity: usize,
        on_close: OnClose,
    ) -> Effect<R, Never, FiberMap<K>, Make<FiberMap<K>>> {
        Effect::new(Make::new(capacity, on_close, |crew| FiberMap {
            state: Arc::new(MapState {
                crew,
                fibers: Mutex::new(Fibers {
                    by_key: BTreeMap::new(),
                    seats_taken: 0,
                }),
            }),
        }))
    }

    /// Starts an effect on the fiber of a key, and has its handle. A fiber that runs for the key is interrupted, and has
    /// ended when the new one begins. A key without a fiber waits for room; whoever waits longest is next.
    ///
    /// # Errors
    ///
    /// [`FiberSetClosed`], when the map is closed, or closes while this waits.
    ///
    /// # Cancel safety
    ///
    /// Interrupted while it waits, it starts nothing, and lets the next go first.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, never, succeed, Cx, FiberMap, FiberSetClosed, Never, OnClose};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let program = effect(async |cx: Cx<()>| {
    ///     let jobs = cx.run(FiberMap::make(10, OnClose::Interrupt)).await?;
    ///     let old = cx.run(jobs.run("report", never::<_, Never, u8>())).await.expect("it is open");
    ///     let new = cx.run(jobs.run("report", succeed::<_, Never, _>(2))).await.expect("it is open");
    ///     assert_eq!(cx.run(new.join()).await?, 2);
    ///     assert!(cx.run(old.exit()).await?.is_interrupt());
    ///     cx.run(jobs.close()).await?;
    ///     let refused = cx.run(jobs.run("report", succeed::<_, Never, _>(3))).await;
    ///     Ok::<_, Never>(refused.err())
    /// });
    /// assert_eq!(program.scoped().await, Ok(Some(FiberSetClosed)));
    /// # }
    /// ```
    #[track_caller]
    pub fn run<R, I>(
        &self,
        key: K,
        effect: I,
    ) -> Effect<R, FiberSetClosed, Fiber<I::Error, I::Value>, RunByKey<K, I::Program>>
    where
        R: Env,
        I: IntoEffect<R>,
        I::Error: fmt::Debug,
    {
        Effect::new(RunByKey(Run {
            map: self.clone(),
            key,
            program: effect.into_effect().program,
            waits_for: WaitsFor::here("room in a map of fibers"),
        }))
    }

    /// Starts an effect on the fiber of a key that has none, and has its handle. It waits for room; whoever waits longest is
    /// next.
    ///
    /// # Errors
    ///
    /// [`RunIfMissingError`], when a fiber runs for the key, or the map is closed.
    ///
    /// # Cancel safety
    ///
    /// Interrupted while it waits, it starts nothing, and lets the next go first.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, never, succeed, Cx, FiberMap, Never, OnClose, RunIfMissingError};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let sessions = effect(async |cx: Cx<()>| {
    ///     let sessions = cx.run(FiberMap::make(100, OnClose::Interrupt)).await?;
    ///     drop(cx.run(sessions.run("Ada", never::<_, Never, u8>())).await);
    ///     let second = cx.run(sessions.run_if_missing("Ada", succeed::<_, Never, _>(2))).await;
    ///     Ok::<_, Never>(second.err())
    /// });
    /// assert_eq!(sessions.scoped().await, Ok(Some(RunIfMissingError::Running)));
    /// # }
    /// ```
    #[track_caller]
    pub fn run_if_missing<R, I>(
        &self,
        key: K,
        effect: I,
    ) -> Effect<R, RunIfMissingError, Fiber<I::Error, I::Value>, RunIfMissing<K, I::Program>>
    where
        R: Env,
        I: IntoEffect<R>,
        I::Error: fmt::Debug,
    {
        Effect::new(RunIfMissing(Run {
            map: self.clone(),
            key,
            program: effect.into_effect().program,
            waits_for: WaitsFor::here("room in a map of fibers"),
        }))
    }

    /// The fiber of a key.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::{effect, never, Cx, FiberMap, Never, OnClose};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let body = effect(async |cx: Cx<()>| {
    ///     let map = cx.run(FiberMap::make(8, OnClose::Interrupt)).await?;
    ///     let fiber = cx.run(map.run(1, never::<_, Never, ()>())).await.expect("it is open");
    ///     Ok::<_, Never>((map.get(&1).map(|found| found.id()) == Some(fiber.id()), map.get(&2).is_none()))
    /// });
    /// assert_eq!(body.scoped().await, Ok((true, true)));
    /// # }
    /// ```
    pub fn get(&self, key: &K) -> Option<FiberRef> {
        let fibers = self.state.fibers.lock();
        let seat = fibers.by_key.get(key)?;
        Some(FiberRef::new(&seat.fiber))
    }

    /// Interrupts the fiber of a key, and waits until it has ended. True if there was one.
    ///
    /// # Cancel safety
    ///
    /// Interrupted, it has asked the fiber to end, and does not wait.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::{effect, never, Cx, FiberMap, Never, OnClose};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let body = effect(async |cx: Cx<()>| {
    ///     let map = cx.run(FiberMap::make(8, OnClose::Interrupt)).await?;
    ///     let fiber = cx.run(map.run(1, never::<_, Never, ()>())).await.expect("it is open");
    ///     assert!(cx.run(map.interrupt(1)).await? && fiber.is_done());
    ///     cx.run(map.interrupt(1)).await
    /// });
    /// assert_eq!(body.scoped().await, Ok(false));
    /// # }
    /// ```
    #[track_caller]
    pub fn interrupt<R: Env>(&self, key: K) -> Effect<R, Never, bool, InterruptByKey<K>> {
        Effect::new(InterruptByKey {
            map: self.clone(),
            key,
            waits_for: WaitsFor::here("the fiber of a key, which it interrupts"),
        })
    }

    /// How many fibers are in it, with those that are interrupted and have not ended.
    pub fn len(&self) -> usize {
        self.state.crew.len()
    }

    /// Whether no fiber is in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it takes no fiber any more.
    pub fn is_closed(&self) -> bool {
        self.state.crew.is_closed()
    }

    /// Waits until no fiber is in it: each has ended, its finalizers and children included.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, sleep, Cx, FiberMap, Never, OnClose};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let program = effect(async |cx: Cx<()>| {
    ///     let map = cx.run(FiberMap::make(10, OnClose::Interrupt)).await?;
    ///     for n in [1, 2] {
    ///         drop(cx.run(map.run(n, sleep::<_, Never>(Duration::from_secs(n)))).await);
    ///     }
    ///     cx.run(map.await_empty()).await?;
    ///     Ok::<_, Never>(map.len())
    /// });
    /// assert_eq!(program.scoped().await, Ok(0));
    /// # }
    /// ```
    #[track_caller]
    pub fn await_empty<R: Env>(&self) -> Effect<R, Never, (), AwaitEmpty> {
        Crew::await_empty(
            &self.state.crew,
            WaitsFor::here("a set of fibers to be empty"),
        )
    }

    /// Closes the map, and waits until its fibers have ended. Its scope does so in the end.
    ///
    /// # Cancel safety
    ///
    /// It is not interrupted once it has begun.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, never, Cx, FiberMap, Never, OnClose};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let program = effect(async |cx: Cx<()>| {
    ///     let map = cx.run(FiberMap::make(10, OnClose::Interrupt)).await?;
    ///     let fiber = cx.run(map.run(1, never::<_, Never, ()>())).await.expect("it is open");
    ///     cx.run(map.close()).await?;
    ///     Ok::<_, Never>((map.is_closed(), fiber.is_done()))
    /// });
    /// assert_eq!(program.scoped().await, Ok((true, true)));
    /// # }
    /// ```
    #[track_caller]
    pub fn close<R: Env>(&self) -> Effect<R, Never, (), Close> {
        Crew::close(
            &self.state.crew,
            WaitsFor::here("a set of fibers that closes"),
        )
    }
}

/// The program of [`FiberMap::interrupt`].
#[derive(Clone)]
pub struct InterruptByKey<K> {
    map: FiberMap<K>,
    key: K,
    waits_for: WaitsFor,
}

impl<R: Env, K: Value + Sync + Clone + Ord> Program<R> for InterruptByKey<K> {
    type Error = Never;
    type Value = bool;

    async fn run(self, cx: &Cx<R>) -> Result<bool, Never> {
        let found = {
            let fibers = self.map.state.fibers.lock();
            let seat = fibers.by_key.get(&self.key);
            seat.map(|seat| Arc::clone(&seat.fiber))
        };
        let Some(fiber) = found.filter(|fiber| !fiber.is_done()) else {
            return Ok(false);
        };
        fiber.interrupt(Some(cx.fiber_id()));
        fiber.ended(self.waits_for).await;
        Ok(true)
    }
}

impl<K> Clone for FiberMap<K> {
    fn clone(&self) -> Self {
        FiberMap {
            state: Arc::clone(&self.state),
        }
    }
}

impl<K> fmt::Debug for FiberMap<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FiberMap")
            .field("len", &self.state.crew.len())
            .field("closed", &self.state.crew.is_closed())
            .finish()
    }
}

opaque_debug!(InterruptByKey<K>);
