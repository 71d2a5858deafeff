//! Why an effect failed: a flat list of reasons, of which the first is the primary one.

use std::fmt;

use smallvec::SmallVec;

use crate::fiber::Interrupters;
use crate::trace::Trace;
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

/// When a reason came up, seen from what failed.
///
/// # Examples
///
/// ```
/// use effect_core::{fail, sync, Phase};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let task = fail::<_, _, ()>("disk full").ensuring(sync(|| panic!("not closed")));
/// let exit = task.run_exit().await;
/// let phases: Vec<Phase> = exit.cause().unwrap().phases().collect();
/// assert_eq!(phases, [Phase::Body, Phase::Finalizer]);
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// While the effect itself ran.
    #[default]
    Body,
    /// While it was cleaned up after.
    Finalizer,
    /// Beside it, in what ran at the same time.
    Parallel,
}

/// Why an effect failed: the primary reason, and whatever went wrong after it.
///
/// The list is flat, in the order in which things went wrong: an effect that fails with `E` and whose
/// finalizers then panic has the reasons `Fail(E)`, `Die`, `Die`, and the [phases](Cause::phases) tell them
/// apart. Trees, which other systems use here, overflow the stack when they are deep and are hard to read when
/// they are not.
///
/// Printed plainly, a cause is one line; printed with `{:#}`, it has a line for each reason, and the
/// [trace](Cause::trace) of the first. Two causes are equal when they have the same reasons in the same phases,
/// wherever these were raised.
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
#[derive(Clone)]
pub struct Cause<E> {
    // Never empty.
    reasons: SmallVec<[Reason<E>; 1]>,
    // Boxed, because every exit has room for it, and most causes are one reason of the body.
    details: Option<Box<Details>>,
}

/// What is known of a cause besides its reasons.
#[derive(Clone, Default)]
struct Details {
    /// The phases of the first reasons; those of the rest are [`Phase::Body`].
    phases: SmallVec<[Phase; 4]>,
    trace: Option<Trace>,
}

impl<E> Cause<E> {
    fn one(reason: Reason<E>) -> Self {
        let mut reasons = SmallVec::new();
        reasons.push(reason);
        Cause {
            reasons,
            details: None,
        }
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
            details: None,
        }
    }

    /// Adds what went wrong afterwards. What is there stays the primary reason.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{Cause, Reason};
    ///
    /// let cause = Cause::fail("no route").and(Cause::fail("no time"));
    /// assert_eq!(cause.primary(), &Reason::Fail("no route"));
    /// assert_eq!(cause.to_string(), "failed: no route; then failed: no time");
    /// ```
    #[must_use]
    pub fn and(mut self, later: Cause<E>) -> Self {
        if later.has_phases() {
            let before = self.reasons.len();
            let phases = &mut self.details.get_or_insert_default().phases;
            phases.resize(before, Phase::Body);
            phases.extend(later.phases());
        }
        self.reasons.extend(later.reasons);
        self
    }

    /// Adds what went wrong at the same time, in another branch. What is there stays the primary reason.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::Cause;
    ///
    /// let both = Cause::fail("left").both(Cause::fail("right"));
    /// assert_eq!(both.failures().collect::<Vec<_>>(), [&"left", &"right"]);
    /// assert_eq!(both.to_string(), "failed: left; in parallel failed: right");
    /// ```
    #[must_use]
    pub fn both(self, beside: Cause<E>) -> Self {
        // The finalizers of the other branch are that still.
        self.and(beside.in_phase(Phase::Parallel))
    }

    /// Says of all that went wrong that it did so during the clean-up.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{Cause, Phase};
    ///
    /// let cause = Cause::fail("body").and(Cause::fail("release").in_finalizer());
    /// assert_eq!(cause.phases().last(), Some(Phase::Finalizer));
    /// ```
    #[must_use]
    pub fn in_finalizer(self) -> Self {
        self.in_phase(Phase::Finalizer)
    }

    /// Moves what went wrong in the body into another phase.
    fn in_phase(mut self, phase: Phase) -> Self {
        let moved = self.phases().map(|known| match known {
            Phase::Body => phase,
            known => known,
        });
        let moved = moved.collect();
        self.details.get_or_insert_default().phases = moved;
        self
    }

    fn has_phases(&self) -> bool {
        let details = self.details.as_ref();
        details.is_some_and(|details| !details.phases.is_empty())
    }

    /// Says where the primary reason was raised.
    pub(crate) fn traced(mut self, trace: Trace) -> Self {
        self.details.get_or_insert_default().trace = Some(trace);
        self
    }

    /// Where the primary reason was raised, and on which fiber, as far as that is known. A fiber that fails or
    /// dies leaves it, and so does [`exit`](crate::Effect::exit).
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::fail;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (line, effect) = (line!(), fail::<_, _, ()>("no route"));
    /// let exit = effect.run_exit().await;
    /// let trace = exit.cause().unwrap().trace().unwrap();
    /// assert_eq!(trace.place().unwrap().line(), line);
    /// # }
    /// ```
    pub fn trace(&self) -> Option<&Trace> {
        self.details.as_ref()?.trace.as_ref()
    }

    /// The phases in which the [reasons](Cause::reasons) came up, one for each.
    pub fn phases(&self) -> impl Iterator<Item = Phase> {
        let known = self
            .details
            .as_ref()
            .map_or(&[][..], |details| &details.phases);
        let rest = std::iter::repeat_n(Phase::Body, self.reasons.len() - known.len());
        known.iter().copied().chain(rest)
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
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::Cause;
    ///
    /// assert_eq!(Cause::fail("no route").failure(), Some(&"no route"));
    /// assert_eq!(Cause::<&str>::interrupt(None).failure(), None);
    /// ```
    pub fn failure(&self) -> Option<&E> {
        self.failures().next()
    }

    /// All typed failures, in the order in which they came.
    pub fn failures(&self) -> impl Iterator<Item = &E> {
        self.reasons.iter().filter_map(|reason| match reason {
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
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::Cause;
    ///
    /// assert!(Cause::<&str>::interrupt(None).is_interrupt());
    /// assert!(!Cause::interrupt(None).and(Cause::fail("no route")).is_interrupt());
    /// ```
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
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::Cause;
    ///
    /// assert_eq!(Cause::fail("no route").into_failure(), Ok("no route"));
    /// assert!(Cause::fail("no route").and(Cause::interrupt(None)).into_failure().is_err());
    /// ```
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

    /// The reasons without the typed errors: that there was one is left.
    pub(crate) fn as_unit(&self) -> Cause<()> {
        let reasons = self.reasons.iter().map(|reason| match reason {
            Reason::Fail(_) => Reason::Fail(()),
            Reason::Die(defect) => Reason::Die(defect.clone()),
            Reason::Interrupt(by) => Reason::Interrupt(*by),
        });
        Cause {
            reasons: reasons.collect(),
            details: self.details.clone(),
        }
    }

    /// Transforms the typed failures.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::Cause;
    ///
    /// assert_eq!(Cause::fail("four").map(str::len), Cause::fail(4));
    /// ```
    pub fn map<E2>(self, mut f: impl FnMut(E) -> E2) -> Cause<E2> {
        let reasons = self.reasons.into_iter().map(|reason| match reason {
            Reason::Fail(error) => Reason::Fail(f(error)),
            Reason::Die(defect) => Reason::Die(defect),
            Reason::Interrupt(by) => Reason::Interrupt(by),
        });
        Cause {
            reasons: reasons.collect(),
            details: self.details,
        }
    }
}

// Where it was raised does not count: the same program is the same, whoever wrote it down where.
impl<E: PartialEq> PartialEq for Cause<E> {
    fn eq(&self, other: &Self) -> bool {
        self.reasons == other.reasons && self.phases().eq(other.phases())
    }
}

impl<E: Eq> Eq for Cause<E> {}

impl<E: fmt::Debug> fmt::Debug for Cause<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Cause");
        debug.field("reasons", &self.reasons);
        if self.has_phases() {
            debug.field("phases", &self.phases().collect::<SmallVec<[Phase; 4]>>());
        }
        if let Some(trace) = self.trace() {
            debug.field("trace", trace);
        }
        debug.finish()
    }
}

impl<E: fmt::Display> fmt::Display for Reason<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Fail(error) => write!(f, "failed: {error}"),
            Reason::Die(defect) => write!(f, "died: {defect}"),
            Reason::Interrupt(Some(by)) => write!(f, "interrupted by {by}"),
            Reason::Interrupt(None) => f.write_str("interrupted"),
        }
    }
}

impl<E: fmt::Display> fmt::Display for Cause<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = f.alternate();
        for (i, (reason, phase)) in self.reasons.iter().zip(self.phases()).enumerate() {
            if i > 0 {
                f.write_str(if lines { "\n" } else { "; " })?;
            }
            match phase {
                Phase::Body if i == 0 => {}
                Phase::Body => f.write_str("then ")?,
                Phase::Finalizer if lines => f.write_str(match i {
                    0 => "a finalizer ",
                    _ => "then a finalizer ",
                })?,
                Phase::Finalizer if i == 0 => {}
                Phase::Finalizer => f.write_str("then ")?,
                Phase::Parallel => f.write_str("in parallel ")?,
            }
            write!(f, "{reason}")?;
            if let Some(trace) = self.trace().filter(|_| lines && i == 0) {
                write!(f, "{trace}")?;
            }
        }
        Ok(())
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for Cause<E> {}
