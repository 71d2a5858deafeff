//! A cache of lookups: those for one key at the same time are one, and what is found is kept.

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use crate::effect::creating::end_as;
use crate::opaque_debug::opaque_debug;
use crate::program::Outcome;
use crate::{
    Cx, Effect, Env, Exit, IntoEffect, Never, Program, Value, WaitsFor, effect, poll_turn,
};

mod store;

use store::{Found, Lookup, Store};

/// A cache of what an effect finds for a key.
///
/// - **Lookups of one key** at the same time are one. It runs on a fiber of its own, so that whoever waits may be interrupted
///   and the others still get what it finds; when the last of them is, the lookup is interrupted, and waited for.
/// - **A failure** fails all who wait for it, and is not kept.
/// - **The capacity** is of values, and that goes first which was looked for least recently. Lookups that run are not
///   counted.
/// - **What is [set](Cache::set)** while a lookup runs stays: those who wait get what the lookup finds, and nobody else does.
///
/// A clone is the same cache.
///
/// # Examples
///
/// ```
/// use effect_core::{effect, sleep, Cache, Cx, Never};
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let asked = Arc::new(AtomicU64::new(0));
/// let count = Arc::clone(&asked);
/// let lengths = Cache::new(100, move |word: &'static str| {
///     count.fetch_add(1, Ordering::Relaxed);
///     sleep::<(), Never>(Duration::from_secs(1)).map(move |()| word.len())
/// });
/// let both = lengths.get("effect").zip_par(lengths.get("effect"));
/// assert_eq!(both.await, Ok((6, 6)));
/// assert_eq!(lengths.get("effect").await, Ok(6));
/// assert_eq!(asked.load(Ordering::Relaxed), 1);
/// # }
/// ```
pub struct Cache<R, K, E, A> {
    state: Arc<CacheState<R, K, E, A>>,
    ttl: Option<Duration>,
}

struct CacheState<R, K, E, A> {
    store: Arc<Store<K, E, A>>,
    lookup: Box<LookupFn<R, K, E, A>>,
}

type LookupFn<R, K, E, A> = dyn Fn(K) -> Effect<R, E, A> + Send + Sync;

impl<R, K, E, A> Cache<R, K, E, A>
where
    R: Env,
    K: Value + Sync + Clone + Ord,
    E: Value + Clone,
    A: Value + Clone,
{
    /// Creates a cache for so many values, and says how they are found.
    ///
    /// # Panics
    ///
    /// If `capacity` is 0.
    #[track_caller]
    pub fn new<I, F>(capacity: usize, lookup: F) -> Self
    where
        I: IntoEffect<R, Error = E, Value = A>,
        F: Fn(K) -> I + Send + Sync + 'static,
    {
        assert!(capacity > 0, "a cache has room for at least one");
        Cache {
            state: Arc::new(CacheState {
                store: Arc::new(Store::new(capacity)),
                lookup: Box::new(move |key| lookup(key).into_effect().erase_once()),
            }),
            ttl: None,
        }
    }

    /// Keeps each value for so long, from when it was found or set. Without this, until it has to go.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, Cache, Cx, Never};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let times = Cache::new(1, |()| effect(async |cx: Cx<()>| Ok::<_, Never>(cx.now())));
    /// let times = times.ttl(Duration::from_secs(60));
    /// let first = times.get(()).await.unwrap();
    /// tokio::time::sleep(Duration::from_secs(59)).await;
    /// assert_eq!(times.get(()).await, Ok(first));
    /// tokio::time::sleep(Duration::from_secs(1)).await;
    /// assert_ne!(times.get(()).await, Ok(first));
    /// # }
    /// ```
    #[must_use = "this is the cache that keeps values for so long"]
    pub fn ttl(self, ttl: Duration) -> Self {
        Cache {
            ttl: Some(ttl),
            ..self
        }
    }

    /// Finds the value of a key: the one that is kept, or else by a lookup.
    ///
    /// # Errors
    ///
    /// What the lookup fails with. If that dies, so does this.
    ///
    /// # Cancel safety
    ///
    /// Interrupted, it leaves the lookup to the others who wait; if it was the last, it interrupts that, and waits for it.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{fail, succeed, Cache};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let roots = Cache::new(100, |n: u32| match (0..=n).find(|root| root * root == n) {
    ///     Some(root) => succeed::<(), _, _>(root).erase(),
    ///     None => fail(format!("{n} is no square")).erase(),
    /// });
    /// assert_eq!(roots.get(49).await, Ok(7));
    /// assert_eq!(roots.get(50).await, Err("50 is no square".to_owned()));
    /// # }
    /// ```
    #[track_caller]
    pub fn get(&self, key: K) -> Effect<R, E, A, Find<R, K, E, A>> {
        Effect::new(Find {
            cache: self.clone(),
            key,
            waits_for: WaitsFor::here("a lookup of a cache"),
        })
    }

    /// Keeps a value for a key, from now on.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, fail, Cache, Cx, Never};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let cache = Cache::new(10, |_: u8| fail::<(), _, &str>("not found"));
    /// assert_eq!(cache.get(1).await, Err("not found"));
    /// cache.set(1, "one").await.unwrap();
    /// assert_eq!(cache.get(1).await, Ok("one"));
    /// # }
    /// ```
    pub fn set(&self, key: K, value: A) -> Effect<R, Never, (), Put<R, K, E, A>> {
        Effect::new(Put {
            cache: self.clone(),
            key,
            value,
        })
    }

    /// Forgets the value of a key. A lookup that runs goes on for those who wait, and is not kept. True if there was either.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::{succeed, Cache, Never};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let cache = Cache::new(10, |n: u8| succeed::<(), Never, _>(n));
    /// assert_eq!(cache.get(1).await, Ok(1));
    /// assert!(cache.invalidate(&1));
    /// assert!(!cache.invalidate(&1));
    /// # }
    /// ```
    pub fn invalidate(&self, key: &K) -> bool {
        self.state.store.remove(key)
    }

    /// Forgets all values. Lookups that run go on for those who wait, and are not kept.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{succeed, Cache, Never};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let cache = Cache::new(10, |n: u8| succeed::<(), Never, _>(n));
    /// assert_eq!(cache.get(1).zip(cache.get(2)).await, Ok((1, 2)));
    /// assert_eq!(cache.len(), 2);
    /// cache.clear();
    /// assert!(cache.is_empty());
    /// # }
    /// ```
    pub fn clear(&self) {
        self.state.store.clear();
    }

    /// How many values are kept, those too that are out of date.
    pub fn len(&self) -> usize {
        self.state.store.len()
    }

    /// Whether no value is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The program of [`Cache::get`].
pub struct Find<R, K, E, A> {
    cache: Cache<R, K, E, A>,
    key: K,
    waits_for: WaitsFor,
}

impl<R, K, E, A> Program<R> for Find<R, K, E, A>
where
    R: Env,
    K: Value + Sync + Clone + Ord,
    E: Value + Clone,
    A: Value + Clone,
{
    type Error = E;
    type Value = A;

    async fn run(self, cx: &Cx<R>) -> Outcome<R, Self> {
        poll_fn(poll_turn).await;
        loop {
            let waiter = match self.cache.state.store.find(&self.key, cx) {
                Found::Value(value) => return Ok(value),
                Found::Running(waiter) => waiter,
                Found::Nothing(lookup, waiter) => {
                    self.look(cx, lookup);
                    waiter
                }
            };
            let exit = waiter.hear(self.waits_for, Exit::clone).await;
            drop(waiter);
            // Interrupted by somebody else, it is begun anew.
            if !exit.is_interrupt() {
                return end_as(cx, exit).await;
            }
        }
    }
}

impl<R, K, E, A> Find<R, K, E, A>
where
    R: Env,
    K: Value + Sync + Clone + Ord,
    E: Value + Clone,
    A: Value + Clone,
{
    /// Starts a lookup, which keeps in the end what it has found.
    fn look(&self, cx: &Cx<R>, lookup: Lookup<E, A>) {
        let Cache { state, ttl } = self.cache.clone();
        let (asked, key) = (Arc::clone(&state), self.key.clone());
        // The function is called on that fiber: its panic is the lookup's.
        let body = effect(async move |cx: Cx<R>| cx.run((asked.lookup)(key)).await);
        let (runtime, key) = (Arc::clone(cx.runtime()), self.key.clone());
        let (this, place) = (Arc::clone(&lookup), self.waits_for.place());
        lookup.start(cx, place, body.program, move |exit| {
            let until = ttl.map(|ttl| crate::cx::deadline(runtime.now(), ttl));
            state.store.end(&key, &this, exit.value().cloned(), until);
            exit
        });
    }
}

/// The program of [`Cache::set`].
pub struct Put<R, K, E, A> {
    cache: Cache<R, K, E, A>,
    key: K,
    value: A,
}

impl<R, K, E, A> Program<R> for Put<R, K, E, A>
where
    R: Env,
    K: Value + Sync + Clone + Ord,
    E: Value + Clone,
    A: Value + Clone,
{
    type Error = Never;
    type Value = ();

    async fn run(self, cx: &Cx<R>) -> Result<(), Never> {
        let until = self.cache.ttl.map(|ttl| crate::cx::deadline(cx.now(), ttl));
        self.cache.state.store.set(self.key, self.value, until);
        Ok(())
    }
}

impl<R, K: Clone, E, A> Clone for Find<R, K, E, A> {
    fn clone(&self) -> Self {
        Find {
            cache: self.cache.clone(),
            key: self.key.clone(),
            waits_for: self.waits_for,
        }
    }
}

impl<R, K: Clone, E, A: Clone> Clone for Put<R, K, E, A> {
    fn clone(&self) -> Self {
        Put {
            cache: self.cache.clone(),
            key: self.key.clone(),
            value: self.value.clone(),
        }
    }
}

impl<R, K, E, A> Clone for Cache<R, K, E, A> {
    fn clone(&self) -> Self {
        Cache {
            state: Arc::clone(&self.state),
            ttl: self.ttl,
        }
    }
}

impl<R, K, E, A> fmt::Debug for Cache<R, K, E, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("ttl", &self.ttl)
            .finish_non_exhaustive()
    }
}

opaque_debug!(Find<R, K, E, A>, Put<R, K, E, A>);
