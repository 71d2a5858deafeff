//! Items in groups.

use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use effect_core::{Cx, Env, Value};
use futures::Stream as FuturesStream;
use pin_project_lite::pin_project;

use crate::source::{Pull, Source};

/// The source of [`Stream::chunks`](crate::Stream::chunks).
#[derive(Clone, Debug)]
pub struct Chunks<S> {
    pub(crate) source: S,
    pub(crate) size: usize,
}

impl<R: Env, S: Source<R>> Source<R> for Chunks<S> {
    type Item = Vec<S::Item>;

    fn open(self, cx: &Cx<R>) -> impl Pull<Item = Vec<S::Item>> + Send {
        Grouping {
            source: self.source.open(cx),
            size: self.size,
            group: Vec::new(),
            ended: false,
        }
    }
}

pin_project! {
    struct Grouping<S, A> {
        #[pin]
        source: S,
        size: usize,
        group: Vec<A>,
        // The last group follows the end: a source is not asked again after it.
        ended: bool,
    }
}

impl<S: FuturesStream> FuturesStream for Grouping<S, S::Item> {
    type Item = Vec<S::Item>;

    fn poll_next(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Vec<S::Item>>> {
        let mut this = self.project();
        while this.group.len() < *this.size && !*this.ended {
            match ready!(this.source.as_mut().poll_next(task)) {
                Some(item) => this.group.push(item),
                None => *this.ended = true,
            }
        }
        let group = mem::take(this.group);
        Poll::Ready((!group.is_empty()).then_some(group))
    }
}

impl<S: Pull> Pull for Grouping<S, S::Item> {
    fn poll_progress(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        self.project().source.poll_progress(task)
    }
}

/// The source of [`StreamE::chunks`](crate::StreamE::chunks).
#[derive(Clone, Debug)]
pub struct ChunksE<S> {
    pub(crate) source: S,
    pub(crate) size: usize,
}

impl<R, A, E, S> Source<R> for ChunksE<S>
where
    R: Env,
    A: Value,
    E: Value,
    S: Source<R, Item = Result<A, E>>,
{
    type Item = Result<Vec<A>, E>;

    fn open(self, cx: &Cx<R>) -> impl Pull<Item = Self::Item> + Send {
        GroupingE {
            source: self.source.open(cx),
            size: self.size,
            group: Vec::new(),
            ended: false,
            error: None,
        }
    }
}

pin_project! {
    struct GroupingE<S, A, E> {
        #[pin]
        source: S,
        size: usize,
        group: Vec<A>,
        // The last group follows the end: a source is not asked again after it.
        ended: bool,
        // A failure that came while a group was open: it follows that group.
        error: Option<E>,
    }
}

impl<A, E, S: FuturesStream<Item = Result<A, E>>> FuturesStream for GroupingE<S, A, E> {
    type Item = Result<Vec<A>, E>;

    fn poll_next(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        if let Some(error) = this.error.take() {
            return Poll::Ready(Some(Err(error)));
        }
        while this.group.len() < *this.size && !*this.ended {
            match ready!(this.source.as_mut().poll_next(task)) {
                Some(Ok(item)) => this.group.push(item),
                Some(Err(error)) if this.group.is_empty() => return Poll::Ready(Some(Err(error))),
                Some(Err(error)) => {
                    *this.error = Some(error);
                    break;
                }
                None => *this.ended = true,
            }
        }
        let group = mem::take(this.group);
        Poll::Ready((!group.is_empty()).then_some(Ok(group)))
    }
}

impl<A, E, S: Pull<Item = Result<A, E>>> Pull for GroupingE<S, A, E> {
    fn poll_progress(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        self.project().source.poll_progress(task)
    }
}
