//! Bounding: an effect that ends by itself, or is stopped and says why.

use std::future::Future;

use super::racing::first;
use crate::opaque_debug::opaque_debug;
use crate::poll::then;
use crate::program::{self, Outcome};
use crate::settled::settled;
use crate::{Cx, Effect, Env, IntoEffect, Program, Stop, StopReason, Value};

/// # Bounding
impl<R, E, A, P> Effect<R, E, A, P>
where
    R: Env,
    E: Value,
    A: Value,
{
    /// Runs the effect until it ends by itself, or is to stop. That it was stopped is a value, and no failure.
    ///
    /// The effect is then interrupted: its finalizers have run before that is seen, and a masked section is
    /// waited for, after which nothing more is run. Whoever is around it goes on. Fibers that it has forked belong to the
    /// fiber, and end with that; [`on_fiber`](Effect::on_fiber) has them stopped as well.
    ///
    /// The stop has the first word: at the very moment at which the time is up, the effect is stopped, and one that is to
    /// stop at once does not begin.
    ///
    /// # Errors
    ///
    /// What the effect fails with before it is stopped.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{sleep, Bounded, Never, Stop, StopReason};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let limit = Duration::from_secs(2);
    /// let answer = |seconds| sleep::<_, Never>(Duration::from_secs(seconds)).map(|()| 42);
    /// assert_eq!(answer(1).bounded(Stop::after(limit)).await, Ok(Bounded::Completed(42)));
    /// let stopped = Bounded::Stopped(StopReason::Timeout(limit));
    /// assert_eq!(answer(2).bounded(Stop::after(limit)).await, Ok(stopped));
    /// # }
    /// ```
    pub fn bounded(self, stop: Stop<R>) -> Effect<R, E, Bounded<A>, BoundedBy<R, P>> {
        Effect::of(BoundedBy {
            stop,
            program: self.program,
        })
    }
}

/// How an effect ended that was [bounded](Effect::bounded) and has not failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "it may have been stopped"]
pub enum Bounded<A> {
    /// By itself, with this value.
    Completed(A),
    /// It was stopped, and this is why.
    Stopped(StopReason),
}

impl<A> Bounded<A> {
    /// The value, if it ended by itself.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::Bounded;
    ///
    /// assert_eq!(Bounded::Completed(1).completed(), Some(1));
    /// assert_eq!(Bounded::<u8>::Stopped("enough".into()).completed(), None);
    /// ```
    pub fn completed(self) -> Option<A> {
        match self {
            Bounded::Completed(value) => Some(value),
            Bounded::Stopped(_) => None,
        }
    }

    /// Why it was stopped, if it was.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::Bounded;
    ///
    /// assert_eq!(Bounded::<u8>::Stopped("enough".into()).reason(), Some(&"enough".into()));
    /// assert_eq!(Bounded::Completed(1).reason(), None);
    /// ```
    pub fn reason(&self) -> Option<&StopReason> {
        match self {
            Bounded::Completed(_) => None,
            Bounded::Stopped(reason) => Some(reason),
        }
    }
}

/// The program of [`Effect::bounded`].
pub struct BoundedBy<R, P> {
    stop: Stop<R>,
    program: P,
}

impl<R, P: Clone> Clone for BoundedBy<R, P> {
    fn clone(&self) -> Self {
        BoundedBy {
            stop: self.stop.clone(),
            program: self.program.clone(),
        }
    }
}

impl<R: Env, P: Program<R>> Program<R> for BoundedBy<R, P> {
    type Error = P::Error;
    type Value = Bounded<P::Value>;

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Outcome<R, Self>> + Send {
        let stop = program::run(self.stop.into_effect().program, cx);
        let stop = then(stop, |Ok(reason)| Ok(Bounded::Stopped(reason)));
        let body = then(self.program.run(cx), |result: Outcome<R, P>| {
            result.map(Bounded::Completed)
        });
        settled(cx.fiber(), first(stop, body))
    }
}

opaque_debug!(BoundedBy<R, P>);
