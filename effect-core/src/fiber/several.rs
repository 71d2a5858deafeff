//! Several fibers at once: to be joined, awaited or interrupted.

use super::Fiber;
use crate::{Cx, Effect, Env, Exit, Never, Program, Value, WaitsFor};

/// # Several fibers at once
impl<E: Value, A: Value> Fiber<E, A> {
    /// Waits for fibers and takes their results, in their order.
    ///
    /// It fails with the first that has not succeeded, in that order, as [`join`](Fiber::join) does, and leaves the others
    /// alone.
    ///
    /// # Errors
    ///
    /// What that fiber failed with.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::{effect, succeed, Cx, Fiber, Never};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let all = effect(async |cx: Cx<()>| {
    ///     let fibers: Vec<_> = (0..3).map(|n| cx.fork(succeed::<_, Never, _>(n))).collect();
    ///     cx.run(Fiber::join_all(fibers)).await
    /// });
    /// assert_eq!(all.await, Ok(vec![0, 1, 2]));
    /// # }
    /// ```
    #[track_caller]
    pub fn join_all<R: Env>(
        fibers: impl IntoIterator<Item = Fiber<E, A>>,
    ) -> Effect<R, E, Vec<A>, JoinAll<E, A>> {
        Effect::new(JoinAll {
            fibers: fibers.into_iter().collect(),
            waits_for: WaitsFor::here("fibers to join"),
        })
    }

    /// Waits for fibers and tells how they ended, in their order.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::{effect, from_result, Cause, Cx, Exit, Fiber};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let all = effect(async |cx: Cx<()>| {
    ///     let fibers = [Ok(1), Err("no")].map(|result| cx.fork(from_result(result)));
    ///     cx.run(Fiber::await_all(fibers)).await
    /// });
    /// assert_eq!(all.await.unwrap(), [Exit::Success(1), Exit::Failure(Cause::fail("no"))]);
    /// # }
    /// ```
    #[track_caller]
    pub fn await_all<R: Env>(
        fibers: impl IntoIterator<Item = Fiber<E, A>>,
    ) -> Effect<R, Never, Vec<Exit<E, A>>, AwaitAll<E, A>> {
        Effect::new(AwaitAll {
            fibers: fibers.into_iter().collect(),
            waits_for: WaitsFor::here("the exits of fibers"),
        })
    }

    /// Interrupts fibers, all at once, waits until their finalizers and children have ended, and tells how they ended.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::{effect, never, Cx, Fiber, Never};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let all = effect(async |cx: Cx<()>| {
    ///     let fibers: Vec<_> = (0..3).map(|_| cx.fork(never::<_, Never, ()>())).collect();
    ///     cx.run(Fiber::interrupt_all(fibers)).await
    /// });
    /// assert!(all.await.unwrap().iter().all(|exit| exit.is_interrupt()));
    /// # }
    /// ```
    #[track_caller]
    pub fn interrupt_all<R: Env>(
        fibers: impl IntoIterator<Item = Fiber<E, A>>,
    ) -> Effect<R, Never, Vec<Exit<E, A>>, InterruptAll<E, A>> {
        Effect::new(InterruptAll {
            fibers: fibers.into_iter().collect(),
            waits_for: WaitsFor::here("fibers that it interrupts"),
        })
    }
}

/// Waits for fibers, one after the other: it ends with the last of them, whatever their order.
async fn wait<E: Value, A: Value>(
    fibers: Vec<Fiber<E, A>>,
    waits_for: WaitsFor,
) -> Vec<Exit<E, A>> {
    let mut exits = Vec::with_capacity(fibers.len());
    for fiber in fibers {
        exits.push(fiber.wait(waits_for).await);
    }
    exits
}

/// The program of [`Fiber::join_all`].
#[derive(Debug)]
pub struct JoinAll<E, A> {
    fibers: Vec<Fiber<E, A>>,
    waits_for: WaitsFor,
}

impl<R: Env, E: Value, A: Value> Program<R> for JoinAll<E, A> {
    type Error = E;
    type Value = Vec<A>;

    async fn run(self, cx: &Cx<R>) -> Result<Vec<A>, E> {
        let mut values = Vec::with_capacity(self.fibers.len());
        for fiber in self.fibers {
            values.push(cx.run(fiber.join_there(self.waits_for)).await?);
        }
        Ok(values)
    }
}

/// The program of [`Fiber::await_all`].
#[derive(Debug)]
pub struct AwaitAll<E, A> {
    fibers: Vec<Fiber<E, A>>,
    waits_for: WaitsFor,
}

impl<R: Env, E: Value, A: Value> Program<R> for AwaitAll<E, A> {
    type Error = Never;
    type Value = Vec<Exit<E, A>>;

    async fn run(self, _cx: &Cx<R>) -> Result<Vec<Exit<E, A>>, Never> {
        Ok(wait(self.fibers, self.waits_for).await)
    }
}

/// The program of [`Fiber::interrupt_all`].
#[derive(Debug)]
pub struct InterruptAll<E, A> {
    fibers: Vec<Fiber<E, A>>,
    waits_for: WaitsFor,
}

impl<R: Env, E: Value, A: Value> Program<R> for InterruptAll<E, A> {
    type Error = Never;
    type Value = Vec<Exit<E, A>>;

    async fn run(self, cx: &Cx<R>) -> Result<Vec<Exit<E, A>>, Never> {
        for fiber in &self.fibers {
            fiber.interrupt_by(Some(cx.fiber_id()));
        }
        Ok(wait(self.fibers, self.waits_for).await)
    }
}
