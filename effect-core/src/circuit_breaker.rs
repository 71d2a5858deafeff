//! A circuit breaker: spares what fails all the time.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::{Effect, Env, IntoEffect, Value};

mod circuit;
pub(crate) mod protect;

use self::circuit::{Circuit, Trips};
use self::protect::Protect;

/// Spares what fails all the time: after too many failures, effects fail at once and do not run.
///
/// It begins *closed*, and effects run through it. When too many have failed, it *opens*: for the time of its cool-down,
/// nothing runs. Then it is *half-open*: one effect runs, to probe. If that succeeds, the circuit is closed, and otherwise it
/// is open for another cool-down.
///
/// A defect is a failure here; to be interrupted is neither failure nor success, and another probes in the place of one that
/// was. Clones share one circuit.
///
/// # Examples
///
/// ```
/// use effect_core::{effect, fail, CircuitBreaker, CircuitError, Cx, Never};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let breaker = CircuitBreaker::consecutive(2).cool_down(Duration::from_secs(30));
/// let call = breaker.protect(fail::<_, _, ()>("no answer"));
/// let program = effect(async move |cx: Cx<()>| {
///     let mut seen = Vec::new();
///     for _ in 0..3 {
///         seen.push(cx.run(call.clone()).await.unwrap_err());
///     }
///     cx.sleep(Duration::from_secs(30)).await;
///     seen.push(cx.run(call).await.unwrap_err());
///     Ok::<_, Never>(seen)
/// });
/// use CircuitError::{Failed, Open};
/// let Ok(seen) = program.await;
/// assert_eq!(seen, [Failed("no answer"), Failed("no answer"), Open, Failed("no answer")]);
/// # }
/// ```
#[derive(Clone)]
pub struct CircuitBreaker {
    trips: Trips,
    cool_down: Duration,
    on_change: Option<Arc<dyn Fn(CircuitState) + Send + Sync>>,
    circuit: Arc<Mutex<Circuit>>,
}

/// What a circuit breaker lets through.
///
/// # Examples
///
/// ```
/// # use effect_core::{CircuitBreaker, CircuitState};
/// assert_eq!(CircuitBreaker::consecutive(3).state(), CircuitState::Closed);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CircuitState {
    /// Every effect runs.
    Closed,
    /// No effect runs, until the cool-down has passed and somebody comes to probe.
    Open,
    /// One effect runs, to probe.
    HalfOpen,
}

/// Why an effect that is protected by a circuit breaker did not succeed.
///
/// # Examples
///
/// ```
/// # use effect_core::CircuitError;
/// assert_eq!(CircuitError::<String>::Open.to_string(), "the circuit is open");
/// assert_eq!(CircuitError::Failed("no answer").to_string(), "no answer");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CircuitError<E> {
    /// It did not run, because others had failed.
    #[error("the circuit is open")]
    Open,
    /// It failed.
    #[error(transparent)]
    Failed(E),
}

impl CircuitBreaker {
    /// Creates a circuit breaker that opens after so many failures in a row.
    ///
    /// Its cool-down is half a minute, unless [`cool_down`](CircuitBreaker::cool_down) says otherwise.
    ///
    /// # Panics
    ///
    /// If the number is 0.
    ///
    /// # Examples
    ///
    /// See [`CircuitBreaker`].
    #[track_caller]
    pub fn consecutive(failures: u32) -> Self {
        assert!(failures > 0, "a circuit opens after at least one failure");
        CircuitBreaker::new(Trips::Consecutive(failures))
    }

    /// Creates a circuit breaker that opens when this share of the last so many effects have failed, from 0 to 1.
    ///
    /// It stays closed until so many have run. Its cool-down is half a minute, unless
    /// [`cool_down`](CircuitBreaker::cool_down) says otherwise.
    ///
    /// # Panics
    ///
    /// If the share is not above 0 and at most 1, or the number of effects is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, from_result, CircuitBreaker, CircuitState, Cx, Never};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let breaker = CircuitBreaker::failure_rate(0.5, 4);
    /// let program = effect(async move |cx: Cx<()>| {
    ///     let mut states = Vec::new();
    ///     for result in [Err(1), Ok(2), Err(3), Ok(4)] {
    ///         let _ = cx.run(breaker.protect(from_result(result))).await;
    ///         states.push(breaker.state());
    ///     }
    ///     Ok::<_, Never>(states)
    /// });
    /// use CircuitState::{Closed, Open};
    /// assert_eq!(program.await, Ok(vec![Closed, Closed, Closed, Open]));
    /// # }
    /// ```
    #[track_caller]
    pub fn failure_rate(share: f64, of_last: u32) -> Self {
        assert!(
            share > 0.0 && share <= 1.0,
            "a share of failures is above 0 and at most 1"
        );
        assert!(of_last > 0, "a share is of at least one effect");
        // Rounded up: half of three is two. But not for what a float is off by: 0.07 of a hundred is seven.
        let failures = (share * f64::from(of_last) - 1e-9).ceil().max(1.0) as usize;
        CircuitBreaker::new(Trips::Share {
            failures,
            of_last: of_last as usize,
        })
    }

    fn new(trips: Trips) -> Self {
        CircuitBreaker {
            trips,
            cool_down: Duration::from_secs(30),
            on_change: None,
            circuit: Arc::new(Mutex::new(Circuit::new())),
        }
    }

    /// Stays open for this long, until it lets one effect probe.
    ///
    /// # Examples
    ///
    /// See [`CircuitBreaker`].
    #[must_use]
    pub fn cool_down(self, cool_down: Duration) -> Self {
        CircuitBreaker { cool_down, ..self }
    }

    /// Calls a closure with each new state, on the fiber that has brought it about.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{fail, CircuitBreaker, CircuitState};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (log, lines) = std::sync::mpsc::channel();
    /// let breaker = CircuitBreaker::consecutive(1).on_change(move |state| log.send(state).unwrap());
    /// breaker.protect(fail::<_, _, ()>("no answer")).await.unwrap_err();
    /// assert_eq!(lines.try_recv(), Ok(CircuitState::Open));
    /// # }
    /// ```
    #[must_use]
    pub fn on_change(self, f: impl Fn(CircuitState) + Send + Sync + 'static) -> Self {
        CircuitBreaker {
            on_change: Some(Arc::new(f)),
            ..self
        }
    }

    /// What it lets through. An open one stays so, also past its cool-down, until somebody comes to probe.
    ///
    /// # Examples
    ///
    /// See [`CircuitState`].
    pub fn state(&self) -> CircuitState {
        self.circuit.lock().state()
    }

    /// Runs an effect through the circuit, if that lets it.
    ///
    /// # Errors
    ///
    /// [`CircuitError::Open`], at once, if it does not; otherwise the effect's own error in [`CircuitError::Failed`].
    ///
    /// # Cancel safety
    ///
    /// Interrupted, the effect counts neither as a failure nor as a success. If it was to probe, the next one does.
    ///
    /// # Examples
    ///
    /// See [`CircuitBreaker`].
    pub fn protect<R, I>(
        &self,
        effect: I,
    ) -> Effect<R, CircuitError<I::Error>, I::Value, Protect<I::Program, fn(&I::Error) -> bool>>
    where
        R: Env,
        I: IntoEffect<R>,
    {
        self.protect_from(effect, |_| true)
    }

    /// Runs an effect through the circuit, if that lets it, and takes only some of its errors for failures.
    ///
    /// Others say that there was an answer, and count as a success: that nothing was found, say.
    ///
    /// # Errors
    ///
    /// As [`protect`](CircuitBreaker::protect).
    ///
    /// # Cancel safety
    ///
    /// As [`protect`](CircuitBreaker::protect).
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{fail, CircuitBreaker, CircuitError, CircuitState};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let breaker = CircuitBreaker::consecutive(1);
    /// let call = |status| breaker.protect_from(fail::<_, u16, ()>(status), |status| *status >= 500);
    /// assert_eq!(call(404).await, Err(CircuitError::Failed(404)));
    /// assert_eq!(breaker.state(), CircuitState::Closed);
    /// assert_eq!(call(503).await, Err(CircuitError::Failed(503)));
    /// assert_eq!(breaker.state(), CircuitState::Open);
    /// # }
    /// ```
    pub fn protect_from<R, I, F>(
        &self,
        effect: I,
        is_failure: F,
    ) -> Effect<R, CircuitError<I::Error>, I::Value, Protect<I::Program, F>>
    where
        R: Env,
        I: IntoEffect<R>,
        F: FnOnce(&I::Error) -> bool + Value,
    {
        Effect::of(Protect {
            breaker: self.clone(),
            program: effect.into_effect().program,
            is_failure,
        })
    }
}

impl fmt::Debug for CircuitBreaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreaker")
            .field("state", &self.state())
            .field("trips", &self.trips)
            .field("cool_down", &self.cool_down)
            .finish_non_exhaustive()
    }
}
