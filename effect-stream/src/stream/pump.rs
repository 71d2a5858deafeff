//! A stream that runs on a fiber of its own, for others to take from: the mechanics of `broadcast`, `partition_either` and `share`.

use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use effect_core::sync::{ReceiveError, Subscription, Take};
use effect_core::{
    Cause, Cx, Effect, Env, Exit, Fiber, Never, Program, Queue, Scope, TakeError, Value, from_exit,
};
use futures::Stream as FuturesStream;
use futures::future::BoxFuture;

use crate::opaque_debug::opaque_debug;
use crate::source::{Pull, Source, beside, next};

/// Runs a source on a fiber of a scope. Each item is sent somewhere, for as long as there is somebody to take it, and in the end
/// somebody is told how that was: also if it has never begun. Who is told says whether anybody there heard it; a defect that nobody has heard is the fiber's.
pub(crate) fn pump<R, S, F, Fut, T>(
    cx: &Cx<R>,
    scope: &Scope,
    source: S,
    send: F,
    tell: T,
) -> Fiber<Never, ()>
where
    R: Env,
    S: Source<R>,
    F: FnMut(S::Item) -> Fut + Value,
    Fut: Future<Output = bool> + Send + 'static,
    T: FnOnce(Exit<Never, ()>) -> bool + Value,
{
    let pumping = Effect::new(Pumping {
        source,
        send,
        ending: Ending { tell: Some(tell) },
    });
    cx.fork_in(scope, pumping)
}

struct Pumping<S, F, T: FnOnce(Exit<Never, ()>) -> bool> {
    source: S,
    send: F,
    ending: Ending<T>,
}

impl<R, S, F, Fut, T> Program<R> for Pumping<S, F, T>
where
    R: Env,
    S: Source<R>,
    F: FnMut(S::Item) -> Fut + Value,
    Fut: Future<Output = bool> + Send + 'static,
    T: FnOnce(Exit<Never, ()>) -> bool + Value,
{
    type Error = Never;
    type Value = ();

    async fn run(self, cx: &Cx<R>) -> Result<(), Never> {
        let Pumping {
            source,
            mut send,
            mut ending,
        } = self;
        let sending = cx.catching(async move {
            let mut source = pin!(source.open(cx));
            while let Some(item) = next(source.as_mut()).await {
                if !beside(source.as_mut(), send(item)).await {
                    break;
                }
            }
        });
        let exit = match sending.await {
            Ok(()) => Exit::Success(()),
            Err(cause) => Exit::Failure(cause),
        };
        let was_heard = ending.tell(exit.clone());
        if was_heard {
            Ok(())
        } else {
            cx.run(from_exit(exit)).await
        }
    }
}

/// Tells how it has ended, once. Dropped before, it was interrupted.
struct Ending<T: FnOnce(Exit<Never, ()>) -> bool> {
    tell: Option<T>,
}

impl<T: FnOnce(Exit<Never, ()>) -> bool> Ending<T> {
    fn tell(&mut self, exit: Exit<Never, ()>) -> bool {
        self.tell.take().is_some_and(|tell| tell(exit))
    }
}

impl<T: FnOnce(Exit<Never, ()>) -> bool> Drop for Ending<T> {
    fn drop(&mut self) {
        self.tell(Exit::Failure(Cause::interrupt(None)));
    }
}

/// Where the items of a stream that runs elsewhere come out.
pub trait TakeNext: Send + Unpin + 'static {
    /// What comes out.
    type Item: Value;

    /// The next item, or the end.
    fn poll_take(&mut self, task: &mut Context<'_>) -> Polled<Self::Item>;
}

/// What [`TakeNext::poll_take`] has.
pub(crate) type Polled<A> = Poll<Result<Option<A>, Cause<Never>>>;

impl<A: Value + Clone + Sync> TakeNext for Subscription<A, Cause<Never>> {
    type Item = A;

    fn poll_take(&mut self, task: &mut Context<'_>) -> Polled<A> {
        Poll::Ready(match ready!(self.poll_receive(task)) {
            Ok(item) => Ok(Some(item)),
            Err(ReceiveError::Closed) => Ok(None),
            Err(ReceiveError::Failed(cause)) => Err(cause),
        })
    }
}

/// One that has its items for itself. When it is dropped, those that are left are, and none is waited for.
pub struct OwnQueue<A: Value> {
    queue: Queue<A, Cause<Never>>,
    take: Take<A, Cause<Never>>,
}

impl<A: Value> OwnQueue<A> {
    pub(crate) fn new(queue: &Queue<A, Cause<Never>>) -> Self {
        OwnQueue {
            queue: queue.clone(),
            take: queue.take(),
        }
    }
}

impl<A: Value> TakeNext for OwnQueue<A> {
    type Item = A;

    fn poll_take(&mut self, task: &mut Context<'_>) -> Polled<A> {
        Poll::Ready(match ready!(Pin::new(&mut self.take).poll(task)) {
            Ok(item) => Ok(Some(item)),
            Err(TakeError::Closed) => Ok(None),
            Err(TakeError::Failed(cause)) => Err(cause),
        })
    }
}

impl<A: Value> Drop for OwnQueue<A> {
    fn drop(&mut self) {
        drop(self.queue.abort());
    }
}

/// Has what comes out of it, which is opened when the first item is wanted.
pub(crate) fn taken<'cx, R: Env, T: TakeNext>(
    cx: &'cx Cx<R>,
    open: impl FnOnce() -> T + Send + 'cx,
) -> impl Pull<Item = T::Item> + Send {
    let fail = |cause| -> BoxFuture<'cx, Never> {
        Box::pin(async {
            match cx
                .run(from_exit(Exit::<Never, Never>::Failure(cause)))
                .await
            {
                Ok(never) | Err(never) => never,
            }
        })
    };
    Taking {
        open: Some(open),
        fail,
        tap: None,
        failing: None,
    }
}

struct Taking<'cx, T, O, F> {
    // First, as what it takes from may wait for whoever holds that.
    failing: Option<BoxFuture<'cx, Never>>,
    // `None` until the first item is wanted, and after the last.
    tap: Option<T>,
    open: Option<O>,
    /// How this fiber fails with the cause that the other one has.
    fail: F,
}

// Nothing in it is pinned.
impl<T, O, F> Unpin for Taking<'_, T, O, F> {}

impl<'cx, T, O, F> FuturesStream for Taking<'cx, T, O, F>
where
    T: TakeNext,
    O: FnOnce() -> T,
    F: FnMut(Cause<Never>) -> BoxFuture<'cx, Never>,
{
    type Item = T::Item;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<T::Item>> {
        let this = &mut *self;
        if let Some(open) = this.open.take() {
            this.tap = Some(open());
        }
        if this.failing.is_none() {
            let Some(tap) = &mut this.tap else {
                return Poll::Ready(None);
            };
            match ready!(tap.poll_take(task)) {
                Ok(None) => {
                    this.tap = None;
                    return Poll::Ready(None);
                }
                Ok(item) => return Poll::Ready(item),
                Err(cause) => this.failing = Some((this.fail)(cause)),
            }
        }
        match this.failing.as_mut() {
            Some(failing) => match ready!(failing.as_mut().poll(task)) {},
            None => Poll::Pending,
        }
    }
}

impl<'cx, T, O, F> Pull for Taking<'cx, T, O, F>
where
    T: TakeNext,
    O: FnOnce() -> T,
    F: FnMut(Cause<Never>) -> BoxFuture<'cx, Never>,
{
}

/// The source of what a stream on a fiber of its own sends: [`Stream::broadcast`](crate::Stream::broadcast),
/// [`Stream::partition_either`](crate::Stream::partition_either).
pub struct Pumped<T> {
    // First: what nobody takes any more, nobody need wait for.
    tap: T,
    _pump: Arc<Pump>,
}

impl<T> Pumped<T> {
    pub(crate) fn new(tap: T, pump: &Arc<Pump>) -> Self {
        Pumped {
            tap,
            _pump: Arc::clone(pump),
        }
    }
}

impl<R: Env, T: TakeNext> Source<R> for Pumped<T> {
    type Item = T::Item;

    fn open(self, cx: &Cx<R>) -> impl Pull<Item = T::Item> + Send {
        taken(cx, || self)
    }
}

impl<T: TakeNext> TakeNext for Pumped<T> {
    type Item = T::Item;

    fn poll_take(&mut self, task: &mut Context<'_>) -> Polled<T::Item> {
        self.tap.poll_take(task)
    }
}

/// The fiber of a stream that several take from. It is interrupted when the last of them is gone.
pub(crate) struct Pump(Fiber<Never, ()>);

impl Pump {
    pub(crate) fn new(fiber: Fiber<Never, ()>) -> Arc<Self> {
        Arc::new(Pump(fiber))
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        self.0.interrupt_fork();
    }
}

impl<A: Value> fmt::Debug for OwnQueue<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnQueue")
    }
}

opaque_debug!(Pumped<T>);
