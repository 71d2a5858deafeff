//! Forking: an effect on a fiber of its own.

use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::Arc;

use futures::future::FutureExt;

use crate::effect::creating::end_as;
use crate::fiber::FiberState;
use crate::program::Outcome;
use crate::settled::settled;
use crate::{Cx, Effect, Env, Exit, Fiber, Program, Scope, Value, WaitsFor};

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

    /// Starts the effect on a fiber of its own, which ends with the given scope, and has its handle.
    ///
    /// It may outlive whoever forks it; when the scope closes, it is interrupted and waited for. In a closed scope, it is
    /// interrupted before it begins. Inside an [`effect`](crate::effect) body, [`Cx::fork_in`] does the same.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::{effect, never, Cx, Never, Scope};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let body = effect(async |cx: Cx<()>| {
    ///     let scope = Scope::new();
    ///     let fiber = cx.run(never::<_, Never, ()>().fork_in::<Never>(&scope)).await?;
    ///     cx.run(scope.close()).await?;
    ///     Ok::<_, Never>(fiber.is_done())
    /// });
    /// assert_eq!(body.await, Ok(true));
    /// # }
    /// ```
    #[track_caller]
    pub fn fork_in<E2: Value>(self, scope: &Scope) -> Effect<R, E2, Fiber<E, A>, ForkIn<P, E2>>
    where
        E: fmt::Debug,
    {
        Effect::of(ForkIn {
            program: self.program,
            scope: scope.clone(),
            place: Location::caller(),
            error: PhantomData,
        })
    }

    /// Starts the effect on a fiber of its own that is nobody's child, and has its handle.
    ///
    /// It outlives whoever starts it, and ends with the runtime at the latest. Inside an [`effect`](crate::effect) body,
    /// [`Cx::detach`] does the same, and says more.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::{sleep, Never};
    /// # use std::time::Duration;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let minute = sleep::<_, Never>(Duration::from_secs(60));
    /// let Ok(fiber) = minute.detach::<Never>().await;
    /// assert!(!fiber.is_done());
    /// assert_eq!(fiber.join().await, Ok(()));
    /// # }
    /// ```
    #[doc(alias = "fork_daemon")]
    #[track_caller]
    pub fn detach<E2: Value>(self) -> Effect<R, E2, Fiber<E, A>, Detach<P, E2>>
    where
        E: fmt::Debug,
    {
        Effect::of(Detach {
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
            failure => end_as(cx, failure).await,
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

/// The program of [`Effect::fork_in`].
#[derive(Debug)]
pub struct ForkIn<P, E2> {
    program: P,
    scope: Scope,
    place: &'static Location<'static>,
    error: PhantomData<fn() -> E2>,
}

impl<P: Clone, E2> Clone for ForkIn<P, E2> {
    fn clone(&self) -> Self {
        ForkIn {
            program: self.program.clone(),
            scope: self.scope.clone(),
            place: self.place,
            error: PhantomData,
        }
    }
}

impl<R, P, E2> Program<R> for ForkIn<P, E2>
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
        let scope = self.scope.state();
        Ok(Fiber::fork_in(effect, cx, scope, None, self.place))
    }
}

/// The program of [`Effect::detach`].
#[derive(Debug)]
pub struct Detach<P, E2> {
    program: P,
    place: &'static Location<'static>,
    error: PhantomData<fn() -> E2>,
}

impl<P: Clone, E2> Clone for Detach<P, E2> {
    fn clone(&self) -> Self {
        Detach {
            program: self.program.clone(),
            place: self.place,
            error: PhantomData,
        }
    }
}

impl<R, P, E2> Program<R> for Detach<P, E2>
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
        Ok(Fiber::detach(effect, cx, None, self.place))
    }
}
