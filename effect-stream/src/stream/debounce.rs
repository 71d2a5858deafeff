//! The last item before a silence.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use effect_core::{Cx, Env, Value};
use futures::Stream as FuturesStream;
use pin_project_lite::pin_project;

use super::alarm::Alarm;
use super::infallible::{Entered, Infallible, enter, leave};
use super::side::Side;
use crate::source::{Pull, Source};
use crate::stream::Stream;
use crate::stream_e::StreamE;

/// # Timing
impl<R: Env, A: Value, S> Stream<R, A, S> {
    /// Emits an item once no other has come for a while; those that others followed sooner are dropped.
    ///
    /// - **Pulls** items as they come, while it waits for the silence.
    /// - **Completes** when the source does, with the last item at once.
    /// - **When interrupted**, interrupts the source; the item that is held is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::Cx;
    /// use effect_stream::{Emitter, Stream};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let typed = Stream::generate(async |cx: Cx<()>, mut out: Emitter<&str>| {
    ///     for (text, pause) in [("c", 100), ("ca", 100), ("cat", 900), ("cats", 100)] {
    ///         out.emit(text).await;
    ///         cx.sleep(Duration::from_millis(pause)).await;
    ///     }
    /// });
    /// let Ok(all) = typed.debounce(Duration::from_millis(500)).run_collect().await;
    /// assert_eq!(all, ["cat", "cats"]);
    /// # }
    /// ```
    pub fn debounce(self, silence: Duration) -> Stream<R, A, Infallible<Debounce<Entered<S>>>> {
        Stream::of(leave(Debounce {
            source: enter(self.source),
            silence,
        }))
    }
}

/// # Timing
impl<R: Env, E: Value, A: Value, S> StreamE<R, E, A, S> {
    /// Emits a value once no other element has come for a while; those that others followed sooner are dropped. Touches successes only: a failure follows the value that is held, at once, and is never dropped.
    ///
    /// - **Pulls** elements as they come, while it waits for the silence.
    /// - **Completes** when the source does, with the last value at once.
    /// - **When interrupted**, interrupts the source; the value that is held is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::StreamE;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let results = StreamE::from_results([Ok(1), Ok(2), Err("three"), Ok(4)]);
    /// let Ok(all) = results.debounce(Duration::from_secs(1)).run_collect().await;
    /// assert_eq!(all, [Ok(2), Err("three"), Ok(4)]);
    /// # }
    /// ```
    pub fn debounce(self, silence: Duration) -> StreamE<R, E, A, Debounce<S>> {
        StreamE::of(Debounce {
            source: self.source,
            silence,
        })
    }
}

/// The source of [`StreamE::debounce`].
#[derive(Clone, Debug)]
pub struct Debounce<S> {
    source: S,
    silence: Duration,
}

impl<R, A, E, S> Source<R> for Debounce<S>
where
    R: Env,
    A: Value,
    E: Value,
    S: Source<R, Item = Result<A, E>>,
{
    type Item = Result<A, E>;

    fn open(self, cx: &Cx<R>) -> impl Pull<Item = Self::Item> + Send {
        Debouncing {
            cx,
            source: Side::new(self.source.open(cx)),
            ended: false,
            silence: self.silence,
            alarm: Alarm::new(),
            held: None,
            error: None,
        }
    }
}

pin_project! {
    struct Debouncing<'cx, R, S, A, E> {
        cx: &'cx Cx<R>,
        #[pin]
        source: Side<S, Result<A, E>>,
        ended: bool,
        silence: Duration,
        // Set while a value is held.
        #[pin]
        alarm: Alarm,
        held: Option<A>,
        // A failure that came while a value was held: it follows that.
        error: Option<E>,
    }
}

/// How many elements may be dropped in one poll before others have a turn.
const DROPPED_PER_POLL: usize = 1024;

impl<R, A, E, S> FuturesStream for Debouncing<'_, R, S, A, E>
where
    R: Env,
    S: FuturesStream<Item = Result<A, E>>,
{
    type Item = Result<A, E>;

    fn poll_next(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        if let Some(error) = this.error.take() {
            return Poll::Ready(Some(Err(error)));
        }
        for _ in 0..DROPPED_PER_POLL {
            if *this.ended {
                return Poll::Ready(None);
            }
            match this.source.as_mut().poll_item(task) {
                Poll::Ready(Some(Ok(value))) => {
                    *this.held = Some(value);
                    this.alarm.as_mut().set(this.cx, *this.silence);
                }
                Poll::Ready(Some(Err(error))) => {
                    this.alarm.as_mut().clear();
                    let Some(value) = this.held.take() else {
                        return Poll::Ready(Some(Err(error)));
                    };
                    *this.error = Some(error);
                    return Poll::Ready(Some(Ok(value)));
                }
                Poll::Ready(None) => {
                    *this.ended = true;
                    this.alarm.as_mut().clear();
                    return Poll::Ready(this.held.take().map(Ok));
                }
                Poll::Pending => {
                    return match this.alarm.as_mut().poll(task) {
                        Poll::Ready(()) => Poll::Ready(this.held.take().map(Ok)),
                        Poll::Pending => Poll::Pending,
                    };
                }
            }
        }
        task.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<R, A, E, S> Pull for Debouncing<'_, R, S, A, E>
where
    R: Env,
    S: Pull<Item = Result<A, E>>,
{
    fn poll_progress(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        self.project().source.poll_progress(task)
    }
}
