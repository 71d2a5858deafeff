//! Streams that stop when something else happens, and streams with something that runs beside them.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use effect_core::fits::SameError;
use effect_core::{Cx, Env, IntoEffect, Owed, Program, Value};
use futures::Stream as FuturesStream;
use pin_project_lite::pin_project;

use super::choose::Choose;
use super::transforming::{Map, Mapped};
use crate::opaque_debug::opaque_debug;
use crate::source::{Pull, Source};
use crate::stream::Stream;
use crate::stream_e::StreamE;

/// # Stopping
impl<R: Env, A: Value, S> Stream<R, A, S> {
    /// Emits items until an effect has ended, and finishes the item that is being made then.
    ///
    /// - **Pulls** an item for each that is wanted, and none once the effect has ended.
    /// - **Fails** never: an error of the effect is the last element.
    /// - **Completes** when the source does, or with the item after which the effect has ended.
    /// - **When interrupted**, interrupts the source and the effect.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{sleep, Never};
    /// use effect_stream::Stream;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let wait = |seconds| sleep::<_, Never>(Duration::from_secs(seconds));
    /// let slow = Stream::range(0..9).tap(move |_| wait(2)).into_values();
    /// let Ok(all) = slow.halt_when(wait(5)).into_values().run_collect().await;
    /// // The one that was begun at four seconds is finished at six.
    /// assert_eq!(all, [0, 1, 2]);
    /// # }
    /// ```
    pub fn halt_when<I>(
        self,
        signal: I,
    ) -> StreamE<R, I::Error, A, StopWhen<Succeeding<S, A, I::Error>, I>>
    where
        I: IntoEffect<R>,
    {
        StreamE::of(StopWhen::new(succeeding(self.source), signal, When::Ended))
    }

    /// Emits items until an effect has ended, and interrupts the making of the next one then.
    ///
    /// - **Pulls** an item for each that is wanted, and none once the effect has ended.
    /// - **Fails** never: an error of the effect is the last element.
    /// - **Completes** when the source does, or when the effect has ended: then the source was interrupted, and its
    ///   finalizers have run.
    /// - **When interrupted**, interrupts the source and the effect.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{sleep, Never};
    /// use effect_stream::Stream;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let wait = |seconds| sleep::<_, Never>(Duration::from_secs(seconds));
    /// let slow = Stream::range(0..9).tap(move |_| wait(2)).into_values();
    /// let Ok(all) = slow.interrupt_when(wait(5)).into_values().run_collect().await;
    /// assert_eq!(all, [0, 1]);
    /// # }
    /// ```
    pub fn interrupt_when<I>(
        self,
        signal: I,
    ) -> StreamE<R, I::Error, A, StopWhen<Succeeding<S, A, I::Error>, I>>
    where
        I: IntoEffect<R>,
    {
        StreamE::of(StopWhen::new(succeeding(self.source), signal, When::AtOnce))
    }

    /// Runs an effect beside the stream, from its first item to its end. That it ends changes nothing; that it fails ends the stream.
    ///
    /// - **Pulls** an item for each that is wanted.
    /// - **Fails** never: an error of the effect is the last element, at once.
    /// - **Completes** when the source does, and the effect was interrupted if it still ran; or when the effect has
    ///   failed.
    /// - **When interrupted**, interrupts the source and the effect.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{sleep, Effect};
    /// use effect_stream::Stream;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let watchdog = sleep(Duration::from_secs(3)).flat_map(|()| effect_core::fail("overdue"));
    /// let watched = Stream::once(1).concat(Stream::never()).with_background(watchdog.map(|()| ()));
    /// let Ok(all) = watched.run_collect().await;
    /// assert_eq!(all, [Ok(1), Err("overdue")]);
    /// # }
    /// ```
    #[doc(alias = "concurrently")]
    #[doc(alias = "drain_fork")]
    pub fn with_background<I>(
        self,
        effect: I,
    ) -> StreamE<R, I::Error, A, StopWhen<Succeeding<S, A, I::Error>, I>>
    where
        I: IntoEffect<R>,
    {
        StreamE::of(StopWhen::new(succeeding(self.source), effect, When::Failed))
    }
}

/// # Stopping
impl<R: Env, E: Value, A: Value, S> StreamE<R, E, A, S> {
    /// Emits elements until an effect has ended, and finishes the element that is being made then.
    ///
    /// - **Pulls** an element for each that is wanted, and none once the effect has ended.
    /// - **Fails** never: an error of the effect is the last element.
    /// - **Completes** when the source does, or with the element after which the effect has ended.
    /// - **When interrupted**, interrupts the source and the effect.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::succeed;
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let results = StreamE::from_results([Ok(1), Err("two")]).halt_when(succeed(()));
    /// let Ok(all) = results.run_collect().await;
    /// assert_eq!(all, []);
    /// # }
    /// ```
    pub fn halt_when<I>(self, signal: I) -> StreamE<R, E, A, StopWhen<S, I>>
    where
        I: IntoEffect<R> + SameError<E, I::Error>,
    {
        StreamE::of(StopWhen::new(self.source, signal, When::Ended))
    }

    /// Emits elements until an effect has ended, and interrupts the making of the next one then.
    ///
    /// - **Pulls** an element for each that is wanted, and none once the effect has ended.
    /// - **Fails** never: an error of the effect is the last element.
    /// - **Completes** when the source does, or when the effect has ended: then the source was interrupted, and its
    ///   finalizers have run.
    /// - **When interrupted**, interrupts the source and the effect.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sleep;
    /// use effect_stream::StreamE;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let endless = StreamE::from_results([Ok(1), Err("two")]).concat(StreamE::repeat_effect(|| effect_core::never()));
    /// let Ok(all) = endless.interrupt_when(sleep(Duration::from_secs(1))).run_collect().await;
    /// assert_eq!(all, [Ok(1), Err("two")]);
    /// # }
    /// ```
    pub fn interrupt_when<I>(self, signal: I) -> StreamE<R, E, A, StopWhen<S, I>>
    where
        I: IntoEffect<R> + SameError<E, I::Error>,
    {
        StreamE::of(StopWhen::new(self.source, signal, When::AtOnce))
    }

    /// Runs an effect beside the stream, from its first element to its end. That it ends changes nothing; that it fails ends the stream.
    ///
    /// - **Pulls** an element for each that is wanted.
    /// - **Fails** never: an error of the effect is the last element, at once.
    /// - **Completes** when the source does, and the effect was interrupted if it still ran; or when the effect has
    ///   failed.
    /// - **When interrupted**, interrupts the source and the effect.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::fail;
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let results = StreamE::from_results([Ok(1), Err("two")]).with_background(fail::<_, _, ()>("beside"));
    /// let Ok(all) = results.run_collect().await;
    /// assert_eq!(all, [Err("beside")]);
    /// # }
    /// ```
    #[doc(alias = "concurrently")]
    #[doc(alias = "drain_fork")]
    pub fn with_background<I>(self, effect: I) -> StreamE<R, E, A, StopWhen<S, I>>
    where
        I: IntoEffect<R> + SameError<E, I::Error>,
    {
        StreamE::of(StopWhen::new(self.source, effect, When::Failed))
    }
}

/// A source of items as elements that have succeeded.
pub type Succeeding<S, A, E> = Map<S, fn(A) -> Result<A, E>>;

pub(crate) const fn succeeding<S, A, E>(source: S) -> Succeeding<S, A, E> {
    Choose::new(source, Mapped(Ok))
}

/// When the effect stops the stream.
#[derive(Clone, Copy, Debug, PartialEq)]
enum When {
    /// When it has ended, and the element that is being made is there.
    Ended,
    /// When it has ended.
    AtOnce,
    /// When it has failed.
    Failed,
}

/// The source of [`Stream::halt_when`], [`Stream::interrupt_when`] and [`Stream::with_background`].
#[derive(Clone)]
pub struct StopWhen<S, I> {
    source: S,
    effect: I,
    when: When,
}

impl<S, I> StopWhen<S, I> {
    const fn new(source: S, effect: I, when: When) -> Self {
        StopWhen {
            source,
            effect,
            when,
        }
    }
}

impl<R, A, E, S, I> Source<R> for StopWhen<S, I>
where
    R: Env,
    A: Value,
    E: Value,
    S: Source<R, Item = Result<A, E>>,
    I: IntoEffect<R, Error = E>,
{
    type Item = Result<A, E>;

    fn open(self, cx: &Cx<R>) -> impl Pull<Item = Self::Item> + Send {
        Stopping {
            cx,
            source: Some(self.source.open(cx)),
            begun: false,
            asked: false,
            beside: Some(self.effect.into_effect().into_program().run(cx)),
            when: self.when,
            stopped: false,
            error: None,
            owed: Vec::new(),
        }
    }
}

pin_project! {
    struct Stopping<'cx, R, S, Fut, E> {
        cx: &'cx Cx<R>,
        // `None` once the stream has ended.
        #[pin]
        source: Option<S>,
        // Nothing runs before the first element is wanted.
        begun: bool,
        // It was asked for an element and has not answered.
        asked: bool,
        // `None` once it has ended.
        #[pin]
        beside: Option<Fut>,
        when: When,
        // It is not to be asked for another element.
        stopped: bool,
        // What comes last.
        error: Option<E>,
        // What those owe that were interrupted: done before the end.
        owed: Vec<Owed>,
    }
}

impl<R, S, Fut, A, E, B> Stopping<'_, R, S, Fut, E>
where
    R: Env,
    S: FuturesStream<Item = Result<A, E>>,
    Fut: Future<Output = Result<B, E>>,
{
    /// Lets the effect go on, and sees whether it stops the stream.
    fn go_on(self: Pin<&mut Self>, task: &mut Context<'_>) {
        let mut this = self.project();
        let Some(beside) = this.beside.as_mut().as_pin_mut() else {
            return;
        };
        let Poll::Ready(ended) = beside.poll(task) else {
            return;
        };
        this.beside.set(None);
        if ended.is_ok() && *this.when == When::Failed {
            return;
        }
        *this.stopped = true;
        *this.error = ended.err();
        if *this.when != When::Ended || !*this.asked {
            this.owed.extend(this.cx.owed_by(|| this.source.set(None)));
        }
    }
}

impl<R, S, Fut, A, E, B> FuturesStream for Stopping<'_, R, S, Fut, E>
where
    R: Env,
    S: FuturesStream<Item = Result<A, E>>,
    Fut: Future<Output = Result<B, E>>,
{
    type Item = Result<A, E>;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        *self.as_mut().project().begun = true;
        self.as_mut().go_on(task);
        let mut this = self.project();
        if let Some(source) = this.source.as_mut().as_pin_mut() {
            let polled = source.poll_next(task);
            *this.asked = polled.is_pending();
            let Poll::Ready(item) = polled else {
                return Poll::Pending;
            };
            let is_over = item.is_none();
            if is_over || *this.stopped {
                this.owed.extend(this.cx.owed_by(|| this.source.set(None)));
            }
            if is_over {
                this.owed.extend(this.cx.owed_by(|| this.beside.set(None)));
            } else {
                return Poll::Ready(item);
            }
        }
        this.owed
            .retain_mut(|owed| Pin::new(owed).poll(task).is_pending());
        if this.owed.is_empty() {
            Poll::Ready(this.error.take().map(Err))
        } else {
            Poll::Pending
        }
    }
}

impl<R, S, Fut, A, E, B> Pull for Stopping<'_, R, S, Fut, E>
where
    R: Env,
    S: Pull<Item = Result<A, E>>,
    Fut: Future<Output = Result<B, E>>,
{
    fn poll_progress(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        if !self.begun {
            return Poll::Ready(());
        }
        self.as_mut().go_on(task);
        let this = self.project();
        // Asked only now: what was interrupted in this poll owes as well.
        this.owed
            .retain_mut(|owed| Pin::new(owed).poll(task).is_pending());
        let source = this.source.as_pin_mut();
        let source = source.map_or(Poll::Ready(()), |source| source.poll_progress(task));
        if source.is_ready() && this.beside.is_none() && this.owed.is_empty() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

opaque_debug!(StopWhen<S, I>);
