//! Several effects at once, in one task: races, time limits, pairs.
//!
//! All of them poll in place, spawn nothing, and wait for the finalizers of what they dropped before they
//! go on.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use crate::cleanup::Settle;
use crate::cx::deadline;
use crate::program::{self, Outcome};
use crate::{Cx, Effect, Env, IntoEffect, Program, Value};

/// # Racing
impl<R, E, A, P> Effect<R, E, A, P>
where
    R: Env,
    E: Value,
    A: Value,
    P: Program<R, Error = E, Value = A>,
{
    /// Runs both effects and has the result of the first to settle, a failure as well as a success.
    ///
    /// The loser is interrupted, and its finalizers have run before the result is seen. When both are
    /// ready at once, this effect wins.
    ///
    /// # Errors
    ///
    /// The error of whichever settles first, if it fails.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{fail, sleep};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let slow = sleep(Duration::from_secs(1));
    /// assert_eq!(slow.race_first(fail("fast")).await, Err("fast"));
    /// # }
    /// ```
    pub fn race_first<I>(self, other: I) -> Effect<R, E, A, RaceFirst<P, I::Program>>
    where
        I: IntoEffect<R, Error = E, Value = A>,
    {
        Effect::new(RaceFirst {
            left: self.program,
            right: other.into_effect().program,
        })
    }

    /// Runs both effects and has the value of the first to succeed.
    ///
    /// The loser is interrupted, and its finalizers have run before the value is seen. With
    /// [`never`](fn@crate::never) on one side and a failure on the other it never ends: nobody has succeeded,
    /// and somebody still may. Where that is not wanted, [`race_first`](Effect::race_first) is.
    ///
    /// # Errors
    ///
    /// Both errors, if both effects fail.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{fail, sleep};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let slow = sleep::<_, &str>(Duration::from_secs(1)).map(|()| "slow but sure");
    /// assert_eq!(slow.race_ok(fail("fast")).await, Ok("slow but sure"));
    /// # }
    /// ```
    pub fn race_ok<I>(self, other: I) -> Effect<R, (E, I::Error), A, RaceOk<P, I::Program>>
    where
        I: IntoEffect<R, Value = A>,
    {
        Effect::new(RaceOk {
            left: self.program,
            right: other.into_effect().program,
        })
    }

    /// Runs both effects at once and has both values.
    ///
    /// # Errors
    ///
    /// The first error, at once: the other effect is interrupted, and its finalizers have run.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{sleep, Never};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let second = || sleep::<_, Never>(Duration::from_secs(1));
    /// let before = tokio::time::Instant::now();
    /// second().zip_par(second()).await.unwrap();
    /// assert_eq!(before.elapsed().as_secs(), 1);
    /// # }
    /// ```
    pub fn zip_par<I>(self, other: I) -> Effect<R, E, (A, I::Value), ZipPar<P, I::Program>>
    where
        I: IntoEffect<R, Error = E>,
    {
        Effect::new(ZipPar {
            left: self.program,
            right: other.into_effect().program,
        })
    }

    /// Interrupts the effect when it has not ended within the given time.
    ///
    /// Its finalizers have run before the time-out is seen, and an
    /// [`uninterruptible`](Effect::uninterruptible) effect is waited for.
    ///
    /// # Errors
    ///
    /// [`TimeoutError::Elapsed`] when the time is up, or the effect's own error in
    /// [`TimeoutError::Failed`].
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{never, TimeoutError};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let limit = Duration::from_secs(2);
    /// let late = never::<_, &str, ()>().timeout(limit).await;
    /// assert_eq!(late, Err(TimeoutError::Elapsed(limit)));
    /// # }
    /// ```
    pub fn timeout(self, limit: Duration) -> Effect<R, TimeoutError<E>, A, Timeout<P>> {
        Effect::new(Timeout {
            program: self.program,
            limit,
        })
    }
}

/// Why an effect with a time limit did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeoutError<E> {
    /// It had not ended within this time, and was interrupted.
    #[error("timed out after {0:?}")]
    Elapsed(Duration),
    /// It failed in time.
    #[error(transparent)]
    Failed(E),
}

/// The program of [`Effect::race_first`].
#[derive(Clone, Debug)]
pub struct RaceFirst<P, Q> {
    left: P,
    right: Q,
}

impl<R, P, Q> Program<R> for RaceFirst<P, Q>
where
    R: Env,
    P: Program<R>,
    Q: Program<R, Error = P::Error, Value = P::Value>,
{
    type Error = P::Error;
    type Value = P::Value;

    async fn run(self, cx: &Cx<R>) -> Outcome<R, Self> {
        let mark = cx.fiber().mark();
        let first = {
            let mut left = pin!(self.left.run(cx));
            let mut right = pin!(self.right.run(cx));
            poll_fn(|task| match left.as_mut().poll(task) {
                Poll::Ready(result) => Poll::Ready(result),
                Poll::Pending => right.as_mut().poll(task),
            })
            .await
        };
        Settle::new(cx.fiber(), mark).await;
        first
    }
}

/// The program of [`Effect::race_ok`].
#[derive(Clone, Debug)]
pub struct RaceOk<P, Q> {
    left: P,
    right: Q,
}

impl<R, P, Q> Program<R> for RaceOk<P, Q>
where
    R: Env,
    P: Program<R>,
    Q: Program<R, Value = P::Value>,
{
    type Error = (P::Error, Q::Error);
    type Value = P::Value;

    async fn run(self, cx: &Cx<R>) -> Outcome<R, Self> {
        let mark = cx.fiber().mark();
        let first = {
            let mut left = pin!(self.left.run(cx));
            let mut right = pin!(self.right.run(cx));
            let (mut left_error, mut right_error) = (None, None);
            poll_fn(|task| {
                if left_error.is_none() {
                    match left.as_mut().poll(task) {
                        Poll::Ready(Ok(value)) => return Poll::Ready(Ok(value)),
                        Poll::Ready(Err(error)) => left_error = Some(error),
                        Poll::Pending => {}
                    }
                }
                if right_error.is_none() {
                    match right.as_mut().poll(task) {
                        Poll::Ready(Ok(value)) => return Poll::Ready(Ok(value)),
                        Poll::Ready(Err(error)) => right_error = Some(error),
                        Poll::Pending => {}
                    }
                }
                match (left_error.take(), right_error.take()) {
                    (Some(left), Some(right)) => Poll::Ready(Err((left, right))),
                    (left, right) => {
                        (left_error, right_error) = (left, right);
                        Poll::Pending
                    }
                }
            })
            .await
        };
        Settle::new(cx.fiber(), mark).await;
        first
    }
}

/// The program of [`Effect::zip_par`].
#[derive(Clone, Debug)]
pub struct ZipPar<P, Q> {
    left: P,
    right: Q,
}

impl<R, P, Q> Program<R> for ZipPar<P, Q>
where
    R: Env,
    P: Program<R>,
    Q: Program<R, Error = P::Error>,
{
    type Error = P::Error;
    type Value = (P::Value, Q::Value);

    async fn run(self, cx: &Cx<R>) -> Outcome<R, Self> {
        let mark = cx.fiber().mark();
        let both = {
            let mut left = pin!(self.left.run(cx));
            let mut right = pin!(self.right.run(cx));
            let (mut left_value, mut right_value) = (None, None);
            poll_fn(|task| {
                if left_value.is_none()
                    && let Poll::Ready(result) = left.as_mut().poll(task)
                {
                    match result {
                        Ok(value) => left_value = Some(value),
                        Err(error) => return Poll::Ready(Err(error)),
                    }
                }
                if right_value.is_none()
                    && let Poll::Ready(result) = right.as_mut().poll(task)
                {
                    match result {
                        Ok(value) => right_value = Some(value),
                        Err(error) => return Poll::Ready(Err(error)),
                    }
                }
                match (left_value.take(), right_value.take()) {
                    (Some(left), Some(right)) => Poll::Ready(Ok((left, right))),
                    (left, right) => {
                        (left_value, right_value) = (left, right);
                        Poll::Pending
                    }
                }
            })
            .await
        };
        Settle::new(cx.fiber(), mark).await;
        both
    }
}

/// The program of [`Effect::timeout`].
#[derive(Clone, Debug)]
pub struct Timeout<P> {
    program: P,
    limit: Duration,
}

impl<R: Env, P: Program<R>> Program<R> for Timeout<P> {
    type Error = TimeoutError<P::Error>;
    type Value = P::Value;

    async fn run(self, cx: &Cx<R>) -> Outcome<R, Self> {
        let mark = cx.fiber().mark();
        let deadline = deadline(cx.now(), self.limit);
        let result = {
            let mut body = pin!(program::run(self.program, cx));
            // An effect that is ready at once needs no timer.
            let mut timer = None;
            poll_fn(|task| {
                if let Poll::Ready(result) = body.as_mut().poll(task) {
                    return Poll::Ready(result.map_err(TimeoutError::Failed));
                }
                let timer = timer.get_or_insert_with(|| cx.runtime().sleep_until(deadline));
                timer
                    .as_mut()
                    .poll(task)
                    .map(|()| Err(TimeoutError::Elapsed(self.limit)))
            })
            .await
        };
        Settle::new(cx.fiber(), mark).await;
        result
    }
}
