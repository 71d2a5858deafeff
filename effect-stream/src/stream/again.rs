//! Streams that are run again: after a failure, or after their end.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use effect_core::{Cx, Driver, Env, Owed, Recurrence, Schedule, Value};
use futures::Stream as FuturesStream;
use pin_project_lite::pin_project;

use super::alarm::Alarm;
use crate::opaque_debug::opaque_debug;
use crate::source::{Pull, Source};
use crate::stream::Stream;
use crate::stream_e::StreamE;

/// # Running again
impl<R: Env, A: Value, S> Stream<R, A, S> {
    /// Runs the stream again whenever it has ended, as long as a schedule says: once, and then as often as that goes on.
    ///
    /// - **Pulls** an item for each that is wanted.
    /// - **Completes** when the stream has ended and the schedule says to stop.
    /// - **When interrupted**, interrupts the stream, or the wait for its next run.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::Schedule;
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let twice = Stream::range(0..2).repeat(Schedule::recurs(1));
    /// let Ok(all) = twice.run_collect().await;
    /// assert_eq!(all, [0, 1, 0, 1]);
    /// # }
    /// ```
    pub fn repeat<Out, C>(self, schedule: Schedule<Out, C>) -> Stream<R, A, Repeat<S, Out, C>>
    where
        Out: Value,
        S: Clone,
        C: Recurrence<(), Output = Out>,
    {
        Stream::of(Repeat::new(self.source, schedule))
    }
}

/// # Running again
impl<R: Env, E: Value, A: Value, S> StreamE<R, E, A, S> {
    /// Runs the stream again whenever it has ended, as long as a schedule says: once, and then as often as that goes on. Failures flow on.
    ///
    /// - **Pulls** an element for each that is wanted.
    /// - **Completes** when the stream has ended and the schedule says to stop.
    /// - **When interrupted**, interrupts the stream, or the wait for its next run.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::Schedule;
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let twice = StreamE::from_results([Ok(1), Err("two")]).repeat(Schedule::recurs(1));
    /// let Ok(all) = twice.run_collect().await;
    /// assert_eq!(all, [Ok(1), Err("two"), Ok(1), Err("two")]);
    /// # }
    /// ```
    pub fn repeat<Out, C>(self, schedule: Schedule<Out, C>) -> StreamE<R, E, A, Repeat<S, Out, C>>
    where
        Out: Value,
        S: Clone,
        C: Recurrence<(), Output = Out>,
    {
        StreamE::of(Repeat::new(self.source, schedule))
    }

    /// Runs the stream anew whenever an element has failed, as long as a schedule says. The failure is not emitted then; what the run held is released before the next one begins.
    ///
    /// The schedule begins anew with the first value of a run: what it counts are failures without a success between
    /// them.
    ///
    /// - **Pulls** an element for each that is wanted.
    /// - **Fails** with the failure at which the schedule says to stop, as the last element.
    /// - **Completes** when the stream does, or after that failure.
    /// - **When interrupted**, interrupts the stream, or the wait for its next run.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::Schedule;
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use std::sync::atomic::{AtomicU32, Ordering};
    ///
    /// // A connection that is lost after each second message, and does not come back after the third time.
    /// static NEXT: AtomicU32 = AtomicU32::new(0);
    /// let messages = StreamE::repeat_effect(|| async {
    ///     let n = NEXT.fetch_add(1, Ordering::Relaxed);
    ///     if n % 3 == 2 || n > 6 { Err("lost") } else { Ok(n) }
    /// });
    /// let Ok(all) = messages.retry(Schedule::recurs(1)).run_collect().await;
    /// assert_eq!(all, [Ok(0), Ok(1), Ok(3), Ok(4), Ok(6), Err("lost")]);
    /// # }
    /// ```
    pub fn retry<Out, C>(self, schedule: Schedule<Out, C>) -> StreamE<R, E, A, Retry<S, Out, C>>
    where
        Out: Value,
        S: Clone,
        C: Recurrence<E, Output = Out>,
    {
        StreamE::of(Retry {
            source: self.source,
            schedule,
        })
    }
}

/// The source of [`Stream::repeat`] and [`StreamE::repeat`].
#[derive(Clone)]
pub struct Repeat<S, Out, C> {
    source: S,
    schedule: Schedule<Out, C>,
}

impl<S, Out, C> Repeat<S, Out, C> {
    const fn new(source: S, schedule: Schedule<Out, C>) -> Self {
        Repeat { source, schedule }
    }
}

impl<R, S, Out, C> Source<R> for Repeat<S, Out, C>
where
    R: Env,
    S: Source<R> + Clone,
    Out: Value,
    C: Recurrence<(), Output = Out>,
{
    type Item = S::Item;

    fn open(self, cx: &Cx<R>) -> impl Pull<Item = S::Item> + Send {
        let mut driver = self.schedule.start();
        let ended = move |polled: Option<S::Item>| match polled {
            Some(item) => Next::Emit(item),
            None => match driver.ask(cx, &()).delay {
                Some(delay) => Next::Again(delay),
                None => Next::End(None),
            },
        };
        let source = self.source;
        Again::new(cx, move || source.clone().open(cx), ended)
    }
}

/// The source of [`StreamE::retry`].
#[derive(Clone)]
pub struct Retry<S, Out, C> {
    source: S,
    schedule: Schedule<Out, C>,
}

impl<R, A, E, S, Out, C> Source<R> for Retry<S, Out, C>
where
    R: Env,
    A: Value,
    E: Value,
    S: Source<R, Item = Result<A, E>> + Clone,
    Out: Value,
    C: Recurrence<E, Output = Out>,
{
    type Item = Result<A, E>;

    fn open(self, cx: &Cx<R>) -> impl Pull<Item = Self::Item> + Send {
        // `None` since the last value: the next failure is the first one.
        let mut driver: Option<Driver<Out, C>> = None;
        let (source, schedule) = (self.source, self.schedule);
        let ended = move |polled: Option<Self::Item>| match polled {
            Some(Ok(value)) => {
                driver = None;
                Next::Emit(Ok(value))
            }
            Some(Err(error)) => {
                let driver = driver.get_or_insert_with(|| schedule.start());
                match driver.ask(cx, &error).delay {
                    Some(delay) => Next::Again(delay),
                    None => Next::End(Some(Err(error))),
                }
            }
            None => Next::End(None),
        };
        Again::new(cx, move || source.clone().open(cx), ended)
    }
}

/// What follows an item, or an end.
enum Next<A> {
    Emit(A),
    /// The stream is run anew after a while.
    Again(Duration),
    /// The stream ends, with what comes last.
    End(Option<A>),
}

pin_project! {
    struct Again<'cx, R, S, A, O, F> {
        cx: &'cx Cx<R>,
        open: O,
        next: F,
        // `None` between two runs, and at the end.
        #[pin]
        source: Option<S>,
        // What the last run owes: done before the wait for the next one begins.
        owed: Option<Owed>,
        waits: Option<Duration>,
        #[pin]
        alarm: Alarm,
        ended: bool,
        // Emitted when what the last run owes is done.
        last: Option<A>,
    }
}

impl<'cx, R, S, A, O, F> Again<'cx, R, S, A, O, F>
where
    O: FnMut() -> S,
{
    fn new(cx: &'cx Cx<R>, mut open: O, next: F) -> Self {
        Again {
            cx,
            source: Some(open()),
            open,
            next,
            owed: None,
            waits: None,
            alarm: Alarm::new(),
            ended: false,
            last: None,
        }
    }
}

/// How many runs may pass in one poll, without an item, before others have a turn.
const RUNS_PER_POLL: usize = 256;

impl<R, S, A, O, F> FuturesStream for Again<'_, R, S, A, O, F>
where
    R: Env,
    S: FuturesStream<Item = A>,
    O: FnMut() -> S,
    F: FnMut(Option<A>) -> Next<A>,
{
    type Item = A;

    fn poll_next(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<A>> {
        let mut this = self.project();
        for _ in 0..RUNS_PER_POLL {
            if let Some(source) = this.source.as_mut().as_pin_mut() {
                let Poll::Ready(polled) = source.poll_next(task) else {
                    return Poll::Pending;
                };
                match (this.next)(polled) {
                    Next::Emit(item) => return Poll::Ready(Some(item)),
                    Next::Again(delay) => *this.waits = Some(delay),
                    Next::End(last) => {
                        *this.ended = true;
                        *this.last = last;
                    }
                }
                *this.owed = this.cx.owed_by(|| this.source.set(None));
            }
            if let Some(owed) = this.owed {
                if Pin::new(owed).poll(task).is_pending() {
                    return Poll::Pending;
                }
                *this.owed = None;
            }
            if *this.ended {
                return Poll::Ready(this.last.take());
            }
            if let Some(delay) = this.waits.take()
                && !delay.is_zero()
            {
                this.alarm.as_mut().set(this.cx, delay);
            }
            if this.alarm.is_set() && this.alarm.as_mut().poll(task).is_pending() {
                return Poll::Pending;
            }
            let source = (this.open)();
            this.source.set(Some(source));
        }
        task.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<R, S, A, O, F> Pull for Again<'_, R, S, A, O, F>
where
    R: Env,
    S: Pull<Item = A>,
    O: FnMut() -> S,
    F: FnMut(Option<A>) -> Next<A>,
{
    fn poll_progress(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        if let Some(owed) = this.owed {
            return Pin::new(owed).poll(task);
        }
        match this.source.as_pin_mut() {
            Some(source) => source.poll_progress(task),
            None => Poll::Ready(()),
        }
    }
}

opaque_debug!(Repeat<S, Out, C>, Retry<S, Out, C>);
