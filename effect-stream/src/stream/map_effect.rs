//! An effect for each item, one after the other: `map_effect` and `recover`.

use std::future::Future;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use effect_core::fits::{SameError, SameValue};
use effect_core::{Cx, Env, IntoEffect, Value};
use futures::Stream as FuturesStream;
use pin_project_lite::pin_project;

use super::begin::{Begin, ForErrors, ForItems, ForValues};
use crate::opaque_debug::opaque_debug;
use crate::source::{Pull, Source};
use crate::stream::Stream;
use crate::stream_e::StreamE;

/// # Running effects
impl<R: Env, A: Value, S> Stream<R, A, S> {
    /// Runs an effect for each item, one after the other, and emits its result.
    ///
    /// - **Pulls** the next item once the current effect has ended; never ahead.
    /// - **Fails** never: a failed effect is a failed element, and the next item follows.
    /// - **Completes** when the source does and the last effect has ended.
    /// - **When interrupted**, interrupts the running effect and waits for its finalizers, then the source's.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let checked = Stream::range(1..4).map_effect(|n| async move {
    ///     if n == 2 { Err("two") } else { Ok(n) }
    /// });
    /// let Ok(all) = checked.run_collect().await;
    /// assert_eq!(all, [Ok(1), Err("two"), Ok(3)]);
    /// # }
    /// ```
    pub fn map_effect<I, F>(self, f: F) -> StreamE<R, I::Error, I::Value, MapEffect<S, ForItems<F>>>
    where
        I: IntoEffect<R>,
        F: FnMut(A) -> I + Value,
    {
        StreamE::of(MapEffect::new(self.source, ForItems(f)))
    }
}

/// # Running effects
impl<R: Env, E: Value, A: Value, S> StreamE<R, E, A, S> {
    /// Runs an effect for each value, one after the other, and emits its result. Touches successes only.
    ///
    /// - **Pulls** the next element once the current effect has ended; never ahead.
    /// - **Fails** never: a failed effect is a failed element, and the next one follows.
    /// - **Completes** when the source does and the last effect has ended.
    /// - **When interrupted**, interrupts the running effect and waits for its finalizers, then the source's.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let halves = StreamE::range(1..4).map_effect(|n| async move {
    ///     if n % 2 == 0 { Ok(n / 2) } else { Err(format!("{n} is odd")) }
    /// });
    /// let Ok((good, bad)) = halves.partition().await;
    /// assert_eq!(good, [1]);
    /// assert_eq!(bad, ["1 is odd", "3 is odd"]);
    /// # }
    /// ```
    pub fn map_effect<I, F>(self, f: F) -> StreamE<R, E, I::Value, MapEffect<S, ForValues<F>>>
    where
        I: IntoEffect<R> + SameError<E, I::Error>,
        F: FnMut(A) -> I + Value,
    {
        StreamE::of(MapEffect::new(self.source, ForValues(f)))
    }

    /// Runs an effect for each error, one after the other, and emits its result in the error's place. Touches
    /// failures only.
    ///
    /// - **Pulls** the next element once the current effect has ended; never ahead.
    /// - **Fails** never: a failed recovery is a failed element.
    /// - **Completes** when the source does and the last effect has ended.
    /// - **When interrupted**, interrupts the running effect and waits for its finalizers, then the source's.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use effect_core::{succeed, Never};
    /// let safe = StreamE::from_results([Ok(1), Err("two")])
    ///     .recover(|error| succeed::<_, Never, _>(error.len()));
    /// let Ok((all, _)) = safe.partition().await;
    /// assert_eq!(all, [1, 3]);
    /// # }
    /// ```
    pub fn recover<I, F>(self, f: F) -> StreamE<R, I::Error, A, MapEffect<S, ForErrors<F>>>
    where
        I: IntoEffect<R> + SameValue<A, I::Value>,
        F: FnMut(E) -> I + Value,
    {
        StreamE::of(MapEffect::new(self.source, ForErrors(f)))
    }
}

/// The source of [`Stream::map_effect`], [`StreamE::map_effect`] and [`StreamE::recover`].
#[derive(Clone)]
pub struct MapEffect<S, B> {
    pub(crate) source: S,
    pub(crate) begin: B,
}

impl<S, B> MapEffect<S, B> {
    pub(crate) const fn new(source: S, begin: B) -> Self {
        MapEffect { source, begin }
    }
}

impl<R: Env, S: Source<R>, B: Begin<R, S::Item>> Source<R> for MapEffect<S, B> {
    type Item = B::Output;

    fn open(mut self, cx: &Cx<R>) -> impl Pull<Item = Self::Item> + Send {
        Running {
            source: self.source.open(cx),
            begin: move |item| self.begin.begin(item, cx),
            running: None,
        }
    }
}

pin_project! {
    /// Begins a future for an item, or breaks with what needs none, and emits what it yields.
    struct Running<S, F, Fut> {
        // Before the source: in this order they are dropped, and what that owes is done.
        #[pin]
        running: Option<Fut>,
        #[pin]
        source: S,
        begin: F,
    }
}

impl<S, F, Fut> FuturesStream for Running<S, F, Fut>
where
    S: Pull,
    F: FnMut(S::Item) -> ControlFlow<Fut::Output, Fut>,
    Fut: Future,
{
    type Item = Fut::Output;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Fut::Output>> {
        let mut this = self.project();
        if this.running.is_none() {
            let Some(item) = ready!(this.source.as_mut().poll_next(task)) else {
                return Poll::Ready(None);
            };
            match (this.begin)(item) {
                ControlFlow::Continue(future) => this.running.set(Some(future)),
                ControlFlow::Break(output) => return Poll::Ready(Some(output)),
            }
        }
        let future = this.running.as_mut().as_pin_mut().expect("begun above");
        let Poll::Ready(output) = future.poll(task) else {
            // What the source has in flight goes on meanwhile; its wakers are registered.
            let _ = this.source.poll_progress(task);
            return Poll::Pending;
        };
        this.running.set(None);
        Poll::Ready(Some(output))
    }
}

// An effect that runs was begun by a poll for its result, which goes on; only the source may hold others.
impl<S, F, Fut> Pull for Running<S, F, Fut>
where
    S: Pull,
    F: FnMut(S::Item) -> ControlFlow<Fut::Output, Fut>,
    Fut: Future,
{
    fn poll_progress(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        self.project().source.poll_progress(task)
    }
}

opaque_debug!(MapEffect<S, B>);
