//! Why an effect failed: a flat list of reasons, of which the first is the primary one.

use std::fmt;

use smallvec::SmallVec;

use crate::fiber::Interrupters;
use crate::{Defect, FiberId};

/// One reason for a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason<E> {
    /// A typed failure: part of the contract.
    Fail(E),
    /// A defect: a bug, seen as a panic.
    Die(Defect),
    /// An interruption from outside, and the fiber that asked for it, where one did.
    Interrupt(Option<FiberId>),
}

/// Why an effect failed: the primary reason, and whatever went wrong after it.
///
/// The list is flat, in the order in which things went wrong: an effect that fails with `E` and whose
/// finalizers then panic has the reasons `Fail(E)`, `Die`, `Die`. Trees, which other systems use here,
/// overflow the stack when they are deep and are hard to read when they are not.
///
/// # Examples
///
/// ```
/// use effect_core::{Cause, Defect};
///
/// let cause = Cause::fail("disk full").and(Cause::die(Defect::new("release panicked")));
/// assert_eq!(cause.failure(), Some(&"disk full"));
/// assert!(cause.is_die());
/// assert!(cause.to_string().starts_with("failed: disk full; then died: release panicked"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause<E> {
    // Never empty.
    reasons: SmallVec<[Reason<E>; 1]>,
}

impl<E> Cause<E> {
    fn one(reason: Reason<E>) -> Self {
        let mut reasons = SmallVec::new();
        reasons.push(reason);
        Cause { reasons }
    }

    /// Creates the cause of a typed failure.
    pub fn fail(error: E) -> Self {
        Cause::one(Reason::Fail(error))
    }

    /// Creates the cause of a defect.
    pub fn die(defect: Defect) -> Self {
        Cause::one(Reason::Die(defect))
    }

    /// Creates the cause of an interruption, by the given fiber where one asked for it.
    pub fn interrupt(by: Option<FiberId>) -> Self {
        Cause::one(Reason::Interrupt(by))
    }

    /// Creates the cause of an interruption by several, of whom there is at least one.
    pub(crate) fn interrupts(by: Interrupters) -> Self {
        Cause {
            reasons: by.into_iter().map(Reason::Interrupt).collect(),
        }
    }

    /// Adds what went wrong afterwards.
    #[must_use]
    pub fn and(mut self, later: Cause<E>) -> Self {
        self.reasons.extend(later.reasons);
        self
    }

    /// The reason that came first.
    pub fn primary(&self) -> &Reason<E> {
        &self.reasons[0]
    }

    /// All reasons, in the order in which they came.
    pub fn reasons(&self) -> &[Reason<E>] {
        &self.reasons
    }

    /// The first typed failure.
    pub fn failure(&self) -> Option<&E> {
        self.reasons.iter().find_map(|reason| match reason {
            Reason::Fail(error) => Some(error),
            _ => None,
        })
    }

    /// The first defect.
    pub fn defect(&self) -> Option<&Defect> {
        self.defects().next()
    }

    /// All defects, in the order in which they came.
    pub fn defects(&self) -> impl Iterator<Item = &Defect> {
        self.reasons.iter().filter_map(|reason| match reason {
            Reason::Die(defect) => Some(defect),
            _ => None,
        })
    }

    /// Whether any reason is a defect. Such a cause is never taken for a typed failure.
    pub fn is_die(&self) -> bool {
        self.defect().is_some()
    }

    /// Whether interruption is all that happened.
    pub fn is_interrupt(&self) -> bool {
        self.reasons
            .iter()
            .all(|reason| matches!(reason, Reason::Interrupt(_)))
    }

    /// Takes the typed failure out of a cause that has no defect and no interruption in it.
    ///
    /// # Errors
    ///
    /// The cause itself, if it is more than typed failures.
    pub fn into_failure(self) -> Result<E, Cause<E>> {
        if !self
            .reasons
            .iter()
            .all(|reason| matches!(reason, Reason::Fail(_)))
        {
            return Err(self);
        }
        match self.reasons.into_iter().next() {
            Some(Reason::Fail(error)) => Ok(error),
            _ => unreachable!("a cause has a reason, and all of its reasons are failures"),
        }
    }

    /// The reasons, in order. There is at least one.
    pub(crate) fn into_reasons(self) -> impl Iterator<Item = Reason<E>> {
        self.reasons.into_iter()
    }

    /// Transforms the typed failures.
    pub fn map<E2>(self, mut f: impl FnMut(E) -> E2) -> Cause<E2> {
        let reasons = self.reasons.into_iter().map(|reason| match reason {
            Reason::Fail(error) => Reason::Fail(f(error)),
            Reason::Die(defect) => Reason::Die(defect),
            Reason::Interrupt(by) => Reason::Interrupt(by),
        });
        Cause {
            reasons: reasons.collect(),
        }
    }
}

impl<E: fmt::Display> fmt::Display for Cause<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, reason) in self.reasons.iter().enumerate() {
            if i > 0 {
                f.write_str("; then ")?;
            }
            match reason {
                Reason::Fail(error) => write!(f, "failed: {error}")?,
                Reason::Die(defect) => write!(f, "died: {defect}")?,
                Reason::Interrupt(Some(by)) => write!(f, "interrupted by {by}")?,
                Reason::Interrupt(None) => f.write_str("interrupted")?,
            }
        }
        Ok(())
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for Cause<E> {}
