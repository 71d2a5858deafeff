//! An effect for each item, one after the other: the stage behind `map_effect` and `recover`.

use std::future::Future;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use effect_core::{Cx, Env, IntoEffect, Program, Value};
use futures::Stream as FuturesStream;
use pin_project_lite::pin_project;

use crate::opaque_debug::opaque_debug;
use crate::source::{Pull, Source};

/// The source of [`Stream::map_effect`](crate::Stream::map_effect).
#[derive(Clone)]
pub struct MapEffect<S, F> {
    pub(crate) source: S,
    pub(crate) f: F,
}

impl<R, S, F, I> Source<R> for MapEffect<S, F>
where
    R: Env,
    S: Source<R>,
    I: IntoEffect<R>,
    F: FnMut(S::Item) -> I + Value,
{
    type Item = Result<I::Value, I::Error>;

    fn open(mut self, cx: &Cx<R>) -> impl Pull<Item = Self::Item> + Send {
        let begin =
            move |item| ControlFlow::Continue((self.f)(item).into_effect().into_program().run(cx));
        Running {
            source: self.source.open(cx),
            begin,
            running: None,
        }
    }
}

/// The source of [`StreamE::map_effect`](crate::StreamE::map_effect).
#[derive(Clone)]
pub struct MapEffectE<S, F> {
    pub(crate) source: S,
    pub(crate) f: F,
}

impl<R, A, E, S, F, I> Source<R> for MapEffectE<S, F>
where
    R: Env,
    A: Value,
    E: Value,
    S: Source<R, Item = Result<A, E>>,
    I: IntoEffect<R, Error = E>,
    F: FnMut(A) -> I + Value,
{
    type Item = Result<I::Value, E>;

    fn open(mut self, cx: &Cx<R>) -> impl Pull<Item = Self::Item> + Send {
        let begin = move |item| match item {
            Ok(value) => {
                ControlFlow::Continue((self.f)(value).into_effect().into_program().run(cx))
            }
            Err(error) => ControlFlow::Break(Err(error)),
        };
        Running {
            source: self.source.open(cx),
            begin,
            running: None,
        }
    }
}

/// The source of [`StreamE::recover`](crate::StreamE::recover).
#[derive(Clone)]
pub struct RecoverE<S, F> {
    pub(crate) source: S,
    pub(crate) f: F,
}

impl<R, A, E, S, F, I> Source<R> for RecoverE<S, F>
where
    R: Env,
    A: Value,
    E: Value,
    S: Source<R, Item = Result<A, E>>,
    I: IntoEffect<R, Value = A>,
    F: FnMut(E) -> I + Value,
{
    type Item = Result<A, I::Error>;

    fn open(mut self, cx: &Cx<R>) -> impl Pull<Item = Self::Item> + Send {
        let begin = move |item| match item {
            Ok(value) => ControlFlow::Break(Ok(value)),
            Err(error) => {
                ControlFlow::Continue((self.f)(error).into_effect().into_program().run(cx))
            }
        };
        Running {
            source: self.source.open(cx),
            begin,
            running: None,
        }
    }
}

pin_project! {
    /// Begins a future for an item, or breaks with what needs none, and emits what it yields.
    struct Running<S, F, Fut> {
        #[pin]
        source: S,
        begin: F,
        #[pin]
        running: Option<Fut>,
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

opaque_debug!(MapEffect<S, F>, MapEffectE<S, F>, RecoverE<S, F>);
