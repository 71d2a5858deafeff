//! Disconnecting: being interrupted without anybody waiting for the end.

use std::fmt;
use std::panic::Location;
use std::time::Duration;

use crate::effect::creating::end_as;
use crate::effect::timing_out::Timeout;
use crate::program::Outcome;
use crate::{Cx, Effect, Env, Exit, Fiber, Program, TimeoutError, Value, WaitsFor};

/// # Disconnecting
impl<R, E, A, P> Effect<R, E, A, P>
where
    R: Env,
    E: Value,
    A: Value,
{
    /// Runs the effect so that nobody who interrupts it waits for its end.
    ///
    /// It runs on a [detached](Effect::detach) fiber. Interrupted, that fiber is interrupted, and whatever it still has to
    /// do, its finalizers or an uninterruptible part, it does in the background; a defect of that is reported.
    ///
    /// # Errors
    ///
    /// What the effect fails with.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{never, sleep, Never};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let begin = tokio::time::Instant::now();
    /// let slow_to_close = never::<_, &str, ()>().ensuring(sleep(Duration::from_secs(60)));
    /// let limited = slow_to_close.disconnect().timeout(Duration::from_secs(1));
    /// assert!(limited.await.is_err());
    /// assert_eq!(begin.elapsed().as_secs(), 1);
    /// # }
    /// ```
    #[track_caller]
    pub fn disconnect(self) -> Effect<R, E, A, Disconnect<P>>
    where
        E: fmt::Debug,
    {
        Effect::of(Disconnect {
            program: self.program,
            place: Location::caller(),
        })
    }

    /// Interrupts the effect when it has not ended within the given time, and does not wait for its end: a
    /// [`timeout`](Effect::timeout) of a [`disconnect`](Effect::disconnect)ed one.
    ///
    /// # Errors
    ///
    /// [`TimeoutError::Elapsed`] when the time is up, or the effect's own error in [`TimeoutError::Failed`].
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{sleep, Never};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let begin = tokio::time::Instant::now();
    /// let minute = sleep::<_, Never>(Duration::from_secs(60)).uninterruptible();
    /// assert!(minute.timeout_detached(Duration::from_secs(1)).await.is_err());
    /// assert_eq!(begin.elapsed().as_secs(), 1);
    /// # }
    /// ```
    #[track_caller]
    pub fn timeout_detached(
        self,
        limit: Duration,
    ) -> Effect<R, TimeoutError<E>, A, Timeout<Disconnect<P>>>
    where
        E: fmt::Debug,
    {
        self.disconnect().timeout(limit)
    }
}

/// The program of [`Effect::disconnect`].
#[derive(Clone, Debug)]
pub struct Disconnect<P> {
    program: P,
    place: &'static Location<'static>,
}

impl<R, P> Program<R> for Disconnect<P>
where
    R: Env,
    P: Program<R>,
    P::Error: fmt::Debug,
{
    type Error = P::Error;
    type Value = P::Value;

    async fn run(self, cx: &Cx<R>) -> Outcome<R, Self> {
        let effect = Effect::new(self.program);
        let mut leaving = Leaving {
            fiber: Some(Fiber::detach(effect, cx, None, self.place)),
        };
        let fiber = leaving.fiber.as_mut().expect("it was put there");
        let exit = fiber.ended(WaitsFor::here("a disconnected fiber")).await;
        leaving.fiber = None;
        match exit {
            Exit::Success(value) => Ok(value),
            failure => end_as(cx, failure).await,
        }
    }
}

/// Interrupts a fiber when it is dropped, and leaves it to itself.
struct Leaving<E: Value, A: Value> {
    fiber: Option<Fiber<E, A>>,
}

impl<E: Value, A: Value> Drop for Leaving<E, A> {
    fn drop(&mut self) {
        if let Some(fiber) = &self.fiber {
            fiber.interrupt_fork();
        }
    }
}
