//! Items that are made while the consumer is busy.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use effect_core::{Cx, Env, Value};
use futures::Stream as FuturesStream;
use pin_project_lite::pin_project;

use crate::source::{Pull, Source};
use crate::stream::Stream;
use crate::stream_e::StreamE;

/// # Buffering
impl<R: Env, A: Value, S> Stream<R, A, S> {
    /// Goes on while the consumer is busy, until `size` items wait for it.
    ///
    /// It runs in the consumer's task: what waits goes on meanwhile, what computes does not. For that, a
    /// [`Pipeline`](crate::Pipeline) has workers.
    ///
    /// - **Pulls** `size` items ahead.
    /// - **Completes** when the source does and the buffer is empty.
    /// - **When interrupted**, interrupts the source; the items in the buffer are dropped.
    ///
    /// # Panics
    ///
    /// If `size` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{sleep, Never};
    /// use effect_stream::Stream;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let begin = tokio::time::Instant::now();
    /// let second = || sleep::<_, Never>(Duration::from_secs(1));
    /// let slow = Stream::range(0..4).tap(move |_| second());
    /// let Ok(()) = slow.buffer(2).run_for_each(move |_| second()).await;
    /// // Without a buffer, it takes eight.
    /// assert_eq!(begin.elapsed().as_secs(), 5);
    /// # }
    /// ```
    #[track_caller]
    pub fn buffer(self, size: usize) -> Stream<R, A, Buffer<S>> {
        Stream::of(Buffer::new(self.source, size, WhenFull::Wait))
    }

    /// Goes on while the consumer is busy; of what comes while `size` items wait for it, nothing is kept.
    ///
    /// - **Pulls** items as they come, while the consumer is busy.
    /// - **Completes** when the source does and the buffer is empty.
    /// - **When interrupted**, interrupts the source; the items in the buffer are dropped.
    ///
    /// # Panics
    ///
    /// If `size` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{sleep, Never};
    /// use effect_stream::Stream;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let wait = |millis| sleep::<_, Never>(Duration::from_millis(millis));
    /// let every_second = Stream::range(0..9).tap(move |_| wait(1_000)).into_values();
    /// let seen = every_second.buffer_dropping(1).tap(move |_| wait(3_250));
    /// let Ok(all) = seen.run_collect().await;
    /// assert_eq!(all, [Ok(0), Ok(1), Ok(4), Ok(7)]);
    /// # }
    /// ```
    #[track_caller]
    pub fn buffer_dropping(self, size: usize) -> Stream<R, A, Buffer<S>> {
        Stream::of(Buffer::new(self.source, size, WhenFull::DropNew))
    }

    /// Goes on while the consumer is busy; of more than `size` items that wait for it, the oldest are dropped.
    ///
    /// - **Pulls** items as they come, while the consumer is busy.
    /// - **Completes** when the source does and the buffer is empty.
    /// - **When interrupted**, interrupts the source; the items in the buffer are dropped.
    ///
    /// # Panics
    ///
    /// If `size` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{sleep, Never};
    /// use effect_stream::Stream;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let wait = |millis| sleep::<_, Never>(Duration::from_millis(millis));
    /// let every_second = Stream::range(0..9).tap(move |_| wait(1_000)).into_values();
    /// let seen = every_second.buffer_sliding(1).tap(move |_| wait(3_250));
    /// let Ok(all) = seen.run_collect().await;
    /// assert_eq!(all, [Ok(0), Ok(3), Ok(6), Ok(8)]);
    /// # }
    /// ```
    #[track_caller]
    pub fn buffer_sliding(self, size: usize) -> Stream<R, A, Buffer<S>> {
        Stream::of(Buffer::new(self.source, size, WhenFull::DropOld))
    }
}

/// # Buffering
impl<R: Env, E: Value, A: Value, S> StreamE<R, E, A, S> {
    /// Goes on while the consumer is busy, until `size` elements, failures too, wait for it.
    ///
    /// It runs in the consumer's task: what waits goes on meanwhile, what computes does not.
    ///
    /// - **Pulls** `size` elements ahead.
    /// - **Completes** when the source does and the buffer is empty.
    /// - **When interrupted**, interrupts the source; the elements in the buffer are dropped.
    ///
    /// # Panics
    ///
    /// If `size` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let results = StreamE::from_results([Ok(1), Err("two")]).buffer(8);
    /// let Ok(all) = results.run_collect().await;
    /// assert_eq!(all, [Ok(1), Err("two")]);
    /// # }
    /// ```
    #[track_caller]
    pub fn buffer(self, size: usize) -> StreamE<R, E, A, Buffer<S>> {
        StreamE::of(Buffer::new(self.source, size, WhenFull::Wait))
    }

    /// Goes on while the consumer is busy; of what comes while `size` elements wait for it, nothing is kept, failures neither.
    ///
    /// - **Pulls** elements as they come, while the consumer is busy.
    /// - **Completes** when the source does and the buffer is empty.
    /// - **When interrupted**, interrupts the source; the elements in the buffer are dropped.
    ///
    /// # Panics
    ///
    /// If `size` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sleep;
    /// use effect_stream::Stream;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let wait = |millis| sleep::<_, &str>(Duration::from_millis(millis));
    /// let every_second = Stream::range(0..9).tap(move |_| wait(1_000));
    /// let seen = every_second.buffer_dropping(1).tap(move |_| wait(3_250));
    /// assert_eq!(seen.collect_results().await, Ok(vec![0, 1, 4, 7]));
    /// # }
    /// ```
    #[track_caller]
    pub fn buffer_dropping(self, size: usize) -> StreamE<R, E, A, Buffer<S>> {
        StreamE::of(Buffer::new(self.source, size, WhenFull::DropNew))
    }

    /// Goes on while the consumer is busy; of more than `size` elements that wait for it, the oldest are dropped, failures too.
    ///
    /// - **Pulls** elements as they come, while the consumer is busy.
    /// - **Completes** when the source does and the buffer is empty.
    /// - **When interrupted**, interrupts the source; the elements in the buffer are dropped.
    ///
    /// # Panics
    ///
    /// If `size` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sleep;
    /// use effect_stream::Stream;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let wait = |millis| sleep::<_, &str>(Duration::from_millis(millis));
    /// let every_second = Stream::range(0..9).tap(move |_| wait(1_000));
    /// let seen = every_second.buffer_sliding(1).tap(move |_| wait(3_250));
    /// assert_eq!(seen.collect_results().await, Ok(vec![0, 3, 6, 8]));
    /// # }
    /// ```
    #[track_caller]
    pub fn buffer_sliding(self, size: usize) -> StreamE<R, E, A, Buffer<S>> {
        StreamE::of(Buffer::new(self.source, size, WhenFull::DropOld))
    }
}

/// What becomes of an item for which there is no room.
#[derive(Clone, Copy, Debug)]
enum WhenFull {
    /// It is not asked for.
    Wait,
    /// It is dropped.
    DropNew,
    /// The oldest is.
    DropOld,
}

/// The source of [`Stream::buffer`], [`Stream::buffer_dropping`] and [`Stream::buffer_sliding`].
#[derive(Clone, Debug)]
pub struct Buffer<S> {
    source: S,
    size: usize,
    when_full: WhenFull,
}

impl<S> Buffer<S> {
    #[track_caller]
    fn new(source: S, size: usize, when_full: WhenFull) -> Self {
        assert!(size > 0, "a buffer has room for at least one item");
        Buffer {
            source,
            size,
            when_full,
        }
    }
}

impl<R: Env, S: Source<R>> Source<R> for Buffer<S> {
    type Item = S::Item;

    fn open(self, cx: &Cx<R>) -> impl Pull<Item = S::Item> + Send {
        Buffering {
            source: self.source.open(cx),
            ended: false,
            begun: false,
            size: self.size,
            when_full: self.when_full,
            items: VecDeque::new(),
        }
    }
}

pin_project! {
    struct Buffering<S, A> {
        #[pin]
        source: S,
        ended: bool,
        // Nothing is pulled before the first item is wanted.
        begun: bool,
        size: usize,
        when_full: WhenFull,
        items: VecDeque<A>,
    }
}

/// How many items may be dropped in one poll before others have a turn.
const DROPPED_PER_POLL: usize = 1024;

impl<S: Pull> Buffering<S, S::Item> {
    /// Pulls what there is, and keeps what there is room for.
    fn fill(self: Pin<&mut Self>, task: &mut Context<'_>) {
        let mut this = self.project();
        for _ in 0..DROPPED_PER_POLL {
            let is_full = this.items.len() == *this.size;
            if *this.ended || is_full && matches!(this.when_full, WhenFull::Wait) {
                let _ = this.source.poll_progress(task);
                return;
            }
            match this.source.as_mut().poll_next(task) {
                Poll::Ready(Some(_)) if is_full && matches!(this.when_full, WhenFull::DropNew) => {}
                Poll::Ready(Some(item)) => {
                    if is_full {
                        this.items.pop_front();
                    }
                    this.items.push_back(item);
                }
                Poll::Ready(None) => *this.ended = true,
                Poll::Pending => return,
            }
        }
        task.waker().wake_by_ref();
    }
}

impl<S: Pull> FuturesStream for Buffering<S, S::Item> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let this = self.as_mut().project();
        *this.begun = true;
        if let Some(item) = this.items.pop_front() {
            return Poll::Ready(Some(item));
        }
        if *this.ended {
            return Poll::Ready(None);
        }
        // Handed on, and not collected first: the consumer is not busy.
        let polled = this.source.poll_next(task);
        *this.ended = matches!(polled, Poll::Ready(None));
        polled
    }
}

impl<S: Pull> Pull for Buffering<S, S::Item> {
    fn poll_progress(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        if !self.begun {
            return Poll::Ready(());
        }
        self.as_mut().fill(task);
        let waits = self.items.len() == self.size && matches!(self.when_full, WhenFull::Wait);
        if self.ended || waits {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}
