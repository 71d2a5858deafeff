//! A memo: an effect, and the run whose result it keeps.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::ready;
use std::time::Duration;

use parking_lot::Mutex;

use super::shared_run::{Seat, SharedRun};
use crate::budget::poll_turn;
use crate::{Cx, Env, Exit, Program, Value};

/// An effect, and the run whose result is kept.
pub(super) struct Memo<P, E, A> {
    kept: Mutex<Kept<P, E, A>>,
    /// For how long a result is kept, if not for ever.
    ttl: Option<Duration>,
}

struct Kept<P, E, A> {
    program: P,
    /// The latest run, if there was one.
    run: Option<Arc<SharedRun<E, A>>>,
}

impl<P, E, A> Memo<P, E, A> {
    pub(super) fn new(program: P, ttl: Option<Duration>) -> Self {
        Memo {
            kept: Mutex::new(Kept { program, run: None }),
            ttl,
        }
    }

    pub(super) fn forget(&self) {
        // A value may be dropped with it, and is when the lock is free.
        let _forgotten = self.kept.lock().run.take();
    }

    /// Has the exit that is kept, or that of a run.
    pub(super) async fn exit<R>(&self, cx: &Cx<R>) -> Exit<E, A>
    where
        R: Env,
        E: Value + Clone,
        A: Value + Clone,
        P: Program<R, Error = E, Value = A> + Clone,
    {
        poll_fn(poll_turn).await;
        loop {
            let mut seat = self.seat(cx);
            let exit = poll_fn(|task| {
                ready!(seat.poll_ended(task));
                std::task::Poll::Ready(seat.exit())
            });
            // A run that was given up before we came has ended, and may have left nothing.
            if let Some(exit) = exit.await {
                return exit;
            }
        }
    }

    /// Takes a seat at the run whose result is kept, or will be; at a new one if there is none.
    fn seat<R>(&self, cx: &Cx<R>) -> Seat<E, A>
    where
        R: Env,
        E: Value,
        A: Value,
        P: Program<R, Error = E, Value = A> + Clone,
    {
        let (seat, program, _forgotten) = {
            let mut kept = self.kept.lock();
            if let Some(run) = &kept.run
                && run.is_of_use(cx.now(), self.ttl)
            {
                return run.seat(cx.fiber());
            }
            // The clone of a closure's captures, under the lock: whoever comes next must find the run.
            let program = kept.program.clone();
            let run = SharedRun::new(cx.runtime());
            let seat = run.seat(cx.fiber());
            let forgotten = kept.run.replace(run);
            (seat, program, forgotten)
        };
        seat.start(program, cx);
        seat
    }
}
