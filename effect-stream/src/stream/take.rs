//! The first items only.

use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use effect_core::{Cx, Env, Value};
use futures::Stream as FuturesStream;
use pin_project_lite::pin_project;

use crate::source::{Pull, Source};

/// The source of [`Stream::take`](crate::Stream::take).
#[derive(Clone, Debug)]
pub struct Take<S> {
    pub(crate) source: S,
    pub(crate) count: usize,
}

impl<R: Env, S: Source<R>> Source<R> for Take<S> {
    type Item = S::Item;

    fn open(self, cx: &Cx<R>) -> impl Pull<Item = S::Item> + Send {
        Taking {
            source: self.source.open(cx),
            left: self.count,
        }
    }

    async fn fold<B, F>(self, cx: &Cx<R>, init: B, mut f: F) -> B
    where
        B: Value,
        F: FnMut(B, S::Item) -> ControlFlow<B, B> + Send,
    {
        let mut left = self.count;
        if left == 0 {
            return init;
        }
        self.source
            .fold(cx, init, move |folded, item| {
                left -= 1;
                match f(folded, item) {
                    // Broken off at the last item, not at the one after: that is never pulled.
                    ControlFlow::Continue(folded) if left == 0 => ControlFlow::Break(folded),
                    flow => flow,
                }
            })
            .await
    }
}

pin_project! {
    struct Taking<S> {
        #[pin]
        source: S,
        left: usize,
    }
}

impl<S: FuturesStream> FuturesStream for Taking<S> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let this = self.project();
        if *this.left == 0 {
            return Poll::Ready(None);
        }
        let item = ready!(this.source.poll_next(task));
        *this.left = if item.is_some() { *this.left - 1 } else { 0 };
        Poll::Ready(item)
    }
}

impl<S: Pull> Pull for Taking<S> {
    fn poll_progress(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        self.project().source.poll_progress(task)
    }
}
