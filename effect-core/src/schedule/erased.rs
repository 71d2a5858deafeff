//! Schedules whose type says nothing of what they are made of.

use std::sync::Arc;

use super::moment::{Decision, Moment};
use super::{Recurrence, Schedule};
use crate::opaque_debug::opaque_debug;
use crate::stack::{Nested, on_enough_stack};

/// # Erasing
impl<Out: 'static, S> Schedule<Out, S> {
    /// Forgets what the schedule is made of, so that it can be named in a signature or a struct.
    ///
    /// It takes any input, so it cannot be one that looks at its input; for that, there is
    /// [`erase_for`](Schedule::erase_for). A run by it allocates once, and each decision is a virtual call. One may be in the
    /// next as deep as memory goes.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::Schedule;
    /// use std::time::Duration;
    ///
    /// struct Settings {
    ///     retries: Schedule,
    /// }
    ///
    /// let settings = Settings { retries: Schedule::spaced(Duration::from_secs(1)).times(3).erase() };
    /// assert_eq!(settings.retries.preview(10).len(), 3);
    /// ```
    pub fn erase(self) -> Schedule<Out>
    where
        S: Recurrence<(), Output = Out>,
    {
        self.wrap(|schedule| AnyInput {
            steps: Erased::new(schedule),
        })
    }

    /// Forgets what a schedule is made of that looks at its input, but not what input that is.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{Moment, Schedule, ScheduleFor};
    /// use std::io::{Error, ErrorKind};
    /// use std::time::Duration;
    ///
    /// fn when_busy() -> ScheduleFor<Error> {
    ///     Schedule::recurs(3).while_input(|error: &Error| error.kind() == ErrorKind::WouldBlock).erase_for()
    /// }
    /// let mut driver = when_busy().start();
    /// let missing = Error::from(ErrorKind::NotFound);
    /// assert!(driver.decide(Moment::at(Duration::ZERO), &missing).delay.is_none());
    /// ```
    pub fn erase_for<In: 'static>(self) -> ScheduleFor<In, Out>
    where
        S: Recurrence<In, Output = Out>,
    {
        self.wrap(|schedule| OfInput {
            steps: Erased::new(schedule),
        })
    }
}

/// An erased schedule that looks at its input, made by [`Schedule::erase_for`].
pub type ScheduleFor<In, Out = u64> = Schedule<Out, OfInput<In, Out>>;

/// The recurrence of [`Schedule::erase`].
pub struct AnyInput<Out> {
    steps: Erased<(), Out>,
}

/// The recurrence of [`Schedule::erase_for`].
pub struct OfInput<In, Out> {
    steps: Erased<In, Out>,
}

/// Stack-safe, as erased effects are: one may be in the next a million times.
enum Erased<In, Out> {
    /// Not asked yet: shared with everybody who is to begin here.
    Shared(Nested<Arc<dyn Steps<In, Out>>>),
    /// Asked before.
    Own(Nested<Box<dyn Steps<In, Out>>>),
}

trait Steps<In, Out>: Send + Sync {
    fn decide(&mut self, moment: &mut Moment<'_>, input: &In) -> Decision<Out>;

    fn duplicate(&self) -> Box<dyn Steps<In, Out>>;
}

impl<In, S: Recurrence<In>> Steps<In, S::Output> for S {
    fn decide(&mut self, moment: &mut Moment<'_>, input: &In) -> Decision<S::Output> {
        Recurrence::decide(self, moment, input)
    }

    fn duplicate(&self) -> Box<dyn Steps<In, S::Output>> {
        Box::new(self.clone())
    }
}

impl<In, Out> Erased<In, Out> {
    fn new(steps: impl Steps<In, Out> + 'static) -> Self {
        Erased::Shared(Nested::new(Arc::new(steps)))
    }

    /// A copy of what is shared, or of one's own.
    fn own(steps: &dyn Steps<In, Out>) -> Self {
        Erased::Own(Nested::new(on_enough_stack(|| steps.duplicate())))
    }

    fn decide(&mut self, moment: &mut Moment<'_>, input: &In) -> Decision<Out> {
        loop {
            match self {
                Erased::Shared(steps) => *self = Erased::own(&***steps),
                Erased::Own(steps) => return on_enough_stack(|| steps.decide(moment, input)),
            }
        }
    }
}

impl<In, Out> Clone for Erased<In, Out> {
    fn clone(&self) -> Self {
        match self {
            Erased::Shared(steps) => Erased::Shared(Nested::new(Arc::clone(steps))),
            Erased::Own(steps) => Erased::own(&***steps),
        }
    }
}

impl<In, Out: 'static> Recurrence<In> for AnyInput<Out> {
    type Output = Out;

    fn decide(&mut self, moment: &mut Moment<'_>, _input: &In) -> Decision<Out> {
        self.steps.decide(moment, &())
    }
}

impl<In: 'static, Out: 'static> Recurrence<In> for OfInput<In, Out> {
    type Output = Out;

    fn decide(&mut self, moment: &mut Moment<'_>, input: &In) -> Decision<Out> {
        self.steps.decide(moment, input)
    }
}

impl<Out> Clone for AnyInput<Out> {
    fn clone(&self) -> Self {
        AnyInput {
            steps: self.steps.clone(),
        }
    }
}

impl<In, Out> Clone for OfInput<In, Out> {
    fn clone(&self) -> Self {
        OfInput {
            steps: self.steps.clone(),
        }
    }
}

opaque_debug!(AnyInput<Out>, OfInput<In, Out>);
