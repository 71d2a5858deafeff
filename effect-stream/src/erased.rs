//! Type erasure: any stream behind one type, as it stands in signatures.
//!
//! A fold crosses the border as a call for each item, and a pull as a poll for each: no item is read ahead, so an erased
//! stream does what it did before it was erased. Chains of erased streams, as recursion makes them, are taken apart here, and
//! run link by link: however deep they are, an item costs the same.

use std::fmt;
use std::future::Future;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use effect_core::{Cx, Env, Nested, Owed, Value, on_enough_stack};
use futures::Stream as FuturesStream;

use crate::source::{Pull, Source};

/// A source whose type is forgotten: what a [`Stream`](crate::Stream) in a signature holds.
///
/// It is stack-safe: nesting grows the stack on demand (feature `stacker` of effect-core), when opened, pulled, folded, cloned
/// or dropped.
pub struct ErasedSource<R, A> {
    source: Nested<Box<dyn CloneLink<R, A>>>,
}

impl<R: Env, A: Value> ErasedSource<R, A> {
    pub(crate) fn new<S: Source<R, Item = A> + Clone>(source: S) -> Self {
        ErasedSource {
            source: Nested::new(Box::new(source)),
        }
    }
}

impl<R: Env, A: Value> Source<R> for ErasedSource<R, A> {
    type Item = A;

    fn open(self, cx: &Cx<R>) -> impl Pull<Item = A> + Send {
        Opened {
            cx,
            links: Links::from(self.into_link()),
            pull: None,
            owed: None,
        }
    }

    async fn fold<B, F>(self, cx: &Cx<R>, init: B, mut f: F) -> B
    where
        B: Value,
        F: FnMut(B, A) -> ControlFlow<B, B> + Send,
    {
        let mut folded = Some(init);
        let mut each = |item| {
            let so_far = folded
                .take()
                .expect("a closure that panics is never called again");
            // The next border may be as deep as all that are around this one.
            let (flow, next) = match on_enough_stack(|| f(so_far, item)) {
                ControlFlow::Continue(next) => (ControlFlow::Continue(()), next),
                ControlFlow::Break(last) => (ControlFlow::Break(()), last),
            };
            folded = Some(next);
            flow
        };
        let mut links = Links::from(self.into_link());
        while let Some(link) = links.next() {
            let fold = Nested::new(link.source.into_inner().fold_boxed(cx, &mut each));
            let flow = cx.settling(fold).await;
            if flow.is_break() {
                break;
            }
        }
        folded.expect("given back by every call")
    }

    fn into_link(self) -> Link<R, A> {
        Link {
            source: Nested::new(self.source.into_inner()),
        }
    }
}

impl<R, A> Clone for ErasedSource<R, A> {
    fn clone(&self) -> Self {
        ErasedSource {
            source: Nested::new(on_enough_stack(|| self.source.clone_boxed())),
        }
    }
}

impl<R, A> fmt::Debug for ErasedSource<R, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ErasedSource")
    }
}

/// A part of a chain of streams: any source, to be opened once.
pub struct Link<R, A> {
    source: Nested<Box<dyn DynSource<R, A>>>,
}

impl<R: Env, A: Value> Link<R, A> {
    pub(crate) fn new<S: Source<R, Item = A>>(source: S) -> Self {
        Link {
            source: Nested::new(Box::new(source)),
        }
    }
}

impl<R, A> fmt::Debug for Link<R, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Link")
    }
}

/// The object-safe face of a source.
trait DynSource<R, A>: Send {
    fn open_boxed<'cx>(self: Box<Self>, cx: &'cx Cx<R>) -> DynPull<'cx, A>;

    fn fold_boxed<'a>(
        self: Box<Self>,
        cx: &'a Cx<R>,
        each: &'a mut (dyn FnMut(A) -> ControlFlow<()> + Send),
    ) -> Pin<Box<dyn Future<Output = ControlFlow<()>> + Send + 'a>>;

    fn is_chain(&self) -> bool;

    fn split_boxed(self: Box<Self>) -> (Link<R, A>, Option<Link<R, A>>);
}

trait CloneLink<R, A>: DynSource<R, A> {
    fn clone_boxed(&self) -> Box<dyn CloneLink<R, A>>;
}

type DynPull<'cx, A> = Pin<Box<dyn Pull<Item = A> + Send + 'cx>>;

impl<R: Env, S: Source<R>> DynSource<R, S::Item> for S {
    fn open_boxed<'cx>(self: Box<Self>, cx: &'cx Cx<R>) -> DynPull<'cx, S::Item> {
        Box::pin((*self).open(cx))
    }

    fn fold_boxed<'a>(
        self: Box<Self>,
        cx: &'a Cx<R>,
        each: &'a mut (dyn FnMut(S::Item) -> ControlFlow<()> + Send),
    ) -> Pin<Box<dyn Future<Output = ControlFlow<()>> + Send + 'a>> {
        let going_on = ControlFlow::Continue(());
        Box::pin((*self).fold(cx, going_on, |_, item| match each(item) {
            ControlFlow::Continue(()) => ControlFlow::Continue(ControlFlow::Continue(())),
            ControlFlow::Break(()) => ControlFlow::Break(ControlFlow::Break(())),
        }))
    }

    fn is_chain(&self) -> bool {
        S::IS_CHAIN
    }

    fn split_boxed(self: Box<Self>) -> (Link<R, S::Item>, Option<Link<R, S::Item>>) {
        (*self).split()
    }
}

impl<R: Env, S: Source<R> + Clone> CloneLink<R, S::Item> for S {
    fn clone_boxed(&self) -> Box<dyn CloneLink<R, S::Item>> {
        Box::new(self.clone())
    }
}

/// What is left of a chain, the next link last.
struct Links<R, A> {
    stack: Vec<Link<R, A>>,
}

impl<R, A> From<Link<R, A>> for Links<R, A> {
    fn from(link: Link<R, A>) -> Self {
        Links { stack: vec![link] }
    }
}

impl<R, A> Links<R, A> {
    /// The next link that is no chain itself.
    fn next(&mut self) -> Option<Link<R, A>> {
        let mut link = self.stack.pop()?;
        while link.source.is_chain() {
            let (first, rest) = link.source.into_inner().split_boxed();
            self.stack.extend(rest);
            link = first;
        }
        Some(link)
    }
}

/// One link after the other; what the end of one owes is done before the next begins.
struct Opened<'cx, R, A> {
    cx: &'cx Cx<R>,
    links: Links<R, A>,
    pull: Option<Nested<DynPull<'cx, A>>>,
    owed: Option<Owed>,
}

/// How many empty links may pass in one poll before others have a turn.
const LINKS_PER_POLL: usize = 256;

impl<R: Env, A: Value> Opened<'_, R, A> {
    /// The first item of the links that follow, when that has been done what the last one owes.
    fn poll_links(&mut self, task: &mut Context<'_>) -> Poll<Option<A>> {
        for _ in 0..LINKS_PER_POLL {
            if let Some(owed) = &mut self.owed {
                ready!(Pin::new(owed).poll(task));
                self.owed = None;
            }
            let Some(link) = self.links.next() else {
                return Poll::Ready(None);
            };
            let source = link.source.into_inner();
            let pull = on_enough_stack(|| source.open_boxed(self.cx));
            let pull = self.pull.insert(Nested::new(pull));
            let polled = on_enough_stack(|| pull.as_mut().poll_next(task));
            if let Some(item) = ready!(polled) {
                return Poll::Ready(Some(item));
            }
            self.owed = self.cx.owed_by(|| self.pull = None);
        }
        task.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<R: Env, A: Value> FuturesStream for Opened<'_, R, A> {
    type Item = A;

    #[inline]
    fn poll_next(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<A>> {
        let this = &mut *self;
        // While a link is pulled, nothing is owed.
        if let Some(pull) = &mut this.pull {
            match on_enough_stack(|| pull.as_mut().poll_next(task)) {
                Poll::Ready(None) => this.owed = this.cx.owed_by(|| this.pull = None),
                polled => return polled,
            }
        }
        this.poll_links(task)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.pull {
            Some(pull) if self.links.stack.is_empty() => on_enough_stack(|| pull.size_hint()),
            _ => (0, None),
        }
    }
}

impl<R: Env, A: Value> Pull for Opened<'_, R, A> {
    fn poll_progress(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if let Some(owed) = &mut this.owed {
            ready!(Pin::new(owed).poll(task));
            this.owed = None;
        }
        match &mut this.pull {
            Some(pull) => on_enough_stack(|| pull.as_mut().poll_progress(task)),
            None => Poll::Ready(()),
        }
    }
}
