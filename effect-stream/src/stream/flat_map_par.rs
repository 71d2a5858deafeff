//! A stream for each item, so many at a time.

use std::collections::VecDeque;
use std::future::Future;
use std::mem;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};

use effect_core::slots::Slots;
use effect_core::{Cx, Env, Owed, Value};
use futures::Stream as FuturesStream;
use pin_project_lite::pin_project;

use super::inner::{OfItem, OfValue, OpenInner};
use super::side::Side;
use crate::opaque_debug::opaque_debug;
use crate::source::{Pull, Source};
use crate::stream::Stream;
use crate::stream_e::StreamE;

/// # Merging
impl<R: Env, A: Value, S> Stream<R, A, S> {
    /// Makes a stream of each item, runs at most `limit` of those at a time, and emits their items as they come. Those that are always ready take turns.
    ///
    /// - **Pulls** the next item when fewer than `limit` streams run; of each stream that runs, at most one item ahead.
    /// - **Fails** never; a panic of the closure is a defect of the run.
    /// - **Completes** when the source does and all streams have ended.
    /// - **When interrupted**, interrupts the streams that run, then the source.
    ///
    /// # Panics
    ///
    /// If `limit` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let streams = Stream::range(1..4).flat_map_par(2, |n| Stream::repeat_item(n).take(2));
    /// let Ok(all) = streams.run_collect().await;
    /// assert_eq!(all, [1, 2, 1, 2, 3, 3]);
    /// # }
    /// ```
    #[doc(alias = "par_join")]
    #[doc(alias = "merge_all")]
    #[track_caller]
    pub fn flat_map_par<B, T, F>(self, limit: usize, f: F) -> Stream<R, B, FlatMapPar<S, OfItem<F>>>
    where
        B: Value,
        F: FnMut(A) -> Stream<R, B, T> + Value,
    {
        Stream::of(FlatMapPar::new(self.source, limit, OfItem(f)))
    }
}

/// # Merging
impl<R: Env, E: Value, A: Value, S> StreamE<R, E, A, S> {
    /// Makes a stream of each value, runs at most `limit` of those at a time, and emits their elements as they come. Touches successes only: failures flow on.
    ///
    /// - **Pulls** the next element when fewer than `limit` streams run; of each stream that runs, at most one element
    ///   ahead.
    /// - **Fails** never; a panic of the closure is a defect of the run.
    /// - **Completes** when the source does and all streams have ended.
    /// - **When interrupted**, interrupts the streams that run, then the source.
    ///
    /// # Panics
    ///
    /// If `limit` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let results = StreamE::from_results([Ok(1), Err("two"), Ok(3)]);
    /// let streams = results.flat_map_par(2, |n| StreamE::from_iter([n, n]));
    /// let Ok(all) = streams.run_collect().await;
    /// assert_eq!(all, [Err("two"), Ok(1), Ok(1), Ok(3), Ok(3)]);
    /// # }
    /// ```
    #[doc(alias = "par_join")]
    #[doc(alias = "merge_all")]
    #[track_caller]
    pub fn flat_map_par<B, T, F>(
        self,
        limit: usize,
        f: F,
    ) -> StreamE<R, E, B, FlatMapPar<S, OfValue<F>>>
    where
        B: Value,
        F: FnMut(A) -> StreamE<R, E, B, T> + Value,
    {
        StreamE::of(FlatMapPar::new(self.source, limit, OfValue(f)))
    }
}

/// The source of [`Stream::flat_map_par`] and [`StreamE::flat_map_par`].
#[derive(Clone)]
pub struct FlatMapPar<S, I> {
    source: S,
    limit: usize,
    inner: I,
}

impl<S, I> FlatMapPar<S, I> {
    #[track_caller]
    const fn new(source: S, limit: usize, inner: I) -> Self {
        assert!(limit > 0, "at least one stream has to run at a time");
        FlatMapPar {
            source,
            limit,
            inner,
        }
    }
}

impl<R: Env, S: Source<R>, I: OpenInner<R, S::Item>> Source<R> for FlatMapPar<S, I> {
    type Item = I::Item;

    fn open(mut self, cx: &Cx<R>) -> impl Pull<Item = I::Item> + Send {
        let open = move |item| self.inner.open_inner(item, cx);
        Flattening::new(cx, self.source.open(cx), self.limit, open)
    }
}

pin_project! {
    struct Flattening<'cx, R, S: FuturesStream, T: FuturesStream, F> {
        cx: &'cx Cx<R>,
        // First what is inside: in this order it is dropped, and what that owes is done.
        // What streams that have ended owe.
        owed: Vec<Owed>,
        inner: Slots<Inner<T>>,
        // Some of them have answered since all were last told to go on: nothing may wake those.
        answered: bool,
        #[pin]
        outer: Side<S, S::Item>,
        open: F,
        limit: usize,
        // Those whose last item was taken, in turn: they are asked for the next one when it is wanted.
        turns: VecDeque<usize>,
        // Items that came while nobody wanted one, and whose.
        ready: VecDeque<(usize, T::Item)>,
        // The last item was one of the outer stream itself: the inner ones have the next turn.
        outer_had_its_turn: bool,
    }
}

pin_project! {
    struct Inner<T> {
        #[pin]
        pull: T,
        // It was asked for an item and has not answered.
        asked: bool,
    }
}

impl<'cx, R, S, T, F> Flattening<'cx, R, S, T, F>
where
    R: Env,
    S: Pull,
    T: Pull,
    F: FnMut(S::Item) -> ControlFlow<T::Item, T>,
{
    fn new(cx: &'cx Cx<R>, outer: S, limit: usize, open: F) -> Self {
        Flattening {
            cx,
            outer: Side::new(outer),
            open,
            limit,
            inner: Slots::new(),
            answered: false,
            turns: VecDeque::new(),
            ready: VecDeque::new(),
            outer_had_its_turn: false,
            owed: Vec::new(),
        }
    }

    /// Asks one inner stream for an item.
    fn ask(self: Pin<&mut Self>, slot: usize) -> Option<T::Item> {
        let this = self.project();
        let polled = this.inner.poll(slot, |inner, task| {
            let inner = inner.project();
            let polled = inner.pull.poll_next(task);
            *inner.asked = polled.is_pending();
            polled
        });
        match polled {
            Poll::Ready(None) => {
                let owed = this.cx.owed_by(|| this.inner.vacate(slot));
                this.owed.extend(owed);
                None
            }
            Poll::Ready(item) => {
                *this.answered = true;
                item
            }
            Poll::Pending => None,
        }
    }

    /// Lets those go on that were woken; what they come up with is ready.
    fn go_on(mut self: Pin<&mut Self>, task: &mut Context<'_>) {
        self.as_mut().project().inner.listen(task);
        while let Some(slot) = self.as_mut().project().inner.next_woken() {
            let was_asked = self.as_mut().project().inner.poll(slot, |inner, task| {
                let inner = inner.project();
                if !*inner.asked {
                    let _ = inner.pull.poll_progress(task);
                }
                Poll::Ready(*inner.asked)
            });
            if was_asked == Poll::Ready(true)
                && let Some(item) = self.as_mut().ask(slot)
            {
                self.as_mut().project().ready.push_back((slot, item));
            }
        }
        // Asked only now: what ended in this poll owes as well.
        self.project()
            .owed
            .retain_mut(|owed| Pin::new(owed).poll(task).is_pending());
    }
}

/// How many streams may end in one poll, without an item, before others have a turn.
const EMPTY_PER_POLL: usize = 256;

impl<R, S, T, F> FuturesStream for Flattening<'_, R, S, T, F>
where
    R: Env,
    S: Pull,
    T: Pull,
    F: FnMut(S::Item) -> ControlFlow<T::Item, T>,
{
    type Item = T::Item;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<T::Item>> {
        self.as_mut().go_on(task);
        for _ in 0..EMPTY_PER_POLL {
            let mut this = self.as_mut().project();
            // One that has ended has its place until what it owes is done.
            let outer_may = !mem::take(this.outer_had_its_turn)
                || this.ready.is_empty() && this.turns.is_empty();
            if outer_may
                && this.inner.len() + this.owed.len() < *this.limit
                && let Poll::Ready(Some(item)) = this.outer.as_mut().poll_item(task)
            {
                match (this.open)(item) {
                    ControlFlow::Continue(pull) => {
                        let slot = this.inner.occupy(Inner { pull, asked: false });
                        this.turns.push_back(slot);
                    }
                    ControlFlow::Break(item) => {
                        *this.outer_had_its_turn = true;
                        return Poll::Ready(Some(item));
                    }
                }
                // As many as there may be, before any of them is asked.
                continue;
            }
            if let Some((slot, item)) = this.ready.pop_front() {
                this.turns.push_back(slot);
                return Poll::Ready(Some(item));
            }
            if let Some(slot) = this.turns.pop_front() {
                let Some(item) = self.as_mut().ask(slot) else {
                    continue;
                };
                self.project().turns.push_back(slot);
                return Poll::Ready(Some(item));
            }
            // Asked only now: what ended in this poll owes as well.
            let owing = this.owed.len();
            this.owed
                .retain_mut(|owed| Pin::new(owed).poll(task).is_pending());
            if this.owed.len() < owing {
                continue;
            }
            if this.outer.has_ended() && this.inner.is_empty() {
                if this.owed.is_empty() {
                    return Poll::Ready(None);
                }
            } else if this.inner.len() + this.owed.len() >= *this.limit {
                // Not asked, it may have begun something all the same; its wakers are registered.
                let _ = this.outer.poll_progress(task);
            }
            return Poll::Pending;
        }
        task.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<R, S, T, F> Pull for Flattening<'_, R, S, T, F>
where
    R: Env,
    S: Pull,
    T: Pull,
    F: FnMut(S::Item) -> ControlFlow<T::Item, T>,
{
    fn poll_progress(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        self.as_mut().go_on(task);
        let this = self.project();
        if mem::take(this.answered) {
            this.inner.for_each(|_, inner, task| {
                let inner = inner.project();
                if !*inner.asked {
                    let _ = inner.pull.poll_progress(task);
                }
            });
        }
        // The outer stream may come up with an item that it was asked for. It is kept.
        let outer = this.outer.poll_progress(task);
        if outer.is_ready() && this.inner.is_empty() && this.owed.is_empty() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

opaque_debug!(FlatMapPar<S, I>);
