//! Forking: an effect on a fiber of its own.

use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::Arc;

use futures::future::FutureExt;

use crate::fiber::FiberState;
use crate::program::Outcome;
use crate::settled::settled;
use crate::{Cx, Effect, Env, Exit, Fiber, Program, Value, WaitsFor, from_exit};

/// # Forking
impl<R, E, A, P> Effect<R, E, A, P>
where
    R: Env,
    E: Value,
    A: Value,
{
    /// Starts the effect on a fiber of its own, supervised by the current one, and has its handle.
    ///
    /// The child runs at once and beside its parent. When the parent ends, whatever the reason, a child that
    /// still runs is interrupted, and the parent waits for it. Inside an [`effect`](crate::effect) body,
    /// [`Cx::fork`] does the same.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::{succeed, Never};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let there_and_back = succeed::<_, Never, _>(42).fork().flat_map(|fiber| fiber.join());
    /// assert_eq!(there_and_back.await, Ok(42));
    /// # }
    /// ```
    #[doc(alias = "spawn")]
    #[track_caller]
    pub fn fork<E2: Value>(self) -> Effect<R, E2, Fiber<E, A>, Fork<P, E2>>
    where
        E: fmt::Debug,
    {
        Effect::of(Fork {
            program: self.program,
            place: Location::caller(),
            error: PhantomData,
        })
    }
}

/// # Running on a fiber
impl<R, E, A, P> Effect<R, E, A, P>
where
    R: Env,
    E: Value + fmt::Debug,
    A: Value,
{
    /// Runs the effect on a fiber of its own, on any core, and waits for it: forks and joins in one.
    ///
    /// # Errors
    ///
    /// What the effect fails with.
    ///
    /// # Cancel safety
    ///
    /// Interrupted, it interrupts the fiber, and whoever interrupted waits until that has ended.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{sync, Never};
    ///
    /// # #[tokio::main]
    /// # async fn main() {
    /// let sum = |to: u64| sync::<_, Never, _, _>(move || (0..to).sum::<u64>()).on_fiber();
    /// assert_eq!(sum(1_000).zip_par(sum(2_000)).await, Ok((499_500, 1_999_000)));
    /// # }
    /// ```
    #[track_caller]
    pub fn on_fiber(self) -> Effect<R, E, A, OnFiber<P>> {
        Effect::of(OnFiber::new(self.program, Location::caller()))
    }
}

/// The program of [`Effect::on_fiber`].
#[derive(Clone, Debug)]
pub struct OnFiber<P> {
    program: P,
    place: &'static Location<'static>,
}

impl<P> OnFiber<P> {
    pub(crate) fn new(program: P, place: &'static Location<'static>) -> Self {
        OnFiber { program, place }
    }
}

impl<R, P> Program<R> for OnFiber<P>
where
    R: Env,
    P: Program<R>,
    P::Error: fmt::Debug,
{
    type Error = P::Error;
    type Value = P::Value;

    async fn run(self, cx: &Cx<R>) -> Outcome<R, Self> {
        let effect = Effect::new(self.program);
        let body = async {
            let mut owed = OwedEnd {
                owner: cx.fiber(),
                fiber: Some(Fiber::fork(effect, cx, None, self.place)),
            };
            let ended = owed.fiber.as_mut().expect("it was put there");
            let exit = ended.ended(WaitsFor::here("a fiber of its own")).await;
            owed.fiber = None;
            exit
        };
        match settled(cx.fiber(), body).await {
            Exit::Success(value) => Ok(value),
            failure => Box::pin(from_exit::<R, _, _>(failure).program.run(cx)).await,
        }
    }
}

/// Owes the interruption of a fiber, and the waiting for its end, to another.
struct OwedEnd<'cx, E: Value, A: Value> {
    owner: &'cx Arc<FiberState>,
    fiber: Option<Fiber<E, A>>,
}

impl<E: Value, A: Value> Drop for OwedEnd<'_, E, A> {
    fn drop(&mut self) {
        let Some(mut fiber) = self.fiber.take() else {
            return;
        };
        fiber.interrupt_by(Some(self.owner.id()));
        let owner = Arc::clone(self.owner);
        let work = async move {
            let waits_for = WaitsFor::here("a fiber that it interrupts");
            // Its result is not wanted any more, but a bug in it is one here.
            if let Exit::Failure(cause) = fiber.ended(waits_for).await {
                cause
                    .defects()
                    .for_each(|defect| owner.record_defect(defect.clone()));
            }
        };
        self.owner.owe(work.boxed());
    }
}

/// The program of [`Effect::fork`].
#[derive(Debug)]
pub struct Fork<P, E2> {
    program: P,
    place: &'static Location<'static>,
    error: PhantomData<fn() -> E2>,
}

impl<P: Clone, E2> Clone for Fork<P, E2> {
    fn clone(&self) -> Self {
        Fork {
            program: self.program.clone(),
            place: self.place,
            error: PhantomData,
        }
    }
}

impl<R, P, E2> Program<R> for Fork<P, E2>
where
    R: Env,
    P: Program<R>,
    P::Error: fmt::Debug,
    E2: Value,
{
    type Error = E2;
    type Value = Fiber<P::Error, P::Value>;

    async fn run(self, cx: &Cx<R>) -> Outcome<R, Self> {
        let effect = Effect::new(self.program);
        Ok(Fiber::fork(effect, cx, None, self.place))
    }
}
