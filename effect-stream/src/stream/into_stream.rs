//! The border: our stream as a plain `futures::Stream`.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use effect_core::{Cause, Exit, Never, Value, effect};
use futures::Stream as FuturesStream;
use futures::future::{BoxFuture, FutureExt};

use crate::source::Source;
use crate::stream::Stream;
use crate::stream_e::StreamE;
use crate::{Channel, Receive};

/// # Leaving
impl<A: Value, S: Source<(), Item = A>> Stream<(), A, S> {
    /// Turns the stream into a `futures::Stream`, which runs as a root fiber on the tokio runtime it is
    /// polled in.
    ///
    /// - **Pulls** one item ahead of its consumer at most.
    /// - **Completes** when the stream does, and all that ran in it has ended.
    /// - **When dropped**, interrupts the stream; the runtime runs what it owes.
    ///
    /// # Panics
    ///
    /// With the stream's own defect, as plain streams do, when polled; and when the stream was interrupted from
    /// within, so that what came of it is never taken for all.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::Stream;
    /// use futures::StreamExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let mut numbers = Stream::range(0..3).map(|n| n * n).into_stream();
    /// while let Some(n) = numbers.next().await {
    ///     println!("{n}");
    /// }
    /// # }
    /// ```
    pub fn into_stream(self) -> IntoStream<A> {
        // A rendezvous: an item is handed over when somebody waits for it.
        let channel = Channel::bounded(0);
        let output = channel.clone();
        let run = effect(async move |cx| {
            let ended = cx
                .run(self.run_for_each(move |item| output.send(item)))
                .await;
            // The receiver lives as long as this future does, so nobody can have closed the channel.
            drop(ended);
            Ok::<(), Never>(())
        });
        IntoStream {
            run: Some(run.run_exit().boxed()),
            receive: channel.receive(),
            cut_short: None,
            channel,
        }
    }
}

/// # Leaving
impl<E: Value, A: Value, S: Source<(), Item = Result<A, E>>> StreamE<(), E, A, S> {
    /// Turns the stream into a `futures::Stream` of results. See [`Stream::into_stream`].
    pub fn into_stream(self) -> IntoStream<Result<A, E>> {
        self.into_results().into_stream()
    }
}

/// The stream of [`Stream::into_stream`].
#[must_use = "streams do nothing unless they are polled"]
pub struct IntoStream<A> {
    // `None` once it has ended.
    run: Option<BoxFuture<'static, Exit<Never, ()>>>,
    channel: Channel<A>,
    receive: Receive<A>,
    /// Why the run did not just end, until that is told.
    cut_short: Option<Cause<Never>>,
}

impl<A> IntoStream<A> {
    /// The last item comes before the panic of a run that was cut short.
    fn item_or_end(&mut self, item: Option<A>) -> Option<A> {
        if item.is_none()
            && let Some(cause) = self.cut_short.take()
        {
            panic!("the stream was cut short: {cause}");
        }
        item
    }
}

impl<A> FuturesStream for IntoStream<A> {
    type Item = A;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<A>> {
        let this = &mut *self;
        if let Poll::Ready(received) = Pin::new(&mut this.receive).poll(task) {
            return Poll::Ready(this.item_or_end(received.ok()));
        }
        if let Some(run) = &mut this.run
            && let Poll::Ready(exit) = run.poll_unpin(task)
        {
            this.run = None;
            this.cut_short = exit.into_result().err();
            this.channel.close();
        }
        // Whatever the run has just handed over, or the end that it has just come to.
        let received = ready!(Pin::new(&mut this.receive).poll(task));
        Poll::Ready(this.item_or_end(received.ok()))
    }
}

impl<A> fmt::Debug for IntoStream<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IntoStream")
            .field("ended", &self.run.is_none())
            .finish_non_exhaustive()
    }
}
