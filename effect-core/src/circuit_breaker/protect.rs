//! Running an effect through a circuit.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use parking_lot::Mutex;
use pin_project_lite::pin_project;

use super::circuit::{Circuit, Entry};
use super::{CircuitBreaker, CircuitError};
use crate::cx::deadline;
use crate::defect::catch_poll;
use crate::opaque_debug::opaque_debug;
use crate::program::{self, Outcome};
use crate::{Cx, Env, Program, Runtime, Value};

/// The program of [`CircuitBreaker::protect`].
#[derive(Clone)]
pub struct Protect<P, F> {
    pub(super) breaker: CircuitBreaker,
    pub(super) program: P,
    pub(super) is_failure: F,
}

impl<R, P, F> Program<R> for Protect<P, F>
where
    R: Env,
    P: Program<R>,
    F: FnOnce(&P::Error) -> bool + Value,
{
    type Error = CircuitError<P::Error>;
    type Value = P::Value;

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Outcome<R, Self>> + Send {
        Protected {
            run: program::run(self.program, cx),
            runtime: cx.runtime(),
            breaker: self.breaker,
            is_failure: Some(self.is_failure),
            admission: None,
        }
    }
}

impl CircuitBreaker {
    /// Awaits a future through the circuit, if that lets it, in a running effect: what [`protect`](CircuitBreaker::protect) is
    /// for effects. Any error is a failure, and so is a panic.
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
    /// use effect_core::{effect, CircuitBreaker, CircuitError, Cx, Never};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let breaker = CircuitBreaker::consecutive(1);
    /// let calls = effect(async move |cx: Cx<()>| {
    ///     let first = breaker.run(&cx, async { Err::<(), _>("no answer") }).await;
    ///     let second = breaker.run(&cx, async { Ok::<_, &str>(()) }).await;
    ///     Ok::<_, Never>((first, second))
    /// });
    /// assert_eq!(calls.await, Ok((Err(CircuitError::Failed("no answer")), Err(CircuitError::Open))));
    /// # }
    /// ```
    pub fn run<'cx, R, E, A, Fut>(
        &self,
        cx: &'cx Cx<R>,
        future: Fut,
    ) -> impl Future<Output = Result<A, CircuitError<E>>> + use<'cx, R, E, A, Fut>
    where
        Fut: Future<Output = Result<A, E>>,
    {
        Protected {
            run: future,
            runtime: cx.runtime(),
            breaker: self.clone(),
            is_failure: Some(|_: &E| true),
            admission: None,
        }
    }

    /// Lets an effect run, or not.
    fn admit(&self, runtime: &dyn Runtime) -> Option<Admission> {
        // Made before anybody is told: if that panics, the probe leaves its place.
        self.change(|circuit| {
            let entry = circuit.enter(|| runtime.now())?;
            Some(Admission {
                circuit: Arc::clone(&self.circuit),
                entry,
            })
        })
    }

    /// Changes the circuit, and tells of its new state if that is another.
    fn change<T>(&self, change: impl FnOnce(&mut Circuit) -> T) -> T {
        let mut circuit = self.circuit.lock();
        let before = circuit.state();
        let changed = change(&mut circuit);
        let after = circuit.state();
        drop(circuit);
        if let Some(on_change) = self.on_change.as_ref().filter(|_| after != before) {
            on_change(after);
        }
        changed
    }
}

/// An effect has been let run.
struct Admission {
    circuit: Arc<Mutex<Circuit>>,
    entry: Entry,
}

impl Drop for Admission {
    fn drop(&mut self) {
        if self.entry.is_probe {
            self.circuit.lock().leave(self.entry);
        }
    }
}

pin_project! {
    /// Polls a run that has been let run.
    // Never `Unpin`, as `Again` is not: the proof whether it is would go through all of a long chain.
    #[project(!Unpin)]
    struct Protected<'cx, Run, F> {
        // Dropped before its admission: one probe is gone before another begins.
        #[pin]
        run: Run,
        runtime: &'cx Arc<dyn Runtime>,
        breaker: CircuitBreaker,
        is_failure: Option<F>,
        // Set when it begins.
        admission: Option<Admission>,
    }
}

impl<E, A, Run, F> Future for Protected<'_, Run, F>
where
    Run: Future<Output = Result<A, E>>,
    F: FnOnce(&E) -> bool,
{
    type Output = Result<A, CircuitError<E>>;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let (breaker, runtime) = (this.breaker, *this.runtime);
        let admission = match this.admission {
            Some(admission) => admission,
            None => match breaker.admit(&**runtime) {
                Some(admission) => this.admission.insert(admission),
                None => return Poll::Ready(Err(CircuitError::Open)),
            },
        };
        let ended = ready!(catch_poll(this.run, task));
        let is_failure = this.is_failure.take().expect("polled after completion");
        let failed = match &ended {
            Ok(Ok(_)) => false,
            Ok(Err(error)) => is_failure(error),
            Err(_) => true,
        };
        let until = || deadline(runtime.now(), breaker.cool_down);
        breaker.change(|circuit| circuit.record(admission.entry, failed, breaker.trips, until));
        match ended {
            Ok(result) => Poll::Ready(result.map_err(CircuitError::Failed)),
            Err(defect) => defect.raise(),
        }
    }
}

opaque_debug!(Protect<P, F>);
