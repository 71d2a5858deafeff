//! Streams that go by the clock: ticks, and schedules.

use std::time::Duration;

use effect_core::{Cx, Env, Recurrence, Schedule, Value};

use super::generate::Generating;
use crate::opaque_debug::opaque_debug;
use crate::source::{Pull, Source};
use crate::stream::Stream;

/// # Creating
impl<R: Env> Stream<R, ()> {
    /// Emits `()` at once, and then once in each period, for ever.
    ///
    /// The ticks are due at the first one's time and whole periods after that, so nothing adds up that timers are late. To a consumer
    /// that is busy when ticks are due, one is emitted late, at once; the others are left out, and the next comes when it is due.
    /// [`enumerate`](Stream::enumerate) numbers those that come.
    ///
    /// - **Pulls** nothing: it waits for the next tick when that is wanted.
    /// - **Fails** never.
    /// - **When interrupted**, stops waiting.
    ///
    /// # Panics
    ///
    /// If the period is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::Stream;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let begin = tokio::time::Instant::now();
    /// let ticks = Stream::ticks(Duration::from_secs(2)).map(move |()| begin.elapsed().as_secs());
    /// let Ok(all) = ticks.take(3).run_collect().await;
    /// assert_eq!(all, [0, 2, 4]);
    /// # }
    /// ```
    #[doc(alias = "interval")]
    #[doc(alias = "fixed_rate")]
    #[doc(alias = "awake_every")]
    #[track_caller]
    pub fn ticks(period: Duration) -> Stream<R, (), Ticks> {
        assert!(!period.is_zero(), "a period is longer than zero");
        Stream::of(Ticks { period })
    }
}

/// # Creating
impl<R: Env, A: Value> Stream<R, A> {
    /// Emits what a schedule yields, each after the delay that it says.
    ///
    /// The schedule is asked when an item is wanted: time that the consumer takes is time between its runs.
    ///
    /// - **Pulls** nothing: it waits as the schedule says when an item is wanted.
    /// - **Fails** never; a panic of a closure in the schedule is a defect of the run.
    /// - **Completes** when the schedule stops. What it yields then is not emitted.
    /// - **When interrupted**, stops waiting.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::Schedule;
    /// use effect_stream::Stream;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let begin = tokio::time::Instant::now();
    /// let growing = Schedule::exponential(Duration::from_secs(1)).times(3);
    /// let times = Stream::from_schedule(growing).map(move |_| begin.elapsed().as_secs());
    /// let Ok(all) = times.run_collect().await;
    /// assert_eq!(all, [1, 3, 7]);
    /// # }
    /// ```
    pub fn from_schedule<S>(schedule: Schedule<A, S>) -> Stream<R, A, FromSchedule<A, S>>
    where
        S: Recurrence<(), Output = A>,
    {
        Stream::of(FromSchedule { schedule })
    }
}

/// The source of [`Stream::ticks`].
#[derive(Clone, Debug)]
pub struct Ticks {
    period: Duration,
}

impl<R: Env> Source<R> for Ticks {
    type Item = ();

    fn open(self, cx: &Cx<R>) -> impl Pull<Item = ()> + Send {
        Generating::new(async move |mut out| -> () {
            let begun = cx.now();
            let mut due = Some(begun);
            loop {
                // What no clock will ever show is waited for without end.
                let wait = due.map_or(Duration::MAX, |due| due.saturating_duration_since(cx.now()));
                cx.sleep(wait).await;
                let now = cx.now();
                due = now.checked_add(self.period - rest(now - begun, self.period));
                out.emit(()).await;
            }
        })
    }
}

/// What remains of a duration after whole periods.
fn rest(duration: Duration, period: Duration) -> Duration {
    const SECOND: u128 = 1_000_000_000;
    let nanos = duration.as_nanos() % period.as_nanos();
    Duration::new((nanos / SECOND) as u64, (nanos % SECOND) as u32)
}

/// The source of [`Stream::from_schedule`].
pub struct FromSchedule<A, S> {
    schedule: Schedule<A, S>,
}

impl<A, S: Clone> Clone for FromSchedule<A, S> {
    fn clone(&self) -> Self {
        FromSchedule {
            schedule: self.schedule.clone(),
        }
    }
}

impl<R, A, S> Source<R> for FromSchedule<A, S>
where
    R: Env,
    A: Value,
    S: Recurrence<(), Output = A>,
{
    type Item = A;

    fn open(self, cx: &Cx<R>) -> impl Pull<Item = A> + Send {
        Generating::new(async move |mut out| {
            let mut driver = self.schedule.start();
            loop {
                let decision = driver.ask(cx, &());
                let Some(delay) = decision.delay else {
                    return;
                };
                cx.sleep(delay).await;
                out.emit(decision.output).await;
            }
        })
    }
}

opaque_debug!(FromSchedule<A, S>);
