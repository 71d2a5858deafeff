//! One item in, at most one out, with no waiting: the stage behind `map` and `filter`.

use std::future::Future;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use effect_core::{Cx, Env, Value};
use futures::Stream as FuturesStream;
use pin_project_lite::pin_project;

use crate::opaque_debug::opaque_debug;
use crate::source::{Pull, Source};

/// What a stage makes of an item: at most one item.
///
/// A trait of named types, and not a closure: the type of a closure repeats all types around it, and through a
/// dozen stages that doubles a dozen times.
pub trait Choice<T>: Send + 'static {
    /// What comes out.
    type Output: Value;

    /// Has what comes of an item, or leaves it out.
    fn choose(&mut self, item: T) -> Option<Self::Output>;
}

/// The source behind `map`, `map_error` and `filter`.
#[derive(Clone)]
pub struct FilterMap<S, C> {
    source: S,
    choice: C,
}

impl<S, C> FilterMap<S, C> {
    pub(crate) const fn new(source: S, choice: C) -> Self {
        FilterMap { source, choice }
    }
}

impl<R: Env, S: Source<R>, C: Choice<S::Item>> Source<R> for FilterMap<S, C> {
    type Item = C::Output;

    fn open(self, cx: &Cx<R>) -> impl Pull<Item = C::Output> + Send {
        Choosing {
            source: self.source.open(cx),
            choice: self.choice,
        }
    }

    fn fold<B, F>(mut self, cx: &Cx<R>, init: B, mut f: F) -> impl Future<Output = B> + Send
    where
        B: Value,
        F: FnMut(B, C::Output) -> ControlFlow<B, B> + Send,
    {
        self.source.fold(cx, init, move |folded, item| {
            match self.choice.choose(item) {
                Some(chosen) => f(folded, chosen),
                None => ControlFlow::Continue(folded),
            }
        })
    }
}

/// The source of [`Stream::map`](crate::Stream::map).
pub type Map<S, F> = FilterMap<S, Mapped<F>>;

/// The choice of [`Map`].
#[derive(Clone)]
pub struct Mapped<F>(pub(crate) F);

impl<A, B: Value, F: FnMut(A) -> B + Value> Choice<A> for Mapped<F> {
    type Output = B;

    #[inline]
    fn choose(&mut self, item: A) -> Option<B> {
        Some((self.0)(item))
    }
}

/// The source of [`Stream::filter`](crate::Stream::filter).
pub type Filter<S, F> = FilterMap<S, Kept<F>>;

/// The choice of [`Filter`].
#[derive(Clone)]
pub struct Kept<F>(pub(crate) F);

impl<A: Value, F: FnMut(&A) -> bool + Value> Choice<A> for Kept<F> {
    type Output = A;

    #[inline]
    fn choose(&mut self, item: A) -> Option<A> {
        (self.0)(&item).then_some(item)
    }
}

/// The source of [`StreamE::map`](crate::StreamE::map).
pub type MapOk<S, F> = FilterMap<S, MappedOk<F>>;

/// The choice of [`MapOk`].
#[derive(Clone)]
pub struct MappedOk<F>(pub(crate) F);

impl<A, B: Value, E: Value, F: FnMut(A) -> B + Value> Choice<Result<A, E>> for MappedOk<F> {
    type Output = Result<B, E>;

    #[inline]
    fn choose(&mut self, element: Result<A, E>) -> Option<Result<B, E>> {
        Some(element.map(&mut self.0))
    }
}

/// The source of [`StreamE::map_error`](crate::StreamE::map_error).
pub type MapError<S, F> = FilterMap<S, MappedError<F>>;

/// The choice of [`MapError`].
#[derive(Clone)]
pub struct MappedError<F>(pub(crate) F);

impl<A: Value, E, E2: Value, F: FnMut(E) -> E2 + Value> Choice<Result<A, E>> for MappedError<F> {
    type Output = Result<A, E2>;

    #[inline]
    fn choose(&mut self, element: Result<A, E>) -> Option<Result<A, E2>> {
        Some(element.map_err(&mut self.0))
    }
}

/// The source of [`StreamE::filter`](crate::StreamE::filter).
pub type FilterOk<S, F> = FilterMap<S, KeptOk<F>>;

/// The choice of [`FilterOk`].
#[derive(Clone)]
pub struct KeptOk<F>(pub(crate) F);

impl<A: Value, E: Value, F: FnMut(&A) -> bool + Value> Choice<Result<A, E>> for KeptOk<F> {
    type Output = Result<A, E>;

    #[inline]
    fn choose(&mut self, element: Result<A, E>) -> Option<Result<A, E>> {
        let kept = element.as_ref().map_or(true, &mut self.0);
        kept.then_some(element)
    }
}

pin_project! {
    struct Choosing<S, C> {
        #[pin]
        source: S,
        choice: C,
    }
}

/// How many items may be left out in one poll before others have a turn.
const LEFT_OUT_PER_POLL: usize = 1024;

impl<S: FuturesStream, C: Choice<S::Item>> FuturesStream for Choosing<S, C> {
    type Item = C::Output;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<C::Output>> {
        let mut this = self.project();
        for _ in 0..LEFT_OUT_PER_POLL {
            let Some(item) = ready!(this.source.as_mut().poll_next(task)) else {
                return Poll::Ready(None);
            };
            if let Some(chosen) = this.choice.choose(item) {
                return Poll::Ready(Some(chosen));
            }
        }
        task.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<S: Pull, C: Choice<S::Item>> Pull for Choosing<S, C> {
    fn poll_progress(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        self.project().source.poll_progress(task)
    }
}

opaque_debug!(FilterMap<S, C>, Mapped<F>, Kept<F>, MappedOk<F>, MappedError<F>, KeptOk<F>);
