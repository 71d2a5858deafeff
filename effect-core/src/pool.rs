//! A pool: resources that are made when they are needed, lent to one at a time, and released when nobody needs them.

use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use futures::future::FutureExt;

use crate::effect::creating::end_as;
use crate::mask::Masked;
use crate::opaque_debug::opaque_debug;
use crate::scope;
use crate::{Cx, Effect, Env, Exit, IntoEffect, Never, Program, Value, WaitsFor, poll_turn};

mod state;
mod making;
mod lease;

pub use lease::Lease;

use making::Making;
use state::{Asked, State};

/// How many resources a [`Pool`] has, and how long it keeps those that it need not have.
///
/// # Examples
///
/// ```
/// # use effect_core::PoolSize;
/// # use std::time::Duration;
/// let size = PoolSize::between(10, 15).idle(Duration::from_secs(60));
/// assert_eq!((size.min(), size.max()), (10, 15));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolSize {
    min: usize,
    max: usize,
    idle: Option<Duration>,
}

impl PoolSize {
    /// So many, always.
    ///
    /// # Panics
    ///
    /// If `size` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::PoolSize;
    /// assert_eq!(PoolSize::of(10), PoolSize::between(10, 10));
    /// ```
    #[track_caller]
    pub const fn of(size: usize) -> Self {
        PoolSize::between(size, size)
    }

    /// From so many, which are made at the beginning, to so many, which are made when they are needed.
    ///
    /// # Panics
    ///
    /// If `max` is 0, or less than `min`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::PoolSize;
    /// let size = PoolSize::between(2, 10);
    /// assert_eq!((size.min(), size.max()), (2, 10));
    /// ```
    #[track_caller]
    pub const fn between(min: usize, max: usize) -> Self {
        assert!(max > 0, "a pool has room for at least one");
        assert!(min <= max, "a pool has room for its least number");
        PoolSize {
            min,
            max,
            idle: None,
        }
    }

    /// Releases one that nobody has needed for so long, if there are more than the least number. Without this, none is.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, succeed, Cx, Never, Pool, PoolSize};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let program = effect(async |cx: Cx<()>| {
    ///     let size = PoolSize::between(0, 10).idle(Duration::from_secs(60));
    ///     let pool = cx.run(Pool::make(size, succeed::<_, Never, _>("connection"))).await?;
    ///     drop(cx.run(pool.get()).await);
    ///     let before = pool.stats().live;
    ///     cx.sleep(Duration::from_secs(61)).await;
    ///     Ok::<_, Never>((before, pool.stats().live))
    /// });
    /// assert_eq!(program.scoped().await, Ok((1, 0)));
    /// # }
    /// ```
    pub const fn idle(self, idle: Duration) -> Self {
        PoolSize {
            idle: Some(idle),
            ..self
        }
    }

    /// The least number.
    pub const fn min(&self) -> usize {
        self.min
    }

    /// The greatest number.
    pub const fn max(&self) -> usize {
        self.max
    }
}

/// What is in a [`Pool`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolStats {
    /// How many resources there are, those too that are being made or released. Never more than the greatest number.
    pub live: usize,
    /// How many of them wait for somebody.
    pub idle: usize,
    /// How many of them are being made.
    pub making: usize,
    /// How many callers wait for one.
    pub waiting: usize,
}

/// Why a pool gives no resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PoolError<E> {
    /// The pool is closed.
    #[error("the pool is closed")]
    Closed,
    /// A resource could not be acquired.
    #[error("a resource of the pool could not be acquired: {0}")]
    Acquire(E),
}

/// A pool of resources, each lent to one at a time.
///
/// It is [made](Pool::make) in a scope, and closes with that: it lends nothing more, waits for what is lent, and releases
/// everything. Each resource is acquired by the same effect, in a scope of its own, on a fiber of the pool: who waits for one
/// may be interrupted, and the resource is there for the next. Who waits longest is served first.
///
/// An acquisition that fails fails one of those who wait, the first, and is not tried again unless others wait.
///
/// # Examples
///
/// ```
/// use effect_core::{acquire_release, effect, succeed, sync, Cx, Never, Pool, PoolSize};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let program = effect(async |cx: Cx<()>| {
///     let connect = acquire_release(succeed::<_, Never, _>("connection"), |_| succeed(()));
///     let pool = cx.run(Pool::make(PoolSize::of(2), connect)).await?;
///     let lease = cx.run(pool.get()).await.expect("the pool is open");
///     assert_eq!(*lease, "connection");
///     drop(lease); // gives it back
///     Ok::<_, Never>(pool.stats().live)
/// });
/// assert_eq!(program.scoped().await, Ok(2));
/// # }
/// ```
pub struct Pool<E, A> {
    state: Arc<State<E, A>>,
}

impl<E: Value + fmt::Debug, A: Value> Pool<E, A> {
    /// Makes a pool of what an effect acquires, which closes with the current scope.
    ///
    /// The effect runs once for each resource, with the environment of here; what it acquires is released when the pool
    /// gives the resource up. The least number are made at once, beside the caller.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{acquire_release, effect, succeed, sync, Cx, Never, Pool, PoolSize};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (log, lines) = std::sync::mpsc::channel();
    /// let program = effect(async move |cx: Cx<()>| {
    ///     let connect = acquire_release(succeed::<_, Never, _>("connection"), move |_| {
    ///         let log = log.clone();
    ///         sync(move || log.send("closed").unwrap())
    ///     });
    ///     let pool = cx.run(Pool::make(PoolSize::of(1), connect)).await?;
    ///     Ok::<_, Never>(cx.run(pool.get()).await.map(|lease| *lease))
    /// });
    /// assert_eq!(program.scoped().await, Ok(Ok("connection")));
    /// assert_eq!(lines.try_iter().collect::<Vec<_>>(), ["closed"]);
    /// # }
    /// ```
    #[track_caller]
    pub fn make<R, I>(
        size: PoolSize,
        acquire: I,
    ) -> Effect<R, Never, Pool<E, A>, MakePool<I::Program>>
    where
        R: Env,
        I: IntoEffect<R, Error = E, Value = A>,
        I::Program: Clone,
    {
        Effect::new(MakePool {
            size,
            acquire: acquire.into_effect().program,
            place: Location::caller(),
        })
    }

    /// Borrows a resource, until the lease is dropped. Waits for one if all are lent.
    ///
    /// # Errors
    ///
    /// [`PoolError`], when the pool is closed, or closes while this waits, or when the acquisition has failed. If that has
    /// died, so does this.
    ///
    /// # Cancel safety
    ///
    /// Interrupted while it waits, it leaves no trace; what it was promised goes to the next.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, succeed, Cx, Never, Pool, PoolError, PoolSize};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let program = effect(async |cx: Cx<()>| {
    ///     let pool = cx.run(Pool::make(PoolSize::of(1), succeed::<_, Never, _>("connection"))).await?;
    ///     let lease = cx.run(pool.get()).await.expect("the pool is open");
    ///     let next = cx.fork(pool.get().map(|lease| *lease));
    ///     effect_core::yield_now().await;
    ///     assert!(!next.is_done(), "there is only one");
    ///     drop(lease);
    ///     assert_eq!(cx.run(next.join()).await, Ok("connection"));
    ///     cx.run(pool.close()).await?;
    ///     Ok::<_, Never>(cx.run(pool.get()).await.err())
    /// });
    /// assert_eq!(program.scoped().await, Ok(Some(PoolError::Closed)));
    /// # }
    /// ```
    #[track_caller]
    pub fn get<R: Env>(&self) -> Effect<R, PoolError<E>, Lease<E, A>, Get<E, A>> {
        Effect::new(Get {
            pool: self.clone(),
            waits_for: WaitsFor::here("a resource of a pool"),
        })
    }

    /// What is in the pool now.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, succeed, Cx, Never, Pool, PoolSize};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let program = effect(async |cx: Cx<()>| {
    ///     let pool = cx.run(Pool::make(PoolSize::of(2), succeed::<_, Never, _>("connection"))).await?;
    ///     let _lease = cx.run(pool.get()).await.expect("the pool is open");
    ///     let stats = pool.stats();
    ///     Ok::<_, Never>((stats.live, stats.waiting))
    /// });
    /// assert_eq!(program.scoped().await, Ok((2, 0)));
    /// # }
    /// ```
    pub fn stats(&self) -> PoolStats {
        self.state.stats()
    }

    /// Closes the pool: who waits is turned away, what is lent is waited for, everything is released. Its scope does so in the
    /// end.
    ///
    /// # Cancel safety
    ///
    /// It is not interrupted once it has begun.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::{effect, succeed, Cx, Never, Pool, PoolError, PoolSize};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let program = effect(async |cx: Cx<()>| {
    ///     let pool = cx.run(Pool::make(PoolSize::of(1), succeed::<_, Never, _>(7))).await?;
    ///     cx.run(pool.close()).await?;
    ///     Ok::<_, Never>(cx.run(pool.get()).await.map(drop))
    /// });
    /// assert!(matches!(program.scoped().await, Ok(Err(PoolError::Closed))));
    /// # }
    /// ```
    pub fn close<R: Env>(&self) -> Effect<R, Never, (), ClosePool<E, A>> {
        Effect::new(ClosePool { pool: self.clone() })
    }
}

/// The program of [`Pool::make`].
#[derive(Clone)]
pub struct MakePool<P> {
    size: PoolSize,
    acquire: P,
    place: &'static Location<'static>,
}

impl<R, P> Program<R> for MakePool<P>
where
    R: Env,
    P: Program<R> + Clone,
    P::Error: fmt::Debug,
{
    type Error = Never;
    type Value = Pool<P::Error, P::Value>;

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Result<Self::Value, Never>> + Send {
        let inner = cx.clone();
        let make = async move {
            let making = Making::new(&inner, self.acquire, self.place);
            let pool = Pool {
                state: State::new(self.size, making),
            };
            let closing = pool.clone();
            let finalizer =
                scope::finalizer(&inner, self.place, move |_: Exit<(), ()>| closing.close());
            scope::add(&inner, inner.scope_state(), finalizer).await;
            pool.state.begin();
            Ok(pool)
        };
        Masked::plain(cx, make.boxed())
    }
}

/// The program of [`Pool::get`].
#[derive(Clone)]
pub struct Get<E, A> {
    pool: Pool<E, A>,
    waits_for: WaitsFor,
}

impl<R: Env, E: Value + fmt::Debug, A: Value> Program<R> for Get<E, A> {
    type Error = PoolError<E>;
    type Value = Lease<E, A>;

    async fn run(self, cx: &Cx<R>) -> Result<Lease<E, A>, PoolError<E>> {
        poll_fn(poll_turn).await;
        let waiting = match self.pool.state.ask() {
            Asked::Here(lease) => return Ok(lease),
            Asked::Closed => return Err(PoolError::Closed),
            Asked::Wait(waiting) => waiting,
        };
        match self.waits_for.told_by(waiting).await {
            Some(Ok(lease)) => Ok(lease),
            Some(Err(cause)) => {
                let exit = Exit::<E, Lease<E, A>>::Failure(cause);
                let failed = end_as(cx, exit).await;
                failed.map_err(PoolError::Acquire)
            }
            None => Err(PoolError::Closed),
        }
    }
}

/// The program of [`Pool::close`].
#[derive(Clone)]
pub struct ClosePool<E, A> {
    pool: Pool<E, A>,
}

impl<R: Env, E: Value + fmt::Debug, A: Value> Program<R> for ClosePool<E, A> {
    type Error = Never;
    type Value = ();

    async fn run(self, cx: &Cx<R>) -> Result<(), Never> {
        let (state, fiber) = (self.pool.state, Arc::clone(cx.fiber()));
        let closing = async move { state.close(&fiber).await };
        Masked::plain(cx, closing.boxed()).await;
        Ok(())
    }
}

impl<E, A> Clone for Pool<E, A> {
    fn clone(&self) -> Self {
        Pool {
            state: Arc::clone(&self.state),
        }
    }
}

impl<E, A> fmt::Debug for Pool<E, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pool").field(&self.state.stats()).finish()
    }
}

opaque_debug!(MakePool<P>, Get<E, A>, ClosePool<E, A>);
