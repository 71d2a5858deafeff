//! Groups that are full, or have waited long enough.

use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use effect_core::{Cx, Env, Value};
use futures::Stream as FuturesStream;
use pin_project_lite::pin_project;

use super::alarm::{Alarm, after};
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
            size: self.size,
            within: self.within,
            alarm: Alarm::new(),
            group: Group::new(cx.now()),
            error: None,
        }
    }
}

pin_project! {
    struct Grouping<'cx, R, S, A, E> {
        cx: &'cx Cx<R>,
        #[pin]
        source: Side<S, Result<A, E>>,
        size: usize,
        within: Duration,
        // Set while a group waits.
        #[pin]
        alarm: Alarm,
        group: Group<A>,
        // A failure that came while a group was open: it follows that.
        error: Option<E>,
    }
}

/// The group that is open, if anything is in it.
struct Group<A> {
    values: Vec<A>,
    /// When it ends at the latest.
    until: Instant,
}

impl<A> Group<A> {
    const fn new(now: Instant) -> Self {
        Group {
            values: Vec::new(),
            until: now,
        }
    }

    /// Ends it. There is none if nothing is in it. The next has room for as many from the beginning.
    fn close(&mut self) -> Option<Vec<A>> {
        if self.values.is_empty() {
            return None;
        }
        let next = Vec::with_capacity(self.values.len());
        Some(mem::replace(&mut self.values, next))
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
            return Poll::Ready(this.group.close().map(Ok));
        }
        let group = this.group;
        // So many may be in it after this poll. The loop stops at the first, which opens it, and there: it compares once.
        let most = (group.values.len() + GROUPED_PER_POLL).min(*this.size);
        let mut stop = if group.values.is_empty() { 1 } else { most };
        loop {
            match this.source.as_mut().poll_item(task) {
                Poll::Ready(Some(Ok(value))) => {
                    group.values.push(value);
                    if group.values.len() < stop {
                        continue;
                    }
                    if stop == 1 {
                        group.until = after(this.cx, *this.within);
                    }
                    if stop == most {
                        break;
                    }
                    stop = most;
                }
                Poll::Ready(Some(Err(error))) => {
                    this.alarm.as_mut().clear();
                    let Some(values) = group.close() else {
                        return Poll::Ready(Some(Err(error)));
                    };
                    *this.error = Some(error);
                    return Poll::Ready(Some(Ok(values)));
                }
                Poll::Ready(None) => {
                    this.alarm.as_mut().clear();
                    return Poll::Ready(group.close().map(Ok));
                }
                Poll::Pending => {
                    // Only now: a group that is full at once needs none. One that was set before was polled above.
                    if !group.values.is_empty() && !this.alarm.is_set() {
                        this.alarm.as_mut().set_at(this.cx, group.until);
                        if this.alarm.as_mut().poll(task).is_ready() {
                            return Poll::Ready(group.close().map(Ok));
                        }
                    }
                    return Poll::Pending;
                }
            }
        }
        if group.values.len() == *this.size {
            this.alarm.as_mut().clear();
            return Poll::Ready(group.close().map(Ok));
        }
        // Another poll follows, and looks at the alarm first.
        if !this.alarm.is_set() {
            this.alarm.as_mut().set_at(this.cx, group.until);
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
