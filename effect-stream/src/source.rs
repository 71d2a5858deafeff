//! What a stream is made of: a description that opens as a plain `futures::Stream`.

use std::future::{Future, poll_fn};
use std::ops::ControlFlow;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use effect_core::{Cx, Env, Value, yield_now};
use futures::Stream as FuturesStream;

use crate::erased::Link;

/// A description of many values, that opens as a stream in an environment `R`.
///
/// Every operator of [`Stream`](crate::Stream) is a small type that implements this trait. Nothing happens
/// before the opened stream is polled.
pub trait Source<R: Env>: Sized + Send + 'static {
    /// What it emits.
    type Item: Value;

    /// Opens the source.
    fn open(self, cx: &Cx<R>) -> impl Pull<Item = Self::Item> + Send;

    /// Folds everything into one value, until `f` breaks or the source ends.
    ///
    /// A source that never waits overrides this with a plain loop, so that a chain of such operators costs
    /// what the loop costs: internal iteration, as in [`Iterator::try_fold`].
    fn fold<B, F>(self, cx: &Cx<R>, init: B, f: F) -> impl Future<Output = B> + Send
    where
        B: Value,
        F: FnMut(B, Self::Item) -> ControlFlow<B, B> + Send,
    {
        pull_fold(self.open(cx), init, f)
    }

    /// Whether it is a chain of streams, which [`split`](Source::split) takes apart.
    const IS_CHAIN: bool = false;

    /// Takes the first stream of a chain off, and has what follows it, if anything does. An erased chain is run so, as an
    /// erased effect runs the last step of another: however deep it is nested, in constant stack.
    ///
    /// # Panics
    ///
    /// If it is none: [`IS_CHAIN`](Source::IS_CHAIN) says so.
    fn split(self) -> (Link<R, Self::Item>, Option<Link<R, Self::Item>>) {
        unreachable!("split is called only where IS_CHAIN allows it")
    }

    /// Makes it a part of a chain.
    fn into_link(self) -> Link<R, Self::Item> {
        Link::new(self)
    }
}

/// A stream that can go on with what it has begun while nobody wants its next item.
///
/// Streams that hold work in flight stop it when they are not polled: `buffered(4)` in the futures crate does,
/// while the body of its loop waits, and with a lock between the two that is a deadlock. Here the ends call
/// [`poll_progress`](Pull::poll_progress) while their body waits. The idea is from without.boats' essay
/// "poll_progress".
pub trait Pull: FuturesStream {
    /// Goes on with what has begun, and begins nothing. Ready when there is nothing to go on with.
    ///
    /// A poll for an item that was ready need not have registered any waker. Whoever has an item, and then waits for
    /// something else, calls this before.
    fn poll_progress(self: Pin<&mut Self>, _task: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

/// Folds by pulling item by item.
pub(crate) async fn pull_fold<S, B, F>(source: S, init: B, mut f: F) -> B
where
    S: Pull,
    F: FnMut(B, S::Item) -> ControlFlow<B, B>,
{
    let mut source = pin!(source);
    let mut folded = Some(init);
    // One future for the whole loop: an await for each item costs more than most items do. What is folded is
    // a local while the loop runs, and is kept here only while the source waits.
    poll_fn(|task| {
        let mut so_far = folded.take().expect("polled after completion");
        for _ in 0..ITEMS_PER_TURN {
            match source.as_mut().poll_next(task) {
                Poll::Ready(Some(item)) => match f(so_far, item) {
                    ControlFlow::Continue(next) => so_far = next,
                    ControlFlow::Break(last) => return Poll::Ready(last),
                },
                Poll::Ready(None) => return Poll::Ready(so_far),
                Poll::Pending => {
                    folded = Some(so_far);
                    return Poll::Pending;
                }
            }
        }
        folded = Some(so_far);
        task.waker().wake_by_ref();
        Poll::Pending
    })
    .await
}

/// Folds an iterator, and lets others run between turns of many items.
pub(crate) async fn iterate_fold<I, B, F>(mut items: I, init: B, mut f: F) -> B
where
    I: Iterator,
    F: FnMut(B, I::Item) -> ControlFlow<B, B>,
{
    let mut folded = init;
    loop {
        match turn(items, folded, f) {
            ControlFlow::Break(last) => return last,
            ControlFlow::Continue(rest) => (items, folded, f) = rest,
        }
        yield_now().await;
    }
}

/// Folds the items of one turn. All state comes and goes by value: the loop then runs in registers, where in the
/// body of an `async fn` it would run in the memory of its future.
#[inline]
fn turn<I, B, F>(mut items: I, mut folded: B, mut f: F) -> ControlFlow<B, (I, B, F)>
where
    I: Iterator,
    F: FnMut(B, I::Item) -> ControlFlow<B, B>,
{
    for _ in 0..ITEMS_PER_TURN {
        let Some(item) = items.next() else {
            return ControlFlow::Break(folded);
        };
        folded = f(folded, item)?;
    }
    ControlFlow::Continue((items, folded, f))
}

/// How many items a loop that never waits takes before it lets others run.
const ITEMS_PER_TURN: usize = 1024;

/// The next item of an opened source.
pub(crate) fn next<S: FuturesStream>(
    mut source: Pin<&mut S>,
) -> impl Future<Output = Option<S::Item>> {
    poll_fn(move |task| source.as_mut().poll_next(task))
}

/// Awaits a body, and keeps what the source has in flight going meanwhile.
pub(crate) async fn beside<S: Pull, F: Future>(mut source: Pin<&mut S>, body: F) -> F::Output {
    let mut body = pin!(body);
    poll_fn(|task| {
        let polled = body.as_mut().poll(task);
        if polled.is_pending() {
            // Whether it is done does not matter; its wakers are registered.
            let _ = source.as_mut().poll_progress(task);
        }
        polled
    })
    .await
}
