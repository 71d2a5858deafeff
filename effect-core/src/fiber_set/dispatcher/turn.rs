//! Turns: effects that are dispatched one after the other run in that order, whichever of their fibers is polled first.

use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};

use futures::future::{BoxFuture, FutureExt};
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio::task::unconstrained;

use crate::program::{self, Outcome};
use crate::{Cx, Env, Program, WaitsFor};

/// Whose turn it is: one at a time, and who has joined first is first.
#[derive(Clone)]
pub(super) struct Turns(Arc<Semaphore>);

/// A turn, once it has come. The next one has theirs when this is gone.
pub(super) type Turn = Arc<OnceLock<OwnedSemaphorePermit>>;

/// A place among those who wait for their turn. Dropped, it lets the others go first.
pub(super) struct Place {
    acquired: BoxFuture<'static, Result<OwnedSemaphorePermit, AcquireError>>,
    turn: Turn,
    waits_for: WaitsFor,
}

impl Turns {
    pub(super) fn new() -> Self {
        Turns(Arc::new(Semaphore::new(1)))
    }

    /// Takes the last place. There is none if the turn has come at once.
    #[track_caller]
    pub(super) fn join(&self) -> (Option<Place>, Turn) {
        let turn = Turn::default();
        // Of tokio's budget, without which it would not take its place.
        let mut acquired = unconstrained(Arc::clone(&self.0).acquire_owned()).boxed();
        // Now, because a place is taken by the first poll, and nobody knows when the fiber makes that.
        let polled = acquired.poll_unpin(&mut Context::from_waker(Waker::noop()));
        let place = match polled {
            Poll::Ready(permit) => {
                take(&turn, permit);
                None
            }
            Poll::Pending => Some(Place {
                acquired,
                turn: Arc::clone(&turn),
                waits_for: WaitsFor::here("its turn in a dispatcher"),
            }),
        };
        (place, turn)
    }
}

fn take(turn: &Turn, permit: Result<OwnedSemaphorePermit, AcquireError>) {
    let permit = permit.expect("nobody closes it");
    turn.set(permit).expect("a turn comes once");
}

/// A program that waits for its turn, if it has to.
pub(super) struct InTurn<P> {
    pub(super) place: Option<Place>,
    pub(super) program: P,
}

impl<R: Env, P: Program<R>> Program<R> for InTurn<P> {
    type Error = P::Error;
    type Value = P::Value;

    async fn run(self, cx: &Cx<R>) -> Outcome<R, Self> {
        if let Some(place) = self.place {
            let permit = place.waits_for.told_by(place.acquired).await;
            take(&place.turn, permit);
        }
        program::run(self.program, cx).await
    }

    fn is_masked(&self) -> bool {
        self.place.is_none() && self.program.is_masked()
    }
}
