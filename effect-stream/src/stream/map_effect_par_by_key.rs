//! An effect for each item, many at a time, but those of one key one after the other.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::hash::Hash;
use std::mem;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use effect_core::fits::SameError;
use effect_core::slots::Slots;
use effect_core::{Cx, Env, IntoEffect, Value};
use futures::Stream as FuturesStream;
use pin_project_lite::pin_project;

use super::begin::{Begin, ForItems, ForValues};
use super::key::{KeyOf, KeyOfItem, KeyOfValue};
use super::side::Side;
use crate::opaque_debug::opaque_debug;
use crate::source::{Pull, Source};
use crate::stream::Stream;
use crate::stream_e::StreamE;

/// # Running effects in parallel
impl<R: Env, A: Value, S> Stream<R, A, S> {
    /// Runs an effect for each item, at most `limit` at a time, and those of items with the same key one after the other. Emits their results as they
    /// end: in order for each key.
    ///
    /// The effects run in place, in the task that pulls, and go on while the consumer is busy.
    ///
    /// - **Pulls** up to `limit` items ahead: their effects run, or wait for an earlier one of their key, or their results are not emitted yet.
    /// - **Fails** never: a failed effect is a failed element, and the next of its key runs.
    /// - **Completes** when the source does and all results are emitted.
    /// - **When interrupted**, interrupts the running effects and waits for their finalizers, then the source's; the items that wait are dropped.
    ///
    /// # Panics
    ///
    /// If `limit` is 0.
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
    /// let orders = Stream::from_iter([("ada", 3), ("ada", 1), ("ben", 2)]);
    /// let paid = orders.map_effect_par_by_key(8, |(who, _)| *who, |(who, seconds)| {
    ///     sleep::<_, Never>(Duration::from_secs(seconds)).map(move |()| (who, seconds))
    /// });
    /// let Ok(all) = paid.into_values().run_collect().await;
    /// assert_eq!(all, [("ben", 2), ("ada", 3), ("ada", 1)]);
    /// # }
    /// ```
    #[doc(alias = "map_async_partitioned")]
    #[track_caller]
    pub fn map_effect_par_by_key<I, K, G, F>(
        self,
        limit: usize,
        key: G,
        f: F,
    ) -> StreamE<R, I::Error, I::Value, MapEffectParByKey<S, KeyOfItem<G>, ForItems<F>>>
    where
        I: IntoEffect<R>,
        K: Value + Hash + Eq + Clone,
        G: FnMut(&A) -> K + Value,
        F: FnMut(A) -> I + Value,
    {
        let (key, begin) = (KeyOfItem(key), ForItems(f));
        StreamE::of(MapEffectParByKey::new(self.source, limit, key, begin))
    }
}

/// # Running effects in parallel
impl<R: Env, E: Value, A: Value, S> StreamE<R, E, A, S> {
    /// Runs an effect for each value, at most `limit` at a time, and those of values with the same key one after the other. Touches successes only:
    /// failures flow on at once.
    ///
    /// - **Pulls** up to `limit` elements ahead: their effects run, or wait for an earlier one of their key, or their results are not emitted yet.
    /// - **Fails** never: a failed effect is a failed element, and the next of its key runs.
    /// - **Completes** when the source does and all results are emitted.
    /// - **When interrupted**, interrupts the running effects and waits for their finalizers, then the source's; the values that wait are dropped.
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
    /// let by_parity = results.map_effect_par_by_key(8, |n| n % 2, |n| async move { Ok(n * 10) });
    /// let Ok(all) = by_parity.run_collect().await;
    /// assert_eq!(all, [Ok(10), Err("two"), Ok(30)]);
    /// # }
    /// ```
    #[track_caller]
    pub fn map_effect_par_by_key<I, K, G, F>(
        self,
        limit: usize,
        key: G,
        f: F,
    ) -> StreamE<R, E, I::Value, MapEffectParByKey<S, KeyOfValue<G>, ForValues<F>>>
    where
        I: IntoEffect<R> + SameError<E, I::Error>,
        K: Value + Hash + Eq + Clone,
        G: FnMut(&A) -> K + Value,
        F: FnMut(A) -> I + Value,
    {
        let (key, begin) = (KeyOfValue(key), ForValues(f));
        StreamE::of(MapEffectParByKey::new(self.source, limit, key, begin))
    }
}

/// The source of [`Stream::map_effect_par_by_key`] and [`StreamE::map_effect_par_by_key`].
#[derive(Clone)]
pub struct MapEffectParByKey<S, G, B> {
    pub(crate) source: S,
    pub(crate) limit: usize,
    pub(crate) key: G,
    pub(crate) begin: B,
}

impl<S, G, B> MapEffectParByKey<S, G, B> {
    #[track_caller]
    pub(crate) fn new(source: S, limit: usize, key: G, begin: B) -> Self {
        assert!(limit > 0, "at least one effect has to run at a time");
        MapEffectParByKey {
            source,
            limit,
            key,
            begin,
        }
    }
}

impl<R, S, G, B> Source<R> for MapEffectParByKey<S, G, B>
where
    R: Env,
    S: Source<R>,
    G: KeyOf<S::Item>,
    B: Begin<R, S::Item>,
{
    type Item = B::Output;

    fn open(mut self, cx: &Cx<R>) -> impl Pull<Item = B::Output> + Send {
        ByKey {
            running: Slots::new(),
            source: Side::new(self.source.open(cx)),
            key: self.key,
            begin: move |item| self.begin.begin(item, cx),
            limit: self.limit,
            queues: HashMap::new(),
            waiting: 0,
            postponed: VecDeque::new(),
            outputs: VecDeque::new(),
        }
    }
}

pin_project! {
    struct ByKey<S: FuturesStream, G: KeyOf<S::Item>, F, Fut: Future> {
        // Before the source: in this order they are dropped, and what that owes is done.
        running: Slots<Keyed<G::Key, Fut>>,
        #[pin]
        source: Side<S, S::Item>,
        key: G,
        begin: F,
        limit: usize,
        // The items that wait for the effect of their key that runs: none is there but for one that does.
        queues: HashMap<G::Key, VecDeque<S::Item>>,
        // How many items those are.
        waiting: usize,
        // A key whose next item begins in the next poll: those before it were ready at once, and many.
        postponed: VecDeque<G::Key>,
        outputs: VecDeque<Fut::Output>,
    }
}

pin_project! {
    struct Keyed<K, Fut> {
        #[pin]
        future: Fut,
        // Until it has ended. Who has none passes.
        key: Option<K>,
    }
}

fn poll_keyed<K, Fut: Future>(
    keyed: Pin<&mut Keyed<K, Fut>>,
    task: &mut Context<'_>,
) -> Poll<(Option<K>, Fut::Output)> {
    let keyed = keyed.project();
    let output = ready!(keyed.future.poll(task));
    Poll::Ready((keyed.key.take(), output))
}

impl<S, G, F, Fut> ByKey<S, G, F, Fut>
where
    S: Pull,
    G: KeyOf<S::Item>,
    F: FnMut(S::Item) -> ControlFlow<Fut::Output, Fut>,
    Fut: Future,
{
    /// Polls those that were woken. Some may be left: whoever leaves word later is woken for those.
    fn go_on(mut self: Pin<&mut Self>) {
        let this = self.as_mut().project();
        for key in mem::take(this.postponed) {
            self.as_mut().begin_next(key);
        }
        if self.running.is_empty() {
            return;
        }
        self.as_mut().project().running.look();
        for _ in 0..POLLED_PER_POLL {
            let Some(slot) = self.as_mut().project().running.next_woken() else {
                return;
            };
            self.as_mut().poll_slot(slot);
        }
    }

    /// Polls one; when it has ended, the next of its key begins.
    fn poll_slot(mut self: Pin<&mut Self>, slot: usize) {
        let this = self.as_mut().project();
        if let Poll::Ready((key, output)) = this.running.poll(slot, poll_keyed) {
            this.running.vacate(slot);
            this.outputs.push_back(output);
            if let Some(key) = key {
                self.begin_next(key);
            }
        }
    }

    /// Begins with what waits for a key, until one of them runs.
    fn begin_next(self: Pin<&mut Self>, key: G::Key) {
        let this = self.project();
        let mut next = Some(key);
        for _ in 0..POLLED_PER_POLL {
            let Some(key) = next.take() else {
                return;
            };
            let queue = this.queues.get_mut(&key);
            let Some(item) = queue.and_then(VecDeque::pop_front) else {
                this.queues.remove(&key);
                return;
            };
            *this.waiting -= 1;
            match (this.begin)(item) {
                ControlFlow::Break(output) => {
                    this.outputs.push_back(output);
                    next = Some(key);
                }
                ControlFlow::Continue(future) => {
                    let key = Some(key);
                    let slot = this.running.occupy(Keyed { future, key });
                    if let Poll::Ready((key, output)) = this.running.poll(slot, poll_keyed) {
                        this.running.vacate(slot);
                        this.outputs.push_back(output);
                        next = key;
                    }
                }
            }
        }
        this.postponed.extend(next);
    }

    /// Begins with an item, or has it wait for those of its key.
    fn take_up(mut self: Pin<&mut Self>, item: S::Item) {
        let this = self.as_mut().project();
        let key = this.key.key(&item);
        if let Some(queue) = key.as_ref().and_then(|key| this.queues.get_mut(key)) {
            queue.push_back(item);
            *this.waiting += 1;
            return;
        }
        match (this.begin)(item) {
            ControlFlow::Break(output) => this.outputs.push_back(output),
            ControlFlow::Continue(future) => {
                if let Some(key) = &key {
                    this.queues.insert(key.clone(), VecDeque::new());
                }
                let slot = this.running.occupy(Keyed { future, key });
                self.poll_slot(slot);
            }
        }
    }

    /// How many items it has pulled and not emitted.
    fn held(&self) -> usize {
        self.running.len() + self.waiting + self.outputs.len()
    }

    /// Takes up as many as there may be, before one is emitted: they go on while the consumer is busy with that. What is ready at
    /// once while nothing is in flight is not collected first: nothing would go on meanwhile.
    fn fill(mut self: Pin<&mut Self>, task: &mut Context<'_>) {
        for _ in 0..POLLED_PER_POLL {
            let is_full = self.held() >= self.limit;
            let mut this = self.as_mut().project();
            let polled = if is_full {
                Poll::Ready(None)
            } else {
                this.source.as_mut().poll_item(task)
            };
            match polled {
                Poll::Ready(Some(item)) => self.as_mut().take_up(item),
                Poll::Ready(None) => {
                    // Not asked for an item, it may have begun something all the same; its wakers are registered.
                    let _ = this.source.poll_progress(task);
                    return;
                }
                Poll::Pending => return,
            }
            if self.running.is_empty() {
                return;
            }
        }
        task.waker().wake_by_ref();
    }
}

/// How many effects may begin in one poll, and how many of those that were woken are polled, before others have a turn.
const POLLED_PER_POLL: usize = 1024;

impl<S, G, F, Fut> FuturesStream for ByKey<S, G, F, Fut>
where
    S: Pull,
    G: KeyOf<S::Item>,
    F: FnMut(S::Item) -> ControlFlow<Fut::Output, Fut>,
    Fut: Future,
{
    type Item = Fut::Output;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Fut::Output>> {
        self.as_mut().go_on();
        self.as_mut().fill(task);
        let this = self.project();
        if let Some(output) = this.outputs.pop_front() {
            return Poll::Ready(Some(output));
        }
        if this.running.is_empty() {
            return if this.source.has_ended() && *this.waiting == 0 {
                Poll::Ready(None)
            } else {
                Poll::Pending
            };
        }
        this.running.leave_word(task);
        Poll::Pending
    }
}

impl<S, G, F, Fut> Pull for ByKey<S, G, F, Fut>
where
    S: Pull,
    G: KeyOf<S::Item>,
    F: FnMut(S::Item) -> ControlFlow<Fut::Output, Fut>,
    Fut: Future,
{
    fn poll_progress(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        self.as_mut().go_on();
        let this = self.project();
        if !this.postponed.is_empty() {
            task.waker().wake_by_ref();
        }
        let source = this.source.poll_progress(task);
        if this.running.is_empty() {
            return source;
        }
        this.running.leave_word(task);
        Poll::Pending
    }
}

opaque_debug!(MapEffectParByKey<S, G, B>);
