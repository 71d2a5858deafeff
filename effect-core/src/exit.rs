//! How an effect ended, seen from outside.

use crate::{Cause, Defect};

/// How a fiber, or an effect under [`exit`](crate::Effect::exit), ended.
///
/// # Examples
///
/// ```
/// use effect_core::{fail, Cause, Exit};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let exit: Exit<&str, ()> = fail("no route").run_exit().await;
/// assert_eq!(exit, Exit::Failure(Cause::fail("no route")));
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "an exit may be a failure"]
pub enum Exit<E, A> {
    /// It succeeded.
    Success(A),
    /// It failed, died or was interrupted.
    Failure(Cause<E>),
}

impl<E, A> Exit<E, A> {
    /// Joins a result with the defects of finalizers that ran after it: the result stays the primary
    /// reason, and a defect makes a success a failure.
    pub(crate) fn from_result(result: Result<A, E>, defects: Vec<Defect>) -> Self {
        match result {
            Ok(value) => match with_defects(None, defects) {
                Some(cause) => Exit::Failure(cause),
                None => Exit::Success(value),
            },
            Err(error) => Exit::from_cause(Cause::fail(error), defects),
        }
    }

    pub(crate) fn from_cause(cause: Cause<E>, defects: Vec<Defect>) -> Self {
        match with_defects(Some(cause), defects) {
            Some(cause) => Exit::Failure(cause),
            None => unreachable!("there is a cause to begin with"),
        }
    }

    /// Whether it succeeded.
    pub fn is_success(&self) -> bool {
        matches!(self, Exit::Success(_))
    }

    /// Whether interruption ended it, and nothing else went wrong.
    pub fn is_interrupt(&self) -> bool {
        self.cause().is_some_and(Cause::is_interrupt)
    }

    /// The value it succeeded with.
    pub fn value(&self) -> Option<&A> {
        match self {
            Exit::Success(value) => Some(value),
            Exit::Failure(_) => None,
        }
    }

    /// Why it failed.
    pub fn cause(&self) -> Option<&Cause<E>> {
        match self {
            Exit::Success(_) => None,
            Exit::Failure(cause) => Some(cause),
        }
    }

    /// Turns the exit into a result that keeps the whole cause.
    ///
    /// # Errors
    ///
    /// The cause of the failure.
    pub fn into_result(self) -> Result<A, Cause<E>> {
        match self {
            Exit::Success(value) => Ok(value),
            Exit::Failure(cause) => Err(cause),
        }
    }
}

/// Appends the defects of finalizers to a cause, if there is either.
fn with_defects<E>(cause: Option<Cause<E>>, defects: Vec<Defect>) -> Option<Cause<E>> {
    defects
        .into_iter()
        .map(Cause::die)
        .fold(cause, |cause, later| match cause {
            Some(cause) => Some(cause.and(later)),
            None => Some(later),
        })
}
