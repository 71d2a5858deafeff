//! A bounded set of fibers that ends with a scope.

use std::fmt;
use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;

use self::crew::Crew;
use crate::opaque_debug::opaque_debug;
use crate::program::Outcome;
use crate::{
    Cause, Cx, Effect, Env, Exit, Fiber, IntoEffect, Never, Program, Value, WaitsFor, from_exit,
    yield_now,
};

mod crew;
mod map;
mod dispatcher;

pub use crew::{AwaitEmpty, Close, Make};
pub use dispatcher::{DispatchError, Dispatched, Dispatcher, MakeDispatcher};
pub use map::{FiberMap, InterruptByKey, RunByKey, RunIfMissing, RunIfMissingError};

/// What becomes of the fibers in a [`FiberSet`] or a [`FiberMap`] that closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnClose {
    /// They are interrupted, all at once, and waited for.
    Interrupt,
    /// They are waited for.
    Await,
}

/// The set is closed, and takes no fiber any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the set of fibers is closed")]
pub struct FiberSetClosed;

/// A bounded set of fibers that ends with a scope: what a server has that handles each connection on a fiber of its own.
///
/// It is [made](FiberSet::make) in a scope, and closes with that. A fiber in it is nobody's child, so it outlives whoever
/// starts it there. A failure that nobody observes is reported once, as of any fiber.
///
/// # Examples
///
/// ```
/// use effect_core::{effect, sleep, Cx, FiberSet, Never, OnClose};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let server = effect(async |cx: Cx<()>| {
///     let connections = cx.run(FiberSet::make(2, OnClose::Interrupt)).await?;
///     let begun = cx.now();
///     for _ in 0..6 {
///         // Waits for room: there are never more than two.
///         let handler = connections.run(sleep::<_, Never>(Duration::from_secs(1)));
///         drop(cx.run(handler).await.expect("the set is open"));
///     }
///     cx.run(connections.await_empty()).await?;
///     Ok::<_, Never>((cx.now() - begun).as_secs())
/// });
/// assert_eq!(server.scoped().await, Ok(3));
/// # }
/// ```
#[derive(Clone)]
pub struct FiberSet {
    crew: Arc<Crew>,
}

impl FiberSet {
    /// Makes a set for so many fibers at a time, which closes with the current scope.
    ///
    /// # Panics
    ///
    /// If `capacity` is 0, or more than a semaphore counts.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::{FiberSet, OnClose};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let Ok(set) = FiberSet::make(8, OnClose::Await).await;
    /// // The scope was the one of the fiber, which has ended.
    /// assert!(set.is_closed());
    /// # }
    /// ```
    #[track_caller]
    pub fn make<R: Env>(
        capacity: usize,
        on_close: OnClose,
    ) -> Effect<R, Never, FiberSet, Make<FiberSet>> {
        Effect::new(Make::new(capacity, on_close, |crew| FiberSet { crew }))
    }

    /// Starts an effect on a fiber of the set, once there is room, and has its handle. Whoever waits longest is next.
    ///
    /// # Errors
    ///
    /// [`FiberSetClosed`], when the set is closed, or closes while this waits.
    ///
    /// # Cancel safety
    ///
    /// Interrupted while it waits, it starts nothing, and lets the next go first.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::{effect, succeed, Cx, FiberSet, FiberSetClosed, Never, OnClose};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let body = effect(async |cx: Cx<()>| {
    ///     let set = cx.run(FiberSet::make(1, OnClose::Interrupt)).await?;
    ///     let fiber = cx.run(set.run(succeed::<_, Never, _>(42))).await.expect("it is open");
    ///     assert_eq!(cx.run(fiber.join()).await?, 42);
    ///     cx.run(set.close()).await?;
    ///     Ok::<_, Never>(cx.run(set.run(succeed::<_, Never, _>(42))).await.map(drop))
    /// });
    /// assert_eq!(body.await, Ok(Err(FiberSetClosed)));
    /// # }
    /// ```
    #[track_caller]
    pub fn run<R, I>(
        &self,
        effect: I,
    ) -> Effect<R, FiberSetClosed, Fiber<I::Error, I::Value>, RunInSet<I::Program>>
    where
        R: Env,
        I: IntoEffect<R>,
        I::Error: fmt::Debug,
    {
        Effect::new(RunInSet {
            set: self.clone(),
            program: effect.into_effect().program,
            waits_for: WaitsFor::here("room in a set of fibers"),
        })
    }

    /// Starts an effect on a fiber of the set, as [`run`](FiberSet::run) does, and starts it anew on the same fiber when it
    /// fails or dies, for as long as a function says so, and the set is open.
    ///
    /// # Errors
    ///
    /// [`FiberSetClosed`], when the set is closed, or closes while this waits.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, fail, Cause, Cx, Exit, FiberSet, Never, OnClose};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let body = effect(async |cx: Cx<()>| {
    ///     let set = cx.run(FiberSet::make(1, OnClose::Interrupt)).await?;
    ///     let mut left = 3;
    ///     let worker = set.run_restarting(fail::<_, _, ()>("no"), move |_cause| {
    ///         left -= 1;
    ///         left > 0
    ///     });
    ///     let fiber = cx.run(worker).await.expect("it is open");
    ///     cx.run(fiber.exit()).await
    /// });
    /// assert_eq!(body.await, Ok(Exit::Failure(Cause::fail("no"))));
    /// # }
    /// ```
    #[track_caller]
    pub fn run_restarting<R, I, F>(
        &self,
        effect: I,
        restart: F,
    ) -> Effect<R, FiberSetClosed, Fiber<I::Error, I::Value>, RunInSet<Restarting<I::Program, F>>>
    where
        R: Env,
        I: IntoEffect<R>,
        I::Program: Clone,
        I::Error: fmt::Debug,
        F: FnMut(&Cause<I::Error>) -> bool + Value,
    {
        Effect::new(RunInSet {
            set: self.clone(),
            program: Restarting {
                set: self.clone(),
                program: effect.into_effect().program,
                restart,
            },
            waits_for: WaitsFor::here("room in a set of fibers"),
        })
    }

    /// How many fibers are in it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::{FiberSet, OnClose};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let Ok(size) = FiberSet::make(8, OnClose::Await).map(|set| set.len()).await;
    /// assert_eq!(size, 0);
    /// # }
    /// ```
    pub fn len(&self) -> usize {
        self.crew.len()
    }

    /// Whether no fiber is in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it takes no fiber any more.
    pub fn is_closed(&self) -> bool {
        self.crew.is_closed()
    }

    /// Waits until no fiber is in it: each has ended, its finalizers and children included.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, sleep, Cx, FiberSet, Never, OnClose};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let program = effect(async |cx: Cx<()>| {
    ///     let set = cx.run(FiberSet::make(10, OnClose::Interrupt)).await?;
    ///     for n in [1, 2] {
    ///         drop(cx.run(set.run(sleep::<_, Never>(Duration::from_secs(n)))).await);
    ///     }
    ///     cx.run(set.await_empty()).await?;
    ///     Ok::<_, Never>(set.len())
    /// });
    /// assert_eq!(program.scoped().await, Ok(0));
    /// # }
    /// ```
    #[track_caller]
    pub fn await_empty<R: Env>(&self) -> Effect<R, Never, (), AwaitEmpty> {
        Crew::await_empty(&self.crew)
    }

    /// Closes the set, and waits until its fibers have ended. Its scope does so in the end.
    ///
    /// A fiber of the set may do so itself, or a child of one: it is not waited for, and is interrupted after that.
    ///
    /// # Cancel safety
    ///
    /// It is not interrupted once it has begun.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, never, Cx, FiberSet, Never, OnClose};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let program = effect(async |cx: Cx<()>| {
    ///     let set = cx.run(FiberSet::make(10, OnClose::Interrupt)).await?;
    ///     let fiber = cx.run(set.run(never::<_, Never, ()>())).await.expect("it is open");
    ///     cx.run(set.close()).await?;
    ///     Ok::<_, Never>((set.is_closed(), fiber.is_done()))
    /// });
    /// assert_eq!(program.scoped().await, Ok((true, true)));
    /// # }
    /// ```
    pub fn close<R: Env>(&self) -> Effect<R, Never, (), Close> {
        Crew::close(&self.crew)
    }
}

impl fmt::Debug for FiberSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FiberSet")
            .field("len", &self.len())
            .field("closed", &self.is_closed())
            .finish()
    }
}

/// The program of [`FiberSet::run`] and [`FiberSet::run_restarting`].
#[derive(Clone, Debug)]
pub struct RunInSet<P> {
    set: FiberSet,
    program: P,
    waits_for: WaitsFor,
}

impl<R, P> Program<R> for RunInSet<P>
where
    R: Env,
    P: Program<R>,
    P::Error: fmt::Debug,
{
    type Error = FiberSetClosed;
    type Value = Fiber<P::Error, P::Value>;

    async fn run(self, cx: &Cx<R>) -> Outcome<R, Self> {
        let (crew, place) = (self.set.crew, self.waits_for.place());
        let permit: OwnedSemaphorePermit = crew.room(self.waits_for).await?;
        // In one step with the permit: who is interrupted has started nothing, or all of it.
        let inside = (crew.join()?, permit);
        let effect = Effect::new(self.program);
        let leave = move || drop(inside);
        Fiber::fork_then(effect, cx, crew.scope(), place, leave).ok_or(FiberSetClosed)
    }
}

/// A program that begins anew when it fails, for as long as somebody says so.
#[derive(Clone)]
pub struct Restarting<P, F> {
    set: FiberSet,
    program: P,
    restart: F,
}

impl<R, P, F> Program<R> for Restarting<P, F>
where
    R: Env,
    P: Program<R> + Clone,
    F: FnMut(&Cause<P::Error>) -> bool + Value,
{
    type Error = P::Error;
    type Value = P::Value;

    async fn run(mut self, cx: &Cx<R>) -> Outcome<R, Self> {
        loop {
            let effect = Effect::<R, P::Error, P::Value, P>::new(self.program.clone());
            let Ok(exit) = cx.run(effect.exit()).await;
            let again = match &exit {
                Exit::Failure(cause) if !cause.is_interrupt() => {
                    !self.set.is_closed() && (self.restart)(cause)
                }
                _ => false,
            };
            if !again {
                return cx.run(from_exit(exit)).await;
            }
            // One that fails at once must not keep others from their turn.
            yield_now().await;
        }
    }
}

opaque_debug!(Restarting<P, F>);
