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
    /// Adds the defects of finalizers that ran later: what is there stays the primary reason, and a defect
    /// makes a success a failure.
    #[inline]
    pub(crate) fn with_defects(self, defects: Vec<Defect>) -> Self {
        if defects.is_empty() {
            return self;
        }
        defects
            .into_iter()
            .map(|defect| Cause::die(defect).in_finalizer())
            .fold(self, |exit, later| {
                Exit::Failure(match exit {
                    Exit::Success(_) => later,
                    Exit::Failure(cause) => cause.and(later),
                })
            })
    }

    /// What is left of the exit without its value and its errors: success, or the reasons of a failure.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{Cause, Exit};
    ///
    /// assert_eq!(Exit::<&str, u8>::Success(1).as_unit(), Exit::Success(()));
    /// let failed: Exit<_, u8> = Exit::Failure(Cause::fail("no route"));
    /// assert_eq!(failed.as_unit(), Exit::Failure(Cause::fail(())));
    /// ```
    pub fn as_unit(&self) -> Exit<(), ()> {
        match self {
            Exit::Success(_) => Exit::Success(()),
            Exit::Failure(cause) => Exit::Failure(cause.as_unit()),
        }
    }

    /// Whether it succeeded.
    pub fn is_success(&self) -> bool {
        matches!(self, Exit::Success(_))
    }

    /// Whether interruption ended it, and nothing else went wrong.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, never, Cx, Never};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let body = effect(async |cx: Cx<()>| {
    ///     let fiber = cx.fork(never::<_, Never, ()>());
    ///     cx.run(fiber.interrupt()).await
    /// });
    /// assert!(body.await.unwrap().is_interrupt());
    /// # }
    /// ```
    pub fn is_interrupt(&self) -> bool {
        self.cause().is_some_and(Cause::is_interrupt)
    }

    /// The value it succeeded with.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{Cause, Exit};
    ///
    /// assert_eq!(Exit::<&str, _>::Success(42).value(), Some(&42));
    /// assert_eq!(Exit::<_, u8>::Failure(Cause::fail("no route")).value(), None);
    /// ```
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
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{Cause, Exit};
    ///
    /// assert_eq!(Exit::<&str, _>::Success(42).into_result(), Ok(42));
    /// let failed = Exit::<_, u8>::Failure(Cause::fail("no route"));
    /// assert_eq!(failed.into_result(), Err(Cause::fail("no route")));
    /// ```
    pub fn into_result(self) -> Result<A, Cause<E>> {
        match self {
            Exit::Success(value) => Ok(value),
            Exit::Failure(cause) => Err(cause),
        }
    }
}

impl<E, A> From<Result<A, E>> for Exit<E, A> {
    fn from(result: Result<A, E>) -> Self {
        match result {
            Ok(value) => Exit::Success(value),
            Err(error) => Exit::Failure(Cause::fail(error)),
        }
    }
}
