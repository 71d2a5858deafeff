//! Making: the fibers of a pool, which acquire its resources and release them, beside those who need them.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use parking_lot::Mutex;

use super::state::{Item, State};
use crate::fiber::{FiberState, TypedState};
use crate::program::Outcome;
use crate::scope::{Order, ScopeState};
use crate::{Cx, Effect, Env, Exit, Fiber, Never, Program, Scope, Value, from_exit, succeed};

/// What a pool knows of the effect that acquires its resources, and of where it runs.
pub(super) trait Maker<E, A>: Send + Sync {
    /// Acquires a resource on a fiber, which is interrupted when the pool closes.
    fn make(&self, pool: &Arc<State<E, A>>);
    /// Releases a resource on a fiber, which a pool that closes waits for.
    fn release(&self, pool: &Arc<State<E, A>>, item: Item<A>);
    /// Releases what nobody needs for too long, on a fiber that is interrupted when the pool closes.
    fn watch(&self, pool: &Arc<State<E, A>>);
    /// Those who make. They end first.
    fn makers(&self) -> &Arc<ScopeState>;
    /// Those who release.
    fn releasers(&self) -> &Arc<ScopeState>;
    /// The current time.
    fn now(&self) -> Instant;
}

pub(super) struct Making<R, P> {
    cx: Cx<R>,
    /// Where the pool was made: so are its fibers.
    place: &'static Location<'static>,
    /// Locked to be cloned: what is not `Sync` may be looked at by one at a time.
    acquire: Mutex<P>,
    makers: Arc<ScopeState>,
    releasers: Arc<ScopeState>,
}

impl<R: Env, P> Making<R, P> {
    pub(super) fn new(cx: &Cx<R>, acquire: P, place: &'static Location<'static>) -> Box<Self> {
        Box::new(Making {
            cx: cx.of_child(Arc::clone(cx.fiber())),
            place,
            acquire: Mutex::new(acquire),
            makers: ScopeState::new(Order::Parallel),
            releasers: ScopeState::new(Order::Parallel),
        })
    }
}

impl<R, P> Maker<P::Error, P::Value> for Making<R, P>
where
    R: Env,
    P: Program<R> + Clone,
    P::Error: fmt::Debug,
{
    fn make(&self, pool: &Arc<State<P::Error, P::Value>>) {
        let attempt = Attempt {
            pool: Arc::clone(pool),
            told: Arc::default(),
        };
        let make = Make {
            acquire: self.acquire.lock().clone(),
            pool: Arc::clone(pool),
            told: Arc::clone(&attempt.told),
        };
        // In a scope that is closed it is dropped, and tells that it has failed.
        let effect = Effect::<R, P::Error, (), _>::new(make);
        let end = move || attempt.end();
        drop(Fiber::fork_then(
            effect,
            &self.cx,
            &self.makers,
            self.place,
            end,
        ));
    }

    fn release(&self, pool: &Arc<State<P::Error, P::Value>>, item: Item<P::Value>) {
        let released = Released {
            pool: Arc::clone(pool),
        };
        let fiber = Fiber::<Never, ()>::apart(&self.cx, None, self.place);
        let untyped: Arc<FiberState> = Arc::<TypedState<_, _>>::clone(&fiber);
        if !untyped.enter_scope(&self.releasers) {
            return;
        }
        // With the fiber's own scope: it is closed even if the fiber is interrupted before it begins.
        untyped.scope().adopt(item.scope.state());
        drop(item.value);
        let nothing = succeed::<R, Never, _>(());
        let end = move || drop(released);
        drop(Fiber::start_then(&fiber, nothing, &self.cx, end));
    }

    fn watch(&self, pool: &Arc<State<P::Error, P::Value>>) {
        let watch = Watch {
            pool: Arc::clone(pool),
        };
        let effect = Effect::<R, Never, (), _>::new(watch);
        let end = || ();
        drop(Fiber::fork_then(
            effect,
            &self.cx,
            &self.makers,
            self.place,
            end,
        ));
    }

    fn makers(&self) -> &Arc<ScopeState> {
        &self.makers
    }

    fn releasers(&self) -> &Arc<ScopeState> {
        &self.releasers
    }

    fn now(&self) -> Instant {
        self.cx.now()
    }
}

/// An acquisition that counts until its fiber has ended. If nobody has told the pool how by then, it was interrupted.
struct Attempt<E, A> {
    pool: Arc<State<E, A>>,
    told: Arc<AtomicBool>,
}

impl<E, A> Attempt<E, A> {
    /// The fiber has ended: somebody may still wait for what it did not make.
    fn end(self) {
        if !self.told.swap(true, Ordering::Relaxed) {
            State::not_made(&self.pool, None);
        }
    }
}

impl<E, A> Drop for Attempt<E, A> {
    fn drop(&mut self) {
        // Dropped with its runtime: there is nobody to try it again.
        if !self.told.load(Ordering::Relaxed) {
            self.pool.never_made();
        }
    }
}

/// A resource that counts until the fiber has ended which releases it.
struct Released<E, A> {
    pool: Arc<State<E, A>>,
}

impl<E, A> Drop for Released<E, A> {
    fn drop(&mut self) {
        State::released(&self.pool);
    }
}

/// Acquires a resource in a scope of its own.
struct Make<E, A, P> {
    acquire: P,
    pool: Arc<State<E, A>>,
    told: Arc<AtomicBool>,
}

impl<R, P> Program<R> for Make<P::Error, P::Value, P>
where
    R: Env,
    P: Program<R>,
{
    type Error = P::Error;
    type Value = ();

    async fn run(self, cx: &Cx<R>) -> Outcome<R, Self> {
        // Inside of the fiber's own scope: what is acquired when this is interrupted is released with the fiber.
        let scope = cx.scope().fork();
        let acquire = Effect::<R, P::Error, P::Value, P>::new(self.acquire);
        let Ok(exit) = cx.run(acquire.in_scope(&scope).exit()).await;
        let cause = match exit {
            Exit::Success(value) => {
                // In one step: the resource and its scope are the pool's now.
                let scope = Scope::of(scope.state().split(None));
                self.told.store(true, Ordering::Relaxed);
                State::made(&self.pool, Item { value, scope });
                return Ok(());
            }
            Exit::Failure(cause) => cause,
        };
        // What was acquired before it failed is released first: there is room again after that.
        let Ok(()) = cx.run(scope.close()).await;
        self.told.store(true, Ordering::Relaxed);
        match State::not_made(&self.pool, Some(cause)) {
            None => Ok(()),
            // Nobody has heard of it: it is reported as of any fiber.
            Some(cause) => cx.run(from_exit(Exit::Failure(cause))).await,
        }
    }
}

/// Releases what nobody has needed for too long.
struct Watch<E, A> {
    pool: Arc<State<E, A>>,
}

impl<R: Env, E: Value, A: Value> Program<R> for Watch<E, A> {
    type Error = Never;
    type Value = ();

    async fn run(self, cx: &Cx<R>) -> Result<(), Never> {
        loop {
            match State::expire(&self.pool, cx.now()) {
                Some(next) => cx.sleep(next.saturating_duration_since(cx.now())).await,
                None => self.pool.surplus().await,
            }
        }
    }
}
