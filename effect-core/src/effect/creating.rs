//! Creating effects: from values, closures, futures and blocking code.

use std::future::{Future, pending, poll_fn};
use std::marker::PhantomData;
use std::task::Poll;
use std::time::Duration;

use futures::channel::oneshot;
use futures::future::BoxFuture;
use smallvec::SmallVec;

use crate::defect::catch;
use crate::mask::Told;
use crate::opaque_debug::opaque_debug;
use crate::program::{Pace, Step};
use crate::{Cx, Defect, Effect, Env, Exit, Program, Reason, Value, WaitsFor, yield_now};

/// Creates an effect that succeeds with the given value.
///
/// # Examples
///
/// ```
/// # use effect_core::{succeed, Never};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// assert_eq!(succeed::<_, Never, _>(1).await, Ok(1));
/// # }
/// ```
pub fn succeed<R: Env, E: Value, A: Value>(value: A) -> Effect<R, E, A, FromResult<E, A>> {
    from_result(Ok(value))
}

/// Creates an effect that fails with the given error.
///
/// # Examples
///
/// ```
/// # use effect_core::fail;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// assert_eq!(fail::<_, _, ()>("no route").await, Err("no route"));
/// # }
/// ```
pub fn fail<R: Env, E: Value, A: Value>(error: E) -> Effect<R, E, A, FromResult<E, A>> {
    from_result(Err(error))
}

/// Creates an effect that has the given result.
///
/// # Examples
///
/// ```
/// # use effect_core::from_result;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// assert_eq!(from_result("12".parse::<u8>()).await, Ok(12));
/// # }
/// ```
pub fn from_result<R: Env, E: Value, A: Value>(
    result: Result<A, E>,
) -> Effect<R, E, A, FromResult<E, A>> {
    Effect::new(FromResult { result })
}

/// The program of [`succeed`], [`fail`] and [`from_result`].
#[derive(Clone, Debug)]
pub struct FromResult<E, A> {
    result: Result<A, E>,
}

impl<R: Env, E: Value, A: Value> Program<R> for FromResult<E, A> {
    type Error = E;
    type Value = A;
    const PACE: Pace = Pace::Now;

    fn run(self, _cx: &Cx<R>) -> impl Future<Output = Result<A, E>> + Send {
        std::future::ready(self.result)
    }

    #[inline]
    fn run_now(self, _cx: &Cx<R>) -> Step<R, E, A> {
        Step::Done(self.result)
    }
}

/// Creates an effect that ends as another has ended.
///
/// The first reason of a failure is the result: a typed error, a defect, or an interruption, which interrupts whoever
/// runs this. The defects that came later come after it here as well.
///
/// # Examples
///
/// ```
/// use effect_core::{Cause, Exit, Never, fail, from_exit};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let seen = fail::<_, _, ()>("no route").exit().await;
/// let Ok(exit) = seen;
/// assert_eq!(from_exit(exit).await, Err("no route"));
/// # }
/// ```
pub fn from_exit<R: Env, E: Value, A: Value>(exit: Exit<E, A>) -> Effect<R, E, A, FromExit<E, A>> {
    Effect::new(FromExit { exit })
}

/// How often a future may be polled until the driver has seen what it asks for: sets of futures poll one that has woken
/// itself twice, and there may be some inside of each other.
const POLLS_UNTIL_SEEN: u32 = 32;

/// The program of [`from_exit`].
#[derive(Clone, Debug)]
pub struct FromExit<E, A> {
    exit: Exit<E, A>,
}

impl<R: Env, E: Value, A: Value> Program<R> for FromExit<E, A> {
    type Error = E;
    type Value = A;

    async fn run(self, cx: &Cx<R>) -> Result<A, E> {
        let cause = match self.exit {
            Exit::Success(value) => return Ok(value),
            Exit::Failure(cause) => cause,
        };
        let mut reasons = cause.into_reasons();
        let first = reasons.next().expect("a cause has a reason");
        for later in reasons {
            if let Reason::Die(defect) = later {
                cx.fiber().record_defect(defect);
            }
        }
        match first {
            Reason::Fail(error) => Err(error),
            Reason::Die(defect) => defect.raise(),
            Reason::Interrupt(by) => {
                if let Some(mask) = cx.mask() {
                    // Interrupted as a part that the mask excepts would be.
                    let _told = Told::new(mask, SmallVec::from_elem(by, 1));
                    return pending().await;
                }
                cx.fiber().interrupt(by);
                // The driver sees the request when its poll returns, and drops us here; a set of futures may poll us a few
                // times before that. If we are in a finalizer or an uninterruptible effect, the driver cannot: we come
                // back, and must not wait for ever.
                for _ in 0..POLLS_UNTIL_SEEN {
                    yield_now().await;
                }
                Defect::new("interrupted by what it has joined, where interruption has to wait")
                    .raise()
            }
        }
    }
}

/// Creates an effect from an async closure: the do-notation.
///
/// The closure gets the [`Cx`], by which it runs other effects, and its `?` is the plain one. Run other effects by
/// [`Cx::run`], and do not await them: an effect that is awaited is the root of fibers of its own, which this one
/// does not wait for when it is interrupted.
///
/// The body is boxed when it runs, once. What is in it is a plain `async` block.
///
/// # Errors
///
/// What the body returns.
///
/// # Panics
///
/// A panic of the body is a defect of the effect.
///
/// # Examples
///
/// ```
/// use effect_core::{effect, fail, succeed, Cx};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let sum = effect(async |cx: Cx<()>| {
///     let a = cx.run(succeed::<_, String, _>(20)).await?;
///     let b = cx.run(fail::<_, _, i32>("no b".to_owned())).await?;
///     Ok(a + b)
/// });
/// assert_eq!(sum.await, Err("no b".to_owned()));
/// # }
/// ```
pub fn effect<R, E, A, F, Fut>(f: F) -> Effect<R, E, A, FromFn<R, E, A, F>>
where
    R: Env,
    E: Value,
    A: Value,
    F: FnOnce(Cx<R>) -> Fut + Value,
    Fut: Future<Output = Result<A, E>> + Send + 'static,
{
    Effect::new(FromFn {
        f,
        call: |f, cx| Box::pin(f(cx)),
    })
}

/// The program of [`effect`].
// The body's future is boxed by a function pointer and named in no bound of the program. While it generates code,
// rustc 1.95 asks such a bound again with every lifetime in the body made a different one: `&'static str` on both
// sides of a combinator are two types then, the body is not `Send`, and the compiler crashes.
pub struct FromFn<R, E, A, F> {
    f: F,
    call: fn(F, Cx<R>) -> BoxFuture<'static, Result<A, E>>,
}

impl<R, E, A, F: Clone> Clone for FromFn<R, E, A, F> {
    fn clone(&self) -> Self {
        FromFn {
            f: self.f.clone(),
            call: self.call,
        }
    }
}

impl<R: Env, E: Value, A: Value, F: Value> Program<R> for FromFn<R, E, A, F> {
    type Error = E;
    type Value = A;

    async fn run(self, cx: &Cx<R>) -> Result<A, E> {
        (self.call)(self.f, cx.clone()).await
    }
}

/// Creates an effect that calls a closure, which cannot fail and does not block.
///
/// # Panics
///
/// A panic of the closure is a defect of the effect.
///
/// # Examples
///
/// ```
/// # use effect_core::{sync, Never};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let answer = sync::<_, Never, _, _>(|| 6 * 7);
/// assert_eq!(answer.await, Ok(42));
/// # }
/// ```
pub fn sync<R, E, A, F>(f: F) -> Effect<R, E, A, Sync<F, E>>
where
    R: Env,
    E: Value,
    A: Value,
    F: FnOnce() -> A + Value,
{
    Effect::new(Sync {
        f,
        error: PhantomData,
    })
}

/// The program of [`sync`].
pub struct Sync<F, E> {
    f: F,
    error: PhantomData<fn() -> E>,
}

impl<F: Clone, E> Clone for Sync<F, E> {
    fn clone(&self) -> Self {
        Sync {
            f: self.f.clone(),
            error: PhantomData,
        }
    }
}

impl<R: Env, E: Value, A: Value, F: FnOnce() -> A + Value> Program<R> for Sync<F, E> {
    type Error = E;
    type Value = A;
    const PACE: Pace = Pace::Now;

    async fn run(self, _cx: &Cx<R>) -> Result<A, E> {
        Ok((self.f)())
    }

    #[inline]
    fn run_now(self, _cx: &Cx<R>) -> Step<R, E, A> {
        Step::Done(Ok((self.f)()))
    }
}

/// Creates an effect that waits for the given time, by the runtime's clock.
///
/// Inside an [`effect`] body, [`Cx::sleep`] does the same without an error type to name.
///
/// # Examples
///
/// ```
/// use effect_core::{sleep, Never};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let later = sleep::<_, Never>(Duration::from_secs(3600)).map(|()| "an hour later");
/// assert_eq!(later.await, Ok("an hour later"));
/// # }
/// ```
#[track_caller]
pub fn sleep<R: Env, E: Value>(duration: Duration) -> Effect<R, E, (), Sleep<E>> {
    Effect::new(Sleep {
        duration,
        waits_for: WaitsFor::here("a time"),
        error: PhantomData,
    })
}

/// The program of [`sleep`].
#[derive(Debug)]
pub struct Sleep<E> {
    duration: Duration,
    waits_for: WaitsFor,
    error: PhantomData<fn() -> E>,
}

impl<E> Clone for Sleep<E> {
    fn clone(&self) -> Self {
        Sleep { ..*self }
    }
}

impl<R: Env, E: Value> Program<R> for Sleep<E> {
    type Error = E;
    type Value = ();

    async fn run(self, cx: &Cx<R>) -> Result<(), E> {
        cx.sleep_there(self.duration, self.waits_for).await;
        Ok(())
    }
}

/// Creates an effect that calls a closure on a thread that may block, and has its result.
///
/// Interruption does not stop the closure: nobody waits for it any more, it runs to its end, and its result
/// is dropped.
///
/// # Errors
///
/// What the closure returns.
///
/// # Panics
///
/// A panic of the closure is a defect of the effect. So is a runtime that shuts down before it has run.
///
/// # Examples
///
/// ```
/// # use effect_core::blocking;
/// # #[tokio::main]
/// # async fn main() {
/// let read = blocking(|| std::fs::read_to_string("/no/such/file"));
/// assert_eq!(read.await.unwrap_err().kind(), std::io::ErrorKind::NotFound);
/// # }
/// ```
pub fn blocking<R, E, A, F>(f: F) -> Effect<R, E, A, Blocking<F>>
where
    R: Env,
    E: Value,
    A: Value,
    F: FnOnce() -> Result<A, E> + Value,
{
    Effect::new(Blocking { f })
}

/// The program of [`blocking`].
#[derive(Clone)]
pub struct Blocking<F> {
    f: F,
}

impl<R, E, A, F> Program<R> for Blocking<F>
where
    R: Env,
    E: Value,
    A: Value,
    F: FnOnce() -> Result<A, E> + Value,
{
    type Error = E;
    type Value = A;

    async fn run(self, cx: &Cx<R>) -> Result<A, E> {
        let (done, result) = oneshot::channel();
        let job = move || {
            // Nobody is left to hear of it when the effect was interrupted.
            let _ = done.send(catch(self.f));
        };
        cx.runtime().spawn_blocking(Box::new(job));
        match result.await {
            Ok(Ok(result)) => result,
            Ok(Err(defect)) => defect.raise(),
            Err(oneshot::Canceled) => {
                Defect::new("the runtime shut down before a blocking closure had run").raise()
            }
        }
    }
}

/// Creates an effect that never ends. It can be interrupted.
///
/// # Examples
///
/// ```
/// use effect_core::{never, succeed};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let raced = never::<_, &str, _>().race_first(succeed(1));
/// assert_eq!(raced.await, Ok(1));
/// # }
/// ```
#[track_caller]
pub fn never<R: Env, E: Value, A: Value>() -> Effect<R, E, A, Forever<E, A>> {
    Effect::new(Forever {
        waits_for: WaitsFor::here("nothing at all"),
        types: PhantomData,
    })
}

/// The program of [`never`](fn@never).
#[derive(Debug)]
pub struct Forever<E, A> {
    waits_for: WaitsFor,
    types: PhantomData<fn() -> (E, A)>,
}

impl<E, A> Clone for Forever<E, A> {
    fn clone(&self) -> Self {
        Forever { ..*self }
    }
}

impl<R: Env, E: Value, A: Value> Program<R> for Forever<E, A> {
    type Error = E;
    type Value = A;

    fn run(self, _cx: &Cx<R>) -> impl Future<Output = Result<A, E>> + Send {
        poll_fn(move |_| {
            self.waits_for.note();
            Poll::Pending
        })
    }
}

/// Creates an effect that dies with a defect: for what cannot happen unless there is a bug.
///
/// # Examples
///
/// ```
/// use effect_core::{die, Exit};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let exit: Exit<(), ()> = die("the index is out of step").run_exit().await;
/// assert_eq!(exit.cause().unwrap().defect().unwrap().message(), "the index is out of step");
/// # }
/// ```
#[track_caller]
pub fn die<R: Env, E: Value, A: Value>(message: impl Into<String>) -> Effect<R, E, A, Die<E, A>> {
    Effect::new(Die {
        defect: Defect::new(message),
        types: PhantomData,
    })
}

/// The program of [`die`].
#[derive(Debug)]
pub struct Die<E, A> {
    defect: Defect,
    types: PhantomData<fn() -> (E, A)>,
}

impl<E, A> Clone for Die<E, A> {
    fn clone(&self) -> Self {
        Die {
            defect: self.defect.clone(),
            types: PhantomData,
        }
    }
}

impl<R: Env, E: Value, A: Value> Program<R> for Die<E, A> {
    type Error = E;
    type Value = A;

    async fn run(self, _cx: &Cx<R>) -> Result<A, E> {
        self.defect.raise()
    }
}

opaque_debug!(FromFn<R, E, A, F>, Sync<F, E>, Blocking<F>);
