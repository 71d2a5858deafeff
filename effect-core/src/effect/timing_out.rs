//! Timing out: an effect that has so much time, and is interrupted when that is up.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use pin_project_lite::pin_project;

use crate::cx::deadline;
use crate::poll::then;
use crate::program::Outcome;
use crate::settled::settled;
use crate::{Cx, Effect, Env, Program, Runtime, Timer, Value};

/// # Timing out
impl<R, E, A, P> Effect<R, E, A, P>
where
    R: Env,
    E: Value,
    A: Value,
{
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
        Effect::of(Timeout {
            program: self.program,
            limit,
        })
    }

    /// Interrupts the effect when it has not ended within the given time, and has nothing then: a
    /// [`timeout`](Effect::timeout) for whom a late effect is no failure.
    ///
    /// Its finalizers have run before that is seen, and an [`uninterruptible`](Effect::uninterruptible) effect is waited
    /// for: its value comes too late.
    ///
    /// # Errors
    ///
    /// What the effect fails with in time.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{sleep, Never};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let limit = Duration::from_secs(2);
    /// let answer = |seconds| sleep::<_, Never>(Duration::from_secs(seconds)).map(|()| 42);
    /// assert_eq!(answer(1).timeout_opt(limit).await, Ok(Some(42)));
    /// assert_eq!(answer(3).timeout_opt(limit).await, Ok(None));
    /// # }
    /// ```
    pub fn timeout_opt(self, limit: Duration) -> Effect<R, E, Option<A>, TimeoutOpt<P>> {
        Effect::of(TimeoutOpt(Timeout {
            program: self.program,
            limit,
        }))
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

/// The program of [`Effect::timeout`].
#[derive(Clone, Debug)]
pub struct Timeout<P> {
    program: P,
    limit: Duration,
}

impl<R: Env, P: Program<R>> Program<R> for Timeout<P> {
    type Error = TimeoutError<P::Error>;
    type Value = P::Value;

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Outcome<R, Self>> + Send {
        let limited = Limited {
            body: self.program.run(cx),
            runtime: cx.runtime(),
            limit: self.limit,
            deadline: None,
            timer: None,
        };
        settled(cx.fiber(), limited)
    }
}

/// The program of [`Effect::timeout_opt`].
#[derive(Clone, Debug)]
pub struct TimeoutOpt<P>(Timeout<P>);

impl<R: Env, P: Program<R>> Program<R> for TimeoutOpt<P> {
    type Error = P::Error;
    type Value = Option<P::Value>;

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Outcome<R, Self>> + Send {
        then(self.0.run(cx), |result| match result {
            Ok(value) => Ok(Some(value)),
            Err(TimeoutError::Elapsed(_)) => Ok(None),
            Err(TimeoutError::Failed(error)) => Err(error),
        })
    }
}

pin_project! {
    /// Polls a body until its time is up.
    struct Limited<'cx, Fut> {
        #[pin]
        body: Fut,
        runtime: &'cx Arc<dyn Runtime>,
        limit: Duration,
        // Set when the body starts.
        deadline: Option<Instant>,
        // An effect that is ready at once needs no timer.
        #[pin]
        timer: Option<Timer>,
    }
}

impl<A, E, Fut: Future<Output = Result<A, E>>> Future for Limited<'_, Fut> {
    type Output = Result<A, TimeoutError<E>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let (runtime, limit) = (*this.runtime, *this.limit);
        let deadline = *this
            .deadline
            .get_or_insert_with(|| deadline(runtime.now(), limit));
        if let Poll::Ready(result) = this.body.poll(task) {
            return Poll::Ready(result.map_err(TimeoutError::Failed));
        }
        if this.timer.is_none() {
            this.timer.set(Some(runtime.sleep_until(deadline)));
        }
        let timer = this.timer.as_pin_mut().expect("set above");
        timer.poll(task).map(|()| Err(TimeoutError::Elapsed(limit)))
    }
}
