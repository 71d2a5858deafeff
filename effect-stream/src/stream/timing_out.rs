//! Streams that must not keep one waiting.

use std::future::{Future, ready as at_once};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use effect_core::{Cx, Env, Owed, TimeoutError, Value};
use futures::Stream as FuturesStream;
use futures::stream::once;
use pin_project_lite::pin_project;

use super::alarm::Alarm;
use super::choose::{Choose, OfErrors};
use super::from::Foreign;
use super::infallible::{Entered, enter};
use super::transforming::Mapped;
use crate::source::{Pull, Source};
use crate::stream::Stream;
use crate::stream_e::StreamE;

/// # Timing
impl<R: Env, A: Value, S> Stream<R, A, S> {
    /// Emits items as long as each comes within a time limit, counted from when it is asked for.
    ///
    /// - **Pulls** an item for each that is wanted.
    /// - **Fails** never: when an item is late, [`TimeoutError::Elapsed`] is the last element.
    /// - **Completes** when the source does, or when an item is late: then the source was interrupted, and its finalizers
    ///   have run.
    /// - **When interrupted**, interrupts the source.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::TimeoutError;
    /// use effect_stream::Stream;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let second = Duration::from_secs(1);
    /// let late = Stream::range(0..2).concat(Stream::never()).timeout(second);
    /// let Ok(all) = late.run_collect().await;
    /// assert_eq!(all, [Ok(0), Ok(1), Err(TimeoutError::Elapsed(second))]);
    /// # }
    /// ```
    pub fn timeout(
        self,
        limit: Duration,
    ) -> StreamE<R, TimeoutError<effect_core::Never>, A, Timeout<Entered<S>>> {
        StreamE::of(Timeout {
            source: enter(self.source),
            limit,
        })
    }

    /// Emits items as long as each comes within a time limit, counted from when it is asked for; when one is late, goes over to another stream, which has no limit.
    ///
    /// - **Pulls** an item for each that is wanted, of the stream whose turn it is.
    /// - **Completes** when the source does, or, once an item was late, when the other stream does. Before that begins, the
    ///   source was interrupted, and its finalizers have run.
    /// - **When interrupted**, interrupts whichever runs.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::Stream;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let live = Stream::range(0..2).concat(Stream::never());
    /// let Ok(all) = live.timeout_to(Duration::from_secs(1), Stream::once(9)).run_collect().await;
    /// assert_eq!(all, [0, 1, 9]);
    /// # }
    /// ```
    #[doc(alias = "switch_if_late")]
    pub fn timeout_to<T>(
        self,
        limit: Duration,
        other: Stream<R, A, T>,
    ) -> Stream<R, A, TimeoutTo<S, T>> {
        Stream::of(TimeoutTo {
            source: self.source,
            limit,
            other: other.source,
        })
    }
}

/// # Timing
impl<R: Env, E: Value, A: Value, S> StreamE<R, E, A, S> {
    /// Emits elements as long as each comes within a time limit, counted from when it is asked for.
    ///
    /// - **Pulls** an element for each that is wanted.
    /// - **Fails** never: when an element is late, [`TimeoutError::Elapsed`] is the last one.
    /// - **Completes** when the source does, or when an element is late: then the source was interrupted, and its
    ///   finalizers have run.
    /// - **When interrupted**, interrupts the source.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::TimeoutError;
    /// use effect_stream::StreamE;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let results = StreamE::from_results([Ok(1), Err("two")]).timeout(Duration::from_secs(1));
    /// let Ok(all) = results.run_collect().await;
    /// assert_eq!(all, [Ok(1), Err(TimeoutError::Failed("two"))]);
    /// # }
    /// ```
    pub fn timeout(self, limit: Duration) -> StreamE<R, TimeoutError<E>, A, Timeout<S>> {
        StreamE::of(Timeout {
            source: self.source,
            limit,
        })
    }

    /// Emits elements as long as each comes within a time limit, counted from when it is asked for; when one is late, goes over to another stream, which has no limit.
    ///
    /// - **Pulls** an element for each that is wanted, of the stream whose turn it is.
    /// - **Completes** when the source does, or, once an element was late, when the other stream does. Before that begins, the
    ///   source was interrupted, and its finalizers have run.
    /// - **When interrupted**, interrupts whichever runs.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::never;
    /// use effect_stream::StreamE;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let live = StreamE::from_results([Ok(1), Err("two")]).concat(StreamE::from_effect(never()));
    /// let Ok(all) = live.timeout_to(Duration::from_secs(1), StreamE::fail("late")).run_collect().await;
    /// assert_eq!(all, [Ok(1), Err("two"), Err("late")]);
    /// # }
    /// ```
    #[doc(alias = "switch_if_late")]
    pub fn timeout_to<T>(
        self,
        limit: Duration,
        other: StreamE<R, E, A, T>,
    ) -> StreamE<R, E, A, TimeoutTo<S, T>> {
        StreamE::of(TimeoutTo {
            source: self.source,
            limit,
            other: other.source,
        })
    }
}

/// The source of [`Stream::timeout`] and [`StreamE::timeout`].
#[derive(Clone, Debug)]
pub struct Timeout<S> {
    source: S,
    limit: Duration,
}

impl<R, A, E, S> Source<R> for Timeout<S>
where
    R: Env,
    A: Value,
    E: Value,
    S: Source<R, Item = Result<A, E>>,
{
    type Item = Result<A, TimeoutError<E>>;

    fn open(self, cx: &Cx<R>) -> impl Pull<Item = Self::Item> + Send {
        let limit = self.limit;
        let source = Choose::new(self.source, OfErrors(Mapped(TimeoutError::Failed)));
        let elapsed = move || Foreign::new(once(at_once(Err(TimeoutError::Elapsed(limit)))));
        Limited::new(cx, source.open(cx), limit, elapsed)
    }
}

/// The source of [`Stream::timeout_to`] and [`StreamE::timeout_to`].
#[derive(Clone, Debug)]
pub struct TimeoutTo<S, T> {
    source: S,
    limit: Duration,
    other: T,
}

impl<R, S, T> Source<R> for TimeoutTo<S, T>
where
    R: Env,
    S: Source<R>,
    T: Source<R, Item = S::Item>,
{
    type Item = S::Item;

    fn open(self, cx: &Cx<R>) -> impl Pull<Item = S::Item> + Send {
        let source = self.source.open(cx);
        Limited::new(cx, source, self.limit, move || self.other.open(cx))
    }
}

pin_project! {
    struct Limited<'cx, R, S, T, F> {
        cx: &'cx Cx<R>,
        // `None` once an item was late.
        #[pin]
        source: Option<S>,
        limit: Duration,
        // Set while an item is waited for.
        #[pin]
        alarm: Alarm,
        // What the interruption of the source owes: done before the other begins.
        owed: Option<Owed>,
        open_other: Option<F>,
        #[pin]
        other: Option<T>,
    }
}

impl<'cx, R, S, T, F> Limited<'cx, R, S, T, F> {
    const fn new(cx: &'cx Cx<R>, source: S, limit: Duration, open_other: F) -> Self {
        Limited {
            cx,
            source: Some(source),
            limit,
            alarm: Alarm::new(),
            owed: None,
            open_other: Some(open_other),
            other: None,
        }
    }
}

impl<R, S, T, F> FuturesStream for Limited<'_, R, S, T, F>
where
    R: Env,
    S: FuturesStream,
    T: FuturesStream<Item = S::Item>,
    F: FnOnce() -> T,
{
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let mut this = self.project();
        if let Some(source) = this.source.as_mut().as_pin_mut() {
            if let Poll::Ready(item) = source.poll_next(task) {
                this.alarm.as_mut().clear();
                return Poll::Ready(item);
            }
            if !this.alarm.is_set() {
                this.alarm.as_mut().set(this.cx, *this.limit);
            }
            ready!(this.alarm.as_mut().poll(task));
            *this.owed = this.cx.owed_by(|| this.source.set(None));
        }
        if let Some(owed) = this.owed {
            ready!(Pin::new(owed).poll(task));
            *this.owed = None;
        }
        if let Some(open) = this.open_other.take() {
            this.other.set(Some(open()));
        }
        let other = this.other.as_pin_mut().expect("opened once, above");
        other.poll_next(task)
    }
}

impl<R, S, T, F> Pull for Limited<'_, R, S, T, F>
where
    R: Env,
    S: Pull,
    T: Pull<Item = S::Item>,
    F: FnOnce() -> T,
{
    fn poll_progress(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        if let Some(owed) = this.owed {
            ready!(Pin::new(owed).poll(task));
            *this.owed = None;
        }
        if let Some(source) = this.source.as_pin_mut() {
            return source.poll_progress(task);
        }
        match this.other.as_pin_mut() {
            Some(other) => other.poll_progress(task),
            None => Poll::Ready(()),
        }
    }
}
