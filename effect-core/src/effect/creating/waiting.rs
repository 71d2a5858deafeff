//! Effects that only wait: for a time, for a turn, or for ever.

use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::task::Poll;
use std::time::Duration;

use crate::{Cx, Effect, Env, Program, Value, WaitsFor};

/// Creates an effect that waits for the given time, by the runtime's clock.
///
/// Inside an [`effect`](fn@crate::effect) body, [`Cx::sleep`] does the same without an error type to name.
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

/// Creates an effect that gives every other ready fiber a turn.
///
/// Inside an [`effect`](fn@crate::effect) body, [`yield_now`](crate::yield_now) does the same without an error type to name.
///
/// # Examples
///
/// ```
/// use effect_core::{succeed, yield_turn, Never};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let polite = yield_turn::<_, Never>().flat_map(|()| succeed(1));
/// assert_eq!(polite.await, Ok(1));
/// # }
/// ```
#[track_caller]
pub fn yield_turn<R: Env, E: Value>() -> Effect<R, E, (), YieldTurn<E>> {
    Effect::new(YieldTurn {
        waits_for: WaitsFor::here("its next turn"),
        error: PhantomData,
    })
}

/// The program of [`yield_turn`].
#[derive(Debug)]
pub struct YieldTurn<E> {
    waits_for: WaitsFor,
    error: PhantomData<fn() -> E>,
}

impl<E> Clone for YieldTurn<E> {
    fn clone(&self) -> Self {
        YieldTurn { ..*self }
    }
}

impl<R: Env, E: Value> Program<R> for YieldTurn<E> {
    type Error = E;
    type Value = ();

    fn run(self, _cx: &Cx<R>) -> impl Future<Output = Result<(), E>> + Send {
        let mut yielded = false;
        poll_fn(move |task| {
            if yielded {
                return Poll::Ready(Ok(()));
            }
            yielded = true;
            task.waker().wake_by_ref();
            self.waits_for.note();
            Poll::Pending
        })
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
