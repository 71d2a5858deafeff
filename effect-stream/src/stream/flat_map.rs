//! A stream for each item, one after the other.

use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use effect_core::{Cx, Env, Owed, Value};
use futures::Stream as FuturesStream;
use pin_project_lite::pin_project;

use super::inner::{OfItem, OfValue, OpenInner};
use crate::opaque_debug::opaque_debug;
use crate::source::{Pull, Source};
use crate::stream::Stream;
use crate::stream_e::StreamE;

/// # Sequencing
impl<R: Env, A: Value, S> Stream<R, A, S> {
    /// Makes a stream of each item, and emits the items of all of those, one stream after the other.
    ///
    /// - **Pulls** the next item once the stream of the one before has ended, and its finalizers have run.
    /// - **Fails** never; a panic of the closure is a defect of the run.
    /// - **Completes** when the source does and the last stream has ended.
    /// - **When interrupted**, interrupts the stream that runs, then the source.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let Ok(all) = Stream::range(1..4).flat_map(|n| Stream::range(0..n)).run_collect().await;
    /// assert_eq!(all, [0, 0, 1, 0, 1, 2]);
    /// # }
    /// ```
    pub fn flat_map<B, T, F>(self, f: F) -> Stream<R, B, FlatMap<S, OfItem<F>>>
    where
        B: Value,
        F: FnMut(A) -> Stream<R, B, T> + Value,
    {
        Stream::of(FlatMap {
            source: self.source,
            inner: OfItem(f),
        })
    }
}

/// # Sequencing
impl<R: Env, E: Value, A: Value, S> StreamE<R, E, A, S> {
    /// Makes a stream of each value, and emits the elements of all of those, one stream after the other. Touches successes only: failures flow on.
    ///
    /// - **Pulls** the next element once the stream of the one before has ended, and its finalizers have run.
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
    /// let results = StreamE::from_results([Ok(1), Err("two"), Ok(2)]);
    /// let Ok(all) = results.flat_map(|n| StreamE::range(0..n)).run_collect().await;
    /// assert_eq!(all, [Ok(0), Err("two"), Ok(0), Ok(1)]);
    /// # }
    /// ```
    pub fn flat_map<B, T, F>(self, f: F) -> StreamE<R, E, B, FlatMap<S, OfValue<F>>>
    where
        B: Value,
        F: FnMut(A) -> StreamE<R, E, B, T> + Value,
    {
        StreamE::of(FlatMap {
            source: self.source,
            inner: OfValue(f),
        })
    }
}

/// The source of [`Stream::flat_map`] and [`StreamE::flat_map`].
#[derive(Clone)]
pub struct FlatMap<S, I> {
    source: S,
    inner: I,
}

impl<R: Env, S: Source<R>, I: OpenInner<R, S::Item>> Source<R> for FlatMap<S, I> {
    type Item = I::Item;

    fn open(mut self, cx: &Cx<R>) -> impl Pull<Item = I::Item> + Send {
        Flattening {
            cx,
            outer: self.source.open(cx),
            inner: None,
            open: move |item| self.inner.open_inner(item, cx),
            owed: None,
        }
    }
}

pin_project! {
    struct Flattening<'cx, R, S, T, F> {
        cx: &'cx Cx<R>,
        // First what is inside: in this order it is dropped, and what that owes is done.
        // What the end of an inner stream owes is done before the next one begins.
        owed: Option<Owed>,
        #[pin]
        inner: Option<T>,
        #[pin]
        outer: S,
        open: F,
    }
}

/// How many inner streams may end in one poll, without an item, before others have a turn.
const EMPTY_PER_POLL: usize = 256;

impl<R, S, T, F> FuturesStream for Flattening<'_, R, S, T, F>
where
    R: Env,
    S: Pull,
    T: Pull,
    F: FnMut(S::Item) -> ControlFlow<T::Item, T>,
{
    type Item = T::Item;

    fn poll_next(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<T::Item>> {
        let mut this = self.project();
        for _ in 0..EMPTY_PER_POLL {
            if let Some(owed) = this.owed.as_mut() {
                let done = Pin::new(owed).poll(task);
                if done.is_pending() {
                    let _ = this.outer.poll_progress(task);
                    return Poll::Pending;
                }
                *this.owed = None;
            }
            if this.inner.is_none() {
                let Some(item) = ready!(this.outer.as_mut().poll_next(task)) else {
                    return Poll::Ready(None);
                };
                match (this.open)(item) {
                    ControlFlow::Continue(inner) => this.inner.set(Some(inner)),
                    ControlFlow::Break(item) => return Poll::Ready(Some(item)),
                }
            }
            let inner = this.inner.as_mut().as_pin_mut().expect("opened above");
            match inner.poll_next(task) {
                Poll::Ready(Some(item)) => return Poll::Ready(Some(item)),
                Poll::Ready(None) => *this.owed = this.cx.owed_by(|| this.inner.set(None)),
                Poll::Pending => {
                    // What the outer stream has in flight goes on meanwhile; its wakers are registered.
                    let _ = this.outer.poll_progress(task);
                    return Poll::Pending;
                }
            }
        }
        task.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<R, S, T, F> Pull for Flattening<'_, R, S, T, F>
where
    R: Env,
    S: Pull,
    T: Pull,
    F: FnMut(S::Item) -> ControlFlow<T::Item, T>,
{
    fn poll_progress(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        if let Some(owed) = this.owed.as_mut()
            && Pin::new(owed).poll(task).is_ready()
        {
            *this.owed = None;
        }
        let outer = this.outer.poll_progress(task);
        let inner = this.inner.as_pin_mut();
        let inner = inner.map_or(Poll::Ready(()), |inner| inner.poll_progress(task));
        if this.owed.is_none() && outer.is_ready() && inner.is_ready() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

opaque_debug!(FlatMap<S, I>);
