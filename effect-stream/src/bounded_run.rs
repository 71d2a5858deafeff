//! Runs of streams that are bounded, and whose partial result is always there.

pub(crate) mod partial;
pub(crate) mod watch;
mod ledger;
pub(crate) mod running;

use std::collections::VecDeque;
use std::marker::PhantomData;

use effect_core::fits::SameError;
use effect_core::{Effect, Env, IntoEffect, Never, Stop, Value};

use self::partial::Partial;
use self::running::{ForEachBounded, NoBody, RunBounded};
use self::watch::Watch;
use crate::opaque_debug::opaque_debug;
use crate::stream::Stream;
use crate::stream::stopping::{Succeeding, succeeding};
use crate::stream_e::StreamE;

/// # Running
impl<R: Env, A: Value, S> Stream<R, A, S> {
    /// Begins a run that ends by itself, or is stopped, and has a [partial result](Partial) either way.
    ///
    /// # Examples
    ///
    /// See [`BoundedRun`].
    pub fn run_bounded<E>(self, stop: Stop<R>) -> BoundedRun<R, E, A, Succeeding<S, A, E>, Items> {
        BoundedRun::new(succeeding(self.source), stop)
    }
}

/// # Running
impl<R: Env, E: Value, A: Value, S> StreamE<R, E, A, S> {
    /// Begins a run that ends by itself, with the first failure, or is stopped, and has a [partial result](Partial) in each
    /// case.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::Stop;
    /// use effect_stream::{RunStatus, StreamE};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let results = StreamE::from_results([Ok(1), Err("two"), Ok(3)]);
    /// let Ok(partial) = results.run_bounded(Stop::never()).keep_all().drain().await;
    /// assert_eq!((partial.status, partial.value), (RunStatus::Failed("two"), vec![1]));
    /// # }
    /// ```
    pub fn run_bounded(self, stop: Stop<R>) -> BoundedRun<R, E, A, S, Values> {
        BoundedRun::new(self.source, stop)
    }
}

/// A run of a stream that ends by itself, or is [stopped](Stop), and has a [partial result](Partial) either way.
///
/// It is begun by [`Stream::run_bounded`]. What is to be kept of the items that are delivered is said next, and at last what is
/// done for each: that makes it an effect, which does not fail. That it was stopped, or that something has failed, is in the result.
///
/// - **The stop begins** with the run, and has the first word: at the very moment at which the time is up, what is in hand
///   is not delivered any more, and no item is pulled. It is looked at for each item, so a source that never waits is
///   stopped as any other is.
/// - **What is stopped** is interrupted: the body in hand, then the source. Their finalizers have run before the result
///   is there. A masked body is waited for, and counts as in hand all the same; see
///   [`finish_in_hand`](BoundedRun::finish_in_hand).
/// - **The first failure** ends the run in the same way. One that was read ahead counts where the items before
///   it have been delivered, or the run has been stopped: it is not lost.
/// - **What counts as pulled** came out of the stream as it is here. What an operator of the stream works on, as `map_effect`
///   does, was not: it is interrupted with the source.
/// - **Interrupted from outside**, it has nobody to give its result to; a [`Watch`] has it then.
///
/// # Examples
///
/// ```
/// use effect_core::{CancelToken, Never, Stop, sleep};
/// use effect_stream::{RunStatus, Stream};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let token = CancelToken::new();
/// let stop = Stop::any([Stop::after(Duration::from_secs(60)), Stop::token(&token)]);
/// let numbers = Stream::from_iter(0_u64..).inspect(move |n| {
///     if *n == 3 {
///         token.cancel("three is enough");
///     }
/// });
/// let Ok(partial) = numbers.run_bounded(stop).fold(0, |sum, n| *sum += n).for_each(|_| {
///     sleep::<_, Never>(Duration::from_secs(1))
/// }).await;
/// assert_eq!(partial.status, RunStatus::Stopped("three is enough".into()));
/// assert_eq!((partial.value, partial.delivered, partial.in_hand), (0 + 1 + 2, 3, Some(3)));
/// # }
/// ```
#[must_use = "nothing happens until it is made an effect, by `for_each` or `drain`, and that is run"]
pub struct BoundedRun<R, E, A, S, K, B = (), F = fn(&mut (), A)> {
    source: S,
    stop: Stop<R>,
    read_ahead: usize,
    finishes_in_hand: bool,
    value: B,
    keep: F,
    watch: Option<Watch<A, E, B>>,
    kind: PhantomData<fn() -> K>,
}

/// What a [`BoundedRun`] runs for: the items of a stream that has no failures.
#[derive(Debug)]
pub enum Items {}

/// What a [`BoundedRun`] runs for: the values of a stream whose elements may fail.
#[derive(Debug)]
pub enum Values {}

impl<R, E, A, S, K> BoundedRun<R, E, A, S, K> {
    const fn new(source: S, stop: Stop<R>) -> Self {
        BoundedRun {
            source,
            stop,
            read_ahead: 0,
            finishes_in_hand: false,
            value: (),
            keep: |(), _| (),
            watch: None,
            kind: PhantomData,
        }
    }

    /// Keeps all items that are delivered.
    ///
    /// # Panics
    ///
    /// As [`fold`](BoundedRun::fold).
    ///
    /// # Examples
    ///
    /// See [`Partial`].
    #[track_caller]
    pub fn keep_all(self) -> BoundedRun<R, E, A, S, K, Vec<A>, fn(&mut Vec<A>, A)> {
        self.fold(Vec::new(), Vec::push)
    }

    /// Keeps the last `n` of the items that are delivered, and drops the one before them when another comes.
    ///
    /// # Panics
    ///
    /// If `n` is 0: that keeps nothing. And as [`fold`](BoundedRun::fold).
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::Stop;
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let Ok(partial) = Stream::range(0..5000).run_bounded(Stop::never()).keep_last(2).drain().await;
    /// assert_eq!((partial.delivered, partial.value), (5000, [4998, 4999].into()));
    /// # }
    /// ```
    #[track_caller]
    pub fn keep_last(
        self,
        n: usize,
    ) -> BoundedRun<R, E, A, S, K, VecDeque<A>, impl FnMut(&mut VecDeque<A>, A) + Clone + Value>
    where
        A: Value,
    {
        assert!(n > 0, "the last none of the items are nothing to keep");
        self.fold(VecDeque::new(), move |kept: &mut VecDeque<A>, item| {
            if kept.len() == n {
                kept.pop_front();
            }
            kept.push_back(item);
        })
    }

    /// Folds the items that are delivered into one value.
    ///
    /// What was made so far is there in any case, so the closure changes it in place.
    ///
    /// # Panics
    ///
    /// If somebody [watches](BoundedRun::watched_by) the run already: what is kept then would not be seen.
    ///
    /// # Examples
    ///
    /// See [`BoundedRun`].
    #[track_caller]
    pub fn fold<B, F>(self, init: B, f: F) -> BoundedRun<R, E, A, S, K, B, F>
    where
        F: FnMut(&mut B, A),
    {
        assert!(
            self.watch.is_none(),
            "who watches is said after what is kept"
        );
        BoundedRun {
            source: self.source,
            stop: self.stop,
            read_ahead: self.read_ahead,
            finishes_in_hand: self.finishes_in_hand,
            value: init,
            keep: f,
            watch: None,
            kind: PhantomData,
        }
    }
}

impl<R, E, A, S, K, B, F> BoundedRun<R, E, A, S, K, B, F> {
    /// Pulls up to so many items while the body is busy with another. None, unless this is said.
    ///
    /// # Examples
    ///
    /// See [`Partial`].
    pub fn read_ahead(self, n: usize) -> Self {
        BoundedRun {
            read_ahead: n,
            ..self
        }
    }

    /// Lets the body finish with the item in hand when the run is to stop, instead of interrupting it.
    ///
    /// No other is asked for then. One that was asked for [ahead](BoundedRun::read_ahead) goes on meanwhile, as it may hold
    /// what the body waits for: if it comes, it is buffered.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{sleep, Never, Stop};
    /// use effect_stream::Stream;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let run = Stream::from_iter(0..).run_bounded(Stop::after(Duration::from_secs(5)));
    /// let Ok(partial) = run.finish_in_hand().for_each(|_| sleep::<_, Never>(Duration::from_secs(2))).await;
    /// assert_eq!((partial.delivered, partial.in_hand, partial.elapsed.as_secs()), (3, None, 6));
    /// # }
    /// ```
    pub fn finish_in_hand(self) -> Self {
        BoundedRun {
            finishes_in_hand: true,
            ..self
        }
    }

    /// Has somebody watch the run. That is said after what is to be kept, which is watched as well.
    ///
    /// # Examples
    ///
    /// See [`Watch`].
    pub fn watched_by(self, watch: &Watch<A, E, B>) -> Self {
        BoundedRun {
            watch: Some(watch.clone()),
            ..self
        }
    }

    fn with<G>(self, body: G) -> RunBounded<R, E, A, S, B, F, G> {
        RunBounded {
            source: self.source,
            stop: self.stop,
            read_ahead: self.read_ahead,
            finishes_in_hand: self.finishes_in_hand,
            value: self.value,
            keep: self.keep,
            watch: self.watch,
            body,
        }
    }
}

impl<R, E, A, S, B, F> BoundedRun<R, E, A, S, Items, B, F>
where
    R: Env,
    E: Value,
    A: Value,
    B: Value,
{
    /// Runs an effect for each item, one after the other. What the stream has in flight goes on meanwhile.
    ///
    /// The item is delivered when its effect has succeeded. Until then it is in hand: so the closure looks at it, and what
    /// the effect needs of it is cloned.
    ///
    /// # Examples
    ///
    /// See [`BoundedRun`].
    pub fn for_each<I, G>(
        self,
        body: G,
    ) -> Effect<R, Never, Partial<A, E, B>, RunBounded<R, E, A, S, B, F, ForEachBounded<G>>>
    where
        I: IntoEffect<R, Error = E>,
        G: FnMut(&A) -> I + Value,
    {
        Effect::of(self.with(ForEachBounded(body)))
    }
}

impl<R, A, S, B, F> BoundedRun<R, Never, A, S, Items, B, F>
where
    R: Env,
    A: Value,
    B: Value,
{
    /// Runs the stream, and does nothing for its items. Each is delivered at once.
    ///
    /// # Examples
    ///
    /// See [`keep_last`](BoundedRun::keep_last).
    pub fn drain(
        self,
    ) -> Effect<R, Never, Partial<A, Never, B>, RunBounded<R, Never, A, S, B, F, NoBody<Never>>>
    {
        Effect::of(self.with(NoBody::new()))
    }
}

impl<R, E, A, S, B, F> BoundedRun<R, E, A, S, Values, B, F>
where
    R: Env,
    E: Value,
    A: Value,
    B: Value,
{
    /// Runs an effect for each value, one after the other. What the stream has in flight goes on meanwhile.
    ///
    /// The value is delivered when its effect has succeeded. Until then it is in hand: so the closure looks at it, and what
    /// the effect needs of it is cloned.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{from_result, Stop};
    /// use effect_stream::{RunStatus, StreamE};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let run = StreamE::from_iter(0..).run_bounded(Stop::never());
    /// let Ok(partial) = run.for_each(|n| from_result(if *n < 3 { Ok(()) } else { Err("too much") })).await;
    /// assert_eq!((partial.status, partial.delivered, partial.in_hand), (RunStatus::Failed("too much"), 3, Some(3)));
    /// # }
    /// ```
    pub fn for_each<I, G>(
        self,
        body: G,
    ) -> Effect<R, Never, Partial<A, E, B>, RunBounded<R, E, A, S, B, F, ForEachBounded<G>>>
    where
        I: IntoEffect<R> + SameError<E, I::Error>,
        G: FnMut(&A) -> I + Value,
    {
        Effect::of(self.with(ForEachBounded(body)))
    }

    /// Runs the stream, and does nothing for its values. Each is delivered at once.
    ///
    /// # Examples
    ///
    /// See [`StreamE::run_bounded`].
    pub fn drain(
        self,
    ) -> Effect<R, Never, Partial<A, E, B>, RunBounded<R, E, A, S, B, F, NoBody<E>>> {
        Effect::of(self.with(NoBody::new()))
    }
}

opaque_debug!(BoundedRun<R, E, A, S, K, B, F>);
