//! A memo: an effect, and the run whose result it keeps.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::budget::poll_turn;
use crate::shared_run::{SharedRun, User};
use crate::{Cx, Env, Exit, Program, Value, WaitsFor};

/// An effect, and the run whose result is kept.
pub(super) struct Memo<P, E, A> {
    kept: Mutex<Kept<P, E, A>>,
    /// For how long a result is kept, if not for ever.
    ttl: Option<Duration>,
}

struct Kept<P, E, A> {
    program: P,
    /// The latest run, if there was one.
    run: Option<Run<E, A>>,
}

/// It says with its end how it has ended, and when.
type Run<E, A> = Arc<SharedRun<(Exit<E, A>, Instant)>>;

enum Entered<E: Value, A: Value> {
    Uses(User<(Exit<E, A>, Instant)>),
    /// It has ended, or the last user has left, and it will. While it cleans up, another one must not begin.
    TooLate(Run<E, A>),
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
    pub(super) async fn exit<R>(&self, cx: &Cx<R>, waits_for: WaitsFor) -> Exit<E, A>
    where
        R: Env,
        E: Value + Clone,
        A: Value + Clone,
        P: Program<R, Error = E, Value = A> + Clone,
    {
        waits_for.told_by(poll_fn(poll_turn)).await;
        loop {
            match self.enter(cx, waits_for) {
                Entered::Uses(user) => return user.hear(waits_for, |(exit, _)| exit.clone()).await,
                Entered::TooLate(run) => {
                    run.ended(waits_for).await;
                    let exit = run.look(|(exit, _)| exit.clone());
                    // Given up, it may have left nothing.
                    if let Some(exit) = exit.filter(|exit| !exit.is_interrupt()) {
                        return exit;
                    }
                }
            }
        }
    }

    /// Uses the run whose result is kept, or will be; a new one if there is none.
    fn enter<R>(&self, cx: &Cx<R>, waits_for: WaitsFor) -> Entered<E, A>
    where
        R: Env,
        E: Value,
        A: Value,
        P: Program<R, Error = E, Value = A> + Clone,
    {
        let (run, user, program, _forgotten) = {
            let mut kept = self.kept.lock();
            if let Some(run) = &kept.run {
                if let Some(user) = run.enter(cx.fiber()) {
                    return Entered::Uses(user);
                }
                if !run.has_ended() || run.look(|ended| self.keeps(cx, ended)) == Some(true) {
                    return Entered::TooLate(Arc::clone(run));
                }
            }
            // The clone of a closure's captures, under the lock: whoever comes next must find the run.
            let program = kept.program.clone();
            let (run, user) = SharedRun::new(cx.fiber());
            let forgotten = kept.run.replace(Arc::clone(&run));
            (run, user, program, forgotten)
        };
        let runtime = Arc::clone(cx.runtime());
        run.start(cx, waits_for.place(), program, move |exit| {
            (exit, runtime.now())
        });
        Entered::Uses(user)
    }

    /// Whether a result is of use still. An interruption is none.
    fn keeps<R>(&self, cx: &Cx<R>, (exit, at): &(Exit<E, A>, Instant)) -> bool {
        let is_fresh = |ttl| cx.now().saturating_duration_since(*at) < ttl;
        !exit.is_interrupt() && self.ttl.is_none_or(is_fresh)
    }
}
