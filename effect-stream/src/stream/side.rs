//! One of two sides that are pulled at the same time.

use std::mem;
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
        state: State<A>,
    }
}

enum State<A> {
    /// Nothing was asked of it since its last answer.
    Resting,
    /// It was asked for an item and has not answered: that work goes on, whatever happens here.
    Asked,
    /// It has answered, and nobody wanted the item yet.
    Answered(A),
    /// It is not asked again.
    Ended,
}

impl<A> State<A> {
    fn after(answer: Option<A>) -> Self {
        match answer {
            Some(item) => State::Answered(item),
            None => State::Ended,
        }
    }

    /// Its next answer, if that is known without asking.
    #[inline(never)]
    fn known(&mut self) -> Option<Option<A>> {
        match mem::replace(self, State::Resting) {
            State::Resting | State::Asked => None,
            State::Answered(item) => Some(Some(item)),
            State::Ended => {
                *self = State::Ended;
                Some(None)
            }
        }
    }
}

impl<A, S: FuturesStream<Item = A>> Side<S, A> {
    pub(crate) fn new(source: S) -> Self {
        Side {
            source,
            state: State::Resting,
        }
    }

    /// Its next item, kept for whoever asks again.
    #[inline]
    pub(crate) fn poll_item(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<A>> {
        let this = self.project();
        // Most rest: nothing is written for those that answer at once.
        if !matches!(this.state, State::Resting)
            && let Some(known) = this.state.known()
        {
            return Poll::Ready(known);
        }
        let polled = this.source.poll_next(task);
        match polled {
            Poll::Ready(Some(_)) => {}
            Poll::Ready(None) => *this.state = State::Ended,
            Poll::Pending => *this.state = State::Asked,
        }
        polled
    }

    /// Asks for its next item, and keeps that. Ready when it is there, or the side has ended.
    pub(crate) fn poll_peek(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        let answer = ready!(self.as_mut().poll_item(task));
        *self.project().state = State::after(answer);
        Poll::Ready(())
    }
}

impl<S, A> Side<S, A> {
    /// The item that is kept, if there is one.
    pub(crate) const fn peeked(&self) -> Option<&A> {
        match &self.state {
            State::Answered(item) => Some(item),
            _ => None,
        }
    }

    /// Whether it has ended, and its last item is gone.
    pub(crate) const fn has_ended(&self) -> bool {
        matches!(self.state, State::Ended)
    }
}

impl<A, S: Pull<Item = A>> Side<S, A> {
    /// Goes on with what it was asked for, and with what it has begun besides.
    pub(crate) fn poll_progress(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        if let State::Asked = this.state {
            *this.state = State::after(ready!(this.source.as_mut().poll_next(task)));
        }
        // Also of one that has just answered: what was woken beside its item goes on.
        this.source.poll_progress(task)
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
