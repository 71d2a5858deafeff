//! Running once for many: effects whose result is kept.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use crate::effect::creating::end_as;
use crate::fits::RunsAgain;
use crate::opaque_debug::opaque_debug;
use crate::program::Outcome;
use crate::{Cx, Effect, Env, Exit, Program, Value, WaitsFor};

mod memo;

use memo::Memo;

/// # Running once for many
///
/// Those who run a memoized or cached effect at the same time share one run of it, which has a fiber of its own, in the
/// environment of the first of them, with the locals of that one. It ends when it has ended, or when the last of those who wait for it is
/// gone: then it is interrupted, the last one waits for its finalizers, and whoever comes later starts anew.
impl<R, E, A, P> Effect<R, E, A, P>
where
    R: Env,
    E: Value,
    A: Value,
{
    /// Yields an effect that runs this one at most once, and has its result whenever it is run.
    ///
    /// A failure and a defect are results as well, and are kept. An interruption is none.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, sync, Cx, Never};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (log, lines) = std::sync::mpsc::channel();
    /// let program = effect(async move |cx: Cx<()>| {
    ///     let load = sync::<_, Never, _, _>(move || log.send("loaded").unwrap());
    ///     let config = cx.run(load.map(|()| 8080).memoize::<Never>()).await?;
    ///     cx.run(config.clone().zip(config)).await
    /// });
    /// assert_eq!(program.await, Ok((8080, 8080)));
    /// assert_eq!(lines.iter().count(), 1);
    /// # }
    /// ```
    #[doc(alias = "once")]
    #[track_caller]
    pub fn memoize<E2: Value>(
        self,
    ) -> Effect<R, E2, Effect<R, E, A, Memoized<P, E, A>>, Memoize<P, E2>>
    where
        Self: RunsAgain,
        E: Clone,
        A: Clone,
    {
        Effect::of(Memoize {
            program: self.program,
            waits_for: WaitsFor::here("a memoized effect"),
            error: PhantomData,
        })
    }

    /// Yields a cache of this effect's result, which is kept for so long, by the runtime's clock.
    ///
    /// The time begins when a run has ended. A failure is kept as long as a value is: one that is not to be
    /// [retries](Effect::retry) first.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, Cx, Never};
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicU32, Ordering};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let fetches = Arc::new(AtomicU32::new(0));
    /// let fetch = effect(async move |_: Cx<()>| Ok::<_, Never>(fetches.fetch_add(1, Ordering::Relaxed)));
    /// let program = effect(async move |cx: Cx<()>| {
    ///     let price = cx.run(fetch.cached::<Never>(Duration::from_secs(60))).await?;
    ///     let first = cx.run(price.get().zip(price.get())).await?;
    ///     cx.sleep(Duration::from_secs(60)).await;
    ///     let later = cx.run(price.get()).await?;
    ///     price.invalidate();
    ///     Ok::<_, Never>((first, later, cx.run(price.get()).await?))
    /// });
    /// assert_eq!(program.await, Ok(((0, 0), 1, 2)));
    /// # }
    /// ```
    #[doc(alias = "cached_with_ttl")]
    pub fn cached<E2: Value>(
        self,
        ttl: Duration,
    ) -> Effect<R, E2, Cached<R, E, A, P>, ToCached<P, E2>>
    where
        Self: RunsAgain,
        E: Clone,
        A: Clone,
    {
        Effect::of(ToCached {
            program: self.program,
            ttl,
            error: PhantomData,
        })
    }
}

/// The result of an effect, kept for a while: what [`Effect::cached`] yields. A clone is the same cache.
///
/// # Examples
///
/// ```
/// use effect_core::{effect, succeed, Cached, Cx, Never};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let program = effect(async |cx: Cx<()>| {
///     let cached: Cached<_, _, _, _> = cx.run(succeed::<_, Never, _>(1).cached::<Never>(Duration::from_secs(60))).await?;
///     cx.run(cached.clone().get()).await
/// });
/// assert_eq!(program.await, Ok(1));
/// # }
/// ```
pub struct Cached<R, E, A, P> {
    memo: Arc<Memo<P, E, A>>,
    environment: PhantomData<fn(&R)>,
}

impl<R, E, A, P> Cached<R, E, A, P>
where
    R: Env,
    E: Value + Clone,
    A: Value + Clone,
    P: Program<R, Error = E, Value = A> + Clone,
{
    /// Has the result that is kept, or runs the effect.
    ///
    /// # Errors
    ///
    /// What the effect failed with.
    ///
    /// # Cancel safety
    ///
    /// Interrupted, it leaves the run to the others who wait for it; the last one interrupts it, and waits until its
    /// finalizers have run.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, fail, Cx, Never};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let body = effect(async |cx: Cx<()>| {
    ///     let price = fail::<_, _, u32>("no market");
    ///     let price = cx.run(price.cached::<Never>(Duration::from_secs(60))).await?;
    ///     Ok::<_, Never>(cx.run(price.get()).await)
    /// });
    /// assert_eq!(body.await, Ok(Err("no market")));
    /// # }
    /// ```
    #[track_caller]
    pub fn get(&self) -> Effect<R, E, A, Memoized<P, E, A>> {
        Effect::new(Memoized {
            memo: Arc::clone(&self.memo),
            waits_for: WaitsFor::here("a cached effect"),
        })
    }
}

impl<R, E, A, P> Cached<R, E, A, P> {
    /// Forgets the result: whoever asks next starts anew. Those who wait for a run have its result still.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, Cx, Never};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let body = effect(async |cx: Cx<()>| {
    ///     let time = effect(async |cx: Cx<()>| Ok::<_, Never>(cx.now()));
    ///     let time = cx.run(time.cached::<Never>(Duration::from_secs(60))).await?;
    ///     let first = cx.run(time.get()).await?;
    ///     cx.sleep(Duration::from_secs(1)).await;
    ///     assert_eq!(cx.run(time.get()).await?, first);
    ///     time.invalidate();
    ///     Ok::<_, Never>(cx.run(time.get()).await? > first)
    /// });
    /// assert_eq!(body.await, Ok(true));
    /// # }
    /// ```
    pub fn invalidate(&self) {
        self.memo.forget();
    }
}

impl<R, E, A, P> Clone for Cached<R, E, A, P> {
    fn clone(&self) -> Self {
        Cached {
            memo: Arc::clone(&self.memo),
            environment: PhantomData,
        }
    }
}

impl<R, E, A, P> fmt::Debug for Cached<R, E, A, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cached")
    }
}

/// The program of [`Effect::memoize`].
#[derive(Debug)]
pub struct Memoize<P, E2> {
    program: P,
    waits_for: WaitsFor,
    error: PhantomData<fn() -> E2>,
}

impl<P: Clone, E2> Clone for Memoize<P, E2> {
    fn clone(&self) -> Self {
        Memoize {
            program: self.program.clone(),
            ..*self
        }
    }
}

impl<R, P, E2> Program<R> for Memoize<P, E2>
where
    R: Env,
    P: Program<R> + Clone,
    P::Error: Clone,
    P::Value: Clone,
    E2: Value,
{
    type Error = E2;
    type Value = Effect<R, P::Error, P::Value, Memoized<P, P::Error, P::Value>>;

    async fn run(self, _cx: &Cx<R>) -> Outcome<R, Self> {
        Ok(Effect::new(Memoized {
            memo: Arc::new(Memo::new(self.program, None)),
            waits_for: self.waits_for,
        }))
    }
}

/// The program of [`Effect::cached`].
#[derive(Debug)]
pub struct ToCached<P, E2> {
    program: P,
    ttl: Duration,
    error: PhantomData<fn() -> E2>,
}

impl<P: Clone, E2> Clone for ToCached<P, E2> {
    fn clone(&self) -> Self {
        ToCached {
            program: self.program.clone(),
            ..*self
        }
    }
}

impl<R, P, E2> Program<R> for ToCached<P, E2>
where
    R: Env,
    P: Program<R> + Clone,
    P::Error: Clone,
    P::Value: Clone,
    E2: Value,
{
    type Error = E2;
    type Value = Cached<R, P::Error, P::Value, P>;

    async fn run(self, _cx: &Cx<R>) -> Outcome<R, Self> {
        Ok(Cached {
            memo: Arc::new(Memo::new(self.program, Some(self.ttl))),
            environment: PhantomData,
        })
    }
}

/// The program of an effect that [`Effect::memoize`] yields, and of [`Cached::get`].
pub struct Memoized<P, E, A> {
    memo: Arc<Memo<P, E, A>>,
    waits_for: WaitsFor,
}

impl<P, E, A> Clone for Memoized<P, E, A> {
    fn clone(&self) -> Self {
        Memoized {
            memo: Arc::clone(&self.memo),
            waits_for: self.waits_for,
        }
    }
}

impl<R, E, A, P> Program<R> for Memoized<P, E, A>
where
    R: Env,
    E: Value + Clone,
    A: Value + Clone,
    P: Program<R, Error = E, Value = A> + Clone,
{
    type Error = E;
    type Value = A;

    async fn run(self, cx: &Cx<R>) -> Result<A, E> {
        match self.memo.exit(cx, self.waits_for).await {
            Exit::Success(value) => Ok(value),
            failure => end_as(cx, failure).await,
        }
    }
}

opaque_debug!(Memoized<P, E, A>);
