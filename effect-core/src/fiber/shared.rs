//! A handle to a fiber that can be cloned, and by which its exit can be had any number of times.

use std::fmt;
use std::sync::Arc;

use super::{Fiber, FiberId, FiberRef};
use crate::effect::creating::end_as;
use crate::{Cx, Effect, Env, Exit, Never, Program, Value, WaitsFor};

/// A handle to a running fiber, for many. See [`Fiber::shared`](crate::Fiber::shared).
///
/// # Examples
///
/// ```
/// use effect_core::{effect, fail, Cause, Cx, Exit, Never};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let twice = effect(async |cx: Cx<()>| {
///     let fiber = cx.fork(fail::<_, _, ()>("no route")).shared();
///     let (first, second) = (cx.run(fiber.exit()).await?, cx.run(fiber.exit()).await?);
///     assert_eq!(first, second);
///     Ok::<_, Never>(first)
/// });
/// assert_eq!(twice.await, Ok(Exit::Failure(Cause::fail("no route"))));
/// # }
/// ```
pub struct SharedFiber<E, A> {
    fiber: Arc<Fiber<E, A>>,
}

impl<E: Value + Clone, A: Value + Clone> SharedFiber<E, A> {
    pub(super) fn new(fiber: Fiber<E, A>) -> Self {
        SharedFiber {
            fiber: Arc::new(fiber),
        }
    }

    /// The identity of the fiber.
    pub fn id(&self) -> FiberId {
        self.fiber.id()
    }

    /// The fiber without its types.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, never, Cx, Never};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let body = effect(async |cx: Cx<()>| {
    ///     let fiber = cx.fork(never::<_, Never, ()>()).shared();
    ///     fiber.reference().interrupt_fork();
    ///     Ok::<_, Never>(cx.run(fiber.exit()).await?.is_interrupt())
    /// });
    /// assert_eq!(body.await, Ok(true));
    /// # }
    /// ```
    pub fn reference(&self) -> FiberRef {
        self.fiber.reference()
    }

    /// Whether the fiber has ended, its finalizers and children included.
    pub fn is_done(&self) -> bool {
        self.fiber.is_done()
    }

    /// How the fiber has ended, if it has.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, succeed, Cx, Exit, Never};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let body = effect(async |cx: Cx<()>| {
    ///     let fiber = cx.fork(succeed::<_, Never, _>(42)).shared();
    ///     let before = fiber.poll();
    ///     cx.run(fiber.join()).await?;
    ///     Ok::<_, Never>((before, fiber.poll()))
    /// });
    /// assert_eq!(body.await, Ok((None, Some(Exit::Success(42)))));
    /// # }
    /// ```
    pub fn poll(&self) -> Option<Exit<E, A>> {
        self.fiber.poll()
    }

    /// Waits for the fiber and takes its result for one's own, as [`Fiber::join`](crate::Fiber::join) does.
    ///
    /// # Errors
    ///
    /// What the fiber failed with.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, sleep, Cx, Never};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let body = effect(async |cx: Cx<()>| {
    ///     let fiber = cx.fork(sleep::<_, Never>(Duration::from_secs(1)).map(|()| 21)).shared();
    ///     cx.run(fiber.join().zip_par(fiber.join())).await
    /// });
    /// assert_eq!(body.await, Ok((21, 21)));
    /// # }
    /// ```
    #[track_caller]
    pub fn join<R: Env>(&self) -> Effect<R, E, A, SharedJoin<E, A>> {
        Effect::new(SharedJoin {
            fiber: self.clone(),
            waits_for: WaitsFor::here("a fiber to join"),
        })
    }

    /// Waits for the fiber and tells how it ended.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, fail, Cause, Cx, Exit, Never};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let body = effect(async |cx: Cx<()>| {
    ///     let fiber = cx.fork(fail::<_, _, ()>("no route")).shared();
    ///     cx.run(fiber.exit().zip(fiber.exit())).await
    /// });
    /// let failed = || Exit::Failure(Cause::fail("no route"));
    /// assert_eq!(body.await, Ok::<_, Never>((failed(), failed())));
    /// # }
    /// ```
    #[track_caller]
    pub fn exit<R: Env>(&self) -> Effect<R, Never, Exit<E, A>, SharedExit<E, A>> {
        Effect::new(SharedExit {
            fiber: self.clone(),
            interrupt: false,
            waits_for: WaitsFor::here("the exit of a fiber"),
        })
    }

    /// Interrupts the fiber, waits until its finalizers and children have ended, and tells how it ended.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::{effect, never, Cx, Never};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let stopped = effect(async |cx: Cx<()>| {
    ///     let fiber = cx.fork(never::<_, Never, ()>()).shared();
    ///     let exit = cx.run(fiber.interrupt()).await?;
    ///     assert_eq!(fiber.poll(), Some(exit.clone()));
    ///     Ok::<_, Never>(exit.is_interrupt() && fiber.is_done())
    /// });
    /// assert_eq!(stopped.await, Ok(true));
    /// # }
    /// ```
    #[track_caller]
    pub fn interrupt<R: Env>(&self) -> Effect<R, Never, Exit<E, A>, SharedExit<E, A>> {
        Effect::new(SharedExit {
            fiber: self.clone(),
            interrupt: true,
            waits_for: WaitsFor::here("a fiber that it interrupts"),
        })
    }

    /// Asks the fiber to end, and does not wait for it.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, never, Cx, Never};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let body = effect(async |cx: Cx<()>| {
    ///     let fiber = cx.fork(never::<_, Never, ()>()).shared();
    ///     fiber.interrupt_fork();
    ///     assert!(!fiber.is_done(), "it was only asked");
    ///     Ok::<_, Never>(cx.run(fiber.exit()).await?.is_interrupt())
    /// });
    /// assert_eq!(body.await, Ok(true));
    /// # }
    /// ```
    pub fn interrupt_fork(&self) {
        self.fiber.interrupt_fork();
    }

    async fn wait(&self, waits_for: WaitsFor) -> Exit<E, A> {
        self.fiber.state().ended(waits_for).await;
        self.fiber.look()
    }
}

impl<E, A> Clone for SharedFiber<E, A> {
    fn clone(&self) -> Self {
        SharedFiber {
            fiber: Arc::clone(&self.fiber),
        }
    }
}

impl<E, A> fmt::Debug for SharedFiber<E, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedFiber")
            .field("fiber", &self.fiber)
            .finish_non_exhaustive()
    }
}

/// The program of [`SharedFiber::join`].
#[derive(Clone, Debug)]
pub struct SharedJoin<E, A> {
    fiber: SharedFiber<E, A>,
    waits_for: WaitsFor,
}

impl<R, E, A> Program<R> for SharedJoin<E, A>
where
    R: Env,
    E: Value + Clone,
    A: Value + Clone,
{
    type Error = E;
    type Value = A;

    async fn run(self, cx: &Cx<R>) -> Result<A, E> {
        match self.fiber.wait(self.waits_for).await {
            Exit::Success(value) => Ok(value),
            failure => end_as(cx, failure).await,
        }
    }
}

/// The program of [`SharedFiber::exit`] and [`SharedFiber::interrupt`].
#[derive(Clone, Debug)]
pub struct SharedExit<E, A> {
    fiber: SharedFiber<E, A>,
    interrupt: bool,
    waits_for: WaitsFor,
}

impl<R, E, A> Program<R> for SharedExit<E, A>
where
    R: Env,
    E: Value + Clone,
    A: Value + Clone,
{
    type Error = Never;
    type Value = Exit<E, A>;

    async fn run(self, cx: &Cx<R>) -> Result<Exit<E, A>, Never> {
        if self.interrupt {
            self.fiber.fiber.interrupt_by(Some(cx.fiber_id()));
        }
        Ok(self.fiber.wait(self.waits_for).await)
    }
}
