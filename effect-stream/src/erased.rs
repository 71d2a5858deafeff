//! Type erasure: any stream behind one type, as it stands in signatures.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use effect_core::{Cx, Env, Nested, Value, on_enough_stack};
use futures::Stream as FuturesStream;

use crate::source::{Pull, Source};

/// A source whose type is forgotten: what a [`Stream`](crate::Stream) in a signature holds.
///
/// It is stack-safe: nesting grows the stack on demand (feature `stacker` of effect-core), when opened, pulled, cloned or
/// dropped.
pub struct ErasedSource<R, A> {
    source: Nested<Box<dyn DynSource<R, A>>>,
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
            pull: Nested::new(on_enough_stack(|| self.source.into_inner().open_boxed(cx))),
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

/// The object-safe face of a source.
trait DynSource<R, A>: Send {
    fn clone_boxed(&self) -> Box<dyn DynSource<R, A>>;
    fn open_boxed<'cx>(self: Box<Self>, cx: &'cx Cx<R>) -> DynPull<'cx, A>;
}

type DynPull<'cx, A> = Pin<Box<dyn Pull<Item = A> + Send + 'cx>>;

impl<R: Env, S: Source<R> + Clone> DynSource<R, S::Item> for S {
    fn clone_boxed(&self) -> Box<dyn DynSource<R, S::Item>> {
        Box::new(self.clone())
    }

    fn open_boxed<'cx>(self: Box<Self>, cx: &'cx Cx<R>) -> DynPull<'cx, S::Item> {
        Box::pin((*self).open(cx))
    }
}

struct Opened<'cx, A> {
    pull: Nested<DynPull<'cx, A>>,
}

impl<A> FuturesStream for Opened<'_, A> {
    type Item = A;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<A>> {
        on_enough_stack(|| self.pull.as_mut().poll_next(task))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        on_enough_stack(|| self.pull.size_hint())
    }
}

impl<A> Pull for Opened<'_, A> {
    fn poll_progress(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        on_enough_stack(|| self.pull.as_mut().poll_progress(task))
    }
}
