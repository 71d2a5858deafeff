//! Running an effect for a key: it takes the key's seat, and begins when those before it have ended.

use std::fmt;
use std::sync::Arc;

use futures::future::FutureExt;
use tokio::sync::OwnedSemaphorePermit;

use super::{FiberMap, Fibers, MapState, RunIfMissingError, Seat};
use crate::fiber::{FiberState, TypedState};
use crate::fiber_set::FiberSetClosed;
use crate::fiber_set::crew::Member;
use crate::mask::Masked;
use crate::opaque_debug::opaque_debug;
use crate::program::{self, Outcome};
use crate::{Cx, Effect, Env, Fiber, Program, Value, WaitsFor};

/// Leaves the seat of a key when its fiber has ended.
struct Seated<K: Ord> {
    map: Arc<MapState<K>>,
    key: K,
    number: u64,
    _inside: (Member, Arc<OwnedSemaphorePermit>),
}

impl<K: Ord> Drop for Seated<K> {
    fn drop(&mut self) {
        let mut fibers = self.map.fibers.lock();
        let is_ours = fibers
            .by_key
            .get(&self.key)
            .is_some_and(|seat| seat.number == self.number);
        let left = is_ours.then(|| fibers.by_key.remove(&self.key));
        drop(fibers);
        drop(left);
    }
}

/// Runs a program once other fibers have ended. Interrupted meanwhile, it still ends after them.
struct After<P> {
    before: Vec<Arc<FiberState>>,
    program: P,
    waits_for: WaitsFor,
}

impl<R: Env, P: Program<R>> Program<R> for After<P> {
    type Error = P::Error;
    type Value = P::Value;

    async fn run(self, cx: &Cx<R>) -> Outcome<R, Self> {
        if !self.before.is_empty() {
            let all = async move {
                for fiber in self.before {
                    fiber.ended(self.waits_for).await;
                }
            };
            Masked::plain(cx, all.boxed()).await;
        }
        program::run(self.program, cx).await
    }
}

/// What is to be run for a key.
#[derive(Clone)]
pub(super) struct Run<K, P> {
    pub(super) map: FiberMap<K>,
    pub(super) key: K,
    pub(super) program: P,
    pub(super) waits_for: WaitsFor,
}

impl<K: Value + Sync + Clone + Ord, P> Run<K, P> {
    async fn run<R>(
        self,
        cx: &Cx<R>,
        may_replace: bool,
    ) -> Result<Fiber<P::Error, P::Value>, RunIfMissingError>
    where
        R: Env,
        P: Program<R>,
        P::Error: fmt::Debug,
    {
        let state = self.map.state;
        if state.crew.is_closed() {
            return Err(RunIfMissingError::Closed);
        }
        let permit_of = |fibers: &Fibers<K>| {
            let seat = fibers.by_key.get(&self.key)?;
            Some(Arc::clone(&seat.permit))
        };
        let found = permit_of(&state.fibers.lock());
        let ours = match found {
            Some(_) if !may_replace => return Err(RunIfMissingError::Running),
            Some(permit) => permit,
            None => {
                let permit = state.crew.room(self.waits_for).await;
                Arc::new(permit.map_err(|FiberSetClosed| RunIfMissingError::Closed)?)
            }
        };
        let joined = state.crew.join();
        let member = joined.map_err(|FiberSetClosed| RunIfMissingError::Closed)?;
        // Before the lock is taken: whoever watches fibers is told of it.
        let typed = Fiber::<P::Error, P::Value>::apart(cx, None, self.waits_for.place());
        let fiber: Arc<FiberState> = Arc::<TypedState<_, _>>::clone(&typed);
        // From here on in one step: who is interrupted has started nothing, or all of it.
        let seated = {
            let mut fibers = state.fibers.lock();
            // Somebody may have come first meanwhile.
            let found = permit_of(&fibers);
            if found.is_some() && !may_replace {
                return Err(RunIfMissingError::Running);
            }
            if !fiber.enter_scope(state.crew.scope()) {
                return Err(RunIfMissingError::Closed);
            }
            fibers.seats_taken += 1;
            // A clone: the last of one that nobody needs must not be dropped under the lock.
            let (number, permit) = (
                fibers.seats_taken,
                found.unwrap_or_else(|| Arc::clone(&ours)),
            );
            let seat = Seat {
                number,
                fiber: Arc::clone(&fiber),
                before: Vec::new(),
                permit: Arc::clone(&permit),
            };
            let replaced = fibers.by_key.insert(self.key.clone(), seat);
            let before = replaced.map_or_else(Vec::new, |seat| {
                let all = seat.before.into_iter().chain([seat.fiber]);
                all.filter(|fiber| !fiber.is_done()).collect()
            });
            let seat = fibers.by_key.get_mut(&self.key).expect("it is there");
            seat.before.clone_from(&before);
            (before, number, permit)
        };
        drop(ours);
        let (before, number, permit) = seated;
        for replaced in &before {
            replaced.interrupt(Some(cx.fiber_id()));
        }
        let seated = Seated {
            map: Arc::clone(&state),
            key: self.key,
            number,
            _inside: (member, permit),
        };
        let program = After {
            before,
            program: self.program,
            waits_for: self.waits_for,
        };
        let leave = move || drop(seated);
        Ok(Fiber::start_then(&typed, Effect::new(program), cx, leave))
    }
}

/// The program of [`FiberMap::run`].
#[derive(Clone)]
pub struct RunByKey<K, P>(pub(super) Run<K, P>);

impl<R, K, P> Program<R> for RunByKey<K, P>
where
    R: Env,
    K: Value + Sync + Clone + Ord,
    P: Program<R>,
    P::Error: fmt::Debug,
{
    type Error = FiberSetClosed;
    type Value = Fiber<P::Error, P::Value>;

    async fn run(self, cx: &Cx<R>) -> Outcome<R, Self> {
        self.0.run(cx, true).await.map_err(|_| FiberSetClosed)
    }
}

/// The program of [`FiberMap::run_if_missing`].
#[derive(Clone)]
pub struct RunIfMissing<K, P>(pub(super) Run<K, P>);

impl<R, K, P> Program<R> for RunIfMissing<K, P>
where
    R: Env,
    K: Value + Sync + Clone + Ord,
    P: Program<R>,
    P::Error: fmt::Debug,
{
    type Error = RunIfMissingError;
    type Value = Fiber<P::Error, P::Value>;

    async fn run(self, cx: &Cx<R>) -> Outcome<R, Self> {
        self.0.run(cx, false).await
    }
}

opaque_debug!(RunByKey<K, P>, RunIfMissing<K, P>);
