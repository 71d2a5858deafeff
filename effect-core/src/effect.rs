//! The type: a typed, lazy description of a computation.

use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt};

use crate::driver;
use crate::erased::{Erased, OneShot, Whole};
use crate::fiber::FiberState;
use crate::fits::{Provided, RunsAgain};
use crate::opaque_debug::opaque_debug;
use crate::poll::then;
use crate::{Cx, Env, Exit, FiberRef, Program, Reason, Runtime, TokioRuntime, Value};

pub(crate) mod creating;
pub(crate) mod sequencing;
pub(crate) mod collecting;
pub(crate) mod failing;
pub(crate) mod memoizing;
mod again;
pub(crate) mod retrying;
pub(crate) mod repeating;
pub(crate) mod racing;
pub(crate) mod timing_out;
pub(crate) mod bounding;
pub(crate) mod finalizing;
pub(crate) mod scoping;
pub(crate) mod acquiring;
pub(crate) mod masking;
pub(crate) mod forking;
pub(crate) mod parallel;
pub(crate) mod disconnecting;
pub(crate) mod providing;
pub(crate) mod sharing;
pub(crate) mod observing;

/// A typed, lazy description of a computation: it needs the environment `R`, and fails with `E` or
/// succeeds with `A`.
///
/// Nothing happens until it is run. `P` is the program inside; a chain of combinators names it precisely
/// and is one state machine with no allocation, and a signature leaves it out:
///
/// ```
/// use effect_core::{succeed, fail, Effect};
///
/// fn half(n: u32) -> Effect<(), String, u32> {
///     if n % 2 == 0 {
///         succeed(n / 2).erase()
///     } else {
///         fail(format!("{n} is odd")).erase()
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// assert_eq!(half(12).flat_map(half).flat_map(half).await, Err("3 is odd".to_owned()));
/// # }
/// ```
///
/// An effect with an environment of `()` can be awaited in any tokio program; in another effect it is run by
/// [`Cx::run`]. Dropped before it is run, it is a no-op; dropped while it runs, it is interrupted, and its
/// finalizers run.
#[must_use = "an effect is a description: nothing happens until it is run, by `cx.run(effect).await` in a body"]
pub struct Effect<R, E, A, P = Erased<R, E, A>> {
    pub(crate) program: P,
    types: PhantomData<Types<R, E, A>>,
}

/// An effect uses an `R` and yields an `E` or an `A`, and holds none of them.
type Types<R, E, A> = fn(&R) -> (E, A);

impl<R, E, A, P> Effect<R, E, A, P>
where
    R: Env,
    E: Value,
    A: Value,
    P: Program<R, Error = E, Value = A>,
{
    /// Wraps a program. Combinators of one's own begin here.
    pub const fn new(program: P) -> Self {
        Effect {
            program,
            types: PhantomData,
        }
    }
}

impl<R, E, A, P> Effect<R, E, A, P> {
    /// Wraps the program of a combinator, and leaves it to where the effect is run to ask whether it is a
    /// [`Program`]. Nothing says what `R`, `E` and `A` are but the caller.
    ///
    /// While a chain is written, its environment is often still to be inferred, and the compiler remembers no
    /// answer that depends on that: asked at every step, ten steps took it ten seconds, and twenty did not end.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{succeed, Effect, Value};
    ///
    /// // A combinator of one's own.
    /// fn twice<R, E, A: Value, P>(effect: Effect<R, E, A, P>) -> Effect<R, E, A, P> {
    ///     Effect::of(effect.into_program())
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// assert_eq!(twice(succeed::<_, (), _>(1)).await, Ok(1));
    /// # }
    /// ```
    pub const fn of(program: P) -> Self {
        Effect {
            program,
            types: PhantomData,
        }
    }

    /// Takes the program out again. Combinators of one's own run it.
    pub fn into_program(self) -> P {
        self.program
    }
}

/// # Erasing
impl<R, E, A, P> Effect<R, E, A, P>
where
    R: Env,
    E: Value,
    A: Value,
    P: Program<R, Error = E, Value = A>,
{
    /// Forgets the program's type, so that the effect can be named in a signature, and be stack-safe.
    ///
    /// A long chain wants one every forty combinators or so: types that nest deeper cost compile time, and
    /// in the end meet the compiler's recursion limit.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{fail, succeed, Effect};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// fn halve(n: u32) -> Effect<(), &'static str, u32> {
    ///     if n % 2 == 0 { succeed(n / 2).erase() } else { fail("odd").erase() }
    /// }
    ///
    /// assert_eq!(halve(4).await, Ok(2));
    /// assert_eq!(halve(3).await, Err("odd"));
    /// # }
    /// ```
    pub fn erase(self) -> Effect<R, E, A>
    where
        Self: RunsAgain,
    {
        Effect::new(Erased::new(Whole::new(self)))
    }

    /// Forgets the type of a program that cannot be cloned, because it owns a file or a socket, say.
    ///
    /// # Panics
    ///
    /// Run a second time, the effect dies with a defect that says so.
    pub fn erase_once(self) -> Effect<R, E, A> {
        Effect::new(Erased::new(OneShot::new(self.program)))
    }
}

/// # Running
impl<R, E, A, P> Effect<R, E, A, P>
where
    E: Value,
    A: Value,
    P: Provided<R, E, A>,
{
    /// Runs the effect as a root fiber on the given runtime, and tells how it ended.
    ///
    /// The fiber is polled in place, in the caller's task; its children are spawned.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future interrupts the fiber, and hands what it owes to the runtime.
    #[track_caller]
    pub fn run_on(
        self,
        runtime: Arc<dyn Runtime>,
    ) -> impl Future<Output = Exit<E, A>> + Send + use<R, E, A, P> {
        self.start_on(runtime).1
    }

    /// Prepares the effect as a root fiber on the given runtime: a handle to the fiber, and the future that
    /// drives it and tells how it ended. For those who write an entry point of their own.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future interrupts the fiber, and hands what it owes to the runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{never, TokioRuntime};
    /// use std::sync::Arc;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (fiber, exit) = never::<_, &str, ()>().start_on(Arc::new(TokioRuntime::current()));
    /// fiber.interrupt_fork();
    /// assert!(exit.await.is_interrupt());
    /// # }
    /// ```
    #[track_caller]
    pub fn start_on(
        self,
        runtime: Arc<dyn Runtime>,
    ) -> (
        FiberRef,
        impl Future<Output = Exit<E, A>> + Send + use<R, E, A, P>,
    ) {
        self.start_there(runtime, Location::caller())
    }

    /// Prepares it where somebody else has said so.
    fn start_there(
        self,
        runtime: Arc<dyn Runtime>,
        place: &'static Location<'static>,
    ) -> (
        FiberRef,
        impl Future<Output = Exit<E, A>> + Send + use<R, E, A, P>,
    ) {
        let state = FiberState::root(runtime, Some(place));
        let fiber = FiberRef::new(&state);
        (
            fiber,
            driver::drive_root(self.program, Cx::new(Arc::new(()), state)),
        )
    }

    /// Runs the effect as a root fiber on the tokio runtime that the caller is in.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, when first polled.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future interrupts the fiber, and hands what it owes to the runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{fail, Cause, Exit};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let exit = fail::<_, _, ()>("no route").run_exit().await;
    /// assert_eq!(exit, Exit::Failure(Cause::fail("no route")));
    /// # }
    /// ```
    #[track_caller]
    pub fn run_exit(self) -> impl Future<Output = Exit<E, A>> + Send + use<R, E, A, P> {
        let place = Location::caller();
        async move {
            let runtime = Arc::new(TokioRuntime::current());
            self.start_there(runtime, place).1.await
        }
    }
}

impl<E: Value, A: Value, P> IntoFuture for Effect<(), E, A, P>
where
    P: Program<(), Error = E, Value = A>, // What it needs is given to it by `.provide(..)`.
{
    type Output = Result<A, E>;
    type IntoFuture = BoxFuture<'static, Result<A, E>>;

    /// Runs the effect as a root fiber on the tokio runtime that the caller is in.
    ///
    /// # Panics
    ///
    /// With the effect's own defect, as plain futures do, or if it interrupted itself. Ask
    /// [`run_exit`](Effect::run_exit) to see either as a value.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future interrupts the fiber, and hands what it owes to the runtime.
    ///
    /// In the body of another effect, run it with [`Cx::run`] instead: awaited, it is a fiber of its own there, which
    /// the one around does not wait for when it is interrupted.
    #[track_caller]
    fn into_future(self) -> Self::IntoFuture {
        let exit = self.run_exit();
        then(exit, |exit| {
            let cause = match exit {
                Exit::Success(value) => return Ok(value),
                Exit::Failure(cause) => cause,
            };
            if let Some(defect) = cause.defect() {
                defect.clone().raise_outside();
            }
            cause.into_failure().map_or_else(
                |interrupted| match interrupted.primary() {
                    Reason::Interrupt(Some(by)) => panic!("the effect was interrupted by {by}"),
                    _ => panic!("the effect was interrupted"),
                },
                Err,
            )
        })
        .boxed()
    }
}

impl<R, E, A, P: Clone> Clone for Effect<R, E, A, P> {
    fn clone(&self) -> Self {
        Effect {
            program: self.program.clone(),
            types: PhantomData,
        }
    }
}

opaque_debug!(Effect<R, E, A, P>);
