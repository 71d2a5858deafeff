//! What a schedule yields, and who is told of what it decides.

use std::sync::Arc;
use std::time::Duration;

use super::moment::{Decision, Moment};
use super::{Recurrence, Schedule};
use crate::opaque_debug::opaque_debug;

/// # Outputs
impl<Out, S> Schedule<Out, S> {
    /// Transforms the output.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{succeed, Never, Schedule};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let runs = Schedule::recurs(2).map(|extra_runs| extra_runs + 1);
    /// assert_eq!(succeed::<_, Never, _>("hi").repeat(runs).await, Ok(3));
    /// # }
    /// ```
    pub fn map<B, F>(self, f: F) -> Schedule<B, Map<S, F>>
    where
        F: Fn(Out) -> B,
    {
        self.wrap(|schedule| Map { schedule, f })
    }

    /// Yields the input: what the run has failed or succeeded with.
    ///
    /// So a [`repeat`](crate::Effect::repeat) has the last value of the effect.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{succeed, Never, Schedule};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let greeted = succeed::<_, Never, _>("hi").repeat(Schedule::recurs(2).passthrough());
    /// assert_eq!(greeted.await, Ok("hi"));
    /// # }
    /// ```
    pub fn passthrough<In: Clone>(self) -> Schedule<In, Passthrough<S>> {
        self.wrap(|schedule| Passthrough { schedule })
    }

    /// Yields the delay that was decided on; zero with the decision to stop.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::{Decision, Moment, Schedule};
    /// # use std::time::Duration;
    /// let second = Duration::from_secs(1);
    /// let mut driver = Schedule::spaced(second).delays().start();
    /// assert_eq!(driver.decide(Moment::at(second), &()), Decision::again(second, second));
    /// ```
    pub fn delays(self) -> Schedule<Duration, Delays<S>> {
        self.wrap(|schedule| Delays { schedule })
    }

    /// Yields all outputs so far of decisions to go on.
    ///
    /// They are in an `Arc`, so that a long run, each of whose steps yields them, does not copy them each time.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{succeed, Never, Schedule};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let collected = succeed::<_, Never, _>(()).repeat(Schedule::recurs(3).collect_all()).await;
    /// assert_eq!(*collected.unwrap(), [0, 1, 2]);
    /// # }
    /// ```
    pub fn collect_all(self) -> Schedule<Arc<Vec<Out>>, CollectAll<S, Out>> {
        self.wrap(|schedule| CollectAll {
            schedule,
            outputs: Arc::default(),
        })
    }
}

/// # Being told
impl<Out, S> Schedule<Out, S> {
    /// Calls a closure with each decision, the last included.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{fail, Schedule};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (log, lines) = std::sync::mpsc::channel();
    /// let told = Schedule::recurs(1).on_decision(move |decision| log.send(decision.delay.is_some()).unwrap());
    /// assert_eq!(fail::<_, _, ()>("busy").retry(told).await, Err("busy"));
    /// assert_eq!(lines.iter().collect::<Vec<_>>(), [true, false]);
    /// # }
    /// ```
    pub fn on_decision<F>(self, f: F) -> Schedule<Out, OnDecision<S, F>>
    where
        F: Fn(&Decision<Out>),
    {
        self.wrap(|schedule| OnDecision { schedule, f })
    }

    /// Calls a closure with each input: what the run has failed or succeeded with.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{fail, Schedule};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (log, lines) = std::sync::mpsc::channel();
    /// let told = Schedule::recurs(1).tap_input(move |error: &&str| log.send(*error).unwrap());
    /// assert_eq!(fail::<_, _, ()>("busy").retry(told).await, Err("busy"));
    /// assert_eq!(lines.iter().collect::<Vec<_>>(), ["busy", "busy"]);
    /// # }
    /// ```
    pub fn tap_input<In, F>(self, f: F) -> Schedule<Out, TapInput<S, F>>
    where
        F: Fn(&In),
    {
        self.wrap(|schedule| TapInput { schedule, f })
    }
}

/// The recurrence of [`Schedule::map`].
#[derive(Clone, Copy)]
pub struct Map<S, F> {
    schedule: S,
    f: F,
}

impl<In, B, S, F> Recurrence<In> for Map<S, F>
where
    S: Recurrence<In>,
    F: Fn(S::Output) -> B + Clone + Send + Sync + 'static,
{
    type Output = B;

    fn decide(&mut self, moment: &mut Moment<'_>, input: &In) -> Decision<B> {
        self.schedule.decide(moment, input).map(&self.f)
    }
}

/// The recurrence of [`Schedule::passthrough`].
#[derive(Clone, Copy, Debug)]
pub struct Passthrough<S> {
    schedule: S,
}

impl<In: Clone, S: Recurrence<In>> Recurrence<In> for Passthrough<S> {
    type Output = In;

    fn decide(&mut self, moment: &mut Moment<'_>, input: &In) -> Decision<In> {
        self.schedule.decide(moment, input).map(|_| input.clone())
    }
}

/// The recurrence of [`Schedule::delays`].
#[derive(Clone, Copy, Debug)]
pub struct Delays<S> {
    schedule: S,
}

impl<In, S: Recurrence<In>> Recurrence<In> for Delays<S> {
    type Output = Duration;

    fn decide(&mut self, moment: &mut Moment<'_>, input: &In) -> Decision<Duration> {
        let delay = self.schedule.decide(moment, input).delay;
        Decision {
            output: delay.unwrap_or_default(),
            delay,
        }
    }
}

/// The recurrence of [`Schedule::collect_all`].
#[derive(Clone)]
pub struct CollectAll<S, Out> {
    schedule: S,
    outputs: Arc<Vec<Out>>,
}

impl<In, Out, S> Recurrence<In> for CollectAll<S, Out>
where
    Out: Clone + Send + Sync + 'static,
    S: Recurrence<In, Output = Out>,
{
    type Output = Arc<Vec<Out>>;

    fn decide(&mut self, moment: &mut Moment<'_>, input: &In) -> Decision<Arc<Vec<Out>>> {
        let decision = self.schedule.decide(moment, input);
        let delay = decision.delay;
        if delay.is_some() {
            // Copied only if somebody has kept what there was before.
            Arc::make_mut(&mut self.outputs).push(decision.output);
        }
        Decision {
            output: Arc::clone(&self.outputs),
            delay,
        }
    }
}

/// The recurrence of [`Schedule::on_decision`].
#[derive(Clone, Copy)]
pub struct OnDecision<S, F> {
    schedule: S,
    f: F,
}

impl<In, S, F> Recurrence<In> for OnDecision<S, F>
where
    S: Recurrence<In>,
    F: Fn(&Decision<S::Output>) + Clone + Send + Sync + 'static,
{
    type Output = S::Output;

    fn decide(&mut self, moment: &mut Moment<'_>, input: &In) -> Decision<S::Output> {
        let decision = self.schedule.decide(moment, input);
        (self.f)(&decision);
        decision
    }
}

/// The recurrence of [`Schedule::tap_input`].
#[derive(Clone, Copy)]
pub struct TapInput<S, F> {
    schedule: S,
    f: F,
}

impl<In, S, F> Recurrence<In> for TapInput<S, F>
where
    S: Recurrence<In>,
    F: Fn(&In) + Clone + Send + Sync + 'static,
{
    type Output = S::Output;

    fn decide(&mut self, moment: &mut Moment<'_>, input: &In) -> Decision<S::Output> {
        (self.f)(input);
        self.schedule.decide(moment, input)
    }
}

opaque_debug!(Map<S, F>, CollectAll<S, Out>, OnDecision<S, F>, TapInput<S, F>);
