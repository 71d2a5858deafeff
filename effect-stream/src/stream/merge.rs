//! Two streams as one, as their items come.

use std::pin::Pin;
use std::task::{Context, Poll};

use effect_core::{Cx, Env, Value};
use futures::Stream as FuturesStream;
use pin_project_lite::pin_project;

use super::side::{Side, both};
use crate::source::{Pull, Source};
use crate::stream::Stream;
use crate::stream_e::StreamE;

/// # Merging
impl<R: Env, A: Value, S> Stream<R, A, S> {
    /// Emits the items of both streams as they come. Two that are always ready alternate.
    ///
    /// - **Pulls** from both sides while one waits for its item; holds at most one item of each ahead.
    /// - **Completes** when both sides have. See [`merge_until`](Stream::merge_until) for other ends.
    /// - **When interrupted**, interrupts both sides.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let odd = Stream::from_iter([1, 3, 5]);
    /// let even = Stream::from_iter([2, 4]);
    /// let Ok(all) = odd.merge(even).run_collect().await;
    /// assert_eq!(all, [1, 2, 3, 4, 5]);
    /// # }
    /// ```
    pub fn merge<T>(self, other: Stream<R, A, T>) -> Stream<R, A, Merge<S, T>>
    where
        T: Source<R, Item = A>,
    {
        self.merge_until(MergeEnd::Both, other)
    }

    /// Emits the items of both streams as they come, until a side ends that it is to end with.
    ///
    /// - **Pulls** from both sides while one waits for its item; holds at most one item of each ahead.
    /// - **Completes** when the side that is named does. What the other has begun is interrupted, and an item that it
    ///   holds is dropped.
    /// - **When interrupted**, interrupts both sides.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::{MergeEnd, Stream};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let some = Stream::range(0..2);
    /// let Ok(all) = some.merge_until(MergeEnd::Left, Stream::repeat_item(9)).run_collect().await;
    /// assert_eq!(all, [0, 9, 1, 9]);
    /// # }
    /// ```
    #[doc(alias = "merge_halt_left")]
    #[doc(alias = "merge_halt_either")]
    pub fn merge_until<T>(self, end: MergeEnd, other: Stream<R, A, T>) -> Stream<R, A, Merge<S, T>>
    where
        T: Source<R, Item = A>,
    {
        Stream::of(Merge {
            left: self.source,
            right: other.source,
            end,
        })
    }
}

/// # Merging
impl<R: Env, E: Value, A: Value, S> StreamE<R, E, A, S> {
    /// Emits the elements of both streams as they come. Two that are always ready alternate.
    ///
    /// - **Pulls** from both sides while one waits for its element; holds at most one of each ahead.
    /// - **Completes** when both sides have. See [`merge_until`](StreamE::merge_until) for other ends.
    /// - **When interrupted**, interrupts both sides.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let left = StreamE::from_results([Ok(1), Err("two")]);
    /// let Ok(all) = left.merge(StreamE::from_iter([3])).run_collect().await;
    /// assert_eq!(all, [Ok(1), Ok(3), Err("two")]);
    /// # }
    /// ```
    pub fn merge<T>(self, other: StreamE<R, E, A, T>) -> StreamE<R, E, A, Merge<S, T>>
    where
        T: Source<R, Item = Result<A, E>>,
    {
        self.merge_until(MergeEnd::Both, other)
    }

    /// Emits the elements of both streams as they come, until a side ends that it is to end with.
    ///
    /// - **Pulls** from both sides while one waits for its element; holds at most one of each ahead.
    /// - **Completes** when the side that is named does. What the other has begun is interrupted, and an element that it
    ///   holds is dropped.
    /// - **When interrupted**, interrupts both sides.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::{MergeEnd, StreamE};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let left = StreamE::from_results([Ok(1), Err("two")]);
    /// let ticking = StreamE::repeat_effect(|| async { Ok(9) });
    /// let Ok(all) = left.merge_until(MergeEnd::Left, ticking).run_collect().await;
    /// assert_eq!(all, [Ok(1), Ok(9), Err("two"), Ok(9)]);
    /// # }
    /// ```
    #[doc(alias = "merge_halt_left")]
    #[doc(alias = "merge_halt_either")]
    pub fn merge_until<T>(
        self,
        end: MergeEnd,
        other: StreamE<R, E, A, T>,
    ) -> StreamE<R, E, A, Merge<S, T>>
    where
        T: Source<R, Item = Result<A, E>>,
    {
        StreamE::of(Merge {
            left: self.source,
            right: other.source,
            end,
        })
    }
}

/// With which of its sides a merge ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MergeEnd {
    /// With the one that ends last.
    Both,
    /// With the one that ends first.
    Either,
    /// With the left one.
    Left,
    /// With the right one.
    Right,
}

impl MergeEnd {
    #[inline]
    const fn is_reached(self, left: bool, right: bool) -> bool {
        if !left && !right {
            return false;
        }
        match self {
            MergeEnd::Both => left && right,
            MergeEnd::Either => left || right,
            MergeEnd::Left => left,
            MergeEnd::Right => right,
        }
    }
}

/// The source of [`Stream::merge`] and [`Stream::merge_until`].
#[derive(Clone, Debug)]
pub struct Merge<S, T> {
    left: S,
    right: T,
    end: MergeEnd,
}

impl<R, S, T> Source<R> for Merge<S, T>
where
    R: Env,
    S: Source<R>,
    T: Source<R, Item = S::Item>,
{
    type Item = S::Item;

    fn open(self, cx: &Cx<R>) -> impl Pull<Item = S::Item> + Send {
        Merging {
            left: Side::new(self.left.open(cx)),
            right: Side::new(self.right.open(cx)),
            left_is_next: true,
            end: self.end,
        }
    }
}

pin_project! {
    struct Merging<S, T, A> {
        #[pin]
        left: Side<S, A>,
        #[pin]
        right: Side<T, A>,
        left_is_next: bool,
        end: MergeEnd,
    }
}

impl<A, S, T> Merging<S, T, A>
where
    S: FuturesStream<Item = A>,
    T: FuturesStream<Item = A>,
{
    fn has_ended(&self) -> bool {
        self.end
            .is_reached(self.left.has_ended(), self.right.has_ended())
    }

    /// Asks whoever has the next word, and leaves it to the other.
    #[inline]
    fn poll_one(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<A>> {
        let this = self.project();
        let left_is_next = *this.left_is_next;
        *this.left_is_next = !left_is_next;
        if left_is_next {
            this.left.poll_item(task)
        } else {
            this.right.poll_item(task)
        }
    }

    /// Asks the other one as well, and leaves the word where it was.
    #[inline(never)]
    fn poll_other(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        one: Poll<Option<A>>,
    ) -> Poll<Option<A>> {
        if one.is_ready() && self.has_ended() {
            return one;
        }
        match self.as_mut().poll_one(task) {
            Poll::Ready(None) if !self.has_ended() => Poll::Pending,
            other => other,
        }
    }
}

impl<A, S, T> FuturesStream for Merging<S, T, A>
where
    S: FuturesStream<Item = A>,
    T: FuturesStream<Item = A>,
{
    type Item = A;

    #[inline]
    fn poll_next(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<A>> {
        if self.has_ended() {
            return Poll::Ready(None);
        }
        // Whoever is next has the first word, so that two sources which are always ready alternate.
        match self.as_mut().poll_one(task) {
            Poll::Ready(Some(item)) => Poll::Ready(Some(item)),
            one => self.poll_other(task, one),
        }
    }
}

impl<A, S, T> Pull for Merging<S, T, A>
where
    S: Pull<Item = A>,
    T: Pull<Item = A>,
{
    fn poll_progress(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        both(
            this.left.poll_progress(task),
            this.right.poll_progress(task),
        )
    }
}
