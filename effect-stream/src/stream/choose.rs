//! One item in, at most one out, with no waiting: the mechanics of `map`, `filter`, `scan`, `take_while` and their like.

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

    /// Whether it ever breaks.
    const ENDS: bool = false;

    /// Has what comes of an item, or leaves it out. If it breaks, the stream ends with that, and pulls no more.
    fn choose(&mut self, item: T) -> Chosen<Self::Output>;
}

/// What came of an item: whether the stream goes on after it, and what it emits.
pub type Chosen<B> = ControlFlow<Option<B>, Option<B>>;

/// The source behind all operators that wait for nothing and make at most one item of one.
#[derive(Clone)]
pub struct Choose<S, C> {
    source: S,
    choice: C,
}

impl<S, C> Choose<S, C> {
    pub(crate) const fn new(source: S, choice: C) -> Self {
        Choose { source, choice }
    }
}

impl<R: Env, S: Source<R>, C: Choice<S::Item>> Source<R> for Choose<S, C> {
    type Item = C::Output;

    fn open(self, cx: &Cx<R>) -> impl Pull<Item = C::Output> + Send {
        Choosing::new(self.source.open(cx), self.choice)
    }

    fn fold<B, F>(mut self, cx: &Cx<R>, init: B, mut f: F) -> impl Future<Output = B> + Send
    where
        B: Value,
        F: FnMut(B, C::Output) -> ControlFlow<B, B> + Send,
    {
        self.source.fold(cx, init, move |folded, item| {
            match self.choice.choose(item) {
                ControlFlow::Continue(Some(chosen)) => f(folded, chosen),
                ControlFlow::Continue(None) => ControlFlow::Continue(folded),
                ControlFlow::Break(Some(last)) => {
                    let (ControlFlow::Continue(folded) | ControlFlow::Break(folded)) =
                        f(folded, last);
                    ControlFlow::Break(folded)
                }
                ControlFlow::Break(None) => ControlFlow::Break(folded),
            }
        })
    }
}

/// Lets failures pass, and makes a choice of values.
#[derive(Clone)]
pub struct OfValues<C>(pub(crate) C);

impl<A, E: Value, C: Choice<A>> Choice<Result<A, E>> for OfValues<C> {
    type Output = Result<C::Output, E>;

    const ENDS: bool = C::ENDS;

    #[inline]
    fn choose(&mut self, element: Result<A, E>) -> Chosen<Self::Output> {
        match element {
            Ok(value) => match self.0.choose(value) {
                ControlFlow::Continue(chosen) => ControlFlow::Continue(chosen.map(Ok)),
                ControlFlow::Break(last) => ControlFlow::Break(last.map(Ok)),
            },
            Err(error) => ControlFlow::Continue(Some(Err(error))),
        }
    }
}

/// Lets values pass, and makes a choice of failures.
#[derive(Clone)]
pub struct OfErrors<C>(pub(crate) C);

impl<A: Value, E, C: Choice<E>> Choice<Result<A, E>> for OfErrors<C> {
    type Output = Result<A, C::Output>;

    const ENDS: bool = C::ENDS;

    #[inline]
    fn choose(&mut self, element: Result<A, E>) -> Chosen<Self::Output> {
        match element {
            Ok(value) => ControlFlow::Continue(Some(Ok(value))),
            Err(error) => match self.0.choose(error) {
                ControlFlow::Continue(chosen) => ControlFlow::Continue(chosen.map(Err)),
                ControlFlow::Break(last) => ControlFlow::Break(last.map(Err)),
            },
        }
    }
}

/// Of what may be there: that which is.
#[derive(Clone, Debug)]
pub struct Present;

impl<A: Value> Choice<Option<A>> for Present {
    type Output = A;

    #[inline]
    fn choose(&mut self, item: Option<A>) -> Chosen<A> {
        ControlFlow::Continue(item)
    }
}

pin_project! {
    pub(crate) struct Choosing<S, C> {
        #[pin]
        source: S,
        choice: C,
        // Only a choice that ends is ever asked.
        ended: bool,
    }
}

impl<S, C> Choosing<S, C> {
    pub(crate) const fn new(source: S, choice: C) -> Self {
        Choosing {
            source,
            choice,
            ended: false,
        }
    }
}

/// How many items may be left out in one poll before others have a turn.
const LEFT_OUT_PER_POLL: usize = 1024;

impl<S: FuturesStream, C: Choice<S::Item>> FuturesStream for Choosing<S, C> {
    type Item = C::Output;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<C::Output>> {
        let mut this = self.project();
        if C::ENDS && *this.ended {
            return Poll::Ready(None);
        }
        for _ in 0..LEFT_OUT_PER_POLL {
            let Some(item) = ready!(this.source.as_mut().poll_next(task)) else {
                return Poll::Ready(None);
            };
            match this.choice.choose(item) {
                ControlFlow::Continue(None) => {}
                ControlFlow::Continue(chosen) => return Poll::Ready(chosen),
                ControlFlow::Break(last) => {
                    *this.ended = true;
                    return Poll::Ready(last);
                }
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

opaque_debug!(Choose<S, C>, OfValues<C>, OfErrors<C>);
