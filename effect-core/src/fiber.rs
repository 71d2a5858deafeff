//! A fiber: one task, its identity, its children, and what it still owes.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::effect::creating::end_as;
use crate::{Cx, Dump, Effect, Env, Exit, Never, Program, Value, WaitsFor};

mod state;
mod slot;
mod starting;
mod reference;
mod shared;
mod several;
mod watch;
mod watched;

pub use self::reference::FiberRef;
pub use self::several::{AwaitAll, InterruptAll, JoinAll};
pub use self::shared::{SharedExit, SharedFiber, SharedJoin};
pub(crate) use slot::ExitSlot;
pub(crate) use state::{FiberState, Interrupters, Leave};
pub(crate) use watched::{watched, watched_task};

/// The identity of a fiber, unique in the process; in a run of virtual time, in that run.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FiberId(u64);

impl FiberId {
    /// Makes an identity of a number: for an [`Observer`](crate::Observer) that numbers its fibers itself.
    pub const fn new(number: u64) -> Self {
        FiberId(number)
    }

    /// The number of the fiber.
    pub const fn number(self) -> u64 {
        self.0
    }

    pub(crate) fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        // Only uniqueness matters, so no other memory is ordered by this.
        FiberId(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

impl fmt::Display for FiberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fiber #{}", self.0)
    }
}

impl fmt::Debug for FiberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A handle to a running fiber.
///
/// Dropping the handle changes nothing for the fiber: it runs on under its parent. A failure that nobody
/// then observes is reported once, through [`Runtime::report`](crate::Runtime::report).
///
/// # Examples
///
/// ```
/// use effect_core::{effect, succeed, Cx, Never};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let sum = effect(async |cx: Cx<()>| {
///     let left = cx.fork(succeed::<_, Never, _>(20));
///     let right = cx.fork(succeed::<_, Never, _>(22));
///     Ok::<_, Never>(cx.run(left.join()).await? + cx.run(right.join()).await?)
/// });
/// assert_eq!(sum.await, Ok(42));
/// # }
/// ```
#[must_use = "a fiber whose handle is dropped runs on; join it, or say `drop`"]
pub struct Fiber<E, A> {
    // `None` once the exit was taken.
    state: Option<Arc<TypedState<E, A>>>,
}

/// What is known of a fiber, with its types.
pub(crate) type TypedState<E, A> = FiberState<ExitSlot<E, A>>;

impl<E: Value, A: Value> Fiber<E, A> {
    fn state(&self) -> &FiberState {
        &**self.typed()
    }

    /// The identity of the fiber.
    pub fn id(&self) -> FiberId {
        self.state().id()
    }

    /// Whether the fiber has ended, its finalizers and children included.
    pub fn is_done(&self) -> bool {
        self.state().is_done()
    }

    /// The name that the fiber was forked with.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::{effect, succeed, Cx, Never};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let named = effect(async |cx: Cx<()>| {
    ///     let fiber = cx.fork_named("answer", succeed::<_, Never, _>(42));
    ///     assert_eq!(fiber.name(), Some("answer"));
    ///     cx.run(fiber.join()).await
    /// });
    /// assert_eq!(named.await, Ok(42));
    /// # }
    /// ```
    pub fn name(&self) -> Option<&str> {
        self.state().name().map(|name| &**name)
    }

    /// The fiber without its types.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::{effect, succeed, Cx, Never};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let forked = effect(async |cx: Cx<()>| {
    ///     let fiber = cx.fork(succeed::<_, Never, _>(42));
    ///     assert_eq!(fiber.reference().id(), fiber.id());
    ///     cx.run(fiber.join()).await
    /// });
    /// assert_eq!(forked.await, Ok(42));
    /// # }
    /// ```
    pub fn reference(&self) -> FiberRef {
        FiberRef::new(&untyped(self.typed()))
    }

    /// How the fiber has ended, if it has. It can be asked again. A failure that is seen so is observed.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::{effect, sleep, Cx, Exit, Never};
    /// # use std::time::Duration;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let polled = effect(async |cx: Cx<()>| {
    ///     let fiber = cx.fork(sleep::<_, Never>(Duration::from_secs(1)).map(|()| 42));
    ///     let before = fiber.poll();
    ///     cx.sleep(Duration::from_secs(2)).await;
    ///     Ok::<_, Never>((before, fiber.poll()))
    /// });
    /// assert_eq!(polled.await, Ok((None, Some(Exit::Success(42)))));
    /// # }
    /// ```
    pub fn poll(&self) -> Option<Exit<E, A>>
    where
        E: Clone,
        A: Clone,
    {
        self.is_done().then(|| self.look())
    }

    /// A handle that can be cloned, and by which the fiber's exit can be had any number of times.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::{effect, succeed, Cx, Never};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let twice = effect(async |cx: Cx<()>| {
    ///     let fiber = cx.fork(succeed::<_, Never, _>(21)).shared();
    ///     Ok::<_, Never>(cx.run(fiber.join()).await? + cx.run(fiber.join()).await?)
    /// });
    /// assert_eq!(twice.await, Ok(42));
    /// # }
    /// ```
    pub fn shared(self) -> SharedFiber<E, A>
    where
        E: Clone,
        A: Clone,
    {
        SharedFiber::new(self)
    }

    /// Waits for the fiber and takes its result for one's own.
    ///
    /// A defect of the fiber becomes a defect of the joiner, one of its finalizers too. If the fiber was interrupted, the joiner is
    /// interrupted as well: there is no result to go on with. [`exit`](Fiber::exit) tells these apart.
    ///
    /// # Errors
    ///
    /// What the fiber failed with.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, fail, Cx};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let body = effect(async |cx: Cx<()>| {
    ///     let child = cx.fork(fail::<_, _, u8>("no route"));
    ///     cx.run(child.join()).await
    /// });
    /// assert_eq!(body.await, Err("no route"));
    /// # }
    /// ```
    #[track_caller]
    pub fn join<R: Env>(self) -> Effect<R, E, A, Join<E, A>> {
        self.join_there(WaitsFor::here("a fiber to join"))
    }

    fn join_there<R: Env>(self, waits_for: WaitsFor) -> Effect<R, E, A, Join<E, A>> {
        Effect::new(Join {
            fiber: self,
            waits_for,
        })
    }

    /// Waits for the fiber and tells how it ended.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{die, effect, Cx, Never};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let body = effect(async |cx: Cx<()>| {
    ///     let child = cx.fork(die::<_, Never, ()>("a bug"));
    ///     let exit = cx.run(child.exit()).await?;
    ///     Ok::<_, Never>(exit.cause().is_some_and(|cause| cause.is_die()))
    /// });
    /// assert_eq!(body.await, Ok(true));
    /// # }
    /// ```
    #[track_caller]
    pub fn exit<R: Env>(self) -> Effect<R, Never, Exit<E, A>, AwaitExit<E, A>> {
        Effect::new(AwaitExit {
            fiber: self,
            interrupt: false,
            waits_for: WaitsFor::here("the exit of a fiber"),
        })
    }

    /// Interrupts the fiber, waits until its finalizers and children have ended, and tells how it ended.
    ///
    /// A fiber that had ended before keeps its exit.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, never, sync, yield_now, Cx, Never};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (log, lines) = std::sync::mpsc::channel();
    /// let body = effect(async move |cx: Cx<()>| {
    ///     let stopped = log.clone();
    ///     let child = cx.fork(never::<_, Never, ()>().ensuring(sync(move || stopped.send("stopped").unwrap())));
    ///     yield_now().await;
    ///     let exit = cx.run(child.interrupt()).await?;
    ///     log.send("and then").unwrap();
    ///     Ok::<_, Never>(exit.is_interrupt())
    /// });
    /// assert_eq!(body.await, Ok(true));
    /// assert_eq!(lines.iter().collect::<Vec<_>>(), ["stopped", "and then"]);
    /// # }
    /// ```
    #[track_caller]
    pub fn interrupt<R: Env>(self) -> Effect<R, Never, Exit<E, A>, AwaitExit<E, A>> {
        Effect::new(AwaitExit {
            fiber: self,
            interrupt: true,
            waits_for: WaitsFor::here("a fiber that it interrupts"),
        })
    }

    /// Looks at the fiber and at those below it: see [`Dump`].
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, never, Cx, Never};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let shown = effect(async |cx: Cx<()>| {
    ///     let fiber = cx.fork_named("listener", never::<_, Never, ()>());
    ///     Ok::<_, Never>(fiber.dump().to_string())
    /// });
    /// // On a runtime that is not observed, all that is known is who is there.
    /// assert!(shown.await.unwrap().ends_with(" (listener)"));
    /// # }
    /// ```
    pub fn dump(&self) -> Dump {
        self.reference().dump()
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
    ///     let child = cx.fork(never::<_, Never, ()>());
    ///     child.interrupt_fork();
    ///     Ok::<_, Never>(cx.run(child.exit()).await?.is_interrupt())
    /// });
    /// assert_eq!(body.await, Ok(true));
    /// # }
    /// ```
    pub fn interrupt_fork(&self) {
        self.state().interrupt(None);
    }

    pub(crate) fn interrupt_by(&self, by: Option<FiberId>) {
        self.state().interrupt(by);
    }

    async fn wait(mut self, waits_for: WaitsFor) -> Exit<E, A> {
        self.ended(waits_for).await
    }

    /// Waits for the fiber, and takes its exit.
    pub(crate) async fn ended(&mut self, waits_for: WaitsFor) -> Exit<E, A> {
        self.state().ended(waits_for).await;
        let state = self.state.take().expect(TAKEN_ONCE);
        state.slot().take(&*state)
    }

    /// Looks at the exit of a fiber that has ended, and leaves it there.
    fn look(&self) -> Exit<E, A>
    where
        E: Clone,
        A: Clone,
    {
        let state = self.typed();
        state.slot().look(&**state)
    }
}

/// A fiber without its types.
fn untyped<E: Value, A: Value>(state: &Arc<TypedState<E, A>>) -> Arc<FiberState> {
    Arc::<TypedState<E, A>>::clone(state)
}

const TAKEN_ONCE: &str = "the exit of a fiber is taken once, with its handle";

impl<E, A> Fiber<E, A> {
    fn typed(&self) -> &Arc<TypedState<E, A>> {
        self.state.as_ref().expect(TAKEN_ONCE)
    }
}

impl<E, A> Drop for Fiber<E, A> {
    fn drop(&mut self) {
        if let Some(state) = self.state.take()
            && state.leave_handle()
        {
            state.slot().forget_typed(&state);
        }
    }
}

impl<E, A> fmt::Debug for Fiber<E, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fiber")
            .field("state", self.typed())
            .finish_non_exhaustive()
    }
}

/// The program of [`Fiber::join`].
#[derive(Debug)]
pub struct Join<E, A> {
    fiber: Fiber<E, A>,
    waits_for: WaitsFor,
}

impl<R: Env, E: Value, A: Value> Program<R> for Join<E, A> {
    type Error = E;
    type Value = A;

    async fn run(self, cx: &Cx<R>) -> Result<A, E> {
        match self.fiber.wait(self.waits_for).await {
            Exit::Success(value) => Ok(value),
            failure => end_as(cx, failure).await,
        }
    }
}

/// The program of [`Fiber::exit`] and [`Fiber::interrupt`].
#[derive(Debug)]
pub struct AwaitExit<E, A> {
    fiber: Fiber<E, A>,
    interrupt: bool,
    waits_for: WaitsFor,
}

impl<R: Env, E: Value, A: Value> Program<R> for AwaitExit<E, A> {
    type Error = Never;
    type Value = Exit<E, A>;

    async fn run(self, cx: &Cx<R>) -> Result<Exit<E, A>, Never> {
        if self.interrupt {
            self.fiber.interrupt_by(Some(cx.fiber_id()));
        }
        Ok(self.fiber.wait(self.waits_for).await)
    }
}
