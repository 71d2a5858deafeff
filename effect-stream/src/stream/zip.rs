//! The items of two streams in pairs.

use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use effect_core::{Cx, Env, Value};
use futures::Stream as FuturesStream;
use pin_project_lite::pin_project;

use super::side::{Side, both};
use crate::opaque_debug::opaque_debug;
use crate::source::{Pull, Source};
use crate::stream::Stream;
use crate::stream_e::StreamE;

/// # Zipping
impl<R: Env, A: Value, S> Stream<R, A, S> {
    /// Emits the items of both streams in pairs: the first with the first, the second with the second.
    ///
    /// - **Pulls** an item of both sides for each pair, and holds at most one of each.
    /// - **Completes** when either side does: of the left first, the right is not asked. An item without a partner is
    ///   dropped.
    /// - **When interrupted**, interrupts both sides.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let Ok(all) = Stream::from_iter(["a", "b"]).zip(Stream::from_iter(0..)).run_collect().await;
    /// assert_eq!(all, [("a", 0), ("b", 1)]);
    /// # }
    /// ```
    pub fn zip<B, T>(self, other: Stream<R, B, T>) -> Stream<R, (A, B), Zip<S, T, Each>>
    where
        B: Value,
        T: Source<R, Item = B>,
    {
        Stream::of(Zip::new(self.source, other.source))
    }

    /// Emits the latest items of both streams in a pair, whenever either side has a new one and both have one.
    ///
    /// - **Pulls** from both sides while one waits for its item; holds at most one new item of each ahead.
    /// - **Completes** when both sides have, or when a side does that had nothing.
    /// - **When interrupted**, interrupts both sides.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let pairs = Stream::from_iter([1, 2]).zip_latest(Stream::from_iter(["a", "b"]));
    /// let Ok(all) = pairs.run_collect().await;
    /// assert_eq!(all, [(1, "a"), (2, "a"), (2, "b")]);
    /// # }
    /// ```
    #[doc(alias = "combine_latest")]
    pub fn zip_latest<B, T>(self, other: Stream<R, B, T>) -> Stream<R, (A, B), ZipLatest<S, T>>
    where
        A: Clone,
        B: Value + Clone,
        T: Source<R, Item = B>,
    {
        Stream::of(ZipLatest {
            left: self.source,
            right: other.source,
        })
    }
}

/// # Zipping
impl<R: Env, E: Value, A: Value, S> StreamE<R, E, A, S> {
    /// Emits the values of both streams in pairs. Touches successes only: a failure of either side flows on at once, and has no partner.
    ///
    /// - **Pulls** an element of both sides for each pair, and holds at most one of each.
    /// - **Completes** when either side does: of the left first, the right is not asked. A value without a partner is
    ///   dropped.
    /// - **When interrupted**, interrupts both sides.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let letters = StreamE::from_results([Ok("a"), Err("no letter"), Ok("b")]);
    /// let Ok(all) = letters.zip(StreamE::from_iter(0..)).run_collect().await;
    /// assert_eq!(all, [Ok(("a", 0)), Err("no letter"), Ok(("b", 1))]);
    /// # }
    /// ```
    pub fn zip<B, T>(self, other: StreamE<R, E, B, T>) -> StreamE<R, E, (A, B), Zip<S, T, EachOk>>
    where
        B: Value,
        T: Source<R, Item = Result<B, E>>,
    {
        StreamE::of(Zip::new(self.source, other.source))
    }
}

/// What comes of an item of each side.
pub trait Pairing<A, B>: Send + 'static {
    /// What comes out.
    type Output: Value;

    /// Takes what can be emitted, if anything can.
    fn pair(left: &mut Option<A>, right: &mut Option<B>) -> Option<Self::Output>;
}

/// Of items: a pair.
#[derive(Clone, Debug)]
pub struct Each;

impl<A: Value, B: Value> Pairing<A, B> for Each {
    type Output = (A, B);

    fn pair(left: &mut Option<A>, right: &mut Option<B>) -> Option<(A, B)> {
        match (left.take(), right.take()) {
            (Some(one), Some(other)) => Some((one, other)),
            (one, other) => {
                (*left, *right) = (one, other);
                None
            }
        }
    }
}

/// Of elements: a pair of values, or a failure by itself.
#[derive(Clone, Debug)]
pub struct EachOk;

impl<A: Value, B: Value, E: Value> Pairing<Result<A, E>, Result<B, E>> for EachOk {
    type Output = Result<(A, B), E>;

    fn pair(
        left: &mut Option<Result<A, E>>,
        right: &mut Option<Result<B, E>>,
    ) -> Option<Self::Output> {
        match (left.take(), right.take()) {
            (Some(Ok(one)), Some(Ok(other))) => Some(Ok((one, other))),
            (Some(Err(error)), other) => {
                *right = other;
                Some(Err(error))
            }
            (one, Some(Err(error))) => {
                *left = one;
                Some(Err(error))
            }
            (one, other) => {
                (*left, *right) = (one, other);
                None
            }
        }
    }
}

/// The source of [`Stream::zip`] and [`StreamE::zip`].
#[derive(Clone)]
pub struct Zip<S, T, P> {
    left: S,
    right: T,
    pairing: PhantomData<P>,
}

impl<S, T, P> Zip<S, T, P> {
    const fn new(left: S, right: T) -> Self {
        Zip {
            left,
            right,
            pairing: PhantomData,
        }
    }
}

impl<R, S, T, P> Source<R> for Zip<S, T, P>
where
    R: Env,
    S: Source<R>,
    T: Source<R>,
    P: Pairing<S::Item, T::Item>,
{
    type Item = P::Output;

    fn open(self, cx: &Cx<R>) -> impl Pull<Item = P::Output> + Send {
        Zipping {
            left: Side::new(self.left.open(cx)),
            one: None,
            right: Side::new(self.right.open(cx)),
            other: None,
            pairing: self.pairing,
        }
    }
}

pin_project! {
    struct Zipping<S, A, T, B, P> {
        #[pin]
        left: Side<S, A>,
        // Items that wait for their partners.
        one: Option<A>,
        #[pin]
        right: Side<T, B>,
        other: Option<B>,
        pairing: PhantomData<P>,
    }
}

impl<S, A, T, B, P> FuturesStream for Zipping<S, A, T, B, P>
where
    S: Pull<Item = A>,
    T: Pull<Item = B>,
    P: Pairing<A, B>,
{
    type Item = P::Output;

    fn poll_next(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<P::Output>> {
        let mut this = self.project();
        if this.one.is_none()
            && let Poll::Ready(item) = this.left.as_mut().poll_item(task)
        {
            if item.is_none() {
                return Poll::Ready(None);
            }
            *this.one = item;
        }
        if this.other.is_none()
            && let Poll::Ready(item) = this.right.as_mut().poll_item(task)
        {
            if item.is_none() {
                return Poll::Ready(None);
            }
            *this.other = item;
        }
        let pair = P::pair(this.one, this.other);
        if pair.is_some() {
            return Poll::Ready(pair);
        }
        // What the side has in flight whose item waits goes on meanwhile; its wakers are registered.
        if this.one.is_some() {
            let _ = this.left.poll_progress(task);
        } else if this.other.is_some() {
            let _ = this.right.poll_progress(task);
        }
        Poll::Pending
    }
}

impl<S, A, T, B, P> Pull for Zipping<S, A, T, B, P>
where
    S: Pull<Item = A>,
    T: Pull<Item = B>,
    P: Pairing<A, B>,
{
    fn poll_progress(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        both(
            this.left.poll_progress(task),
            this.right.poll_progress(task),
        )
    }
}

/// The source of [`Stream::zip_latest`].
#[derive(Clone, Debug)]
pub struct ZipLatest<S, T> {
    left: S,
    right: T,
}

impl<R, S, T> Source<R> for ZipLatest<S, T>
where
    R: Env,
    S: Source<R, Item: Clone>,
    T: Source<R, Item: Clone>,
{
    type Item = (S::Item, T::Item);

    fn open(self, cx: &Cx<R>) -> impl Pull<Item = Self::Item> + Send {
        ZippingLatest {
            left: Side::new(self.left.open(cx)),
            one: None,
            right: Side::new(self.right.open(cx)),
            other: None,
            left_is_next: true,
        }
    }
}

pin_project! {
    struct ZippingLatest<S, A, T, B> {
        #[pin]
        left: Side<S, A>,
        // The latest items.
        one: Option<A>,
        #[pin]
        right: Side<T, B>,
        other: Option<B>,
        left_is_next: bool,
    }
}

impl<S, A, T, B> FuturesStream for ZippingLatest<S, A, T, B>
where
    S: Pull<Item = A>,
    T: Pull<Item = B>,
    A: Clone,
    B: Clone,
{
    type Item = (A, B);

    fn poll_next(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<(A, B)>> {
        let mut this = self.project();
        if this.one.is_none() || this.other.is_none() {
            // Who has the first item waits for the other's.
            if this.one.is_none() {
                match this.left.as_mut().poll_item(task) {
                    Poll::Ready(None) => return Poll::Ready(None),
                    Poll::Ready(item) => *this.one = item,
                    Poll::Pending => {}
                }
            }
            if this.other.is_none() {
                match this.right.as_mut().poll_item(task) {
                    Poll::Ready(None) => return Poll::Ready(None),
                    Poll::Ready(item) => *this.other = item,
                    Poll::Pending => {}
                }
            }
            let pair = latest(this.one, this.other);
            if pair.is_some() {
                return Poll::Ready(pair);
            }
            // What the side has in flight whose item waits goes on meanwhile; its wakers are registered.
            if this.one.is_some() {
                let _ = this.left.poll_progress(task);
            } else if this.other.is_some() {
                let _ = this.right.poll_progress(task);
            }
            return Poll::Pending;
        }
        for _ in 0..2 {
            let is_new = if *this.left_is_next {
                replace(this.one, this.left.as_mut().poll_item(task))
            } else {
                replace(this.other, this.right.as_mut().poll_item(task))
            };
            *this.left_is_next = !*this.left_is_next;
            if is_new {
                return Poll::Ready(latest(this.one, this.other));
            }
        }
        if this.left.has_ended() && this.right.has_ended() {
            Poll::Ready(None)
        } else {
            Poll::Pending
        }
    }
}

fn latest<A: Clone, B: Clone>(one: &Option<A>, other: &Option<B>) -> Option<(A, B)> {
    Some((one.clone()?, other.clone()?))
}

/// Whether there is a new item, and puts it in the old one's place.
fn replace<A>(latest: &mut Option<A>, polled: Poll<Option<A>>) -> bool {
    let Poll::Ready(Some(item)) = polled else {
        return false;
    };
    *latest = Some(item);
    true
}

impl<S, A, T, B> Pull for ZippingLatest<S, A, T, B>
where
    S: Pull<Item = A>,
    T: Pull<Item = B>,
    A: Clone,
    B: Clone,
{
    fn poll_progress(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        both(
            this.left.poll_progress(task),
            this.right.poll_progress(task),
        )
    }
}

opaque_debug!(Zip<S, T, P>);
