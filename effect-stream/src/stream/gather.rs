//! Items that are gathered: the mechanics of `chunks`, `sliding`, `group_adjacent_by` and `zip_with_next`.

use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use effect_core::{Cx, Env, Value};
use futures::Stream as FuturesStream;
use pin_project_lite::pin_project;

use crate::opaque_debug::opaque_debug;
use crate::source::{Pull, Source};

/// How items are gathered, and what comes of them.
pub trait Gather<T>: Send + 'static {
    /// What comes out.
    type Output: Value;

    /// Takes an item, and has what it makes whole, if anything.
    fn add(&mut self, item: T) -> Option<Self::Output>;

    /// Has what is there and not whole, where the stream ends or a failure stands between: it begins anew.
    fn rest(&mut self) -> Option<Self::Output>;
}

/// The source behind the operators that gather items.
#[derive(Clone)]
pub struct Gathered<S, G> {
    pub(crate) source: S,
    pub(crate) gather: G,
}

impl<R: Env, S: Source<R>, G: Gather<S::Item>> Source<R> for Gathered<S, G> {
    type Item = G::Output;

    fn open(self, cx: &Cx<R>) -> impl Pull<Item = G::Output> + Send {
        Gathering {
            source: self.source.open(cx),
            gather: self.gather,
            ended: false,
        }
    }

    async fn fold<B, F>(mut self, cx: &Cx<R>, init: B, mut f: F) -> B
    where
        B: Value,
        F: FnMut(B, G::Output) -> ControlFlow<B, B> + Send,
    {
        let mut broken = false;
        let gather = &mut self.gather;
        let whole = self.source.fold(cx, init, |folded, item| {
            let Some(gathered) = gather.add(item) else {
                return ControlFlow::Continue(folded);
            };
            let flow = f(folded, gathered);
            broken = flow.is_break();
            flow
        });
        let folded = whole.await;
        if broken {
            return folded;
        }
        match self.gather.rest() {
            Some(rest) => match f(folded, rest) {
                ControlFlow::Continue(folded) | ControlFlow::Break(folded) => folded,
            },
            None => folded,
        }
    }
}

pin_project! {
    struct Gathering<S, G> {
        #[pin]
        source: S,
        gather: G,
        // What is left follows the end: a source is not asked again after it.
        ended: bool,
    }
}

impl<S: FuturesStream, G: Gather<S::Item>> FuturesStream for Gathering<S, G> {
    type Item = G::Output;

    fn poll_next(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<G::Output>> {
        let mut this = self.project();
        for _ in 0..GATHERED_PER_POLL {
            if *this.ended {
                return Poll::Ready(None);
            }
            match ready!(this.source.as_mut().poll_next(task)) {
                Some(item) => {
                    if let Some(gathered) = this.gather.add(item) {
                        return Poll::Ready(Some(gathered));
                    }
                }
                None => {
                    *this.ended = true;
                    return Poll::Ready(this.gather.rest());
                }
            }
        }
        task.waker().wake_by_ref();
        Poll::Pending
    }
}

/// How many items may be gathered in one poll before others have a turn.
const GATHERED_PER_POLL: usize = 1024;

impl<S: Pull, G: Gather<S::Item>> Pull for Gathering<S, G> {
    fn poll_progress(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        self.project().source.poll_progress(task)
    }
}

/// The source behind the operators that gather values. A failure follows what was there before it.
#[derive(Clone)]
pub struct GatheredE<S, G> {
    pub(crate) source: S,
    pub(crate) gather: G,
}

impl<R, A, E, S, G> Source<R> for GatheredE<S, G>
where
    R: Env,
    A: Value,
    E: Value,
    S: Source<R, Item = Result<A, E>>,
    G: Gather<A>,
{
    type Item = Result<G::Output, E>;

    fn open(self, cx: &Cx<R>) -> impl Pull<Item = Self::Item> + Send {
        GatheringE {
            source: self.source.open(cx),
            gather: self.gather,
            ended: false,
            error: None,
        }
    }
}

pin_project! {
    struct GatheringE<S, G, E> {
        #[pin]
        source: S,
        gather: G,
        // What is left follows the end: a source is not asked again after it.
        ended: bool,
        // A failure that came while something was open: it follows that.
        error: Option<E>,
    }
}

impl<A, E, S, G> FuturesStream for GatheringE<S, G, E>
where
    S: FuturesStream<Item = Result<A, E>>,
    G: Gather<A>,
{
    type Item = Result<G::Output, E>;

    fn poll_next(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        if let Some(error) = this.error.take() {
            return Poll::Ready(Some(Err(error)));
        }
        for _ in 0..GATHERED_PER_POLL {
            if *this.ended {
                return Poll::Ready(None);
            }
            match ready!(this.source.as_mut().poll_next(task)) {
                Some(Ok(value)) => {
                    if let Some(gathered) = this.gather.add(value) {
                        return Poll::Ready(Some(Ok(gathered)));
                    }
                }
                Some(Err(error)) => {
                    let Some(rest) = this.gather.rest() else {
                        return Poll::Ready(Some(Err(error)));
                    };
                    *this.error = Some(error);
                    return Poll::Ready(Some(Ok(rest)));
                }
                None => {
                    *this.ended = true;
                    return Poll::Ready(this.gather.rest().map(Ok));
                }
            }
        }
        task.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<A, E, S, G> Pull for GatheringE<S, G, E>
where
    S: Pull<Item = Result<A, E>>,
    G: Gather<A>,
{
    fn poll_progress(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        self.project().source.poll_progress(task)
    }
}

opaque_debug!(Gathered<S, G>, GatheredE<S, G>);
