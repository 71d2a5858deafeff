//! Lines of text, from bytes that come in chunks of any size.

use std::mem;
use std::pin::Pin;
use std::string::FromUtf8Error;
use std::task::{Context, Poll, ready};

use effect_core::{Cx, Env, Never, Value};
use futures::Stream as FuturesStream;
use pin_project_lite::pin_project;

use super::infallible::{Entered, enter};
use crate::source::{Pull, Source};
use crate::stream::Stream;
use crate::stream_e::StreamE;

/// # Text
impl<R: Env, A: Value, S> Stream<R, A, S> {
    /// Emits the lines of what is text in chunks of bytes, without their ends, which are `\n` or `\r\n`. The last line may have none.
    ///
    /// A line of more than `limit` bytes fails as soon as that is known, and its rest is skipped: no more than the limit and a chunk
    /// are ever held. A line that is not UTF-8 fails too. The next line follows in both cases;
    /// [`fail_fast`](StreamE::fail_fast) ends with the first.
    ///
    /// - **Pulls** chunks until there is a line.
    /// - **Fails** never: a line that cannot be had is a failed element.
    /// - **Completes** when the source does, and what is left is emitted as a line.
    /// - **When interrupted**, interrupts the source; what is not emitted is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::{LineError, Stream};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let lines = Stream::from_iter(["to b", "e\r\n\nor not to be\nthat", " is"]).lines(8);
    /// let Ok((good, bad)) = lines.partition().await;
    /// assert_eq!(good, ["to be", "", "that is"]);
    /// assert_eq!(bad, [LineError::TooLong { limit: 8 }]);
    /// # }
    /// ```
    #[doc(alias = "split_lines")]
    pub fn lines(self, limit: usize) -> StreamE<R, LineError<Never>, String, Lines<Entered<S>>>
    where
        A: AsRef<[u8]>,
    {
        StreamE::of(Lines {
            source: enter(self.source),
            limit,
        })
    }
}

/// # Text
impl<R: Env, E: Value, A: Value, S> StreamE<R, E, A, S> {
    /// Emits the lines of what is text in chunks of bytes, as [`Stream::lines`] does. A failure flows on, and nobody knows what was lost with it: a line that it interrupts is dropped, up to its end.
    ///
    /// - **Pulls** chunks until there is a line, or one has failed.
    /// - **Fails** never: a line that cannot be had is a failed element.
    /// - **Completes** when the source does, and what is left is emitted as a line.
    /// - **When interrupted**, interrupts the source; what is not emitted is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// // A file or a socket would stand here.
    /// let reader: &[u8] = b"GET / HTTP/1.1\r\nHost: here\r\n";
    /// let lines = StreamE::from_reader(reader, 8 * 1024).lines(64 * 1024);
    /// let Ok(all) = lines.collect_results().await else { panic!("it is all there") };
    /// assert_eq!(all, ["GET / HTTP/1.1", "Host: here"]);
    /// # }
    /// ```
    #[doc(alias = "split_lines")]
    pub fn lines(self, limit: usize) -> StreamE<R, LineError<E>, String, Lines<S>>
    where
        A: AsRef<[u8]>,
    {
        StreamE::of(Lines {
            source: self.source,
            limit,
        })
    }
}

/// Why there is no line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LineError<E> {
    /// The source has failed.
    #[error("the source of the lines failed: {0}")]
    Failed(E),
    /// The line has more bytes than the limit. It was skipped.
    #[error("a line is longer than {limit} bytes")]
    TooLong {
        /// The limit.
        limit: usize,
    },
    /// The line is not UTF-8. The error has its bytes.
    #[error("a line is not text: {0}")]
    NotUtf8(FromUtf8Error),
}

/// The source of [`Stream::lines`] and [`StreamE::lines`].
#[derive(Clone, Debug)]
pub struct Lines<S> {
    source: S,
    limit: usize,
}

impl<R, A, E, S> Source<R> for Lines<S>
where
    R: Env,
    A: Value + AsRef<[u8]>,
    E: Value,
    S: Source<R, Item = Result<A, E>>,
{
    type Item = Result<String, LineError<E>>;

    fn open(self, cx: &Cx<R>) -> impl Pull<Item = Self::Item> + Send {
        Splitting {
            source: self.source.open(cx),
            chunk: None,
            used: 0,
            line: Line {
                bytes: Vec::new(),
                limit: self.limit,
                is_skipped: false,
            },
            ended: false,
        }
    }
}

/// A line, as far as it has come.
struct Line {
    bytes: Vec<u8>,
    limit: usize,
    /// It fails, or has failed, and is not kept.
    is_skipped: bool,
}

impl Line {
    /// Takes more of the line, and has it when it is whole, or why it never will be.
    fn add<E>(&mut self, part: &[u8], is_whole: bool) -> Option<Result<String, LineError<E>>> {
        if self.is_skipped {
            self.is_skipped = !is_whole;
            return None;
        }
        let last = part.last().or(self.bytes.last());
        let has_return = last == Some(&b'\r');
        // Of a line that is not whole, the last byte may be the first of its end.
        let length = self.bytes.len() + part.len() - usize::from(has_return);
        if length > self.limit {
            self.bytes.clear();
            self.is_skipped = !is_whole;
            return Some(Err(LineError::TooLong { limit: self.limit }));
        }
        self.bytes.extend_from_slice(part);
        if !is_whole {
            return None;
        }
        self.bytes.truncate(length);
        Some(String::from_utf8(mem::take(&mut self.bytes)).map_err(LineError::NotUtf8))
    }

    /// Has what is left when nothing follows: a line that has no end.
    fn rest<E>(&mut self) -> Option<Result<String, LineError<E>>> {
        if self.bytes.is_empty() {
            return None;
        }
        let bytes = mem::take(&mut self.bytes);
        Some(if bytes.len() > self.limit {
            Err(LineError::TooLong { limit: self.limit })
        } else {
            String::from_utf8(bytes).map_err(LineError::NotUtf8)
        })
    }

    /// Drops what is there of a line whose next part is lost.
    fn interrupt(&mut self) {
        if !self.bytes.is_empty() {
            self.bytes.clear();
            self.is_skipped = true;
        }
    }
}

pin_project! {
    struct Splitting<S, A> {
        #[pin]
        source: S,
        // What was pulled, and how much of it has been looked at.
        chunk: Option<A>,
        used: usize,
        line: Line,
        // The last line follows the end: a source is not asked again after it.
        ended: bool,
    }
}

/// How many parts of lines may be looked at in one poll before others have a turn.
const PARTS_PER_POLL: usize = 1024;

impl<A, E, S> FuturesStream for Splitting<S, A>
where
    A: AsRef<[u8]>,
    S: FuturesStream<Item = Result<A, E>>,
{
    type Item = Result<String, LineError<E>>;

    fn poll_next(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        for _ in 0..PARTS_PER_POLL {
            let Some(chunk) = this.chunk else {
                if *this.ended {
                    return Poll::Ready(None);
                }
                match ready!(this.source.as_mut().poll_next(task)) {
                    Some(Ok(chunk)) => {
                        *this.chunk = Some(chunk);
                        *this.used = 0;
                    }
                    Some(Err(error)) => {
                        this.line.interrupt();
                        return Poll::Ready(Some(Err(LineError::Failed(error))));
                    }
                    None => {
                        *this.ended = true;
                        return Poll::Ready(this.line.rest());
                    }
                }
                continue;
            };
            let unused = &chunk.as_ref()[*this.used..];
            let end = unused.iter().position(|byte| *byte == b'\n');
            let part = &unused[..end.unwrap_or(unused.len())];
            let line = this.line.add(part, end.is_some());
            match end {
                Some(end) => *this.used += end + 1,
                None => *this.chunk = None,
            }
            if line.is_some() {
                return Poll::Ready(line);
            }
        }
        task.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<A, E, S> Pull for Splitting<S, A>
where
    A: AsRef<[u8]>,
    S: Pull<Item = Result<A, E>>,
{
    fn poll_progress(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        self.project().source.poll_progress(task)
    }
}
