//! One stream after the other, and streams that are made when it is their turn.

use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use effect_core::{Cx, Env, Owed, Value};
use futures::Stream as FuturesStream;
use pin_project_lite::pin_project;

use crate::erased::Link;
use crate::opaque_debug::opaque_debug;
use crate::source::{Pull, Source};
use crate::stream::Stream;
use crate::stream_e::StreamE;

/// # Sequencing
impl<R: Env, A: Value, S> Stream<R, A, S> {
    /// Emits the items of this stream, and then those of another.
    ///
    /// The second is opened when the first has ended, and the finalizers of that have run. Erased, a chain of any length
    /// costs an item the same, however it is nested.
    ///
    /// - **Pulls** an item for each that is wanted.
    /// - **Completes** when the second stream does.
    /// - **When interrupted**, interrupts whichever runs.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let Ok(all) = Stream::range(0..2).concat(Stream::once(9)).run_collect().await;
    /// assert_eq!(all, [0, 1, 9]);
    /// # }
    /// ```
    #[doc(alias = "chain")]
    pub fn concat<T>(self, second: Stream<R, A, T>) -> Stream<R, A, Concat<S, T>> {
        Stream::of(Concat {
            first: self.source,
            second: second.source,
        })
    }
}

/// # Sequencing
impl<R: Env, E: Value, A: Value, S> StreamE<R, E, A, S> {
    /// Emits the elements of this stream, and then those of another. A failure does not keep the second from its turn: see [`fail_fast`](StreamE::fail_fast).
    ///
    /// The second is opened when the first has ended, and the finalizers of that have run.
    ///
    /// - **Pulls** an element for each that is wanted.
    /// - **Completes** when the second stream does.
    /// - **When interrupted**, interrupts whichever runs.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let Ok(all) = StreamE::fail("no one").concat(StreamE::range(0..2)).run_collect().await;
    /// assert_eq!(all, [Err("no one"), Ok(0), Ok(1)]);
    /// # }
    /// ```
    #[doc(alias = "chain")]
    pub fn concat<T>(self, second: StreamE<R, E, A, T>) -> StreamE<R, E, A, Concat<S, T>> {
        StreamE::of(Concat {
            first: self.source,
            second: second.source,
        })
    }
}

/// The source of [`Stream::concat`](crate::Stream::concat).
#[derive(Clone, Debug)]
pub struct Concat<S, T> {
    pub(crate) first: S,
    pub(crate) second: T,
}

impl<R, S, T> Source<R> for Concat<S, T>
where
    R: Env,
    S: Source<R>,
    T: Source<R, Item = S::Item>,
{
    type Item = S::Item;

    fn open(self, cx: &Cx<R>) -> impl Pull<Item = S::Item> + Send {
        OneByOne {
            cx,
            first: Some(self.first.open(cx)),
            owed: None,
            open_second: Some(move || self.second.open(cx)),
            second: None,
        }
    }

    async fn fold<B, F>(self, cx: &Cx<R>, init: B, mut f: F) -> B
    where
        B: Value,
        F: FnMut(B, S::Item) -> ControlFlow<B, B> + Send,
    {
        let mut broken = false;
        let first = self.first.fold(cx, init, |folded, item| {
            let flow = f(folded, item);
            broken = flow.is_break();
            flow
        });
        let folded = cx.settling(first).await;
        if broken {
            return folded;
        }
        self.second.fold(cx, folded, f).await
    }

    const IS_CHAIN: bool = true;

    fn split(self) -> (Link<R, S::Item>, Option<Link<R, S::Item>>) {
        (self.first.into_link(), Some(self.second.into_link()))
    }
}

pin_project! {
    struct OneByOne<'cx, R, S, T, F> {
        cx: &'cx Cx<R>,
        #[pin]
        first: Option<S>,
        // What the end of the first owes is done before the second begins.
        owed: Option<Owed>,
        open_second: Option<F>,
        #[pin]
        second: Option<T>,
    }
}

impl<R, S, T, F> FuturesStream for OneByOne<'_, R, S, T, F>
where
    R: Env,
    S: FuturesStream,
    T: FuturesStream<Item = S::Item>,
    F: FnOnce() -> T,
{
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let mut this = self.project();
        if let Some(first) = this.first.as_mut().as_pin_mut() {
            if let Some(item) = ready!(first.poll_next(task)) {
                return Poll::Ready(Some(item));
            }
            *this.owed = this.cx.owed_by(|| this.first.set(None));
        }
        if let Some(owed) = this.owed {
            ready!(Pin::new(owed).poll(task));
            *this.owed = None;
        }
        if let Some(open) = this.open_second.take() {
            this.second.set(Some(open()));
        }
        let second = this.second.as_pin_mut().expect("opened once, above");
        second.poll_next(task)
    }
}

impl<R, S, T, F> Pull for OneByOne<'_, R, S, T, F>
where
    R: Env,
    S: Pull,
    T: Pull<Item = S::Item>,
    F: FnOnce() -> T,
{
    fn poll_progress(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        if let Some(owed) = this.owed {
            ready!(Pin::new(owed).poll(task));
            *this.owed = None;
        }
        if let Some(first) = this.first.as_pin_mut() {
            return first.poll_progress(task);
        }
        match this.second.as_pin_mut() {
            Some(second) => second.poll_progress(task),
            None => Poll::Ready(()),
        }
    }
}

/// The source of [`Stream::suspend`](crate::Stream::suspend).
#[derive(Clone)]
pub struct Suspend<F> {
    pub(crate) make: F,
}

impl<R, A, S, F> Source<R> for Suspend<F>
where
    R: Env,
    A: Value,
    S: Source<R, Item = A>,
    F: FnOnce() -> Stream<R, A, S> + Value,
{
    type Item = A;

    fn open(self, cx: &Cx<R>) -> impl Pull<Item = A> + Send {
        (self.make)().into_source().open(cx)
    }

    async fn fold<B, F2>(self, cx: &Cx<R>, init: B, f: F2) -> B
    where
        B: Value,
        F2: FnMut(B, A) -> ControlFlow<B, B> + Send,
    {
        (self.make)().into_source().fold(cx, init, f).await
    }

    const IS_CHAIN: bool = true;

    fn split(self) -> (Link<R, A>, Option<Link<R, A>>) {
        ((self.make)().into_source().into_link(), None)
    }
}

opaque_debug!(Suspend<F>);
