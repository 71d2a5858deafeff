//! Streams that must not keep one waiting.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use effect_core::{Cx, Env, Owed, TimeoutError, Value};
use futures::Stream as FuturesStream;
use pin_project_lite::pin_project;

use super::alarm::Alarm;
use super::infallible::{Entered, enter};
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
        Limited {
            cx,
            source: Some(self.source.open(cx)),
            limit: self.limit,
            alarm: Alarm::new(),
            owed: None,
            late: false,
        }
    }
}

pin_project! {
    struct Limited<'cx, R, S> {
        cx: &'cx Cx<R>,
        // `None` once an item was late.
        #[pin]
        source: Option<S>,
        limit: Duration,
        // Set while an item is waited for.
        #[pin]
        alarm: Alarm,
        // What the interruption of the source owes: done before anybody is told.
        owed: Option<Owed>,
        late: bool,
    }
}

impl<R, A, E, S> FuturesStream for Limited<'_, R, S>
where
    R: Env,
    S: FuturesStream<Item = Result<A, E>>,
{
    type Item = Result<A, TimeoutError<E>>;

    fn poll_next(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        if let Some(source) = this.source.as_mut().as_pin_mut() {
            if let Poll::Ready(item) = source.poll_next(task) {
                this.alarm.as_mut().clear();
                return Poll::Ready(item.map(|element| element.map_err(TimeoutError::Failed)));
            }
            if !this.alarm.is_set() {
                this.alarm.as_mut().set(this.cx, *this.limit);
            }
            if this.alarm.as_mut().poll(task).is_pending() {
                return Poll::Pending;
            }
            *this.late = true;
            *this.owed = this.cx.owed_by(|| this.source.set(None));
        }
        if let Some(owed) = this.owed {
            if Pin::new(owed).poll(task).is_pending() {
                return Poll::Pending;
            }
            *this.owed = None;
        }
        let late = std::mem::take(this.late);
        Poll::Ready(late.then_some(Err(TimeoutError::Elapsed(*this.limit))))
    }
}

impl<R, A, E, S> Pull for Limited<'_, R, S>
where
    R: Env,
    S: Pull<Item = Result<A, E>>,
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
