//! Two streams in turns, whichever is ready.

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
    /// Emits an item of this stream, then one of the other, and so on, waiting for whose turn it is. Once a side has ended, those of the other follow.
    ///
    /// - **Pulls** an item of the side whose turn it is; never ahead.
    /// - **Completes** when both sides have.
    /// - **When interrupted**, interrupts both sides.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let Ok(all) = Stream::range(0..3).interleave(Stream::range(10..12)).run_collect().await;
    /// assert_eq!(all, [0, 10, 1, 11, 2]);
    /// # }
    /// ```
    pub fn interleave<T>(self, other: Stream<R, A, T>) -> Stream<R, A, Interleave<S, T>>
    where
        T: Source<R, Item = A>,
    {
        Stream::of(Interleave {
            left: self.source,
            right: other.source,
        })
    }
}

/// # Merging
impl<R: Env, E: Value, A: Value, S> StreamE<R, E, A, S> {
    /// Emits an element of this stream, then one of the other, and so on, waiting for whose turn it is. Once a side has ended, those of the other follow.
    ///
    /// - **Pulls** an element of the side whose turn it is; never ahead.
    /// - **Completes** when both sides have.
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
    /// let Ok(all) = left.interleave(StreamE::from_iter([8, 9])).run_collect().await;
    /// assert_eq!(all, [Ok(1), Ok(8), Err("two"), Ok(9)]);
    /// # }
    /// ```
    pub fn interleave<T>(self, other: StreamE<R, E, A, T>) -> StreamE<R, E, A, Interleave<S, T>>
    where
        T: Source<R, Item = Result<A, E>>,
    {
        StreamE::of(Interleave {
            left: self.source,
            right: other.source,
        })
    }
}

/// The source of [`Stream::interleave`].
#[derive(Clone, Debug)]
pub struct Interleave<S, T> {
    left: S,
    right: T,
}

impl<R, S, T> Source<R> for Interleave<S, T>
where
    R: Env,
    S: Source<R>,
    T: Source<R, Item = S::Item>,
{
    type Item = S::Item;

    fn open(self, cx: &Cx<R>) -> impl Pull<Item = S::Item> + Send {
        Interleaving {
            left: Side::new(self.left.open(cx)),
            right: Side::new(self.right.open(cx)),
            left_is_next: true,
        }
    }
}

pin_project! {
    struct Interleaving<S, T, A> {
        #[pin]
        left: Side<S, A>,
        #[pin]
        right: Side<T, A>,
        left_is_next: bool,
    }
}

impl<A, S, T> FuturesStream for Interleaving<S, T, A>
where
    S: Pull<Item = A>,
    T: Pull<Item = A>,
{
    type Item = A;

    fn poll_next(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<A>> {
        let mut this = self.project();
        // A side that has ended gives its turn away at once.
        for _ in 0..2 {
            // What the other side has in flight goes on meanwhile; its wakers are registered.
            let item = if *this.left_is_next {
                let Poll::Ready(item) = this.left.as_mut().poll_item(task) else {
                    let _ = this.right.poll_progress(task);
                    return Poll::Pending;
                };
                item
            } else {
                let Poll::Ready(item) = this.right.as_mut().poll_item(task) else {
                    let _ = this.left.poll_progress(task);
                    return Poll::Pending;
                };
                item
            };
            *this.left_is_next = !*this.left_is_next;
            if item.is_some() {
                return Poll::Ready(item);
            }
        }
        Poll::Ready(None)
    }
}

impl<A, S, T> Pull for Interleaving<S, T, A>
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
