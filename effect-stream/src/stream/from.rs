//! Where streams come from: iterators, channels, and other streams.

use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use effect_core::{Budget, Cx, Env, Queue, Value};
use futures::{Stream as FuturesStream, stream};
use pin_project_lite::pin_project;

use crate::opaque_debug::opaque_debug;
use crate::source::{Pull, Source, iterate_fold};
use crate::{Channel, Receive};

/// The source of [`Stream::from_iter`](crate::Stream::from_iter).
#[derive(Clone)]
pub struct FromIter<I> {
    pub(crate) items: I,
}

impl<R, I> Source<R> for FromIter<I>
where
    R: Env,
    I: IntoIterator<IntoIter: Send> + Value,
    I::Item: Value,
{
    type Item = I::Item;

    fn open(self, _cx: &Cx<R>) -> impl Pull<Item = I::Item> + Send {
        Iterate {
            items: self.items.into_iter(),
        }
    }

    fn fold<B, F>(self, _cx: &Cx<R>, init: B, f: F) -> impl Future<Output = B> + Send
    where
        B: Value,
        F: FnMut(B, I::Item) -> ControlFlow<B, B> + Send,
    {
        iterate_fold(self.items.into_iter(), init, f)
    }
}

struct Iterate<I> {
    items: I,
}

// The iterator is only ever used by reference.
impl<I> Unpin for Iterate<I> {}

impl<I: Iterator> FuturesStream for Iterate<I> {
    type Item = I::Item;

    fn poll_next(mut self: Pin<&mut Self>, _task: &mut Context<'_>) -> Poll<Option<I::Item>> {
        Poll::Ready(self.items.next())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.items.size_hint()
    }
}

impl<I: Iterator> Pull for Iterate<I> {}

/// The source of [`Stream::from_channel`](crate::Stream::from_channel).
#[derive(Debug)]
pub struct FromChannel<T> {
    pub(crate) channel: Channel<T>,
}

impl<T> Clone for FromChannel<T> {
    fn clone(&self) -> Self {
        FromChannel {
            channel: self.channel.clone(),
        }
    }
}

impl<R: Env, T: Value> Source<R> for FromChannel<T> {
    type Item = T;

    fn open(self, _cx: &Cx<R>) -> impl Pull<Item = T> + Send {
        Receiving {
            receive: self.channel.receive(),
        }
    }

    async fn fold<B, F>(self, _cx: &Cx<R>, init: B, mut f: F) -> B
    where
        B: Value,
        F: FnMut(B, T) -> ControlFlow<B, B> + Send,
    {
        let mut receive = self.channel.receive();
        let mut folded = init;
        let mut batch = Vec::with_capacity(ITEMS_AT_ONCE);
        let mut budget = Budget::of(BATCHES_PER_TURN);
        loop {
            let received =
                poll_fn(|task| receive.poll_claim(task, ITEMS_AT_ONCE, |item| batch.push(item)));
            if received.await.is_err() {
                return folded;
            }
            // Nothing waits in here, so nobody can drop us with items in hand; a fold that breaks gives the
            // rest back.
            let unused = Unused::new(&self.channel, &mut batch);
            while let Some(item) = unused.items.pop() {
                match f(folded, item) {
                    ControlFlow::Continue(next) => folded = next,
                    ControlFlow::Break(last) => return last,
                }
            }
            drop(unused);
            budget.spend().await;
        }
    }
}

/// How many items a fold receives at once.
const ITEMS_AT_ONCE: usize = 32;

/// How often it does so, with a sender that keeps up, before it lets others run.
const BATCHES_PER_TURN: u32 = 32;

/// Received items; what is not used goes back, also when the fold panics.
struct Unused<'a, T> {
    channel: &'a Channel<T>,
    claimed: usize,
    /// The first is the last of them: taking that is the cheapest.
    items: &'a mut Vec<T>,
}

impl<'a, T> Unused<'a, T> {
    fn new(channel: &'a Channel<T>, items: &'a mut Vec<T>) -> Self {
        let claimed = items.len();
        items.reverse();
        Unused {
            channel,
            claimed,
            items,
        }
    }
}

impl<T> Drop for Unused<'_, T> {
    fn drop(&mut self) {
        self.channel
            .release(self.claimed, self.items.drain(..).rev());
    }
}

struct Receiving<T> {
    receive: Receive<T>,
}

impl<T> FuturesStream for Receiving<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<T>> {
        let received = ready!(Pin::new(&mut self.receive).poll(task));
        Poll::Ready(received.ok())
    }
}

impl<T> Pull for Receiving<T> {}

/// The source of [`Stream::from_queue`](crate::Stream::from_queue).
#[derive(Clone, Debug)]
pub struct FromQueue<T> {
    pub(crate) queue: Queue<T>,
}

impl<R: Env, T: Value> Source<R> for FromQueue<T> {
    type Item = T;

    fn open(self, _cx: &Cx<R>) -> impl Pull<Item = T> + Send {
        let take = self.queue.take();
        Foreign {
            stream: stream::unfold(take, async |mut take| {
                let item = (&mut take).await.ok()?;
                Some((item, take))
            }),
        }
    }
}

/// The source of [`Stream::never`](crate::Stream::never).
#[derive(Debug)]
pub struct Never<A> {
    item: PhantomData<fn() -> A>,
}

impl<A> Never<A> {
    pub(crate) const fn new() -> Self {
        Never { item: PhantomData }
    }
}

impl<A> Clone for Never<A> {
    fn clone(&self) -> Self {
        Never::new()
    }
}

impl<R: Env, A: Value> Source<R> for Never<A> {
    type Item = A;

    fn open(self, _cx: &Cx<R>) -> impl Pull<Item = A> + Send {
        Foreign {
            stream: stream::pending(),
        }
    }
}

/// The source of [`Stream::from_stream`](crate::Stream::from_stream).
#[derive(Clone)]
pub struct FromStream<S> {
    pub(crate) stream: S,
}

impl<R, S> Source<R> for FromStream<S>
where
    R: Env,
    S: FuturesStream + Value,
    S::Item: Value,
{
    type Item = S::Item;

    fn open(self, _cx: &Cx<R>) -> impl Pull<Item = S::Item> + Send {
        Foreign {
            stream: self.stream,
        }
    }
}

pin_project! {
    /// A stream that has nothing in flight.
    pub(crate) struct Foreign<S> {
        #[pin]
        pub(crate) stream: S,
    }
}

impl<S> Foreign<S> {
    pub(crate) const fn new(stream: S) -> Self {
        Foreign { stream }
    }
}

impl<S: FuturesStream> FuturesStream for Foreign<S> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<S::Item>> {
        self.project().stream.poll_next(task)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.stream.size_hint()
    }
}

impl<S: FuturesStream> Pull for Foreign<S> {}

opaque_debug!(FromIter<I>, FromStream<S>);
