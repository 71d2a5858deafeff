//! A semaphore: so many permits, which effects hold while they run.

use std::fmt;
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;
use tokio::task::unconstrained;

use super::section::{Hold, section};
use crate::program::{self, Outcome};
use crate::{Cx, Effect, Env, IntoEffect, Never, Program, Value, WaitsFor, poll_turn, scope};

/// So many permits, which effects hold while they run.
///
/// Those who wait are served in turn, also where one wants many permits and the next few. A permit comes back however its
/// effect ends, after the finalizers that the effect owes: they run in its time. Who stops waiting takes nothing.
///
/// # Examples
///
/// ```
/// use effect_core::sync::Semaphore;
/// use effect_core::{Cx, Never, effect, sleep};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let four_seconds_at_two_a_time = effect(async |cx: Cx<()>| {
///     let begin = cx.now();
///     let semaphore = Semaphore::new(2);
///     let second = || sleep::<_, Never>(Duration::from_secs(1));
///     let fibers: Vec<_> = (0..4).map(|_| cx.fork(semaphore.with_permit(second()))).collect();
///     for fiber in fibers {
///         cx.run(fiber.join()).await?;
///     }
///     Ok::<_, Never>((cx.now() - begin).as_secs())
/// });
/// assert_eq!(four_seconds_at_two_a_time.await, Ok(2));
/// # }
/// ```
#[derive(Clone)]
pub struct Semaphore {
    permits: u32,
    inner: Arc<tokio::sync::Semaphore>,
}

impl Semaphore {
    /// Creates a semaphore with so many permits.
    pub fn new(permits: u32) -> Self {
        Semaphore {
            permits,
            inner: Arc::new(tokio::sync::Semaphore::new(permits as usize)),
        }
    }

    /// Runs an effect while it holds a permit.
    ///
    /// # Panics
    ///
    /// If the semaphore has none at all.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Semaphore;
    /// use effect_core::{Never, sync};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let semaphore = Semaphore::new(1);
    /// let seen = semaphore.clone();
    /// let left = semaphore.with_permit(sync::<_, Never, _, _>(move || seen.available()));
    /// assert_eq!(left.await, Ok(0));
    /// assert_eq!(semaphore.available(), 1);
    /// # }
    /// ```
    #[track_caller]
    pub fn with_permit<R, I>(
        &self,
        effect: I,
    ) -> Effect<R, I::Error, I::Value, WithPermits<I::Program>>
    where
        R: Env,
        I: IntoEffect<R>,
    {
        self.with_permits(1, effect)
    }

    /// Runs an effect while it holds so many permits.
    ///
    /// # Panics
    ///
    /// If there will never be so many.
    ///
    /// # Cancel safety
    ///
    /// Interrupted while it waits, it takes nothing. Interrupted while the effect runs, it gives its permits back after
    /// the finalizers that the effect owes.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::fail;
    /// use effect_core::sync::Semaphore;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let semaphore = Semaphore::new(3);
    /// let failing = semaphore.with_permits(2, fail::<_, _, ()>("no route"));
    /// assert_eq!(failing.await, Err("no route"));
    /// assert_eq!(semaphore.available(), 3);
    /// # }
    /// ```
    #[track_caller]
    pub fn with_permits<R, I>(
        &self,
        permits: u32,
        effect: I,
    ) -> Effect<R, I::Error, I::Value, WithPermits<I::Program>>
    where
        R: Env,
        I: IntoEffect<R>,
    {
        Effect::of(WithPermits {
            ask: self.ask(permits),
            program: effect.into_effect().program,
        })
    }

    /// Acquires so many permits for the current scope, which gives them back when it closes.
    ///
    /// # Panics
    ///
    /// If there will never be so many.
    ///
    /// # Cancel safety
    ///
    /// Interrupted while it waits, it takes nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Semaphore;
    /// use effect_core::{Cx, Never, effect};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let semaphore = Semaphore::new(3);
    /// let seen = semaphore.clone();
    /// let two = effect(async move |cx: Cx<()>| {
    ///     cx.run(seen.acquire_scoped::<_, Never>(2)).await?;
    ///     Ok::<_, Never>(seen.available())
    /// });
    /// assert_eq!(two.scoped().await, Ok(1));
    /// assert_eq!(semaphore.available(), 3);
    /// # }
    /// ```
    #[track_caller]
    pub fn acquire_scoped<R: Env, E: Value>(
        &self,
        permits: u32,
    ) -> Effect<R, E, (), AcquireScoped<E>> {
        Effect::new(AcquireScoped {
            ask: self.ask(permits),
            error: PhantomData,
        })
    }

    /// How many permits nobody holds.
    pub fn available(&self) -> usize {
        self.inner.available_permits()
    }

    #[track_caller]
    fn ask(&self, permits: u32) -> Ask {
        assert!(
            permits <= self.permits,
            "a semaphore of {} permits will never have {permits}",
            self.permits
        );
        Ask {
            semaphore: Arc::clone(&self.inner),
            permits,
            waits_for: WaitsFor::here("a permit"),
        }
    }
}

/// What is asked of a semaphore.
#[derive(Clone)]
pub(super) struct Ask {
    semaphore: Arc<tokio::sync::Semaphore>,
    permits: u32,
    pub(super) waits_for: WaitsFor,
}

impl Ask {
    pub(super) fn new(semaphore: &Arc<tokio::sync::Semaphore>, waits_for: WaitsFor) -> Self {
        Ask {
            semaphore: Arc::clone(semaphore),
            permits: 1,
            waits_for,
        }
    }

    /// Waits for the permits, in turn.
    pub(super) async fn acquire(self) -> OwnedSemaphorePermit {
        // Where somebody waits, nothing is free: what comes back is theirs at once. So this overtakes nobody.
        let semaphore = Arc::clone(&self.semaphore);
        if let Ok(free) = semaphore.try_acquire_many_owned(self.permits) {
            return free;
        }
        // Of tokio's budget, which nobody renews in virtual time; ours is spent by whoever polls this.
        let acquired = unconstrained(self.semaphore.acquire_many_owned(self.permits)).await;
        acquired.expect("nobody closes the semaphore")
    }
}

impl Hold for OwnedSemaphorePermit {}

/// The program of [`Semaphore::with_permits`].
#[derive(Clone)]
pub struct WithPermits<P> {
    ask: Ask,
    program: P,
}

impl<R: Env, P: Program<R>> Program<R> for WithPermits<P> {
    type Error = P::Error;
    type Value = P::Value;

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Outcome<R, Self>> + Send {
        let body = program::run(self.program, cx);
        section(cx.fiber(), self.ask.waits_for, self.ask.acquire(), body)
    }
}

/// The program of [`Semaphore::acquire_scoped`].
pub struct AcquireScoped<E> {
    ask: Ask,
    error: PhantomData<fn() -> E>,
}

impl<E> Clone for AcquireScoped<E> {
    fn clone(&self) -> Self {
        AcquireScoped {
            ask: self.ask.clone(),
            error: PhantomData,
        }
    }
}

impl<R: Env, E: Value> Program<R> for AcquireScoped<E> {
    type Error = E;
    type Value = ();

    async fn run(self, cx: &Cx<R>) -> Result<(), E> {
        let waits_for = self.ask.waits_for;
        poll_fn(poll_turn).await;
        let permits = waits_for.told_by(self.ask.acquire()).await;
        // In the same poll, so it is promised as soon as it is there.
        let release = scope::finalizer(cx, waits_for.place(), move |_| async move {
            drop(permits);
            Ok::<_, Never>(())
        });
        scope::add(cx, cx.scope_state(), release).await;
        Ok(())
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore")
            .field("permits", &self.permits)
            .field("available", &self.available())
            .finish()
    }
}

impl fmt::Debug for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ask")
            .field("permits", &self.permits)
            .finish_non_exhaustive()
    }
}

crate::opaque_debug::opaque_debug!(WithPermits<P>, AcquireScoped<E>);
