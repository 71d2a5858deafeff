//! One item in, at most one out, with no waiting: the stage behind `map` and `filter`.

use std::fmt;
use std::future::Future;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use effect_core::{Cx, Env, Value};
use futures::Stream as FuturesStream;
use pin_project_lite::pin_project;

use crate::source::{Pull, Source};

/// The source of [`Stream::map`](crate::Stream::map).
#[derive(Clone)]
pub struct Map<S, F> {
    pub(crate) source: S,
    pub(crate) f: F,
}

impl<R, B, S, F> Source<R> for Map<S, F>
where
    R: Env,
    B: Value,
    S: Source<R>,
    F: FnMut(S::Item) -> B + Value,
{
    type Item = B;

    fn open(mut self, cx: &Cx<R>) -> impl Pull<Item = B> + Send {
        Choosing {
            source: self.source.open(cx),
            choose: move |item| Some((self.f)(item)),
        }
    }

    fn fold<C, G>(mut self, cx: &Cx<R>, init: C, mut g: G) -> impl Future<Output = C> + Send
    where
        C: Value,
        G: FnMut(C, B) -> ControlFlow<C, C> + Send,
    {
        self.source
            .fold(cx, init, move |folded, item| g(folded, (self.f)(item)))
    }
}

/// The source of [`Stream::filter`](crate::Stream::filter).
#[derive(Clone)]
pub struct Filter<S, F> {
    pub(crate) source: S,
    pub(crate) keep: F,
}

impl<R, S, F> Source<R> for Filter<S, F>
where
    R: Env,
    S: Source<R>,
    F: FnMut(&S::Item) -> bool + Value,
{
    type Item = S::Item;

    fn open(mut self, cx: &Cx<R>) -> impl Pull<Item = S::Item> + Send {
        let choose = move |item| if (self.keep)(&item) { Some(item) } else { None };
        Choosing {
            source: self.source.open(cx),
            choose,
        }
    }

    fn fold<C, G>(mut self, cx: &Cx<R>, init: C, mut g: G) -> impl Future<Output = C> + Send
    where
        C: Value,
        G: FnMut(C, S::Item) -> ControlFlow<C, C> + Send,
    {
        self.source.fold(cx, init, move |folded, item| {
            if (self.keep)(&item) {
                g(folded, item)
            } else {
                ControlFlow::Continue(folded)
            }
        })
    }
}

/// The source of [`StreamE::map`](crate::StreamE::map).
#[derive(Clone)]
pub struct MapOk<S, F> {
    pub(crate) source: S,
    pub(crate) f: F,
}

impl<R, A, B, E, S, F> Source<R> for MapOk<S, F>
where
    R: Env,
    A: Value,
    B: Value,
    E: Value,
    S: Source<R, Item = Result<A, E>>,
    F: FnMut(A) -> B + Value,
{
    type Item = Result<B, E>;

    fn open(mut self, cx: &Cx<R>) -> impl Pull<Item = Self::Item> + Send {
        let map = move |element: Result<A, E>| element.map(&mut self.f);
        Map {
            source: self.source,
            f: map,
        }
        .open(cx)
    }

    fn fold<C, G>(mut self, cx: &Cx<R>, init: C, g: G) -> impl Future<Output = C> + Send
    where
        C: Value,
        G: FnMut(C, Self::Item) -> ControlFlow<C, C> + Send,
    {
        let map = move |element: Result<A, E>| element.map(&mut self.f);
        Map {
            source: self.source,
            f: map,
        }
        .fold(cx, init, g)
    }
}

/// The source of [`StreamE::map_error`](crate::StreamE::map_error).
#[derive(Clone)]
pub struct MapError<S, F> {
    pub(crate) source: S,
    pub(crate) f: F,
}

impl<R, A, E, E2, S, F> Source<R> for MapError<S, F>
where
    R: Env,
    A: Value,
    E: Value,
    E2: Value,
    S: Source<R, Item = Result<A, E>>,
    F: FnMut(E) -> E2 + Value,
{
    type Item = Result<A, E2>;

    fn open(mut self, cx: &Cx<R>) -> impl Pull<Item = Self::Item> + Send {
        let map = move |element: Result<A, E>| element.map_err(&mut self.f);
        Map {
            source: self.source,
            f: map,
        }
        .open(cx)
    }

    fn fold<C, G>(mut self, cx: &Cx<R>, init: C, g: G) -> impl Future<Output = C> + Send
    where
        C: Value,
        G: FnMut(C, Self::Item) -> ControlFlow<C, C> + Send,
    {
        let map = move |element: Result<A, E>| element.map_err(&mut self.f);
        Map {
            source: self.source,
            f: map,
        }
        .fold(cx, init, g)
    }
}

/// The source of [`StreamE::filter`](crate::StreamE::filter).
#[derive(Clone)]
pub struct FilterOk<S, F> {
    pub(crate) source: S,
    pub(crate) keep: F,
}

impl<R, A, E, S, F> Source<R> for FilterOk<S, F>
where
    R: Env,
    A: Value,
    E: Value,
    S: Source<R, Item = Result<A, E>>,
    F: FnMut(&A) -> bool + Value,
{
    type Item = Result<A, E>;

    fn open(mut self, cx: &Cx<R>) -> impl Pull<Item = Self::Item> + Send {
        let keep = move |element: &Result<A, E>| element.as_ref().map_or(true, &mut self.keep);
        Filter {
            source: self.source,
            keep,
        }
        .open(cx)
    }

    fn fold<C, G>(mut self, cx: &Cx<R>, init: C, g: G) -> impl Future<Output = C> + Send
    where
        C: Value,
        G: FnMut(C, Self::Item) -> ControlFlow<C, C> + Send,
    {
        let keep = move |element: &Result<A, E>| element.as_ref().map_or(true, &mut self.keep);
        Filter {
            source: self.source,
            keep,
        }
        .fold(cx, init, g)
    }
}

pin_project! {
    struct Choosing<S, F> {
        #[pin]
        source: S,
        choose: F,
    }
}

/// How many items may be left out in one poll before others have a turn.
const LEFT_OUT_PER_POLL: usize = 1024;

impl<S, B, F> FuturesStream for Choosing<S, F>
where
    S: FuturesStream,
    F: FnMut(S::Item) -> Option<B>,
{
    type Item = B;

    fn poll_next(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<B>> {
        let mut this = self.project();
        for _ in 0..LEFT_OUT_PER_POLL {
            let Some(item) = ready!(this.source.as_mut().poll_next(task)) else {
                return Poll::Ready(None);
            };
            if let Some(chosen) = (this.choose)(item) {
                return Poll::Ready(Some(chosen));
            }
        }
        task.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<S, B, F> Pull for Choosing<S, F>
where
    S: Pull,
    F: FnMut(S::Item) -> Option<B>,
{
    fn poll_progress(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        self.project().source.poll_progress(task)
    }
}

macro_rules! opaque_debug {
    ($($name:ident),*) => {$(
        impl<S, F> fmt::Debug for $name<S, F> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )*};
}

opaque_debug!(Map, Filter, MapOk, MapError, FilterOk);
