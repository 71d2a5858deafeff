//! Starting a fiber: a child, one that ends with a scope, or one that is nobody's child.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use super::{ExitSlot, Fiber, FiberRef, FiberState, TypedState, untyped, watched_task};
use crate::scope::ScopeState;
use crate::{Cx, Effect, Env, Program, Value, driver};

impl<E: Value, A: Value> Fiber<E, A> {
    pub(crate) fn fork<R, P>(
        effect: Effect<R, E, A, P>,
        cx: &Cx<R>,
        name: Option<Arc<str>>,
        place: &'static Location<'static>,
    ) -> Self
    where
        R: Env,
        P: Program<R, Error = E, Value = A>,
        E: fmt::Debug,
    {
        let state = FiberState::child(cx.fiber(), name, place, ExitSlot::new());
        Fiber::start(&state, effect, cx)
    }

    pub(crate) fn fork_in<R, P>(
        effect: Effect<R, E, A, P>,
        cx: &Cx<R>,
        scope: &Arc<ScopeState>,
        name: Option<Arc<str>>,
        place: &'static Location<'static>,
    ) -> Self
    where
        R: Env,
        P: Program<R, Error = E, Value = A>,
        E: fmt::Debug,
    {
        let state = Fiber::apart(cx, name, place);
        let untyped = untyped(&state);
        if !untyped.enter_scope(scope) {
            untyped.interrupt(None);
        }
        untyped.observe_begun();
        Fiber::start(&state, effect, cx)
    }

    pub(crate) fn detach<R, P>(
        effect: Effect<R, E, A, P>,
        cx: &Cx<R>,
        name: Option<Arc<str>>,
        place: &'static Location<'static>,
    ) -> Self
    where
        R: Env,
        P: Program<R, Error = E, Value = A>,
        E: fmt::Debug,
    {
        let state = Fiber::apart(cx, name, place);
        let untyped = untyped(&state);
        untyped.observe_begun();
        let child = cx.of_child(Arc::clone(&untyped));
        let task = driver::drive_child(effect.program, child, Arc::clone(&state));
        let task = watched_task(&untyped, Box::pin(task));
        cx.runtime().spawn_detached(FiberRef::new(&untyped), task);
        Fiber { state: Some(state) }
    }

    /// A fiber that is nobody's child and has not begun. To be called with no lock held.
    pub(crate) fn apart<R>(
        cx: &Cx<R>,
        name: Option<Arc<str>>,
        place: &'static Location<'static>,
    ) -> Arc<TypedState<E, A>>
    where
        E: fmt::Debug,
    {
        FiberState::apart(cx.runtime(), name, place, ExitSlot::new())
    }

    /// Has a fiber that has not begun end with a scope, at the latest. False if the scope is closed.
    pub(crate) fn enter_scope(state: &Arc<TypedState<E, A>>, scope: &Arc<ScopeState>) -> bool {
        untyped(state).enter_scope(scope)
    }

    /// Starts a fiber.
    fn start<R, P>(state: &Arc<TypedState<E, A>>, effect: Effect<R, E, A, P>, cx: &Cx<R>) -> Self
    where
        R: Env,
        P: Program<R, Error = E, Value = A>,
    {
        let untyped = untyped(state);
        let child = cx.of_child(Arc::clone(&untyped));
        let task = driver::drive_child(effect.program, child, Arc::clone(state));
        match cx.runtime().as_tokio() {
            Some(tokio) if !state.is_watched() => tokio.spawn_unboxed(task),
            _ => {
                let task = watched_task(&untyped, Box::pin(task));
                cx.runtime().spawn(task);
            }
        }
        Fiber {
            state: Some(Arc::clone(state)),
        }
    }

    /// Starts a fiber that is in a scope, and calls a function when its task has ended: not if that is dropped.
    pub(crate) fn start_then<R, P, F>(
        state: &Arc<TypedState<E, A>>,
        effect: Effect<R, E, A, P>,
        cx: &Cx<R>,
        then: F,
    ) -> Self
    where
        R: Env,
        P: Program<R, Error = E, Value = A>,
        F: FnOnce() + Value,
    {
        let untyped = untyped(state);
        untyped.observe_begun();
        let child = cx.of_child(Arc::clone(&untyped));
        let task = driver::drive_child(effect.program, child, Arc::clone(state));
        let task = Box::pin(async move {
            task.await;
            then();
        });
        cx.runtime().spawn(watched_task(&untyped, task));
        Fiber {
            state: Some(Arc::clone(state)),
        }
    }

    /// Forks an effect into a scope unless that is closed, and calls a function when its task has ended: not if that is
    /// dropped.
    pub(crate) fn fork_then<R, P, F>(
        effect: Effect<R, E, A, P>,
        cx: &Cx<R>,
        scope: &Arc<ScopeState>,
        place: &'static Location<'static>,
        then: F,
    ) -> Option<Self>
    where
        R: Env,
        P: Program<R, Error = E, Value = A>,
        E: fmt::Debug,
        F: FnOnce() + Value,
    {
        let state = Fiber::apart(cx, None, place);
        Fiber::enter_scope(&state, scope).then(|| Fiber::start_then(&state, effect, cx, then))
    }
}
