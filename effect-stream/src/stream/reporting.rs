//! Reports of how far a stream has come: each so many items, or each so much time.

use std::future::Future;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use effect_core::{Cx, Effect, Env, IntoEffect, Never, Value, effect, fail};

use super::begin::Begin;
use super::map_effect::MapEffect;
use crate::opaque_debug::opaque_debug;
use crate::source::{Pull, Source};
use crate::stream::Stream;
use crate::stream_e::StreamE;

/// # Reporting
impl<R: Env, A: Value, S> Stream<R, A, S> {
    /// Runs an effect for each `n`th item, with how far the stream has come and that item, and then emits it.
    ///
    /// So what is counted is done where the report is placed behind the work. A report is no part of the stream: one
    /// that fails, or panics, is [told](effect_core::Report::IgnoredFailure) to the runtime, and the stream and all other
    /// reports go on as if it had not. But it takes its time: what is not to hold up the stream forks.
    ///
    /// - **Pulls** an item for each that is wanted.
    /// - **Fails** never.
    /// - **Completes** when the source does. No report is made of fewer than `n` items at the end.
    /// - **When interrupted**, interrupts the running report, waits for its finalizers, then for the source's.
    ///
    /// # Panics
    ///
    /// If `n` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{sync, Never};
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (log, lines) = std::sync::mpsc::channel();
    /// let reported = Stream::range(0..250).report_each(100, move |progress, item| {
    ///     let (log, line) = (log.clone(), format!("{} items, the last is {item}", progress.items));
    ///     sync::<_, Never, _, _>(move || log.send(line).unwrap())
    /// });
    /// let Ok(()) = reported.run_drain().await;
    /// assert_eq!(lines.iter().collect::<Vec<_>>(), ["100 items, the last is 99", "200 items, the last is 199"]);
    /// # }
    /// ```
    #[track_caller]
    pub fn report_each<I, F>(self, n: u64, f: F) -> Stream<R, A, ReportEach<S, F>>
    where
        I: IntoEffect<R, Error: std::fmt::Display>,
        F: FnMut(StreamProgress, &A) -> I + Value,
    {
        Stream::of(ReportEach::new(self.source, n, f))
    }

    /// Runs an effect each time that so much time has passed, with how far the stream has come, from its first item to its
    /// end.
    ///
    /// It runs beside the stream, and does not hold it up. One that takes longer than the interval makes the next ones
    /// late, and those that it leaves no time for are left out. A report is no part of the stream: one that fails, or
    /// panics, is [told](effect_core::Report::IgnoredFailure) to the runtime, and the stream and all other reports go on
    /// as if it had not.
    ///
    /// - **Pulls** an item for each that is wanted.
    /// - **Fails** never.
    /// - **Completes** when the source does, and a report that still ran was interrupted.
    /// - **When interrupted**, interrupts the source and the running report.
    ///
    /// # Panics
    ///
    /// If the interval is zero.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{sleep, sync, Never};
    /// use effect_stream::Stream;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let (log, lines) = std::sync::mpsc::channel();
    /// let slow = Stream::range(0..5).tap(|_| sleep::<_, Never>(Duration::from_secs(2))).into_values();
    /// let reported = slow.report_every(Duration::from_secs(3), move |progress| {
    ///     let log = log.clone();
    ///     sync::<_, Never, _, _>(move || log.send((progress.elapsed.as_secs(), progress.items)).unwrap())
    /// });
    /// let Ok(()) = reported.run_drain().await;
    /// assert_eq!(lines.iter().collect::<Vec<_>>(), [(3, 1), (6, 2), (9, 4)]);
    /// # }
    /// ```
    #[track_caller]
    pub fn report_every<I, F>(self, interval: Duration, f: F) -> Stream<R, A, ReportEvery<S, F>>
    where
        I: IntoEffect<R, Error: std::fmt::Display>,
        F: FnMut(StreamProgress) -> I + Value,
    {
        Stream::of(ReportEvery::new(self.source, interval, f))
    }
}

/// # Reporting
impl<R: Env, E: Value, A: Value, S> StreamE<R, E, A, S> {
    /// Runs an effect for each `n`th value, with how far the stream has come and that value, and then emits it. Failures
    /// pass, and do not count.
    ///
    /// So what is counted is done where the report is placed behind the work. A report is no part of the stream: one
    /// that fails, or panics, is [told](effect_core::Report::IgnoredFailure) to the runtime, and the stream and all other
    /// reports go on as if it had not. But it takes its time: what is not to hold up the stream forks.
    ///
    /// - **Pulls** an element for each that is wanted.
    /// - **Fails** never.
    /// - **Completes** when the source does. No report is made of fewer than `n` values at the end.
    /// - **When interrupted**, interrupts the running report, waits for its finalizers, then for the source's.
    ///
    /// # Panics
    ///
    /// If `n` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{sync, Never};
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (log, lines) = std::sync::mpsc::channel();
    /// let results = StreamE::from_results([Ok(1), Err("two"), Ok(3)]);
    /// let reported = results.report_each(2, move |progress, value| {
    ///     let (log, line) = (log.clone(), (progress.items, *value));
    ///     sync::<_, Never, _, _>(move || log.send(line).unwrap())
    /// });
    /// assert_eq!(reported.run_collect().await, Ok(vec![Ok(1), Err("two"), Ok(3)]));
    /// assert_eq!(lines.iter().collect::<Vec<_>>(), [(2, 3)]);
    /// # }
    /// ```
    #[track_caller]
    pub fn report_each<I, F>(self, n: u64, f: F) -> StreamE<R, E, A, ReportEachOk<S, F>>
    where
        I: IntoEffect<R, Error: std::fmt::Display>,
        F: FnMut(StreamProgress, &A) -> I + Value,
    {
        StreamE::of(ReportEachOk(ReportEach::new(self.source, n, f)))
    }

    /// Runs an effect each time that so much time has passed, with how far the stream has come, from its first element to
    /// its end. Failures count as well.
    ///
    /// It runs beside the stream, and does not hold it up. One that takes longer than the interval makes the next ones
    /// late, and those that it leaves no time for are left out. A report is no part of the stream: one that fails, or
    /// panics, is [told](effect_core::Report::IgnoredFailure) to the runtime, and the stream and all other reports go on
    /// as if it had not.
    ///
    /// - **Pulls** an element for each that is wanted.
    /// - **Fails** never.
    /// - **Completes** when the source does, and a report that still ran was interrupted.
    /// - **When interrupted**, interrupts the source and the running report.
    ///
    /// # Panics
    ///
    /// If the interval is zero.
    ///
    /// # Examples
    ///
    /// See [`Stream::report_every`].
    #[track_caller]
    pub fn report_every<I, F>(self, interval: Duration, f: F) -> StreamE<R, E, A, ReportEvery<S, F>>
    where
        I: IntoEffect<R, Error: std::fmt::Display>,
        F: FnMut(StreamProgress) -> I + Value,
    {
        StreamE::of(ReportEvery::new(self.source, interval, f))
    }
}

/// How far a stream has come: what [`report_each`](Stream::report_each) and [`report_every`](Stream::report_every) report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamProgress {
    /// How many items have passed.
    pub items: u64,
    /// How long it has run.
    pub elapsed: Duration,
}

impl StreamProgress {
    /// Items per second.
    ///
    /// # Examples
    ///
    /// See [`Partial::rate`](crate::Partial::rate).
    pub fn rate(&self) -> f64 {
        rate(self.items, self.elapsed)
    }
}

/// So many per second: 0 of none, whatever the time, and infinitely many if they took none.
#[allow(
    clippy::cast_precision_loss,
    reason = "what is lost is lost of a rate of 2^53 items"
)]
pub(crate) fn rate(items: u64, elapsed: Duration) -> f64 {
    match items {
        0 => 0.0,
        items => items as f64 / elapsed.as_secs_f64(),
    }
}

/// Makes a report and runs it. Whatever becomes of it, the stream goes on.
async fn tell<R, I>(cx: &Cx<R>, made: std::thread::Result<I>)
where
    R: Env,
    I: IntoEffect<R, Error: std::fmt::Display>,
{
    let report = async move {
        match made {
            Ok(report) => cx.run(report).await.map_err(|error| error.to_string()),
            Err(panic) => resume_unwind(panic),
        }
    };
    let told = cx.catching(report).await;
    let told = told.unwrap_or_else(|died| Err(died.to_string()));
    if let Err(error) = told {
        let ignored = fail::<R, _, ()>(error).ignore_logged("a report is no part of its stream");
        let Ok(()) = cx.run(ignored).await;
    }
}

/// Makes a report, or has its panic.
fn make<I>(f: impl FnOnce() -> I) -> std::thread::Result<I> {
    catch_unwind(AssertUnwindSafe(f))
}

/// The source of [`Stream::report_each`].
#[derive(Clone)]
pub struct ReportEach<S, F> {
    source: S,
    n: u64,
    f: F,
}

impl<S, F> ReportEach<S, F> {
    #[track_caller]
    fn new(source: S, n: u64, f: F) -> Self {
        assert!(n > 0, "a report is made of at least one item");
        ReportEach { source, n, f }
    }

    fn begin(self, begun: Instant) -> MapEffect<S, EachNth<F>> {
        let nth = EachNth {
            n: self.n,
            f: self.f,
            items: 0,
            begun,
        };
        MapEffect::new(self.source, nth)
    }
}

impl<R, A, S, I, F> Source<R> for ReportEach<S, F>
where
    R: Env,
    A: Value,
    S: Source<R, Item = A>,
    I: IntoEffect<R, Error: std::fmt::Display>,
    F: FnMut(StreamProgress, &A) -> I + Value,
{
    type Item = A;

    fn open(self, cx: &Cx<R>) -> impl Pull<Item = A> + Send {
        self.begin(cx.now()).open(cx)
    }
}

/// The source of [`StreamE::report_each`].
#[derive(Clone)]
pub struct ReportEachOk<S, F>(ReportEach<S, F>);

impl<R, E, A, S, I, F> Source<R> for ReportEachOk<S, F>
where
    R: Env,
    E: Value,
    A: Value,
    S: Source<R, Item = Result<A, E>>,
    I: IntoEffect<R, Error: std::fmt::Display>,
    F: FnMut(StreamProgress, &A) -> I + Value,
{
    type Item = Result<A, E>;

    fn open(self, cx: &Cx<R>) -> impl Pull<Item = Result<A, E>> + Send {
        let MapEffect { source, begin } = self.0.begin(cx.now());
        MapEffect::new(source, EachNthOk(begin)).open(cx)
    }
}

/// A report for each so many items.
struct EachNth<F> {
    n: u64,
    f: F,
    items: u64,
    begun: Instant,
}

impl<F> EachNth<F> {
    /// Counts an item, and makes a report if one is due.
    fn count<R, A, I>(&mut self, item: &A, cx: &Cx<R>) -> Option<std::thread::Result<I>>
    where
        F: FnMut(StreamProgress, &A) -> I,
    {
        self.items += 1;
        if !self.items.is_multiple_of(self.n) {
            return None;
        }
        let progress = StreamProgress {
            items: self.items,
            elapsed: cx.now() - self.begun,
        };
        Some(make(|| (self.f)(progress, item)))
    }
}

impl<R, A, I, F> Begin<R, A> for EachNth<F>
where
    R: Env,
    A: Value,
    I: IntoEffect<R, Error: std::fmt::Display>,
    F: FnMut(StreamProgress, &A) -> I + Value,
{
    type Output = A;

    fn begin<'cx>(
        &mut self,
        item: A,
        cx: &'cx Cx<R>,
    ) -> ControlFlow<A, impl Future<Output = A> + Send + use<'cx, R, A, I, F>> {
        let Some(made) = self.count(&item, cx) else {
            return ControlFlow::Break(item);
        };
        ControlFlow::Continue(async move {
            tell(cx, made).await;
            item
        })
    }
}

/// A report for each so many values.
struct EachNthOk<F>(EachNth<F>);

impl<R, E, A, I, F> Begin<R, Result<A, E>> for EachNthOk<F>
where
    R: Env,
    E: Value,
    A: Value,
    I: IntoEffect<R, Error: std::fmt::Display>,
    F: FnMut(StreamProgress, &A) -> I + Value,
{
    type Output = Result<A, E>;

    fn begin<'cx>(
        &mut self,
        element: Result<A, E>,
        cx: &'cx Cx<R>,
    ) -> ControlFlow<
        Self::Output,
        impl Future<Output = Self::Output> + Send + use<'cx, R, E, A, I, F>,
    > {
        let made = match &element {
            Ok(value) => self.0.count(value, cx),
            Err(_) => None,
        };
        let Some(made) = made else {
            return ControlFlow::Break(element);
        };
        ControlFlow::Continue(async move {
            tell(cx, made).await;
            element
        })
    }
}

/// The source of [`Stream::report_every`] and [`StreamE::report_every`].
#[derive(Clone)]
pub struct ReportEvery<S, F> {
    source: S,
    interval: Duration,
    f: F,
}

impl<S, F> ReportEvery<S, F> {
    #[track_caller]
    fn new(source: S, interval: Duration, f: F) -> Self {
        assert!(
            !interval.is_zero(),
            "there is some time between two reports"
        );
        ReportEvery {
            source,
            interval,
            f,
        }
    }
}

impl<R, S, I, F> Source<R> for ReportEvery<S, F>
where
    R: Env,
    S: Source<R>,
    I: IntoEffect<R, Error: std::fmt::Display>,
    F: FnMut(StreamProgress) -> I + Value,
{
    type Item = S::Item;

    fn open(self, cx: &Cx<R>) -> impl Pull<Item = S::Item> + Send {
        let items = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&items);
        let reports = every(self.interval, items, self.f);
        Stream::new(self.source)
            .inspect(move |_| {
                counted.fetch_add(1, Ordering::Relaxed);
            })
            .with_background(reports)
            .into_values()
            .into_source()
            .open(cx)
    }
}

/// Reports at each multiple of an interval that it does not miss, for ever.
fn every<R, I, F>(interval: Duration, items: Arc<AtomicU64>, mut f: F) -> Effect<R, Never, ()>
where
    R: Env,
    I: IntoEffect<R, Error: std::fmt::Display>,
    F: FnMut(StreamProgress) -> I + Value,
{
    let reports = async move |cx: Cx<R>| {
        let begun = cx.now();
        let mut due = interval;
        loop {
            cx.sleep(due.saturating_sub(cx.now() - begun)).await;
            let progress = StreamProgress {
                items: items.load(Ordering::Relaxed),
                elapsed: cx.now() - begun,
            };
            tell(&cx, make(|| f(progress))).await;
            let late = (cx.now() - begun).saturating_sub(due);
            let missed = late.as_nanos() / interval.as_nanos();
            let missed = u32::try_from(missed).unwrap_or(u32::MAX);
            due = due.saturating_add(interval.saturating_mul(missed.saturating_add(1)));
        }
    };
    effect(reports).erase_once()
}

opaque_debug!(ReportEach<S, F>, ReportEachOk<S, F>, ReportEvery<S, F>);
