//! One stream as two, with each item on one of them.

use effect_core::{Cause, Cx, Effect, Env, Exit, Never, Program, Queue, Value};
use futures::future::Either;

use super::pump::{OwnQueue, Pump, Pumped, pump};
use crate::opaque_debug::opaque_debug;
use crate::source::Source;
use crate::stream::Stream;
use crate::stream_e::StreamE;

/// # Sharing
impl<R: Env, A: Value, S> Stream<R, A, S> {
    /// Makes two streams, each with the items that a closure says are its own. This one runs once, on a fiber of its own, in the current scope.
    ///
    /// They are to be run at the same time, for each holds up the other: an item for the one that has `ahead` to take waits, and all behind
    /// it do.
    ///
    /// - **Pulls** items from when it is made, until one of the streams has `ahead` of them to take, and an item for it waits.
    ///   Items for a stream that was dropped are dropped; when both are, this one is interrupted.
    /// - **Fails** never; a defect of this stream, or of the closure, is one of both, after what came before it.
    /// - **Completes**: each of the streams does when it has emitted its items and this one has ended.
    /// - **When interrupted**, that is when the scope closes, it interrupts the source, and the fibers that take from it.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, Cx, Never};
    /// use effect_stream::{Either, Stream};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let body = effect(async |cx: Cx<()>| {
    ///     let words = Stream::from_iter(["1", "two", "3"]);
    ///     let (numbers, others) = cx
    ///         .run(words.partition_either(8, |word| match word.parse::<u32>() {
    ///             Ok(number) => Either::Left(number),
    ///             Err(_) => Either::Right(word),
    ///         }))
    ///         .await?;
    ///     cx.run(numbers.run_collect().zip_par(others.run_collect())).await
    /// });
    /// assert_eq!(body.scoped().await, Ok::<_, Never>((vec![1, 3], vec!["two"])));
    /// # }
    /// ```
    #[doc(alias = "distributed_with")]
    pub fn partition_either<B, C, F>(
        self,
        ahead: usize,
        f: F,
    ) -> Effect<R, Never, (Part<R, B>, Part<R, C>), PartitionEither<S, F>>
    where
        B: Value,
        C: Value,
        F: FnMut(A) -> Either<B, C> + Value,
    {
        Effect::of(PartitionEither {
            source: self.source,
            ahead,
            f,
        })
    }
}

/// # Leaving
impl<R: Env, E: Value, A: Value, S> StreamE<R, E, A, S> {
    /// Makes two streams: of the values, and of the errors. This one runs once, on a fiber of its own, in the current scope.
    ///
    /// The contract is that of [`Stream::partition_either`]. To collect both sides, [`partition`](StreamE::partition) does without a
    /// fiber.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, Cx, Never};
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let body = effect(async |cx: Cx<()>| {
    ///     let results = StreamE::from_results([Ok(1), Err("two"), Ok(3)]);
    ///     let (values, errors) = cx.run(results.partition_streams(8)).await?;
    ///     cx.run(values.run_collect().zip_par(errors.run_collect())).await
    /// });
    /// assert_eq!(body.scoped().await, Ok::<_, Never>((vec![1, 3], vec!["two"])));
    /// # }
    /// ```
    pub fn partition_streams(
        self,
        ahead: usize,
    ) -> Effect<R, Never, (Part<R, A>, Part<R, E>), PartitionEither<S, SideOf<A, E>>> {
        Effect::of(PartitionEither {
            source: self.source,
            ahead,
            f: side_of,
        })
    }
}

/// One of the streams that [`Stream::partition_either`] makes.
pub type Part<R, A> = Stream<R, A, Pumped<OwnQueue<A>>>;

/// On which side an element is.
pub type SideOf<A, E> = fn(Result<A, E>) -> Either<A, E>;

fn side_of<A, E>(element: Result<A, E>) -> Either<A, E> {
    match element {
        Ok(value) => Either::Left(value),
        Err(error) => Either::Right(error),
    }
}

/// The program of [`Stream::partition_either`] and [`StreamE::partition_streams`].
#[derive(Clone)]
pub struct PartitionEither<S, F> {
    source: S,
    ahead: usize,
    f: F,
}

impl<R, B, C, S, F> Program<R> for PartitionEither<S, F>
where
    R: Env,
    B: Value,
    C: Value,
    S: Source<R>,
    F: FnMut(S::Item) -> Either<B, C> + Value,
{
    type Error = Never;
    type Value = (Part<R, B>, Part<R, C>);

    async fn run(mut self, cx: &Cx<R>) -> Result<Self::Value, Never> {
        let left = Queue::bounded(self.ahead).with_error();
        let right = Queue::bounded(self.ahead).with_error();
        let taps = (OwnQueue::new(&left), OwnQueue::new(&right));
        let (to_left, to_right) = (left.clone(), right.clone());
        let send = move |item| {
            let item = (self.f)(item);
            let (left, right) = (to_left.clone(), to_right.clone());
            async move {
                // A queue that nobody takes from refuses it, and it is dropped.
                match item {
                    Either::Left(item) => drop(left.offer(item).await),
                    Either::Right(item) => drop(right.offer(item).await),
                }
                !(left.is_closed() && right.is_closed())
            }
        };
        let tell = move |exit| {
            // Both are told.
            end_queue(&left, &exit) | end_queue(&right, &exit)
        };
        let fiber = pump(cx, &cx.scope(), self.source, send, tell);
        let pump = Pump::new(fiber);
        Ok((
            Stream::of(Pumped::new(taps.0, &pump)),
            Stream::of(Pumped::new(taps.1, &pump)),
        ))
    }
}

/// Ends a queue as what it was fed from has ended, and says whether anybody there was told.
fn end_queue<A: Value>(queue: &Queue<A, Cause<Never>>, exit: &Exit<Never, ()>) -> bool {
    let was_heard = !queue.is_closed();
    match exit {
        Exit::Success(()) => queue.close(),
        Exit::Failure(cause) => queue.close_with(cause.clone()),
    }
    was_heard
}

opaque_debug!(PartitionEither<S, F>);
