//! Holding permits: while an effect runs, waiting for them or not, or until a scope closes.

use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::sync::Arc;

use super::Semaphore;
use crate::sync::permits::{Asks, Permit, Permits, TryWithPermits, WithPermits};
use crate::{Cx, Effect, Env, IntoEffect, Never, Program, Value, WaitsFor, poll_turn, scope};

/// # Holding
impl Semaphore {
    /// Runs an effect while it holds a permit.
    ///
    /// # Panics
    ///
    /// If the semaphore has never had any.
    ///
    /// # Cancel safety
    ///
    /// As [`with_permits`](Semaphore::with_permits).
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
    ) -> Effect<R, I::Error, I::Value, WithPermits<OfSemaphore, I::Program>>
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
    /// If the semaphore has never had so many.
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
    ) -> Effect<R, I::Error, I::Value, WithPermits<OfSemaphore, I::Program>>
    where
        R: Env,
        I: IntoEffect<R>,
    {
        Effect::of(WithPermits {
            ask: self.ask(permits),
            program: effect.into_effect().program,
        })
    }

    /// Runs an effect while it holds a permit, if one is free; none at once, and without running it, if not.
    ///
    /// # Panics
    ///
    /// If the semaphore has never had any.
    ///
    /// # Cancel safety
    ///
    /// As [`try_with_permits`](Semaphore::try_with_permits).
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Semaphore;
    /// use effect_core::{Never, succeed};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let semaphore = Semaphore::new(1);
    /// let inner = semaphore.try_with_permit(succeed::<_, Never, _>("ran"));
    /// assert_eq!(semaphore.with_permit(inner.clone()).await, Ok(None));
    /// assert_eq!(inner.await, Ok(Some("ran")));
    /// # }
    /// ```
    #[track_caller]
    pub fn try_with_permit<R, I>(
        &self,
        effect: I,
    ) -> Effect<R, I::Error, Option<I::Value>, TryWithPermits<OfSemaphore, I::Program>>
    where
        R: Env,
        I: IntoEffect<R>,
    {
        self.try_with_permits(1, effect)
    }

    /// Runs an effect while it holds so many permits, if they are free; none at once, and without running it, if not.
    ///
    /// It overtakes nobody: while somebody waits, what is free is theirs.
    ///
    /// # Panics
    ///
    /// If the semaphore has never had so many.
    ///
    /// # Cancel safety
    ///
    /// Interrupted while the effect runs, it gives its permits back after the finalizers that the effect owes.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Semaphore;
    /// use effect_core::{Never, succeed};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let semaphore = Semaphore::new(3);
    /// let two = semaphore.try_with_permits(2, succeed::<_, Never, _>("ran"));
    /// assert_eq!(semaphore.with_permits(1, two.clone()).await, Ok(Some("ran")));
    /// assert_eq!(semaphore.with_permits(2, two).await, Ok(None));
    /// # }
    /// ```
    #[doc(alias = "with_permits_if_available")]
    #[track_caller]
    pub fn try_with_permits<R, I>(
        &self,
        permits: u32,
        effect: I,
    ) -> Effect<R, I::Error, Option<I::Value>, TryWithPermits<OfSemaphore, I::Program>>
    where
        R: Env,
        I: IntoEffect<R>,
    {
        Effect::of(TryWithPermits {
            ask: self.ask(permits),
            program: effect.into_effect().program,
        })
    }

    /// Acquires so many permits for the current scope, which gives them back when it closes.
    ///
    /// # Panics
    ///
    /// If the semaphore has never had so many.
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

    #[track_caller]
    fn ask(&self, count: u32) -> OfSemaphore {
        self.inner.expect_ever(count);
        OfSemaphore {
            permits: Arc::clone(&self.inner),
            count,
            waits_for: WaitsFor::here("a permit"),
        }
    }
}

/// Permits of a semaphore, which are asked for.
#[derive(Clone)]
pub struct OfSemaphore {
    permits: Arc<Permits>,
    count: u32,
    waits_for: WaitsFor,
}

impl Asks for OfSemaphore {
    type Held = Permit;

    #[inline]
    fn waits_for(&self) -> WaitsFor {
        self.waits_for
    }

    #[inline]
    fn acquire(self) -> impl Future<Output = Permit> + Send {
        self.permits.acquire(self.count)
    }

    fn try_acquire(self) -> Option<Permit> {
        self.permits.try_acquire(self.count)
    }
}

/// The program of [`Semaphore::acquire_scoped`].
pub struct AcquireScoped<E> {
    ask: OfSemaphore,
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

crate::opaque_debug::opaque_debug!(OfSemaphore, AcquireScoped<E>);
