//! Effects from functions: an async closure, and a plain one.

use std::future::Future;
use std::marker::PhantomData;
use std::panic::Location;

use futures::future::BoxFuture;

use crate::opaque_debug::opaque_debug;
use crate::program::{Pace, Step};
use crate::{Cx, Effect, Env, Program, Value};

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
#[track_caller]
pub fn effect<R, E, A, F, Fut>(f: F) -> Effect<R, E, A, FromFn<R, E, A, F>>
where
    R: Env,
    E: Value,
    A: Value,
    F: FnOnce(Cx<R>) -> Fut + Value,
    Fut: Future<Output = Result<A, E>> + Send + 'static, // Not `Send`? Hold an `Arc` instead of an `Rc`.
{
    Effect::new(FromFn {
        f,
        call: |f, cx| Box::pin(f(cx)),
        place: Location::caller(),
    })
}

/// The program of [`effect`].
// The body's future is boxed by a function pointer and named in no bound of the program. While it generates code,
// rustc 1.95 asks such a bound again with every lifetime in the body made a different one: `&'static str` on both
// sides of a combinator are two types then, the body is not `Send`, and the compiler crashes.
pub struct FromFn<R, E, A, F> {
    f: F,
    call: fn(F, Cx<R>) -> BoxFuture<'static, Result<A, E>>,
    place: &'static Location<'static>,
}

impl<R, E, A, F: Clone> Clone for FromFn<R, E, A, F> {
    fn clone(&self) -> Self {
        FromFn {
            f: self.f.clone(),
            call: self.call,
            place: self.place,
        }
    }
}

impl<R: Env, E: Value, A: Value, F: Value> Program<R> for FromFn<R, E, A, F> {
    type Error = E;
    type Value = A;

    async fn run(self, cx: &Cx<R>) -> Result<A, E> {
        let ended = (self.call)(self.f, cx.clone()).await;
        if ended.is_err() {
            cx.fiber().raised_in(self.place);
        }
        ended
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

/// Creates an effect that calls a closure, which may fail and does not block.
///
/// # Errors
///
/// What the closure returns.
///
/// # Panics
///
/// A panic of the closure is a defect of the effect.
///
/// # Examples
///
/// ```
/// # use effect_core::try_sync;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let port = try_sync(|| "8080".parse::<u16>());
/// assert_eq!(port.await, Ok(8080));
/// # }
/// ```
#[doc(alias = "attempt")]
#[track_caller]
pub fn try_sync<R, E, A, F>(f: F) -> Effect<R, E, A, TrySync<F>>
where
    R: Env,
    E: Value,
    A: Value,
    F: FnOnce() -> Result<A, E> + Value,
{
    Effect::new(TrySync {
        f,
        place: Location::caller(),
    })
}

/// The program of [`try_sync`].
#[derive(Clone)]
pub struct TrySync<F> {
    f: F,
    place: &'static Location<'static>,
}

impl<R: Env, E: Value, A: Value, F> Program<R> for TrySync<F>
where
    F: FnOnce() -> Result<A, E> + Value,
{
    type Error = E;
    type Value = A;
    const PACE: Pace = Pace::Now;

    async fn run(self, cx: &Cx<R>) -> Result<A, E> {
        (self.f)().inspect_err(|_| cx.fiber().raised_at(self.place))
    }

    #[inline]
    fn run_now(self, cx: &Cx<R>) -> Step<R, E, A> {
        Step::Done((self.f)().inspect_err(|_| cx.fiber().raised_at(self.place)))
    }
}

opaque_debug!(FromFn<R, E, A, F>, Sync<F, E>, TrySync<F>);
