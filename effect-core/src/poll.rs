//! The few futures that hot combinators are made of, polled by hand: one step less for the compiler to
//! see through than an `async` block, in time and in types.

use std::future::Future;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

pin_project! {
    /// Applies a function to what a future yields.
    pub(crate) struct Then<Fut, F> {
        #[pin]
        future: Fut,
        f: Option<F>,
    }
}

/// Applies `f` to what `future` yields.
pub(crate) fn then<Fut: Future, B, F>(future: Fut, f: F) -> Then<Fut, F>
where
    F: FnOnce(Fut::Output) -> B,
{
    Then { future, f: Some(f) }
}

impl<Fut: Future, B, F: FnOnce(Fut::Output) -> B> Future for Then<Fut, F> {
    type Output = B;

    #[inline]
    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<B> {
        let this = self.project();
        let output = ready!(this.future.poll(task));
        let f = this.f.take().expect("polled after completion");
        Poll::Ready(f(output))
    }
}

pin_project! {
    /// Runs a future, and then either the one that its output leads to, or none.
    #[project = ChainProj]
    #[project_replace = ChainReplace]
    pub(crate) enum Chain<First, F, Second> {
        First { #[pin] future: First, f: F },
        Second { #[pin] future: Second },
        Done,
    }
}

/// Runs `first`, then asks `f`: go on with another future, or break with a result.
pub(crate) fn chain<First, F, Second>(first: First, f: F) -> Chain<First, F, Second>
where
    First: Future,
    Second: Future,
    F: FnOnce(First::Output) -> ControlFlow<Second::Output, Second>,
{
    Chain::First { future: first, f }
}

impl<First, F, Second> Future for Chain<First, F, Second>
where
    First: Future,
    Second: Future,
    F: FnOnce(First::Output) -> ControlFlow<Second::Output, Second>,
{
    type Output = Second::Output;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        if let ChainProj::First { future, .. } = self.as_mut().project() {
            let output = ready!(future.poll(task));
            // The first future is dropped before anything comes of what it yielded, as by an `await`.
            let ChainReplace::First { f, .. } = self.as_mut().project_replace(Chain::Done) else {
                unreachable!("it was the first that was polled")
            };
            match f(output) {
                ControlFlow::Continue(future) => self.set(Chain::Second { future }),
                ControlFlow::Break(result) => return Poll::Ready(result),
            }
        }
        match self.project() {
            ChainProj::Second { future } => future.poll(task),
            _ => unreachable!("polled after completion"),
        }
    }
}

pin_project! {
    /// Either a function that is called when polled, or a future.
    #[project = PacedProj]
    pub(crate) enum Paced<F, Fut> {
        Now { f: Option<F> },
        Later { #[pin] future: Fut },
    }
}

impl<F, Fut> Paced<F, Fut> {
    pub(crate) fn now(f: F) -> Self {
        Paced::Now { f: Some(f) }
    }

    pub(crate) fn later(future: Fut) -> Self {
        Paced::Later { future }
    }
}

impl<F, Fut> Future for Paced<F, Fut>
where
    F: FnOnce() -> Fut::Output,
    Fut: Future,
{
    type Output = Fut::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Fut::Output> {
        match self.project() {
            PacedProj::Now { f } => Poll::Ready(f.take().expect("polled after completion")()),
            PacedProj::Later { future } => future.poll(task),
        }
    }
}
