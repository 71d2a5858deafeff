//! Where streams come from.

use std::future::Future;
use std::iter;
use std::ops::Range;

use effect_core::{Cx, Env, Queue, Value};
use futures::Stream as FuturesStream;

use super::concat::Suspend;
use super::from::{FromChannel, FromIter, FromQueue, FromStream, Never};
use super::generate::{Emitter, Generate};
use crate::Channel;
use crate::opaque_debug::opaque_debug;
use crate::source::Source;
use crate::stream::Stream;

/// # Creating
impl<R: Env, A: Value> Stream<R, A> {
    /// Emits the items of an iterator.
    ///
    /// - **Pulls** an item from the iterator for each that is wanted.
    /// - **Completes** when the iterator ends.
    /// - **When interrupted**, drops the iterator.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let Ok(all) = Stream::from_iter(vec!["a", "b"]).run_collect().await;
    /// assert_eq!(all, ["a", "b"]);
    /// # }
    /// ```
    #[allow(
        clippy::should_implement_trait,
        reason = "the iterator is part of the stream's type, which `FromIterator` could not name"
    )]
    pub fn from_iter<I>(items: I) -> Stream<R, A, FromIter<I>>
    where
        I: IntoIterator<Item = A, IntoIter: Send> + Value,
    {
        Stream::new(FromIter { items })
    }

    /// Emits the numbers of a range.
    ///
    /// It pulls, completes and is interrupted as [`from_iter`](Stream::from_iter).
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let Ok(sum) = Stream::range(1..101).run_fold(0, |sum, n| sum + n).await;
    /// assert_eq!(sum, 5050);
    /// # }
    /// ```
    pub fn range<I>(range: Range<I>) -> Stream<R, A, FromIter<Range<I>>>
    where
        I: Value,
        Range<I>: Iterator<Item = A>,
    {
        Stream::from_iter(range)
    }

    /// Emits nothing, and completes at once.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let Ok(all) = Stream::<_, u8>::empty().run_collect().await;
    /// assert_eq!(all, []);
    /// # }
    /// ```
    pub fn empty() -> Stream<R, A, FromIter<iter::Empty<A>>> {
        Stream::from_iter(iter::empty())
    }

    /// Emits one item, and completes.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let Ok(all) = Stream::once(1).run_collect().await;
    /// assert_eq!(all, [1]);
    /// # }
    /// ```
    #[doc(alias = "succeed")]
    pub fn once(item: A) -> Stream<R, A, FromIter<iter::Once<A>>> {
        Stream::from_iter(iter::once(item))
    }

    /// Emits an item for ever.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let Ok(all) = Stream::repeat_item("na").take(2).run_collect().await;
    /// assert_eq!(all, ["na", "na"]);
    /// # }
    /// ```
    pub fn repeat_item(item: A) -> Stream<R, A, FromIter<iter::Repeat<A>>>
    where
        A: Clone,
    {
        Stream::from_iter(iter::repeat(item))
    }

    /// Emits nothing, and never completes.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let limited = Stream::<_, u8>::never().run_collect().timeout(std::time::Duration::from_secs(1));
    /// assert!(limited.await.is_err());
    /// # }
    /// ```
    pub fn never() -> Stream<R, A, Never<A>> {
        Stream::new(Never::new())
    }

    /// Emits what a closure makes of a state that it may change, until it makes nothing.
    ///
    /// - **Pulls** one call of the closure for each item that is wanted.
    /// - **Fails** never; a panic of the closure is a defect of the run.
    /// - **Completes** when the closure has `None`.
    /// - **When interrupted**, drops the state.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let powers = Stream::unfold(1_u8, |n| {
    ///     let power = *n;
    ///     *n = n.checked_mul(4)?;
    ///     Some(power)
    /// });
    /// let Ok(all) = powers.run_collect().await;
    /// assert_eq!(all, [1, 4, 16]);
    /// # }
    /// ```
    pub fn unfold<B, F>(state: B, f: F) -> Stream<R, A, FromIter<Unfold<B, F>>>
    where
        B: Value,
        F: FnMut(&mut B) -> Option<A> + Value,
    {
        Stream::from_iter(Unfold { state, f })
    }

    /// Emits an item, then what a closure makes of that, and so on for ever.
    ///
    /// - **Pulls** one call of the closure for each item after the first, when that is wanted.
    /// - **Fails** never; a panic of the closure is a defect of the run.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let Ok(all) = Stream::iterate(1, |n| n * 2).take(4).run_collect().await;
    /// assert_eq!(all, [1, 2, 4, 8]);
    /// # }
    /// ```
    pub fn iterate<F>(first: A, f: F) -> Stream<R, A, FromIter<Iterate<A, F>>>
    where
        A: Clone,
        F: FnMut(A) -> A + Value,
    {
        Stream::from_iter(Iterate {
            first: Some(first),
            last: None,
            f,
        })
    }

    /// Emits what a body emits: an async closure, with the environment and with an [`Emitter`].
    ///
    /// The body runs in place, in the task that pulls. Whatever it does to have an item waits until that is wanted.
    ///
    /// - **Pulls** by running the body up to its next item; it goes on from there when another one is wanted.
    /// - **Fails** never; a panic of the body is a defect of the run.
    /// - **Completes** when the body ends.
    /// - **When interrupted**, interrupts the body, and waits for the finalizers of what it runs.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{sleep, Cx, Never};
    /// use effect_stream::{Emitter, Stream};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let countdown = Stream::generate(async |cx: Cx<()>, mut out: Emitter<u8>| {
    ///     for n in (0..3).rev() {
    ///         cx.sleep(std::time::Duration::from_secs(1)).await;
    ///         out.emit(n).await;
    ///     }
    /// });
    /// let Ok(all) = countdown.run_collect().await;
    /// assert_eq!(all, [2, 1, 0]);
    /// # }
    /// ```
    #[doc(alias = "async_stream")]
    pub fn generate<F, Fut>(body: F) -> Stream<R, A, Generate<F, A>>
    where
        F: FnOnce(Cx<R>, Emitter<A>) -> Fut + Value,
        Fut: Future<Output = ()> + Send,
    {
        Stream::of(Generate::new(body))
    }

    /// Is the stream that a closure makes when it is run, and not before. So a stream can go on with itself.
    ///
    /// Erased, such a recursion takes constant memory: each round takes the place of the one before.
    ///
    /// It pulls, completes and is interrupted as that stream.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// fn down_from(n: u32) -> Stream<(), u32> {
    ///     let rest = Stream::suspend(move || down_from(n - 1));
    ///     if n == 0 { Stream::once(0).erase() } else { Stream::once(n).concat(rest).erase() }
    /// }
    /// let Ok(all) = down_from(3).run_collect().await;
    /// assert_eq!(all, [3, 2, 1, 0]);
    /// # }
    /// ```
    #[doc(alias = "defer")]
    pub fn suspend<S, F>(make: F) -> Stream<R, A, Suspend<F>>
    where
        S: Source<R, Item = A>,
        F: FnOnce() -> Stream<R, A, S> + Value,
    {
        Stream::of(Suspend { make })
    }

    /// Emits what is received from a channel.
    ///
    /// - **Pulls** an item from the channel for each that is wanted. A fold takes up to 32 at once of those that are
    ///   there, and puts back what it does not come to.
    /// - **Completes** when the channel is closed and empty.
    /// - **When interrupted**, leaves the rest in the channel.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::{Channel, Stream};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let channel = Channel::bounded(4);
    /// channel.send_many([1, 2, 3]).await.unwrap();
    /// channel.close();
    /// let Ok(all) = Stream::from_channel(channel).run_collect().await;
    /// assert_eq!(all, [1, 2, 3]);
    /// # }
    /// ```
    pub fn from_channel(channel: Channel<A>) -> Stream<R, A, FromChannel<A>> {
        Stream::new(FromChannel { channel })
    }

    /// Emits what is taken from a queue.
    ///
    /// - **Pulls** an item from the queue for each that is wanted.
    /// - **Completes** when the queue is closed and empty.
    /// - **When interrupted**, leaves the rest in the queue.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::Queue;
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let queue = Queue::sliding(2);
    /// for n in 1..=3 {
    ///     queue.try_offer(n).unwrap();
    /// }
    /// queue.close();
    /// let Ok(all) = Stream::from_queue(queue).run_collect().await;
    /// assert_eq!(all, [2, 3]);
    /// # }
    /// ```
    pub fn from_queue(queue: Queue<A>) -> Stream<R, A, FromQueue<A>> {
        Stream::new(FromQueue { queue })
    }

    /// Emits what a `futures::Stream` yields.
    ///
    /// - **Pulls** an item from it for each that is wanted.
    /// - **Completes** when it ends.
    /// - **When interrupted**, drops it.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let Ok(all) = Stream::from_stream(futures::stream::iter([1, 2])).run_collect().await;
    /// assert_eq!(all, [1, 2]);
    /// # }
    /// ```
    pub fn from_stream<T>(stream: T) -> Stream<R, A, FromStream<T>>
    where
        T: FuturesStream<Item = A> + Value,
    {
        Stream::new(FromStream { stream })
    }
}

/// The iterator of [`Stream::unfold`].
#[derive(Clone)]
pub struct Unfold<B, F> {
    state: B,
    f: F,
}

impl<A, B, F: FnMut(&mut B) -> Option<A>> Iterator for Unfold<B, F> {
    type Item = A;

    #[inline]
    fn next(&mut self) -> Option<A> {
        (self.f)(&mut self.state)
    }
}

/// The iterator of [`Stream::iterate`].
#[derive(Clone)]
pub struct Iterate<A, F> {
    first: Option<A>,
    last: Option<A>,
    f: F,
}

impl<A: Clone, F: FnMut(A) -> A> Iterator for Iterate<A, F> {
    type Item = A;

    #[inline]
    fn next(&mut self) -> Option<A> {
        let next = match self.last.take() {
            Some(last) => (self.f)(last),
            None => self.first.take()?,
        };
        self.last = Some(next.clone());
        Some(next)
    }
}

opaque_debug!(Unfold<B, F>, Iterate<A, F>);
