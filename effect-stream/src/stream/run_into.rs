//! The ends at which a stream is written to something: a channel, a writer, or a sink of the futures crate.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use effect_core::{Budget, Channel, Cx, Effect, Env, Program, SendError, Value};
use futures::{Sink, SinkExt};
use tokio::io::AsyncWrite;

use crate::opaque_debug::opaque_debug;
use crate::source::{Pull, Source, beside};
use crate::stream::Stream;
use crate::stream_e::StreamE;

/// # Running
impl<R: Env, A: Value, S> Stream<R, A, S> {
    /// Sends each item to a channel, waiting while that is full. The channel stays open: others may send as well.
    ///
    /// # Errors
    ///
    /// [`SendError`], with the item that a closed channel refuses, after which nothing more is pulled.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync;
    /// use effect_stream::{Channel, Stream};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let channel = Channel::bounded(1);
    /// let closing = channel.clone();
    /// let sending = Stream::range(0..3).run_into_channel(&channel).ensuring(sync(move || closing.close()));
    /// let (sent, received) = sending
    ///     .exit()
    ///     .zip_par(Stream::from_channel(channel).run_collect())
    ///     .await
    ///     .unwrap();
    /// assert!(sent.is_success());
    /// assert_eq!(received, [0, 1, 2]);
    /// # }
    /// ```
    pub fn run_into_channel(
        self,
        channel: &Channel<A>,
    ) -> Effect<R, SendError<A>, (), RunInto<S, ToChannel<A>>> {
        Effect::of(RunInto {
            source: self.source,
            to: ToChannel(channel.clone()),
        })
    }

    /// Sends each item to a sink of the futures crate, and closes that at the end. It is flushed when the stream has nothing for now.
    ///
    /// Several sinks are one, with futures' `fanout`.
    ///
    /// # Errors
    ///
    /// The first error of the sink, after which nothing more is pulled.
    ///
    /// # Cancel safety
    ///
    /// Interrupted, it drops the sink as it is: what was sent and not flushed is up to that.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::Stream;
    /// use futures::channel::mpsc;
    /// use futures::{SinkExt, StreamExt};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), mpsc::SendError> {
    /// let (one, ones) = mpsc::channel(8);
    /// let (other, others) = mpsc::channel(8);
    /// Stream::range(0..3).run_into_sink(one.fanout(other)).await?;
    /// assert_eq!(ones.collect::<Vec<_>>().await, [0, 1, 2]);
    /// assert_eq!(others.collect::<Vec<_>>().await, [0, 1, 2]);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "forward")]
    pub fn run_into_sink<K>(self, sink: K) -> Effect<R, K::Error, (), RunInto<S, ToSink<K>>>
    where
        K: Sink<A, Error: Value> + Value,
    {
        Effect::of(RunInto {
            source: self.source,
            to: ToSink { sink },
        })
    }
}

/// # Running
impl<R: Env, A: Value + AsRef<[u8]>, S> Stream<R, A, S> {
    /// Writes the bytes of each item, as to a file or a socket, and yields how many those were. It flushes the writer when the stream has nothing for
    /// now, and at the end. It does not shut it down.
    ///
    /// # Errors
    ///
    /// The first error of the writer, after which nothing more is pulled. Of the item at hand, a part may have been written.
    ///
    /// # Cancel safety
    ///
    /// Interrupted, it may have written a part of an item, and drops the writer as it is.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let (socket, mut peer) = tokio::io::duplex(64);
    /// let lines = Stream::from_iter(["to be\n", "or not\n"]);
    /// assert_eq!(lines.run_into_writer(socket).await?, 13);
    /// let mut read = String::new();
    /// tokio::io::AsyncReadExt::read_to_string(&mut peer, &mut read).await?;
    /// assert_eq!(read, "to be\nor not\n");
    /// # Ok(())
    /// # }
    /// ```
    pub fn run_into_writer<W>(self, writer: W) -> Effect<R, io::Error, u64, RunInto<S, ToWriter<W>>>
    where
        W: AsyncWrite + Value,
    {
        Effect::of(RunInto {
            source: self.source,
            to: ToWriter { writer, written: 0 },
        })
    }
}

/// # Running
impl<R: Env, E: Value, A: Value, S> StreamE<R, E, A, S> {
    /// Sends each element to a channel, failures too. See [`Stream::run_into_channel`]; [`route_errors`](StreamE::route_errors) sends
    /// the errors alone.
    ///
    /// # Errors
    ///
    /// [`SendError`], with the element that a closed channel refuses, after which nothing more is pulled.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::{Channel, StreamE};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let channel = Channel::bounded(8);
    /// StreamE::from_results([Ok(1), Err("two")]).run_into_channel(&channel).await.unwrap();
    /// assert_eq!(channel.receive_many(8).await, Ok(vec![Ok(1), Err("two")]));
    /// # }
    /// ```
    pub fn run_into_channel(
        self,
        channel: &Channel<Result<A, E>>,
    ) -> Effect<R, SendError<Result<A, E>>, (), RunInto<S, ToChannel<Result<A, E>>>> {
        self.into_results().run_into_channel(channel)
    }

    /// Sends each value up to the first failure to a sink of the futures crate, and closes that at the end. See [`Stream::run_into_sink`].
    ///
    /// # Errors
    ///
    /// The first failure, of the stream or of the sink, after which nothing more is pulled. The sink is dropped as it is then.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::StreamE;
    /// use futures::channel::mpsc;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (sink, sent) = mpsc::unbounded();
    /// let results = StreamE::from_results([Ok(1), Ok(2)]);
    /// let run: Result<(), mpsc::SendError> = results.run_into_sink(sink).await;
    /// assert_eq!(run, Ok(()));
    /// assert_eq!(futures::StreamExt::collect::<Vec<_>>(sent).await, [1, 2]);
    /// # }
    /// ```
    #[doc(alias = "forward")]
    pub fn run_into_sink<K>(self, sink: K) -> Effect<R, E, (), RunIntoOk<S, ToSink<K>>>
    where
        K: Sink<A, Error: Value> + Value,
        E: From<K::Error>,
    {
        Effect::of(RunIntoOk(RunInto {
            source: self.source,
            to: ToSink { sink },
        }))
    }
}

/// # Running
impl<R: Env, E: Value + From<io::Error>, A: Value + AsRef<[u8]>, S> StreamE<R, E, A, S> {
    /// Writes the bytes of each value up to the first failure, and yields how many those were. See [`Stream::run_into_writer`].
    ///
    /// # Errors
    ///
    /// The first failure, of the stream or of the writer, after which nothing more is pulled.
    ///
    /// # Cancel safety
    ///
    /// Interrupted, it may have written a part of a value, and drops the writer as it is.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// // Two files, or sockets, would stand here.
    /// let (from, to): (&[u8], _) = (b"to be or not", tokio::io::sink());
    /// let copied = StreamE::from_reader(from, 4 * 1024).run_into_writer(to).await?;
    /// assert_eq!(copied, 12);
    /// # Ok(())
    /// # }
    /// ```
    pub fn run_into_writer<W>(self, writer: W) -> Effect<R, E, u64, RunIntoOk<S, ToWriter<W>>>
    where
        W: AsyncWrite + Value,
    {
        Effect::of(RunIntoOk(RunInto {
            source: self.source,
            to: ToWriter { writer, written: 0 },
        }))
    }
}

/// The program of [`Stream::run_into_channel`], [`Stream::run_into_sink`] and [`Stream::run_into_writer`].
#[derive(Clone)]
pub struct RunInto<S, T> {
    source: S,
    to: T,
}

/// What a stream is written to.
pub trait Destination<A>: Value {
    /// Why it takes no more.
    type Error: Value;
    /// What it says in the end.
    type Output: Value;

    /// Writes an item. It may be kept back until this is flushed.
    fn write(self: Pin<&mut Self>, item: A)
    -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Keeps nothing back.
    fn poll_flush(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Result<(), Self::Error>>;

    /// Ends.
    fn poll_end(
        self: Pin<&mut Self>,
        task: &mut Context<'_>,
    ) -> Poll<Result<Self::Output, Self::Error>>;
}

impl<R, S, T> Program<R> for RunInto<S, T>
where
    R: Env,
    S: Source<R>,
    T: Destination<S::Item>,
{
    type Error = T::Error;
    type Value = T::Output;

    async fn run(self, cx: &Cx<R>) -> Result<T::Output, T::Error> {
        write(self.source, self.to, cx, Ok).await
    }
}

/// Writes what comes of each item, until one has failed.
async fn write<R, S, T, A, E>(
    source: S,
    to: T,
    cx: &Cx<R>,
    mut value: impl FnMut(S::Item) -> Result<A, E> + Send,
) -> Result<T::Output, E>
where
    R: Env,
    S: Source<R>,
    T: Destination<A>,
    E: Value + From<T::Error>,
{
    let writing = async move {
        let mut to = pin!(to);
        let mut source = pin!(source.open(cx));
        let mut budget = Budget::new();
        while let Some(item) = next_or_flush(source.as_mut(), to.as_mut()).await? {
            beside(source.as_mut(), to.as_mut().write(value(item)?)).await?;
            budget.spend().await;
        }
        Ok(poll_fn(|task| to.as_mut().poll_end(task)).await?)
    };
    cx.settling(writing).await
}

/// The program of [`StreamE::run_into_sink`] and [`StreamE::run_into_writer`].
#[derive(Clone)]
pub struct RunIntoOk<S, T>(RunInto<S, T>);

impl<R, A, E, S, T> Program<R> for RunIntoOk<S, T>
where
    R: Env,
    A: Value,
    E: Value + From<T::Error>,
    S: Source<R, Item = Result<A, E>>,
    T: Destination<A>,
{
    type Error = E;
    type Value = T::Output;

    async fn run(self, cx: &Cx<R>) -> Result<T::Output, E> {
        let RunInto { source, to } = self.0;
        write(source, to, cx, |element| element).await
    }
}

/// The next item; while there is none, nothing is kept back.
async fn next_or_flush<A, S: Pull, T: Destination<A>>(
    mut source: Pin<&mut S>,
    mut to: Pin<&mut T>,
) -> Result<Option<S::Item>, T::Error> {
    let mut flushed = false;
    poll_fn(|task| {
        if let Poll::Ready(item) = source.as_mut().poll_next(task) {
            return Poll::Ready(Ok(item));
        }
        if !flushed {
            ready!(to.as_mut().poll_flush(task))?;
            flushed = true;
        }
        Poll::Pending
    })
    .await
}

/// The channel of [`Stream::run_into_channel`].
#[derive(Clone, Debug)]
pub struct ToChannel<A>(Channel<A>);

impl<A: Value> Destination<A> for ToChannel<A> {
    type Error = SendError<A>;
    type Output = ();

    fn write(
        self: Pin<&mut Self>,
        item: A,
    ) -> impl Future<Output = Result<(), SendError<A>>> + Send {
        self.0.send(item)
    }

    fn poll_flush(self: Pin<&mut Self>, _task: &mut Context<'_>) -> Poll<Result<(), SendError<A>>> {
        Poll::Ready(Ok(()))
    }

    fn poll_end(self: Pin<&mut Self>, _task: &mut Context<'_>) -> Poll<Result<(), SendError<A>>> {
        Poll::Ready(Ok(()))
    }
}

pin_project_lite::pin_project! {
    /// The sink of [`Stream::run_into_sink`].
    #[derive(Clone)]
    pub struct ToSink<K> {
        #[pin]
        sink: K,
    }
}

impl<A: Value, K: Sink<A, Error: Value> + Value> Destination<A> for ToSink<K> {
    type Error = K::Error;
    type Output = ();

    async fn write(self: Pin<&mut Self>, item: A) -> Result<(), K::Error> {
        self.project().sink.feed(item).await
    }

    fn poll_flush(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Result<(), K::Error>> {
        self.project().sink.poll_flush(task)
    }

    fn poll_end(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Result<(), K::Error>> {
        self.project().sink.poll_close(task)
    }
}

pin_project_lite::pin_project! {
    /// The writer of [`Stream::run_into_writer`].
    #[derive(Clone)]
    pub struct ToWriter<W> {
        #[pin]
        writer: W,
        written: u64,
    }
}

impl<A: Value + AsRef<[u8]>, W: AsyncWrite + Value> Destination<A> for ToWriter<W> {
    type Error = io::Error;
    type Output = u64;

    async fn write(self: Pin<&mut Self>, item: A) -> io::Result<()> {
        let mut this = self.project();
        let mut done = 0;
        poll_fn(move |task| {
            while let rest @ [_, ..] = &item.as_ref()[done..] {
                let written = ready!(this.writer.as_mut().poll_write(task, rest))?;
                if written == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                done += written;
                *this.written += written as u64;
            }
            Poll::Ready(Ok(()))
        })
        .await
    }

    fn poll_flush(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().writer.poll_flush(task)
    }

    fn poll_end(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<u64>> {
        let this = self.project();
        ready!(this.writer.poll_flush(task))?;
        Poll::Ready(Ok(*this.written))
    }
}

opaque_debug!(RunInto<S, T>, RunIntoOk<S, T>, ToSink<K>, ToWriter<W>);
