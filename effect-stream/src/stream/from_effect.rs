//! Streams of what effects succeed with, run when an element is wanted.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use effect_core::{Cx, Env, IntoEffect, Value, effect};
use futures::Stream as FuturesStream;
use pin_project_lite::pin_project;

use super::generate::Generating;
use crate::opaque_debug::opaque_debug;
use crate::source::{Pull, Source, beside, next};
use crate::stream_e::StreamE;

/// The source of [`StreamE::from_effect`](crate::StreamE::from_effect).
#[derive(Clone)]
pub struct FromEffect<I> {
    pub(crate) effect: I,
}

impl<R: Env, I: IntoEffect<R>> Source<R> for FromEffect<I> {
    type Item = Result<I::Value, I::Error>;

    fn open(self, cx: &Cx<R>) -> impl Pull<Item = Self::Item> + Send {
        Once {
            running: Some(cx.run(self.effect)),
            was_wanted: false,
            ended: None,
        }
    }
}

pin_project! {
    /// What a future is ready with, as the only item.
    struct Once<Fut: Future> {
        // `None` once it is.
        #[pin]
        running: Option<Fut>,
        was_wanted: bool,
        // What it was ready with while nobody asked.
        ended: Option<Fut::Output>,
    }
}

impl<Fut: Future> Once<Fut> {
    /// What it is ready with, if that was not taken yet.
    fn poll_output(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Fut::Output>> {
        let mut this = self.project();
        if let Some(running) = this.running.as_mut().as_pin_mut() {
            let output = ready!(running.poll(task));
            this.running.set(None);
            return Poll::Ready(Some(output));
        }
        Poll::Ready(this.ended.take())
    }
}

impl<Fut: Future> FuturesStream for Once<Fut> {
    type Item = Fut::Output;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Fut::Output>> {
        *self.as_mut().project().was_wanted = true;
        self.poll_output(task)
    }
}

impl<Fut: Future> Pull for Once<Fut> {
    fn poll_progress(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        if self.was_wanted {
            let ended = ready!(self.as_mut().poll_output(task));
            *self.project().ended = ended;
        }
        Poll::Ready(())
    }
}

/// The source of [`StreamE::repeat_effect`](crate::StreamE::repeat_effect).
#[derive(Clone)]
pub struct RepeatEffect<F> {
    pub(crate) f: F,
}

impl<R, I, F> Source<R> for RepeatEffect<F>
where
    R: Env,
    I: IntoEffect<R>,
    F: FnMut() -> I + Value,
{
    type Item = Result<I::Value, I::Error>;

    fn open(mut self, cx: &Cx<R>) -> impl Pull<Item = Self::Item> + Send {
        Generating::new(async move |mut out| -> () {
            loop {
                out.emit(cx.run((self.f)()).await).await;
            }
        })
    }
}

/// The source of [`StreamE::unfold_effect`](crate::StreamE::unfold_effect).
#[derive(Clone)]
pub struct UnfoldEffect<B, F> {
    pub(crate) state: B,
    pub(crate) f: F,
}

impl<R, A, B, I, F> Source<R> for UnfoldEffect<B, F>
where
    R: Env,
    A: Value,
    B: Value,
    I: IntoEffect<R, Value = Option<(A, B)>>,
    F: FnMut(B) -> I + Value,
{
    type Item = Result<A, I::Error>;

    fn open(mut self, cx: &Cx<R>) -> impl Pull<Item = Self::Item> + Send {
        Generating::new(async move |mut out| {
            let mut state = self.state;
            while let Some((item, next)) = cx.run((self.f)(state)).await? {
                out.emit(Ok(item)).await;
                state = next;
            }
            Ok(())
        })
    }
}

/// The source of [`StreamE::scoped`](crate::StreamE::scoped).
#[derive(Clone)]
pub struct Scoped<I> {
    pub(crate) effect: I,
}

impl<R, E, A, S, I> Source<R> for Scoped<I>
where
    R: Env,
    E: Value,
    A: Value,
    S: Source<R, Item = Result<A, E>>,
    I: IntoEffect<R, Error = E, Value = StreamE<R, E, A, S>>,
{
    type Item = Result<A, E>;

    fn open(self, cx: &Cx<R>) -> impl Pull<Item = Self::Item> + Send {
        Generating::new(async move |mut out| {
            let body = effect(async move |cx: Cx<R>| {
                let stream = cx.run(self.effect).await?;
                let mut source = pin!(stream.source.open(&cx));
                while let Some(element) = next(source.as_mut()).await {
                    beside(source.as_mut(), out.emit(element)).await;
                }
                Ok(())
            });
            cx.run(body.scoped()).await
        })
    }
}

opaque_debug!(FromEffect<I>, RepeatEffect<F>, UnfoldEffect<B, F>, Scoped<I>);
