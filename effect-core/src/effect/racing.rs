//! Several effects at once, in one task: races and pairs.
//!
//! All of them poll in place, spawn nothing, and wait for the finalizers of what they dropped before they
//! go on.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::fits::{SameError, SameValue};
use crate::poll::then;
use crate::program::Outcome;
use crate::settled::settled;
use crate::{Cx, Effect, Env, IntoEffect, Program, Value};

mod many;

pub(crate) use many::first_of;
pub use many::{RaceAll, RaceAllOk, race_all, race_all_ok};

/// # Racing
impl<R, E, A, P> Effect<R, E, A, P>
where
    R: Env,
    E: Value,
    A: Value,
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
        I: IntoEffect<R> + SameError<E, I::Error> + SameValue<A, I::Value>,
    {
        Effect::of(RaceFirst {
            left: self.program,
            right: other.into_effect().program,
        })
    }

    /// Runs both effects and has the value of the first to succeed.
    ///
    /// The loser is interrupted, and its finalizers have run before the value is seen. With
    /// [`never`](fn@crate::never) on one side and a failure on the other it never ends: nobody has succeeded,
    /// and somebody still may. Where that is not wanted, [`race_first`](Effect::race_first) is. A defect of either side
    /// ends the race: it is a bug, and not a failure to go on after.
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
        I: IntoEffect<R> + SameValue<A, I::Value>,
    {
        Effect::of(RaceOk {
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
        I: IntoEffect<R> + SameError<E, I::Error>,
    {
        Effect::of(ZipPar {
            left: self.program,
            right: other.into_effect().program,
        })
    }
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

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Outcome<R, Self>> + Send {
        settled(cx.fiber(), first(self.left.run(cx), self.right.run(cx)))
    }
}

/// Has the output of whichever is ready first; the left one has the first word.
pub(super) const fn first<L, Q>(left: L, right: Q) -> First<L, Q> {
    First { left, right }
}

pin_project! {
    /// The future of [`first`].
    pub(super) struct First<L, Q> {
        #[pin]
        left: L,
        #[pin]
        right: Q,
    }
}

impl<L: Future, Q: Future<Output = L::Output>> Future for First<L, Q> {
    type Output = L::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<L::Output> {
        let this = self.project();
        match this.left.poll(task) {
            Poll::Ready(output) => Poll::Ready(output),
            Poll::Pending => this.right.poll(task),
        }
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

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Outcome<R, Self>> + Send {
        // Two errors, or the first success, is two values, or the first error, seen from the other side.
        let both_errors = Both {
            left: then(self.left.run(cx), swap),
            left_value: None,
            right: then(self.right.run(cx), swap),
            right_value: None,
        };
        settled(cx.fiber(), then(both_errors, swap))
    }
}

/// Takes a failure for a success, and the other way round.
fn swap<A, E>(result: Result<A, E>) -> Result<E, A> {
    match result {
        Ok(value) => Err(value),
        Err(error) => Ok(error),
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

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Outcome<R, Self>> + Send {
        let both = Both {
            left: self.left.run(cx),
            left_value: None,
            right: self.right.run(cx),
            right_value: None,
        };
        settled(cx.fiber(), both)
    }
}

pin_project! {
    /// Has both values, or the first error.
    struct Both<L, Q, A, B> {
        #[pin]
        left: L,
        left_value: Option<A>,
        #[pin]
        right: Q,
        right_value: Option<B>,
    }
}

impl<A, B, E, L, Q> Future for Both<L, Q, A, B>
where
    L: Future<Output = Result<A, E>>,
    Q: Future<Output = Result<B, E>>,
{
    type Output = Result<(A, B), E>;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if this.left_value.is_none()
            && let Poll::Ready(result) = this.left.poll(task)
        {
            match result {
                Ok(value) => *this.left_value = Some(value),
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        if this.right_value.is_none()
            && let Poll::Ready(result) = this.right.poll(task)
        {
            match result {
                Ok(value) => *this.right_value = Some(value),
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        take_both(this.left_value, this.right_value).map(Ok)
    }
}

/// Ready once both are there.
fn take_both<A, B>(left: &mut Option<A>, right: &mut Option<B>) -> Poll<(A, B)> {
    match (left.take(), right.take()) {
        (Some(left), Some(right)) => Poll::Ready((left, right)),
        (one, other) => {
            (*left, *right) = (one, other);
            Poll::Pending
        }
    }
}
