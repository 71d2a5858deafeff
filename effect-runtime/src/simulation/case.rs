//! A case: a program to be simulated, and what has to hold when it has ended.

use std::fmt;
use std::sync::Arc;

use effect_core::{Cause, Effect, Exit, Program, Runtime, Value};
use futures::future::BoxFuture;

use super::trial::is_planned;

/// A program to be simulated, and what has to hold when it has ended.
///
/// # Examples
///
/// ```
/// use effect_core::{succeed, Exit, Never};
/// use effect_runtime::simulation::Case;
///
/// let case = Case::new(succeed::<_, Never, _>(1)).check(|exit| {
///     // There is no exit if the plan has dropped the run.
///     assert!(exit.is_none_or(|exit| exit.is_interrupt() || exit == Exit::Success(1)));
/// });
/// # drop(case);
/// ```
#[must_use = "a case is simulated by a `Sim`"]
pub struct Case<E, A> {
    pub(super) start: Start<E, A>,
    pub(super) check: Box<dyn FnOnce(Option<Exit<E, A>>)>,
}

/// Gives the future of the program on a runtime.
type Start<E, A> = Box<dyn FnOnce(Arc<dyn Runtime>) -> BoxFuture<'static, Exit<E, A>>>;

impl<E: Value, A: Value> Case<E, A> {
    /// A program of which nothing is asked but what is asked of all: that it ends, and leaves nothing behind. And that it
    /// does not die of a panic that was not [planned](super::Trial::fault_point), unless something else is asked.
    pub fn new<P>(effect: Effect<(), E, A, P>) -> Self
    where
        P: Program<(), Error = E, Value = A>,
    {
        Case {
            start: Box::new(move |runtime| Box::pin(effect.run_on(runtime))),
            check: Box::new(has_not_died),
        }
    }

    /// Says what has to hold of the exit, by assertions. There is no exit if the plan has dropped the run.
    pub fn check(self, check: impl FnOnce(Option<Exit<E, A>>) + 'static) -> Self {
        Case {
            check: Box::new(check),
            ..self
        }
    }
}

/// Asserts that a program has not died of anything that was not planned.
fn has_not_died<E, A>(exit: Option<Exit<E, A>>) {
    let cause = exit.as_ref().and_then(Exit::cause);
    let mut defects = cause.into_iter().flat_map(Cause::defects);
    if let Some(defect) = defects.find(|defect| !is_planned(defect.message())) {
        panic!("it dies: {defect}");
    }
}

impl<E, A> fmt::Debug for Case<E, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case").finish_non_exhaustive()
    }
}
