//! Effects that run while permits are held, of whatever they were asked.

use std::future::{Future, poll_fn};

use crate::program::{self, Outcome};
use crate::sync::section::{Hold, entered, section};
use crate::{Cx, Env, Program, Value, WaitsFor, poll_turn};

/// What asks for permits: of a semaphore, or of one of its own for a key.
pub(in crate::sync) trait Asks: Value {
    /// The permits, until they are dropped.
    type Held: Hold;

    /// What those are told who look while it waits.
    fn waits_for(&self) -> WaitsFor;

    /// Waits for the permits, in turn.
    fn acquire(self) -> impl Future<Output = Self::Held> + Send;

    /// Takes the permits, if that needs no wait.
    fn try_acquire(self) -> Option<Self::Held>;
}

/// The program of an effect that runs while it holds permits.
#[derive(Clone)]
pub struct WithPermits<A, P> {
    pub(in crate::sync) ask: A,
    pub(in crate::sync) program: P,
}

impl<R: Env, A: Asks, P: Program<R>> Program<R> for WithPermits<A, P> {
    type Error = P::Error;
    type Value = P::Value;

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Outcome<R, Self>> + Send {
        let body = program::run(self.program, cx);
        let waits_for = self.ask.waits_for();
        section(cx.fiber(), waits_for, self.ask.acquire(), body)
    }
}

/// The program of an effect that runs if it need not wait for its permits.
#[derive(Clone)]
pub struct TryWithPermits<A, P> {
    pub(in crate::sync) ask: A,
    pub(in crate::sync) program: P,
}

impl<R: Env, A: Asks, P: Program<R>> Program<R> for TryWithPermits<A, P> {
    type Error = P::Error;
    type Value = Option<P::Value>;

    async fn run(self, cx: &Cx<R>) -> Outcome<R, Self> {
        // Also of those who are refused: whoever tries again and again is to let others run.
        poll_fn(poll_turn).await;
        let waits_for = self.ask.waits_for();
        let Some(held) = self.ask.try_acquire() else {
            return Ok(None);
        };
        let body = program::run(self.program, cx);
        entered(cx.fiber(), waits_for, held, body).await.map(Some)
    }
}

crate::opaque_debug::opaque_debug!(WithPermits<A, P>, TryWithPermits<A, P>);
