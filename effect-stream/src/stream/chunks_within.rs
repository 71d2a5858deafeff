//! Groups that are full, or have waited long enough.

use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use effect_core::{Cx, Env, Value};
use futures::Stream as FuturesStream;
use pin_project_lite::pin_project;

use super::alarm::Alarm;
use super::infallible::{Entered, Infallible, enter, leave};
use super::side::Side;
use crate::source::{Pull, Source};
use crate::stream::Stream;
use crate::stream_e::StreamE;

/// # Timing
impl<R: Env, A: Value, S> Stream<R, A, S> {
    /// Emits items in groups: when there are `size`, or when the first of them has waited for `within`. No group is empty.
    ///
    /// - **Pulls** up to `size` items for a group, while it waits.
    /// - **Completes** when the source does, with what is left as a last group, at once.
    /// - **When interrupted**, interrupts the source; an open group is dropped.
    ///
    /// # Panics
    ///
    /// If `size` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::Cx;
    /// use effect_stream::{Emitter, Stream};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let seconds = Stream::generate(async |cx: Cx<()>, mut out: Emitter<u8>| {
    ///     for second in 0..6 {
    ///         out.emit(second).await;
    ///         cx.sleep(Duration::from_secs(1)).await;
    ///     }
    /// });
    /// let Ok(all) = seconds.chunks_within(10, Duration::from_secs(2)).run_collect().await;
    /// assert_eq!(all, [[0, 1], [2, 3], [4, 5]]);
    /// # }
    /// ```
    #[doc(alias = "grouped_within")]
    #[doc(alias = "take_within")]
    #[track_caller]
    pub fn chunks_within(
        self,
        size: usize,
        within: Duration,
    ) -> Stream<R, Vec<A>, Infallible<ChunksWithin<Entered<S>>>> {
        let source = enter(self.source);
        Stream::of(leave(ChunksWithin::new(source, size, within)))
    }
}

/// # Timing
impl<R: Env, E: Value, A: Value, S> StreamE<R, E, A, S> {
    /// Emits values in groups: when there are `size`, or when the first of them has waited for `within`. Touches successes only: a failure closes an open group, and follows it at once.
    ///
    /// - **Pulls** up to `size` elements for a group, while it waits.
    /// - **Completes** when the source does, with what is left as a last group, at once.
    /// - **When interrupted**, interrupts the source; an open group is dropped.
    ///
    /// # Panics
    ///
    /// If `size` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::StreamE;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let results = StreamE::from_results([Ok(1), Ok(2), Ok(3), Err("four")]);
    /// let Ok(all) = results.chunks_within(2, Duration::from_secs(1)).run_collect().await;
    /// assert_eq!(all, [Ok(vec![1, 2]), Ok(vec![3]), Err("four")]);
    /// # }
    /// ```
    #[doc(alias = "grouped_within")]
    #[track_caller]
    pub fn chunks_within(
        self,
        size: usize,
        within: Duration,
    ) -> StreamE<R, E, Vec<A>, ChunksWithin<S>> {
        StreamE::of(ChunksWithin::new(self.source, size, within))
    }
}

/// The source of [`StreamE::chunks_within`].
#[derive(Clone, Debug)]
pub struct ChunksWithin<S> {
    source: S,
    size: usize,
    within: Duration,
}

impl<S> ChunksWithin<S> {
    #[track_caller]
    fn new(source: S, size: usize, within: Duration) -> Self {
        assert!(size > 0, "a chunk has at least one item");
        ChunksWithin {
            source,
            size,
            within,
        }
    }
}

impl<R, A, E, S> Source<R> for ChunksWithin<S>
where
    R: Env,
    A: Value,
    E: Value,
    S: Source<R, Item = Result<A, E>>,
{
    type Item = Result<Vec<A>, E>;

    fn open(self, cx: &Cx<R>) -> impl Pull<Item = Self::Item> + Send {
        Grouping {
            cx,
            source: Side::new(self.source.open(cx)),
            ended: false,
            size: self.size,
            within: self.within,
            alarm: Alarm::new(),
            group: Vec::new(),
            error: None,
        }
    }
}

pin_project! {
    struct Grouping<'cx, R, S, A, E> {
        cx: &'cx Cx<R>,
        #[pin]
        source: Side<S, Result<A, E>>,
        ended: bool,
        size: usize,
        within: Duration,
        // Set while a group is open.
        #[pin]
        alarm: Alarm,
        group: Vec<A>,
        // A failure that came while a group was open: it follows that.
        error: Option<E>,
    }
}

/// How many values may join a group in one poll before others have a turn.
const GROUPED_PER_POLL: usize = 1024;

impl<R, A, E, S> FuturesStream for Grouping<'_, R, S, A, E>
where
    R: Env,
    S: FuturesStream<Item = Result<A, E>>,
{
    type Item = Result<Vec<A>, E>;

    fn poll_next(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        if let Some(error) = this.error.take() {
            return Poll::Ready(Some(Err(error)));
        }
        // Before the source: what comes at the moment at which a group ends is of the next one.
        if this.alarm.as_mut().poll(task).is_ready() {
            return Poll::Ready(Some(Ok(mem::take(this.group))));
        }
        for _ in 0..GROUPED_PER_POLL {
            if *this.ended {
                this.alarm.as_mut().clear();
                let rest = mem::take(this.group);
                return Poll::Ready((!rest.is_empty()).then_some(Ok(rest)));
            }
            match this.source.as_mut().poll_item(task) {
                Poll::Ready(Some(Ok(value))) => {
                    this.group.push(value);
                    if this.group.len() == *this.size {
                        this.alarm.as_mut().clear();
                        return Poll::Ready(Some(Ok(mem::take(this.group))));
                    }
                    if !this.alarm.is_set() {
                        this.alarm.as_mut().set(this.cx, *this.within);
                    }
                }
                Poll::Ready(Some(Err(error))) => {
                    if this.group.is_empty() {
                        return Poll::Ready(Some(Err(error)));
                    }
                    *this.error = Some(error);
                    this.alarm.as_mut().clear();
                    return Poll::Ready(Some(Ok(mem::take(this.group))));
                }
                Poll::Ready(None) => *this.ended = true,
                Poll::Pending => {
                    return match this.alarm.as_mut().poll(task) {
                        Poll::Ready(()) => Poll::Ready(Some(Ok(mem::take(this.group)))),
                        Poll::Pending => Poll::Pending,
                    };
                }
            }
        }
        task.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<R, A, E, S> Pull for Grouping<'_, R, S, A, E>
where
    R: Env,
    S: Pull<Item = Result<A, E>>,
{
    fn poll_progress(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        self.project().source.poll_progress(task)
    }
}
