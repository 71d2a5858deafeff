//! Streams of what a reader reads: a file, a socket, or a pipe.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use effect_core::{Cx, Env, Value};
use futures::Stream as FuturesStream;
use pin_project_lite::pin_project;
use tokio::io::{AsyncRead, ReadBuf};

use crate::source::{Pull, Source};
use crate::stream_e::StreamE;

/// # Creating
impl<R: Env> StreamE<R, io::Error, Vec<u8>> {
    /// Emits what a reader reads, in chunks of up to `size` bytes: as many as are there at once. [`lines`](StreamE::lines) makes lines of them.
    ///
    /// - **Pulls** by reading, when a chunk is wanted.
    /// - **Fails** never: an error of the reader is the last element.
    /// - **Completes** at the end of what there is to read, or after the first error.
    /// - **When interrupted**, drops the reader.
    ///
    /// # Panics
    ///
    /// If `size` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// // A file or a socket would stand here.
    /// let reader: &[u8] = b"to be or not";
    /// let chunks = StreamE::from_reader(reader, 8).collect_results().await?;
    /// assert_eq!(chunks, [&b"to be or"[..], b" not"]);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "from_input_stream")]
    #[doc(alias = "read_all")]
    #[track_caller]
    pub fn from_reader<T>(reader: T, size: usize) -> StreamE<R, io::Error, Vec<u8>, FromReader<T>>
    where
        T: AsyncRead + Value,
    {
        assert!(size > 0, "a chunk has room for at least one byte");
        StreamE::of(FromReader { reader, size })
    }
}

/// The source of [`StreamE::from_reader`].
#[derive(Clone, Debug)]
pub struct FromReader<T> {
    reader: T,
    size: usize,
}

impl<R: Env, T: AsyncRead + Value> Source<R> for FromReader<T> {
    type Item = io::Result<Vec<u8>>;

    fn open(self, _cx: &Cx<R>) -> impl Pull<Item = Self::Item> + Send {
        Reading {
            reader: self.reader,
            size: self.size,
            room: Vec::new(),
            ended: false,
        }
    }
}

pin_project! {
    struct Reading<T> {
        #[pin]
        reader: T,
        size: usize,
        // What is read into. There is none before the first chunk is wanted.
        room: Vec<u8>,
        ended: bool,
    }
}

impl<T: AsyncRead> FuturesStream for Reading<T> {
    type Item = io::Result<Vec<u8>>;

    fn poll_next(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.project();
        if *this.ended {
            return Poll::Ready(None);
        }
        this.room.resize(*this.size, 0);
        let mut room = ReadBuf::new(this.room);
        let read = ready!(this.reader.poll_read(task, &mut room));
        let chunk = room.filled();
        *this.ended = read.is_err() || chunk.is_empty();
        Poll::Ready(match read {
            Ok(()) if chunk.is_empty() => None,
            Ok(()) => Some(Ok(chunk.to_vec())),
            Err(error) => Some(Err(error)),
        })
    }
}

impl<T: AsyncRead> Pull for Reading<T> {}
