//! The streams that are made of items: what `flat_map` and its twins open.

use std::ops::ControlFlow;

use effect_core::{Cx, Env, Value};

use crate::opaque_debug::opaque_debug;
use crate::source::{Pull, Source};
use crate::stream::Stream;
use crate::stream_e::StreamE;

/// What opens a stream for an item, or has what passes.
pub trait OpenInner<R: Env, T>: Send + 'static {
    /// What the streams emit.
    type Item: Value;

    /// Opens one.
    fn open_inner<'cx>(
        &mut self,
        item: T,
        cx: &'cx Cx<R>,
    ) -> ControlFlow<Self::Item, impl Pull<Item = Self::Item> + Send + use<'cx, Self, R, T>>;
}

/// A stream for each item.
#[derive(Clone)]
pub struct OfItem<F>(pub(crate) F);

impl<R, T, A, S, F> OpenInner<R, T> for OfItem<F>
where
    R: Env,
    A: Value,
    S: Source<R, Item = A>,
    F: FnMut(T) -> Stream<R, A, S> + Value,
{
    type Item = A;

    #[inline]
    fn open_inner<'cx>(
        &mut self,
        item: T,
        cx: &'cx Cx<R>,
    ) -> ControlFlow<A, impl Pull<Item = A> + Send + use<'cx, R, T, A, S, F>> {
        ControlFlow::Continue((self.0)(item).source.open(cx))
    }
}

/// A stream for each value; failures pass.
#[derive(Clone)]
pub struct OfValue<F>(pub(crate) F);

impl<R, E, A, B, S, F> OpenInner<R, Result<A, E>> for OfValue<F>
where
    R: Env,
    E: Value,
    A: Value,
    B: Value,
    S: Source<R, Item = Result<B, E>>,
    F: FnMut(A) -> StreamE<R, E, B, S> + Value,
{
    type Item = Result<B, E>;

    #[inline]
    fn open_inner<'cx>(
        &mut self,
        element: Result<A, E>,
        cx: &'cx Cx<R>,
    ) -> ControlFlow<Self::Item, impl Pull<Item = Self::Item> + Send + use<'cx, R, E, A, B, S, F>>
    {
        match element {
            Ok(value) => ControlFlow::Continue((self.0)(value).source.open(cx)),
            Err(error) => ControlFlow::Break(Err(error)),
        }
    }
}

opaque_debug!(OfItem<F>, OfValue<F>);
