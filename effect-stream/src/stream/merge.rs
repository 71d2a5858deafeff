//! Two streams as one, as their items come.

use std::pin::Pin;
use std::task::{Context, Poll};

use effect_core::{Cx, Env};
use futures::Stream as FuturesStream;
use pin_project_lite::pin_project;

use crate::source::{Pull, Source};

/// The source of [`Stream::merge`](crate::Stream::merge).
#[derive(Clone, Debug)]
pub struct Merge<S, T> {
    pub(crate) left: S,
    pub(crate) right: T,
}

impl<R, S, T> Source<R> for Merge<S, T>
where
    R: Env,
    S: Source<R>,
    T: Source<R, Item = S::Item>,
{
    type Item = S::Item;

    fn open(self, cx: &Cx<R>) -> impl Pull<Item = S::Item> + Send {
        Merging {
            left: Side::new(self.left.open(cx)),
            right: Side::new(self.right.open(cx)),
            left_is_next: true,
        }
    }
}

pin_project! {
    struct Merging<S, T, A> {
        #[pin]
        left: Side<S, A>,
        #[pin]
        right: Side<T, A>,
        left_is_next: bool,
    }
}

impl<A, S, T> FuturesStream for Merging<S, T, A>
where
    S: FuturesStream<Item = A>,
    T: FuturesStream<Item = A>,
{
    type Item = A;

    fn poll_next(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<A>> {
        let mut this = self.project();
        let mut ended = 0;
        // Whoever is next has the first word, so that two sources which are always ready alternate.
        for _ in 0..2 {
            let polled = if *this.left_is_next {
                this.left.as_mut().poll_item(task)
            } else {
                this.right.as_mut().poll_item(task)
            };
            *this.left_is_next = !*this.left_is_next;
            match polled {
                Poll::Ready(Some(item)) => return Poll::Ready(Some(item)),
                Poll::Ready(None) => ended += 1,
                Poll::Pending => {}
            }
        }
        if ended == 2 {
            Poll::Ready(None)
        } else {
            Poll::Pending
        }
    }
}

impl<A, S, T> Pull for Merging<S, T, A>
where
    S: Pull<Item = A>,
    T: Pull<Item = A>,
{
    fn poll_progress(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let left = this.left.poll_progress(task);
        let right = this.right.poll_progress(task);
        if left.is_ready() && right.is_ready() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

pin_project! {
    /// One side, and the item that it came up with while nobody wanted one.
    struct Side<S, A> {
        #[pin]
        source: S,
        ready: Option<A>,
        // It was asked for an item and has not answered: that work goes on, whatever happens here.
        asked: bool,
        ended: bool,
    }
}

impl<A, S: FuturesStream<Item = A>> Side<S, A> {
    fn new(source: S) -> Self {
        Side {
            source,
            ready: None,
            asked: false,
            ended: false,
        }
    }

    fn poll_item(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<A>> {
        let this = self.project();
        if let Some(item) = this.ready.take() {
            return Poll::Ready(Some(item));
        }
        if *this.ended {
            return Poll::Ready(None);
        }
        let polled = this.source.poll_next(task);
        *this.asked = polled.is_pending();
        *this.ended = matches!(polled, Poll::Ready(None));
        polled
    }
}

impl<A, S: Pull<Item = A>> Side<S, A> {
    fn poll_progress(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        if !self.asked {
            return self.project().source.poll_progress(task);
        }
        match self.as_mut().poll_item(task) {
            Poll::Ready(item) => {
                *self.project().ready = item;
                Poll::Ready(())
            }
            Poll::Pending => Poll::Pending,
        }
    }
}
