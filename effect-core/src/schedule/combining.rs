//! Schedules of two.

use super::moment::{Decision, Moment};
use super::{Recurrence, Schedule};

/// # Combining
///
/// Each of these is associative, so parentheses do not matter. [`forever`](Schedule::forever) changes no delay by `both`,
/// nor does [`stop`](Schedule::stop) by `either` and `then`.
impl<Out, S> Schedule<Out, S> {
    /// Goes on as long as both schedules do, and waits for the longer of the two delays.
    ///
    /// The output is this schedule's.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::Schedule;
    /// # use std::time::Duration;
    /// let growing = Schedule::linear(Duration::from_secs(1));
    /// let steady = Schedule::spaced(Duration::from_secs(3)).times(5);
    /// assert_eq!(growing.both(steady).preview(10), [3, 3, 3, 4, 5].map(Duration::from_secs));
    /// ```
    #[doc(alias = "intersect")]
    #[doc(alias = "and")]
    pub fn both<B, T>(self, other: Schedule<B, T>) -> Schedule<Out, Both<S, T>> {
        self.wrap(|left| Both {
            left,
            right: other.recurrence,
        })
    }

    /// Goes on as long as either schedule does, and waits for the shorter of the delays there are.
    ///
    /// Both are asked each time, also one that has said to stop. The output is this schedule's.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::Schedule;
    /// # use std::time::Duration;
    /// let growing = Schedule::linear(Duration::from_secs(1)).times(3);
    /// let steady = Schedule::spaced(Duration::from_secs(2)).times(5);
    /// assert_eq!(growing.either(steady).preview(10), [1, 2, 2, 2, 2].map(Duration::from_secs));
    /// ```
    #[doc(alias = "union")]
    #[doc(alias = "or")]
    pub fn either<B, T>(self, other: Schedule<B, T>) -> Schedule<Out, Either<S, T>> {
        self.wrap(|left| Either {
            left,
            right: other.recurrence,
        })
    }

    /// Goes by this schedule until it stops, and by the next from there on.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::Schedule;
    /// # use std::time::Duration;
    /// let eager = Schedule::recurs(2).then(Schedule::spaced(Duration::from_secs(1)));
    /// assert_eq!(eager.preview(4), [0, 0, 1, 1].map(Duration::from_secs));
    /// ```
    #[doc(alias = "and_then")]
    pub fn then<T>(self, next: Schedule<Out, T>) -> Schedule<Out, Then<S, T>> {
        self.wrap(|first| Then {
            first,
            next: next.recurrence,
            first_stopped: false,
        })
    }
}

/// The recurrence of [`Schedule::both`].
#[derive(Clone, Copy, Debug)]
pub struct Both<S, T> {
    left: S,
    right: T,
}

impl<In, S: Recurrence<In>, T: Recurrence<In>> Recurrence<In> for Both<S, T> {
    type Output = S::Output;

    #[inline]
    fn decide(&mut self, moment: &mut Moment<'_>, input: &In) -> Decision<S::Output> {
        let left = self.left.decide(moment, input);
        let right = self.right.decide(moment, input);
        Decision {
            output: left.output,
            delay: left.delay.zip(right.delay).map(|(a, b)| a.max(b)),
        }
    }
}

/// The recurrence of [`Schedule::either`].
#[derive(Clone, Copy, Debug)]
pub struct Either<S, T> {
    left: S,
    right: T,
}

impl<In, S: Recurrence<In>, T: Recurrence<In>> Recurrence<In> for Either<S, T> {
    type Output = S::Output;

    fn decide(&mut self, moment: &mut Moment<'_>, input: &In) -> Decision<S::Output> {
        let left = self.left.decide(moment, input);
        let right = self.right.decide(moment, input);
        Decision {
            output: left.output,
            delay: left.delay.into_iter().chain(right.delay).min(),
        }
    }
}

/// The recurrence of [`Schedule::then`].
#[derive(Clone, Copy, Debug)]
pub struct Then<S, T> {
    first: S,
    next: T,
    first_stopped: bool,
}

impl<In, S, T> Recurrence<In> for Then<S, T>
where
    S: Recurrence<In>,
    T: Recurrence<In, Output = S::Output>,
{
    type Output = S::Output;

    fn decide(&mut self, moment: &mut Moment<'_>, input: &In) -> Decision<S::Output> {
        if !self.first_stopped {
            let decision = self.first.decide(moment, input);
            if decision.delay.is_some() {
                return decision;
            }
            self.first_stopped = true;
        }
        self.next.decide(moment, input)
    }
}
