//! A stream for each item, until the next one comes.

use std::future::Future;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};

use effect_core::{Cx, Env, Owed, Value};
use futures::Stream as FuturesStream;
use pin_project_lite::pin_project;

use super::inner::{OfItem, OfValue, OpenInner};
use super::side::{Side, both};
use crate::opaque_debug::opaque_debug;
use crate::source::{Pull, Source};
use crate::stream::Stream;
use crate::stream_e::StreamE;

/// # Sequencing
impl<R: Env, A: Value, S> Stream<R, A, S> {
    /// Makes a stream of each item, and emits its items until the next item comes: that interrupts the stream, and another one takes its place.
    ///
    /// - **Pulls** from the source and from the stream that runs, while one waits for its item; holds at most one of each
    ///   ahead. An item of a stream that was replaced is dropped.
    /// - **Fails** never; a panic of the closure is a defect of the run.
    /// - **Completes** when the source does and the last stream has ended.
    /// - **When interrupted**, interrupts the stream that runs, then the source.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::Stream;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let letters = Stream::generate(async |cx: effect_core::Cx<()>, mut out: effect_stream::Emitter<_>| {
    ///     for letter in ["a", "b"] {
    ///         out.emit(letter).await;
    ///         cx.sleep(Duration::from_secs(1)).await;
    ///     }
    /// });
    /// // Who types another letter does not wait for what was found for the last one.
    /// let found = letters.flat_map_switch(|letter| Stream::once(letter).concat(Stream::never()));
    /// let Ok(all) = found.take(2).run_collect().await;
    /// assert_eq!(all, ["a", "b"]);
    /// # }
    /// ```
    #[doc(alias = "switch_map")]
    #[doc(alias = "flat_map_latest")]
    pub fn flat_map_switch<B, T, F>(self, f: F) -> Stream<R, B, FlatMapSwitch<S, OfItem<F>>>
    where
        B: Value,
        F: FnMut(A) -> Stream<R, B, T> + Value,
    {
        Stream::of(FlatMapSwitch {
            source: self.source,
            inner: OfItem(f),
        })
    }
}

/// # Sequencing
impl<R: Env, E: Value, A: Value, S> StreamE<R, E, A, S> {
    /// Makes a stream of each value, and emits its elements until the next value comes: that interrupts the stream, and another one takes its place. Touches successes only: a failure flows on, and interrupts nothing.
    ///
    /// - **Pulls** from the source and from the stream that runs, while one waits for its element; holds at most one of
    ///   each ahead. An element of a stream that was replaced is dropped.
    /// - **Fails** never; a panic of the closure is a defect of the run.
    /// - **Completes** when the source does and the last stream has ended.
    /// - **When interrupted**, interrupts the stream that runs, then the source.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let results = StreamE::from_results([Ok(1), Err("two"), Ok(3)]);
    /// let Ok(all) = results.flat_map_switch(|n| StreamE::from_iter([n, n * 10])).run_collect().await;
    /// assert_eq!(all, [Err("two"), Ok(3), Ok(30)]);
    /// # }
    /// ```
    #[doc(alias = "switch_map")]
    pub fn flat_map_switch<B, T, F>(self, f: F) -> StreamE<R, E, B, FlatMapSwitch<S, OfValue<F>>>
    where
        B: Value,
        F: FnMut(A) -> StreamE<R, E, B, T> + Value,
    {
        StreamE::of(FlatMapSwitch {
            source: self.source,
            inner: OfValue(f),
        })
    }
}

/// The source of [`Stream::flat_map_switch`] and [`StreamE::flat_map_switch`].
#[derive(Clone)]
pub struct FlatMapSwitch<S, I> {
    source: S,
    inner: I,
}

impl<R: Env, S: Source<R>, I: OpenInner<R, S::Item>> Source<R> for FlatMapSwitch<S, I> {
    type Item = I::Item;

    fn open(mut self, cx: &Cx<R>) -> impl Pull<Item = I::Item> + Send {
        let open = move |item| self.inner.open_inner(item, cx);
        Switching::new(cx, self.source.open(cx), open)
    }
}

pin_project! {
    struct Switching<'cx, R, S: FuturesStream, T: FuturesStream, F> {
        cx: &'cx Cx<R>,
        // First what is inside: in this order it is dropped, and what that owes is done.
        // What those owe that were replaced: done before the one that replaces them begins.
        owed: Vec<Owed>,
        #[pin]
        inner: Option<Side<T, T::Item>>,
        #[pin]
        outer: Side<S, S::Item>,
        open: F,
    }
}

impl<'cx, R, S, T, F> Switching<'cx, R, S, T, F>
where
    S: FuturesStream,
    T: FuturesStream,
{
    fn new(cx: &'cx Cx<R>, outer: S, open: F) -> Self {
        Switching {
            cx,
            outer: Side::new(outer),
            open,
            inner: None,
            owed: Vec::new(),
        }
    }
}

/// How many streams may be replaced, or end, in one poll before others have a turn.
const SWITCHES_PER_POLL: usize = 256;

impl<R, S, T, F> FuturesStream for Switching<'_, R, S, T, F>
where
    R: Env,
    S: Pull,
    T: Pull,
    F: FnMut(S::Item) -> ControlFlow<T::Item, T>,
{
    type Item = T::Item;

    fn poll_next(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<T::Item>> {
        let mut this = self.project();
        for _ in 0..SWITCHES_PER_POLL {
            if let Poll::Ready(Some(item)) = this.outer.as_mut().poll_item(task) {
                match (this.open)(item) {
                    ControlFlow::Continue(pull) => {
                        let next = Some(Side::new(pull));
                        this.owed.extend(this.cx.owed_by(|| this.inner.set(next)));
                        continue;
                    }
                    ControlFlow::Break(item) => return Poll::Ready(Some(item)),
                }
            }
            this.owed
                .retain_mut(|owed| Pin::new(owed).poll(task).is_pending());
            if !this.owed.is_empty() {
                return Poll::Pending;
            }
            match this.inner.as_mut().as_pin_mut() {
                Some(inner) => match inner.poll_item(task) {
                    Poll::Ready(Some(item)) => return Poll::Ready(Some(item)),
                    Poll::Ready(None) => {
                        this.owed.extend(this.cx.owed_by(|| this.inner.set(None)));
                    }
                    Poll::Pending => return Poll::Pending,
                },
                None if this.outer.has_ended() => return Poll::Ready(None),
                None => return Poll::Pending,
            }
        }
        task.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<R, S, T, F> Pull for Switching<'_, R, S, T, F>
where
    R: Env,
    S: Pull,
    T: Pull,
    F: FnMut(S::Item) -> ControlFlow<T::Item, T>,
{
    fn poll_progress(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        this.owed
            .retain_mut(|owed| Pin::new(owed).poll(task).is_pending());
        let inner = this.inner.as_pin_mut();
        let inner = inner.map_or(Poll::Ready(()), |inner| inner.poll_progress(task));
        match both(this.outer.poll_progress(task), inner) {
            Poll::Ready(()) if this.owed.is_empty() => Poll::Ready(()),
            _ => Poll::Pending,
        }
    }
}

opaque_debug!(FlatMapSwitch<S, I>);
