//! A rate limiter: so many permits in a time, one after the other.

use std::future::{Future, poll_fn};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::task::unconstrained;

use crate::budget::poll_turn;
use crate::poll::chain;
use crate::program::{self, Outcome, Pace, Step};
use crate::schedule::from_nanos;
use crate::{Cx, Effect, Env, IntoEffect, Never, Program, WaitsFor};

/// Gives so many permits in a time, evenly spaced, to those who wait, first come, first served.
///
/// It is exact: what timers are late is made up for, so a rate of 300 a second is 300 in each second. After a time in which
/// nobody came, some may come at once, as many as [`burst`](RateLimiter::burst) says. Clones share one rate.
///
/// # Examples
///
/// ```
/// use effect_core::{effect, Cx, Never, RateLimiter};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let limiter = RateLimiter::new(10, Duration::from_secs(1));
/// let program = effect(async move |cx: Cx<()>| {
///     let begun = cx.now();
///     for _ in 0..=20 {
///         let Ok(()) = cx.run(limiter.acquire(1)).await;
///     }
///     Ok::<_, Never>(cx.now() - begun)
/// });
/// assert_eq!(program.await, Ok(Duration::from_secs(2)));
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct RateLimiter {
    permits: u32,
    per: Duration,
    burst: u32,
    bucket: Arc<Bucket>,
}

#[derive(Debug)]
struct Bucket {
    // Whoever holds its one permit is the next to be served; the others wait for it, in order.
    turn: Semaphore,
    // `None` before anybody has come.
    level: Mutex<Option<Level>>,
}

/// How much there was to give, at a time.
///
/// Each nanosecond brings as many units as there are permits in the rate's time, and a permit costs as many as that time has
/// nanoseconds. So nothing is ever rounded.
#[derive(Clone, Copy, Debug)]
struct Level {
    units: u128,
    at: Instant,
}

/// How late a timer may be for that to be made up for. Tokio's are late by up to a millisecond.
const LATE: Duration = Duration::from_millis(10);

impl RateLimiter {
    /// Creates a rate limiter of so many permits in a time.
    ///
    /// # Panics
    ///
    /// If the number or the time is 0.
    ///
    /// # Examples
    ///
    /// See [`RateLimiter`].
    #[track_caller]
    pub fn new(permits: u32, per: Duration) -> Self {
        assert!(permits > 0, "a rate is of at least one permit");
        assert!(!per.is_zero(), "a rate is in a time longer than zero");
        let bucket = Bucket {
            turn: Semaphore::new(1),
            level: Mutex::new(None),
        };
        RateLimiter {
            permits,
            per,
            burst: 1,
            bucket: Arc::new(bucket),
        }
    }

    /// Keeps so many permits for those who come at once, at the beginning and whenever nobody came. Otherwise it is one.
    ///
    /// # Panics
    ///
    /// If the number is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, Cx, Never, RateLimiter};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let limiter = RateLimiter::new(1, Duration::from_secs(1)).burst(3);
    /// let program = effect(async move |cx: Cx<()>| {
    ///     let begun = cx.now();
    ///     let mut seconds = Vec::new();
    ///     for _ in 0..5 {
    ///         let Ok(()) = cx.run(limiter.acquire(1)).await;
    ///         seconds.push((cx.now() - begun).as_secs());
    ///     }
    ///     Ok::<_, Never>(seconds)
    /// });
    /// assert_eq!(program.await, Ok(vec![0, 0, 0, 1, 2]));
    /// # }
    /// ```
    #[must_use]
    #[track_caller]
    pub fn burst(self, permits: u32) -> Self {
        assert!(permits > 0, "a burst is of at least one permit");
        RateLimiter {
            burst: permits,
            ..self
        }
    }

    /// Waits for so many permits. They may be more than a burst is.
    ///
    /// # Cancel safety
    ///
    /// Interrupted, it has taken none, and the next in line is served.
    ///
    /// # Examples
    ///
    /// See [`RateLimiter`].
    #[track_caller]
    pub fn acquire<R: Env>(&self, permits: u32) -> Effect<R, Never, (), Acquire> {
        Effect::of(Acquire {
            wait: self.wait_for(permits),
        })
    }

    /// Takes so many permits if they are there, and says whether it has. It never waits, and takes none from those who do.
    ///
    /// More than a [`burst`](RateLimiter::burst) are never there.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, Cx, Never, RateLimiter};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let limiter = RateLimiter::new(1, Duration::from_secs(1)).burst(2);
    /// let program = effect(async move |cx: Cx<()>| {
    ///     let mut taken = Vec::new();
    ///     for _ in 0..6 {
    ///         let Ok(one) = cx.run(limiter.try_acquire(1)).await;
    ///         taken.push(one);
    ///         cx.sleep(Duration::from_millis(500)).await;
    ///     }
    ///     Ok::<_, Never>(taken)
    /// });
    /// assert_eq!(program.await, Ok(vec![true, true, true, false, true, false]));
    /// # }
    /// ```
    pub fn try_acquire<R: Env>(&self, permits: u32) -> Effect<R, Never, bool, TryAcquire> {
        Effect::of(TryAcquire {
            limiter: self.clone(),
            permits,
        })
    }

    /// Waits for a permit, and then runs an effect.
    ///
    /// # Errors
    ///
    /// The error of the effect.
    ///
    /// # Cancel safety
    ///
    /// Interrupted before the effect has begun, it has taken no permit.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{succeed, Never, RateLimiter, Schedule};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let limiter = RateLimiter::new(2, Duration::from_secs(1));
    /// let begun = tokio::time::Instant::now();
    /// let call = limiter.limit(succeed::<_, Never, _>("called"));
    /// call.repeat(Schedule::recurs(4)).await.unwrap();
    /// assert_eq!(begun.elapsed(), Duration::from_secs(2));
    /// # }
    /// ```
    #[track_caller]
    pub fn limit<R, I>(&self, effect: I) -> Effect<R, I::Error, I::Value, Limit<I::Program>>
    where
        R: Env,
        I: IntoEffect<R>,
    {
        Effect::of(Limit {
            wait: self.wait_for(1),
            program: effect.into_effect().program,
        })
    }

    #[track_caller]
    fn wait_for(&self, permits: u32) -> Wait {
        Wait {
            limiter: self.clone(),
            permits,
            waits_for: WaitsFor::here("a permit of a rate limiter"),
        }
    }

    /// What so many permits cost.
    fn cost(&self, permits: u32) -> u128 {
        u128::from(permits) * self.per.as_nanos()
    }

    /// Takes permits, or tells how long it is until they are there.
    fn take(&self, permits: u32, now: Instant, waited: bool) -> Result<(), Duration> {
        let (cost, rate) = (self.cost(permits), u128::from(self.permits));
        let full = self.cost(self.burst);
        let mut level = self.bucket.level.lock();
        let level = level.get_or_insert(Level {
            units: full,
            at: now,
        });
        let room = if waited {
            // Nothing is lost while somebody waits for it, also not if that somebody was woken a little late.
            cost.max(full) + LATE.as_nanos() * rate
        } else {
            full
        };
        let gained = now.saturating_duration_since(level.at).as_nanos() * rate;
        // What has been made up for stays.
        level.units = level.units.max(room.min(level.units + gained));
        level.at = level.at.max(now);
        match level.units.checked_sub(cost) {
            Some(left) => {
                level.units = left;
                Ok(())
            }
            None => Err(from_nanos((cost - level.units).div_ceil(rate))),
        }
    }
}

/// Waiting for permits of a rate limiter.
#[derive(Clone, Debug)]
struct Wait {
    limiter: RateLimiter,
    permits: u32,
    waits_for: WaitsFor,
}

impl Wait {
    async fn run<R: Env>(self, cx: &Cx<R>) {
        let Wait {
            limiter,
            permits,
            waits_for,
        } = self;
        poll_fn(poll_turn).await;
        let turn = &limiter.bucket.turn;
        let (_turn, mut waited) = match turn.try_acquire() {
            Ok(turn) => (turn, false),
            Err(_) => {
                // Of tokio's budget, which nobody renews in virtual time.
                let turn = waits_for.told_by(unconstrained(turn.acquire())).await;
                (turn.expect("it is never closed"), true)
            }
        };
        while let Err(delay) = limiter.take(permits, cx.now(), waited) {
            cx.sleep_there(delay, waits_for).await;
            waited = true;
        }
    }
}

/// The program of [`RateLimiter::acquire`].
#[derive(Clone, Debug)]
pub struct Acquire {
    wait: Wait,
}

impl<R: Env> Program<R> for Acquire {
    type Error = Never;
    type Value = ();

    async fn run(self, cx: &Cx<R>) -> Result<(), Never> {
        self.wait.run(cx).await;
        Ok(())
    }
}

/// The program of [`RateLimiter::try_acquire`].
#[derive(Clone, Debug)]
pub struct TryAcquire {
    limiter: RateLimiter,
    permits: u32,
}

impl TryAcquire {
    fn take<R>(&self, cx: &Cx<R>) -> bool {
        // Whoever has the turn waits for permits that are not there yet.
        let turn = self.limiter.bucket.turn.try_acquire();
        turn.is_ok() && self.limiter.take(self.permits, cx.now(), false).is_ok()
    }
}

impl<R: Env> Program<R> for TryAcquire {
    type Error = Never;
    type Value = bool;
    const PACE: Pace = Pace::Now;

    async fn run(self, cx: &Cx<R>) -> Result<bool, Never> {
        Ok(self.take(cx))
    }

    fn run_now(self, cx: &Cx<R>) -> Step<R, Never, bool> {
        Step::Done(Ok(self.take(cx)))
    }
}

/// The program of [`RateLimiter::limit`].
#[derive(Clone, Debug)]
pub struct Limit<P> {
    wait: Wait,
    program: P,
}

impl<R: Env, P: Program<R>> Program<R> for Limit<P> {
    type Error = P::Error;
    type Value = P::Value;

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Outcome<R, Self>> + Send {
        chain(self.wait.run(cx), move |()| {
            ControlFlow::Continue(program::run(self.program, cx))
        })
    }
}
