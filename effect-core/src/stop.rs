//! When to stop: a time limit, a token, a condition, the first of several, or all of several.

use std::time::Duration;

use crate::effect::creating::{effect, never, sleep};
use crate::effect::parallel::collect_all_par;
use crate::effect::racing::first_of;
use crate::opaque_debug::opaque_debug;
use crate::{Cx, Effect, Env, Erased, IntoEffect, Never};

mod reason;
mod token;

pub use reason::StopReason;
pub use token::{AwaitCancelled, CancelToken};

/// When to stop, and why: what bounds an effect by [`Effect::bounded`], and a stream by its method of the same name.
///
/// It begins with what it bounds, and is interrupted with it. What comes later than the first reason changes nothing. It is
/// also an effect, which waits for the reason: so it goes wherever one is wanted.
///
/// # Examples
///
/// ```
/// use effect_core::{never, Bounded, CancelToken, Never, Stop, StopReason};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let (limit, button) = (Duration::from_secs(5), CancelToken::new());
/// let stop = Stop::any([Stop::after(limit), Stop::token(&button)]);
/// let endless = never::<_, Never, ()>();
/// assert_eq!(endless.clone().bounded(stop.clone()).await, Ok(Bounded::Stopped(StopReason::Timeout(limit))));
///
/// button.cancel("enough");
/// assert_eq!(endless.bounded(stop).await, Ok(Bounded::Stopped("enough".into())));
/// # }
/// ```
#[doc(alias = "Cancelable")]
#[must_use = "it stops only what is bounded by it"]
pub struct Stop<R> {
    wait: Effect<R, Never, StopReason>,
}

impl<R: Env> Stop<R> {
    /// Stops after so much time, counted from when it begins.
    ///
    /// A limit of zero is up before anything has begun. What is no time at all, as -1 or NaN seconds, is refused where a
    /// [`Duration`] is made of it: by [`Duration::try_from_secs_f64`].
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{succeed, Bounded, Never, Stop, StopReason};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let quick = || succeed::<_, Never, _>(1);
    /// let second = Duration::from_secs(1);
    /// assert_eq!(quick().bounded(Stop::after(second)).await, Ok(Bounded::Completed(1)));
    /// let none = Duration::ZERO;
    /// assert_eq!(quick().bounded(Stop::after(none)).await, Ok(Bounded::Stopped(StopReason::Timeout(none))));
    /// # }
    /// ```
    #[doc(alias = "timeout")]
    #[track_caller]
    pub fn after(limit: Duration) -> Self {
        let sleep = sleep::<R, Never>(limit);
        Stop::because(sleep.map(move |()| StopReason::Timeout(limit)))
    }

    /// Stops when a token is cancelled, or at once if it is.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{sync, Bounded, CancelToken, Never, Stop};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let token = CancelToken::new();
    /// token.cancel("before it began");
    /// let body = sync::<_, Never, (), _>(|| unreachable!());
    /// let stopped = Bounded::Stopped("before it began".into());
    /// assert_eq!(body.bounded(Stop::token(&token)).await, Ok(stopped));
    /// # }
    /// ```
    #[track_caller]
    pub fn token(token: &CancelToken) -> Self {
        let cancelled = token.cancelled();
        Stop::because(effect(move |_: Cx<R>| cancelled))
    }

    /// Stops when an effect has ended, whatever that waits for: [`StopReason::Condition`].
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::SubscriptionRef;
    /// use effect_core::{effect, never, Bounded, Cx, Never, Stop, StopReason};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let level = SubscriptionRef::new(0);
    /// let watched = level.clone();
    /// let high = effect(async move |_: Cx<()>| watched.wait_until(|level| *level > 9).await);
    /// level.set(10);
    /// let stopped = never::<_, Never, ()>().bounded(Stop::when(high)).await;
    /// assert_eq!(stopped, Ok(Bounded::Stopped(StopReason::Condition)));
    /// # }
    /// ```
    pub fn when<I>(condition: I) -> Self
    where
        I: IntoEffect<R, Error = Never, Program: Clone>,
    {
        Stop::because(condition.into_effect().map(|_| StopReason::Condition))
    }

    /// Stops when an effect has ended, for the reason that it yields. All other ways to stop are made of this one.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{never, sleep, Bounded, Never, Stop, StopReason};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let night = sleep::<(), Never>(Duration::from_secs(3600));
    /// let stop = Stop::because(night.map(|()| StopReason::from("the shop is closed")));
    /// let Ok(stopped) = never::<_, Never, ()>().bounded(stop).await;
    /// assert_eq!(stopped.reason().unwrap().to_string(), "cancelled: the shop is closed");
    /// # }
    /// ```
    pub fn because<I>(reason: I) -> Self
    where
        I: IntoEffect<R, Error = Never, Value = StopReason, Program: Clone>,
    {
        Stop {
            wait: reason.into_effect().erase(),
        }
    }

    /// Never stops.
    pub fn never() -> Self {
        Stop::because(never::<R, Never, StopReason>())
    }

    /// Stops when the first of several does, for its reason. Of those that do at once, the first in order counts.
    /// Where there is none, it never stops.
    ///
    /// The others are interrupted, and what is bounded is stopped at once: it does not wait for their finalizers, which have
    /// run when it has ended.
    ///
    /// # Examples
    ///
    /// See [`Stop`].
    pub fn any(stops: impl IntoIterator<Item = Stop<R>>) -> Self {
        let stops: Vec<_> = stops.into_iter().collect();
        // No race: that would end when the others have cleaned up, and nothing would be stopped until then.
        Stop::because(effect(async move |cx: Cx<R>| {
            first_of(stops.into_iter().map(|stop| cx.run(stop))).await
        }))
    }

    /// Stops when the last of several does, for [all reasons](StopReason::All), in the order of the stops.
    ///
    /// # Panics
    ///
    /// If there is none: there would be no reason.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{never, CancelToken, Never, Stop};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let token = CancelToken::new();
    /// token.cancel("no more work");
    /// let warm = Stop::after(Duration::from_secs(60));
    /// let Ok(stopped) = never::<_, Never, ()>().bounded(Stop::all([warm, Stop::token(&token)])).await;
    /// assert_eq!(stopped.reason().unwrap().to_string(), "timed out after 60s; cancelled: no more work");
    /// # }
    /// ```
    #[track_caller]
    pub fn all(stops: impl IntoIterator<Item = Stop<R>>) -> Self {
        let stops: Vec<_> = stops.into_iter().collect();
        assert!(!stops.is_empty(), "all of no stops is no reason to stop");
        let at_once = stops.len();
        let reasons = collect_all_par(stops, at_once);
        Stop::because(reasons.map(|reasons| StopReason::All(reasons.into())))
    }
}

#[diagnostic::do_not_recommend]
impl<R: Env> IntoEffect<R> for Stop<R> {
    type Error = Never;
    type Value = StopReason;
    type Program = Erased<R, Never, StopReason>;

    fn into_effect(self) -> Effect<R, Never, StopReason> {
        self.wait
    }
}

impl<R> Clone for Stop<R> {
    fn clone(&self) -> Self {
        Stop {
            wait: self.wait.clone(),
        }
    }
}

opaque_debug!(Stop<R>);
