//! Two streams that are in order, as one that is.

use std::cmp::Ordering;
use std::pin::Pin;
use std::task::{Context, Poll};

use effect_core::{Cx, Env, Value};
use futures::Stream as FuturesStream;
use pin_project_lite::pin_project;

use super::infallible::{Entered, Infallible, enter, leave};
use super::side::{Side, both};
use crate::opaque_debug::opaque_debug;
use crate::source::{Pull, Source};
use crate::stream::Stream;
use crate::stream_e::StreamE;

/// # Merging
impl<R: Env, A: Value, S> Stream<R, A, S> {
    /// Emits the items of two streams that are in the order of a key, in that order. Of two with the same key, this stream's comes first.
    ///
    /// - **Pulls** one item of each side, both at the same time, and then one for each that is emitted, of its side.
    /// - **Fails** never; a panic of the closure is a defect of the run.
    /// - **Completes** when both sides have.
    /// - **When interrupted**, interrupts both sides; an item that was pulled and not emitted is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (odd, even) = (Stream::from_iter([1, 3, 9]), Stream::from_iter([2, 4]));
    /// let Ok(all) = odd.merge_sorted_by_key(even, |n| *n).run_collect().await;
    /// assert_eq!(all, [1, 2, 3, 4, 9]);
    /// # }
    /// ```
    #[doc(alias = "interleave_ordered")]
    #[doc(alias = "zip_all_sorted_by_key")]
    pub fn merge_sorted_by_key<T, K, F>(
        self,
        other: Stream<R, A, T>,
        key: F,
    ) -> Stream<R, A, Infallible<MergeSorted<Entered<S>, Entered<T>, F>>>
    where
        K: Ord,
        F: FnMut(&A) -> K + Value,
    {
        Stream::of(leave(MergeSorted {
            left: enter(self.source),
            right: enter(other.source),
            key,
        }))
    }
}

/// # Merging
impl<R: Env, E: Value, A: Value, S> StreamE<R, E, A, S> {
    /// Emits the elements of two streams whose values are in the order of a key, in that order. A failure has none: it is emitted when it is its side's next.
    ///
    /// - **Pulls** one element of each side, both at the same time, and then one for each that is emitted, of its side.
    /// - **Fails** never; a panic of the closure is a defect of the run.
    /// - **Completes** when both sides have.
    /// - **When interrupted**, interrupts both sides; an element that was pulled and not emitted is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let left = StreamE::from_results([Ok(1), Err("two"), Ok(9)]);
    /// let merged = left.merge_sorted_by_key(StreamE::from_iter([4, 6]), |n| *n);
    /// let Ok(all) = merged.run_collect().await;
    /// assert_eq!(all, [Ok(1), Err("two"), Ok(4), Ok(6), Ok(9)]);
    /// # }
    /// ```
    #[doc(alias = "interleave_ordered")]
    #[doc(alias = "zip_all_sorted_by_key")]
    pub fn merge_sorted_by_key<T, K, F>(
        self,
        other: StreamE<R, E, A, T>,
        key: F,
    ) -> StreamE<R, E, A, MergeSorted<S, T, F>>
    where
        K: Ord,
        F: FnMut(&A) -> K + Value,
    {
        StreamE::of(MergeSorted {
            left: self.source,
            right: other.source,
            key,
        })
    }
}

/// The source of [`Stream::merge_sorted_by_key`] and [`StreamE::merge_sorted_by_key`].
#[derive(Clone)]
pub struct MergeSorted<S, T, F> {
    left: S,
    right: T,
    key: F,
}

impl<R, A, E, S, T, K, F> Source<R> for MergeSorted<S, T, F>
where
    R: Env,
    A: Value,
    E: Value,
    S: Source<R, Item = Result<A, E>>,
    T: Source<R, Item = Result<A, E>>,
    K: Ord,
    F: FnMut(&A) -> K + Value,
{
    type Item = Result<A, E>;

    fn open(mut self, cx: &Cx<R>) -> impl Pull<Item = Self::Item> + Send {
        let compare = move |left: &A, right: &A| (self.key)(left).cmp(&(self.key)(right));
        Merging {
            left: Side::new(self.left.open(cx)),
            right: Side::new(self.right.open(cx)),
            compare,
        }
    }
}

pin_project! {
    struct Merging<S, T, A, E, F> {
        #[pin]
        left: Side<S, Result<A, E>>,
        #[pin]
        right: Side<T, Result<A, E>>,
        compare: F,
    }
}

impl<A, E, S, T, F> FuturesStream for Merging<S, T, A, E, F>
where
    S: Pull<Item = Result<A, E>>,
    T: Pull<Item = Result<A, E>>,
    F: FnMut(&A, &A) -> Ordering,
{
    type Item = Result<A, E>;

    fn poll_next(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        let left = this.left.as_mut().poll_peek(task).is_ready();
        let right = this.right.as_mut().poll_peek(task).is_ready();
        let left_is_next = match (this.left.peeked(), this.right.peeked()) {
            (Some(Ok(left)), Some(Ok(right))) => (this.compare)(left, right).is_le(),
            (Some(Err(_)), _) => true,
            (_, Some(Err(_))) => false,
            // A value is next when the other side has none that could be before it.
            (Some(Ok(_)), None) if right => true,
            (None, Some(Ok(_))) if left => false,
            (None, None) if left && right => return Poll::Ready(None),
            _ => {
                // A side that has its value goes on with what it has begun besides; the other was just asked.
                if left {
                    let _ = this.left.poll_progress(task);
                }
                if right {
                    let _ = this.right.poll_progress(task);
                }
                return Poll::Pending;
            }
        };
        if left_is_next {
            this.left.poll_item(task)
        } else {
            this.right.poll_item(task)
        }
    }
}

impl<A, E, S, T, F> Pull for Merging<S, T, A, E, F>
where
    S: Pull<Item = Result<A, E>>,
    T: Pull<Item = Result<A, E>>,
    F: FnMut(&A, &A) -> Ordering,
{
    fn poll_progress(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        both(
            this.left.poll_progress(task),
            this.right.poll_progress(task),
        )
    }
}

opaque_debug!(MergeSorted<S, T, F>);
