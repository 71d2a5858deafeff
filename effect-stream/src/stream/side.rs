//! One of two sides that are pulled at the same time.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::Stream as FuturesStream;
use pin_project_lite::pin_project;

use crate::source::Pull;

pin_project! {
    /// One side, and the item that it came up with while nobody wanted one.
    pub(crate) struct Side<S, A> {
        #[pin]
        source: S,
        ready: Option<A>,
        // It was asked for an item and has not answered: that work goes on, whatever happens here.
        asked: bool,
        ended: bool,
    }
}

impl<A, S: FuturesStream<Item = A>> Side<S, A> {
    pub(crate) fn new(source: S) -> Self {
        Side {
            source,
            ready: None,
            asked: false,
            ended: false,
        }
    }

    /// Its next item, kept for whoever asks again.
    pub(crate) fn poll_item(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<A>> {
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

    /// Asks for its next item, and keeps that. Ready when it is there, or the side has ended.
    pub(crate) fn poll_peek(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        let item = ready!(self.as_mut().poll_item(task));
        *self.project().ready = item;
        Poll::Ready(())
    }
}

impl<S, A> Side<S, A> {
    /// The item that is kept, if there is one.
    pub(crate) const fn peeked(&self) -> Option<&A> {
        self.ready.as_ref()
    }

    /// Whether it has ended, and its last item is gone.
    pub(crate) const fn has_ended(&self) -> bool {
        self.ended && self.ready.is_none()
    }
}

impl<A, S: Pull<Item = A>> Side<S, A> {
    /// Goes on with what it was asked for, and with what it has begun besides.
    pub(crate) fn poll_progress(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        if self.asked {
            match self.as_mut().poll_item(task) {
                Poll::Ready(item) => *self.as_mut().project().ready = item,
                Poll::Pending => return Poll::Pending,
            }
        }
        // Also of one that has just answered: what was woken beside its item goes on.
        self.project().source.poll_progress(task)
    }
}

/// Whether neither side has anything to go on with.
pub(crate) const fn both(left: Poll<()>, right: Poll<()>) -> Poll<()> {
    if left.is_ready() && right.is_ready() {
        Poll::Ready(())
    } else {
        Poll::Pending
    }
}
