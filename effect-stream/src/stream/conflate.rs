//! Items that come while the consumer is busy, as one.

use std::pin::Pin;
use std::task::{Context, Poll};

use effect_core::{Cx, Env, Value};
use futures::Stream as FuturesStream;
use pin_project_lite::pin_project;

use super::infallible::{Entered, Infallible, enter, leave};
use crate::opaque_debug::opaque_debug;
use crate::source::{Pull, Source};
use crate::stream::Stream;
use crate::stream_e::StreamE;

/// # Buffering
impl<R: Env, A: Value, S> Stream<R, A, S> {
    /// Goes on while the consumer is busy, and makes one item of all that come meanwhile: of the first by a closure, and with each further one by another.
    ///
    /// So a slow consumer holds up nobody, and no item is dropped unless the closures do it.
    ///
    /// - **Pulls** items as they come, while the consumer is busy.
    /// - **Fails** never; a panic of a closure is a defect of the run.
    /// - **Completes** when the source does, and what came last is emitted.
    /// - **When interrupted**, interrupts the source; what waits for the consumer is dropped.
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
    /// let every_second = Stream::range(0..7).tap(move |_| wait(1_000)).into_values();
    /// let seen = every_second.conflate(|n| vec![n], |mut all, n| {
    ///     all.push(n);
    ///     all
    /// });
    /// let Ok(all) = seen.tap(move |_| wait(2_600)).into_values().run_collect().await;
    /// assert_eq!(all, [vec![0], vec![1, 2], vec![3, 4, 5], vec![6]]);
    /// # }
    /// ```
    #[doc(alias = "conflate_with_seed")]
    #[doc(alias = "batch")]
    pub fn conflate<B, I, F>(
        self,
        first: I,
        further: F,
    ) -> Stream<R, B, Infallible<Conflate<Entered<S>, I, F>>>
    where
        B: Value,
        I: FnMut(A) -> B + Value,
        F: FnMut(B, A) -> B + Value,
    {
        Stream::of(leave(Conflate {
            source: enter(self.source),
            first,
            further,
        }))
    }
}

/// # Buffering
impl<R: Env, E: Value, A: Value, S> StreamE<R, E, A, S> {
    /// Goes on while the consumer is busy, and makes one value of all that come meanwhile. Touches successes only: a failure follows what came
    /// before it, and what comes after that waits.
    ///
    /// - **Pulls** elements as they come, while the consumer is busy, up to a failure.
    /// - **Fails** never; a panic of a closure is a defect of the run.
    /// - **Completes** when the source does, and what came last is emitted.
    /// - **When interrupted**, interrupts the source; what waits for the consumer is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let results = StreamE::from_results([Ok(1), Err("two"), Ok(3)]);
    /// let sums = results.conflate(|n| n, |sum, n| sum + n);
    /// // Nobody is busy here, so each comes by itself.
    /// let Ok(all) = sums.run_collect().await;
    /// assert_eq!(all, [Ok(1), Err("two"), Ok(3)]);
    /// # }
    /// ```
    #[doc(alias = "conflate_with_seed")]
    pub fn conflate<B, I, F>(self, first: I, further: F) -> StreamE<R, E, B, Conflate<S, I, F>>
    where
        B: Value,
        I: FnMut(A) -> B + Value,
        F: FnMut(B, A) -> B + Value,
    {
        StreamE::of(Conflate {
            source: self.source,
            first,
            further,
        })
    }
}

/// The source of [`StreamE::conflate`].
#[derive(Clone)]
pub struct Conflate<S, I, F> {
    source: S,
    first: I,
    further: F,
}

impl<R, E, A, B, S, I, F> Source<R> for Conflate<S, I, F>
where
    R: Env,
    E: Value,
    A: Value,
    B: Value,
    S: Source<R, Item = Result<A, E>>,
    I: FnMut(A) -> B + Value,
    F: FnMut(B, A) -> B + Value,
{
    type Item = Result<B, E>;

    fn open(self, cx: &Cx<R>) -> impl Pull<Item = Self::Item> + Send {
        Conflating {
            source: self.source.open(cx),
            progress: Progress::NotBegun,
            first: self.first,
            further: self.further,
            so_far: None,
            error: None,
        }
    }
}

pin_project! {
    struct Conflating<S, I, F, B, E> {
        #[pin]
        source: S,
        progress: Progress,
        first: I,
        further: F,
        // What came while nobody wanted it.
        so_far: Option<B>,
        // A failure that came after that.
        error: Option<E>,
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Progress {
    /// Nothing is pulled before the first element is wanted.
    NotBegun,
    Begun,
    Ended,
}

/// How many elements may become one in one poll before others have a turn.
const CONFLATED_PER_POLL: usize = 1024;

impl<A, B, E, S, I, F> FuturesStream for Conflating<S, I, F, B, E>
where
    S: FuturesStream<Item = Result<A, E>>,
    I: FnMut(A) -> B,
    F: FnMut(B, A) -> B,
{
    type Item = Result<B, E>;

    fn poll_next(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Result<B, E>>> {
        let this = self.project();
        if let Some(one) = this.so_far.take() {
            return Poll::Ready(Some(Ok(one)));
        }
        if let Some(error) = this.error.take() {
            return Poll::Ready(Some(Err(error)));
        }
        if *this.progress == Progress::Ended {
            return Poll::Ready(None);
        }
        *this.progress = Progress::Begun;
        let polled = this.source.poll_next(task);
        if matches!(polled, Poll::Ready(None)) {
            *this.progress = Progress::Ended;
        }
        polled.map(|element| element.map(|element| element.map(this.first)))
    }
}

impl<A, B, E, S, I, F> Pull for Conflating<S, I, F, B, E>
where
    S: Pull<Item = Result<A, E>>,
    I: FnMut(A) -> B,
    F: FnMut(B, A) -> B,
{
    fn poll_progress(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        for _ in 0..CONFLATED_PER_POLL {
            if *this.progress != Progress::Begun {
                return Poll::Ready(());
            }
            if this.error.is_some() {
                return this.source.poll_progress(task);
            }
            match this.source.as_mut().poll_next(task) {
                Poll::Ready(Some(Ok(value))) => {
                    *this.so_far = Some(match this.so_far.take() {
                        Some(so_far) => (this.further)(so_far, value),
                        None => (this.first)(value),
                    });
                }
                Poll::Ready(Some(Err(error))) => *this.error = Some(error),
                Poll::Ready(None) => *this.progress = Progress::Ended,
                Poll::Pending => return Poll::Pending,
            }
        }
        task.waker().wake_by_ref();
        Poll::Pending
    }
}

opaque_debug!(Conflate<S, I, F>);
