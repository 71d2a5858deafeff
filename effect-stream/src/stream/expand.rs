//! Many items of one, with no waiting: the mechanics of `flat_map_iter` and `intersperse`.

use std::iter::{Chain, Once, once};
use std::option;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use effect_core::{Cx, Env, Value};
use futures::Stream as FuturesStream;
use pin_project_lite::pin_project;

use crate::opaque_debug::opaque_debug;
use crate::source::{Pull, Source};

/// Which items are made of one.
pub trait Expansion<T>: Send + 'static {
    /// What comes out.
    type Item: Value;
    /// All that is made of one item.
    type Items: Iterator<Item = Self::Item> + Send;

    /// Has the items that are made of one.
    fn expand(&mut self, item: T) -> Self::Items;
}

/// The source behind the operators that make many items of one.
#[derive(Clone)]
pub struct Expand<S, X> {
    pub(crate) source: S,
    pub(crate) expansion: X,
}

// Folded by pulling: an expansion may never end, and a plain loop over it could not be interrupted.
impl<R: Env, S: Source<R>, X: Expansion<S::Item>> Source<R> for Expand<S, X> {
    type Item = X::Item;

    fn open(self, cx: &Cx<R>) -> impl Pull<Item = Self::Item> + Send {
        Expanding {
            source: self.source.open(cx),
            expansion: self.expansion,
            items: None,
        }
    }
}

/// Lets failures pass, and expands values.
#[derive(Clone)]
pub struct ExpandValues<X>(pub(crate) X);

impl<A, E: Value, X: Expansion<A>> Expansion<Result<A, E>> for ExpandValues<X> {
    type Item = Result<X::Item, E>;
    type Items = Expanded<X::Items, E>;

    fn expand(&mut self, element: Result<A, E>) -> Self::Items {
        match element {
            Ok(value) => Expanded::Values(self.0.expand(value)),
            Err(error) => Expanded::Error(Some(error)),
        }
    }
}

/// What comes of an element: values, or the failure that it is.
#[derive(Debug)]
pub enum Expanded<I, E> {
    /// The values.
    Values(I),
    /// The failure, until it is given.
    Error(Option<E>),
}

impl<I: Iterator, E> Iterator for Expanded<I, E> {
    type Item = Result<I::Item, E>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Expanded::Values(values) => values.next().map(Ok),
            Expanded::Error(error) => error.take().map(Err),
        }
    }
}

/// Of `flat_map_iter`: what a closure makes of it.
#[derive(Clone)]
pub struct EachOf<F>(pub(crate) F);

impl<A, I, F> Expansion<A> for EachOf<F>
where
    I: IntoIterator<Item: Value, IntoIter: Send>,
    F: FnMut(A) -> I + Value,
{
    type Item = I::Item;
    type Items = I::IntoIter;

    fn expand(&mut self, item: A) -> I::IntoIter {
        (self.0)(item).into_iter()
    }
}

/// Of `intersperse`: itself, and a separator before it, but for the first.
#[derive(Clone)]
pub struct Interspersed<A> {
    pub(crate) separator: A,
    pub(crate) is_first: bool,
}

impl<A: Value + Clone> Expansion<A> for Interspersed<A> {
    type Item = A;
    type Items = Chain<option::IntoIter<A>, Once<A>>;

    fn expand(&mut self, item: A) -> Self::Items {
        let separator = (!self.is_first).then(|| self.separator.clone());
        self.is_first = false;
        separator.into_iter().chain(once(item))
    }
}

pin_project! {
    struct Expanding<S, X, I> {
        #[pin]
        source: S,
        expansion: X,
        items: Option<I>,
    }
}

/// How many items may come to nothing in one poll before others have a turn.
const EMPTY_PER_POLL: usize = 1024;

impl<S: FuturesStream, X: Expansion<S::Item>> FuturesStream for Expanding<S, X, X::Items> {
    type Item = X::Item;

    fn poll_next(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        for _ in 0..EMPTY_PER_POLL {
            if let Some(items) = this.items {
                if let Some(item) = items.next() {
                    return Poll::Ready(Some(item));
                }
                *this.items = None;
            }
            let Some(item) = ready!(this.source.as_mut().poll_next(task)) else {
                return Poll::Ready(None);
            };
            *this.items = Some(this.expansion.expand(item));
        }
        task.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<S: Pull, X: Expansion<S::Item>> Pull for Expanding<S, X, X::Items> {
    fn poll_progress(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        self.project().source.poll_progress(task)
    }
}

opaque_debug!(Expand<S, X>, ExpandValues<X>, EachOf<F>, Interspersed<A>);
