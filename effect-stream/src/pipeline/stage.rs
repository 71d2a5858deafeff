//! A stage: a named step of a pipeline, its workers and its queue.

#![allow(
    private_bounds,
    private_interfaces,
    reason = "what is private is behind a trait that nobody else implements or calls"
)]

use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use effect_core::{CircuitBreaker, RateLimiter, Schedule, Value};

use super::board::Board;
use super::by_key::{ByKey, KeyOf};
use super::intake::{Intake, Plain};
use super::tap::Tap;
use super::work::call::{Call, CallSync};
use super::work::equipped::{CallState, CallWith};
use super::work::fallback::Fallback;
use super::work::guarding::{Guarded, Limited};
use super::work::retry::Retry;
#[cfg(feature = "tower")]
use super::work::service::CallService;
use super::work::timeout::Timeout;

/// A named step of a pipeline: what it does with each item, and by how many workers.
///
/// What is put around the work, [`retry`](Stage::retry) and [`timeout`](Stage::timeout) say, is around all that was put there
/// before: `.timeout(d).retry(policy)` limits each attempt, `.retry(policy).timeout(d)` limits all of them.
///
/// # Examples
///
/// ```
/// use effect_stream::stage;
///
/// let parse = stage("parse", |line: String| async move { line.parse::<u32>() }).workers(2);
/// assert_eq!(format!("{parse:?}"), r#"Stage { name: "parse", workers: 2, buffer: 64, .. }"#);
/// ```
#[must_use = "a stage does nothing until it is part of a pipeline that runs"]
pub struct Stage<W, K = Unkeyed> {
    pub(crate) name: Arc<str>,
    pub(crate) work: W,
    pub(crate) workers: usize,
    pub(crate) buffer: usize,
    pub(crate) ordered: bool,
    pub(crate) keys: K,
    pub(crate) notes: Vec<String>,
    pub(crate) tap: Option<Arc<Tap>>,
}

/// Creates a stage of one worker, with room for 64 items before it.
///
/// The function is called with an item and gives an effect, or any future of a `Result`. An error, and a panic
/// as well, is that item's failure, and not the worker's end.
pub fn stage<F>(name: impl Into<Arc<str>>, f: F) -> Stage<Call<F>> {
    Stage::new(name.into(), Call { f })
}

/// Creates a stage of a function that gives its `Result` at once, and waits for nothing.
///
/// As [`stage`], otherwise: for parsers, checks and sums, without `async move` around them. What takes long may have as
/// many workers as there are cores, and uses them.
///
/// # Examples
///
/// ```
/// use effect_stream::{stage_sync, Channel, Pipeline, Stream};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let output = Channel::bounded(4);
/// Pipeline::from_stream(Stream::from_iter(["1", "2"]))
///     .via(stage_sync("parse", str::parse::<i32>))
///     .to_channel(output.clone())
///     .run()
///     .await?;
/// assert_eq!(output.receive_many(4).await?, [1, 2]);
/// # Ok(())
/// # }
/// ```
pub fn stage_sync<F>(name: impl Into<Arc<str>>, f: F) -> Stage<CallSync<F>> {
    Stage::new(name.into(), CallSync { f })
}

/// Creates a stage each of whose workers has a resource of its own: a connection, say.
///
/// `acquire` is run once for each worker before there is any item, and what it acquires is released when the run ends,
/// however it ends. Whatever [`acquire_release`](effect_core::acquire_release) makes is right for it. If it fails, so does the
/// run, with [`PipelineError::NotReady`](crate::PipelineError::NotReady).
///
/// # Examples
///
/// ```
/// use effect_core::{acquire_release, succeed, sync, Never};
/// use effect_stream::{stage_with, Channel, Pipeline, Stream};
/// use std::sync::atomic::{AtomicU32, Ordering};
///
/// static OPEN: AtomicU32 = AtomicU32::new(0);
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let connect = || {
///     let open = sync::<_, Never, _, _>(|| OPEN.fetch_add(1, Ordering::Relaxed));
///     acquire_release(open, |_| sync(|| { OPEN.fetch_sub(1, Ordering::Relaxed); }))
/// };
/// let output = Channel::bounded(4);
/// Pipeline::from_stream(Stream::from_iter([1, 2]))
///     .via(stage_with("save", connect, |_connection, n: u32| {
///         succeed::<_, Never, _>((n, OPEN.load(Ordering::Relaxed)))
///     }).workers(2))
///     .to_channel(output.clone())
///     .run()
///     .await?;
/// assert_eq!(output.receive_many(4).await?, [(1, 2), (2, 2)]);
/// assert_eq!(OPEN.load(Ordering::Relaxed), 0);
/// # Ok(())
/// # }
/// ```
pub fn stage_with<T, F, G>(
    name: impl Into<Arc<str>>,
    acquire: F,
    f: G,
) -> Stage<CallWith<T, F, G>> {
    let mut stage = Stage::new(name.into(), CallWith::new(acquire, f));
    stage.notes.push("a resource for each worker".to_owned());
    stage
}

/// Creates a stage each of whose workers has a state of its own, which the function may change: a parser's buffers, or a
/// count.
///
/// A worker's state is made by `init` when it first works, and anew after a panic. With one worker, it has seen all items, in
/// their order.
///
/// # Examples
///
/// ```
/// use effect_stream::{stage_state, Channel, Pipeline, Stream};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let output = Channel::bounded(4);
/// let add = |sum: &mut u32, n: u32| {
///     *sum += n;
///     Ok::<_, String>(*sum)
/// };
/// Pipeline::from_stream(Stream::from_iter([1, 2, 3]))
///     .via(stage_state("sum so far", || 0, add))
///     .to_channel(output.clone())
///     .run()
///     .await?;
/// assert_eq!(output.receive_many(4).await?, [1, 3, 6]);
/// # Ok(())
/// # }
/// ```
pub fn stage_state<S, A, B, E, F, G>(
    name: impl Into<Arc<str>>,
    init: F,
    f: G,
) -> Stage<CallState<S, F, G>>
where
    F: Fn() -> S,
    G: Fn(&mut S, A) -> Result<B, E>,
{
    let mut stage = Stage::new(name.into(), CallState::new(init, f));
    stage.notes.push("a state for each worker".to_owned());
    stage
}

/// Creates a stage that calls a `tower::Service`, once it is ready. Each worker has a clone of it.
///
/// # Examples
///
/// ```
/// use effect_stream::{stage_service, Channel, Pipeline, Stream};
/// use tower::service_fn;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let double = service_fn(|n: u32| async move { Ok::<_, String>(2 * n) });
/// let output = Channel::bounded(4);
/// Pipeline::from_stream(Stream::from_iter([1, 2]))
///     .via(stage_service("double", double))
///     .to_channel(output.clone())
///     .run()
///     .await?;
/// assert_eq!(output.receive_many(4).await?, [2, 4]);
/// # Ok(())
/// # }
/// ```
#[cfg(feature = "tower")]
pub fn stage_service<S>(name: impl Into<Arc<str>>, service: S) -> Stage<CallService<S>> {
    let mut stage = Stage::new(name.into(), CallService::new(service));
    stage.notes.push("a service".to_owned());
    stage
}

impl<W> Stage<W> {
    pub(crate) fn new(name: Arc<str>, work: W) -> Self {
        Stage {
            name,
            work,
            workers: 1,
            buffer: 64,
            ordered: false,
            keys: Unkeyed,
            notes: Vec::new(),
            tap: None,
        }
    }

    /// Works at the items of one key one after the other, in the order in which they came, and at those of different keys
    /// beside each other, by as many workers as there are.
    ///
    /// Items whose key is busy wait in the stage's queue, and count there. A panic of `key` is its item's failure.
    ///
    /// The function is called under no lock; how a key is hashed and compared is asked under those of the run, so that must not
    /// ask the run for anything.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::{stage, Channel, Pipeline, Stream};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // The first of "a" takes longest, and the second waits for it all the same; "b" does not.
    /// let book = |(account, millis): (&'static str, u64)| async move {
    ///     tokio::time::sleep(Duration::from_millis(millis)).await;
    ///     Ok::<_, String>((account, millis))
    /// };
    /// let output = Channel::bounded(4);
    /// Pipeline::from_stream(Stream::from_iter([("a", 30), ("a", 1), ("b", 5)]))
    ///     .via(stage("book", book).workers(3).by_key(|(account, _): &(&str, u64)| *account))
    ///     .to_channel(output.clone())
    ///     .run()
    ///     .await?;
    /// assert_eq!(output.receive_many(4).await?, [("b", 5), ("a", 30), ("a", 1)]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn by_key<A, K>(
        self,
        key: impl Fn(&A) -> K + Send + Sync + 'static,
    ) -> Stage<W, Keyed<A, K>> {
        let Stage {
            name,
            work,
            workers,
            buffer,
            ordered,
            keys: Unkeyed,
            mut notes,
            tap,
        } = self;
        notes.push("by key".to_owned());
        Stage {
            name,
            work,
            workers,
            buffer,
            ordered,
            keys: Keyed { key: Arc::new(key) },
            notes,
            tap,
        }
    }
}

/// # Around the work
impl<W, K> Stage<W, K> {
    /// Works at an item again after a failure, as many *extra* times, and as long after it, as the schedule says.
    ///
    /// The schedule is asked with the [`Fault`](crate::Fault), and each item has a run of its own by it. The item is cloned for
    /// each attempt, and its worker is busy until the last. A panic is not tried again: it is a bug, and would be one again.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::Schedule;
    /// use effect_stream::{stage, Channel, Pipeline, Stream};
    /// use std::sync::atomic::{AtomicU32, Ordering};
    /// use std::time::Duration;
    ///
    /// static CALLS: AtomicU32 = AtomicU32::new(0);
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let flaky = |n: u32| async move {
    ///     let call = CALLS.fetch_add(1, Ordering::Relaxed);
    ///     if call < 2 { Err("busy") } else { Ok(n) }
    /// };
    /// let policy = Schedule::exponential(Duration::from_millis(100)).times(3);
    /// let output = Channel::bounded(1);
    /// let report = Pipeline::from_stream(Stream::from_iter([7]))
    ///     .via(stage("call", flaky).retry(policy))
    ///     .to_channel(output)
    ///     .run()
    ///     .await?;
    /// let call = report.stage("call").unwrap();
    /// assert_eq!((report.delivered, call.retried), (1, 2));
    /// # Ok(())
    /// # }
    /// ```
    pub fn retry<Out, S>(self, schedule: Schedule<Out, S>) -> Stage<Retry<W, Out, S>, K> {
        self.layer("retry".to_owned(), |work| Retry { work, schedule })
    }

    /// Interrupts the work at an item that takes longer than this, and waits for its finalizers: the item has failed, by
    /// [`Fault::TimedOut`](crate::Fault::TimedOut).
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::{stage, Channel, Fault, Pipeline, Stream};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let wait = |seconds: u64| async move {
    ///     tokio::time::sleep(Duration::from_secs(seconds)).await;
    ///     Ok::<_, String>(seconds)
    /// };
    /// let limit = Duration::from_secs(5);
    /// let (output, errors) = (Channel::bounded(4), Channel::bounded(4));
    /// Pipeline::from_stream(Stream::from_iter([1, 9]))
    ///     .via(stage("wait", wait).timeout(limit))
    ///     .to_channel(output.clone())
    ///     .with_error_channel(errors.clone())
    ///     .run()
    ///     .await?;
    /// assert_eq!(output.receive_many(4).await?, [1]);
    /// assert_eq!(errors.receive().await?.fault, Fault::TimedOut(limit));
    /// # Ok(())
    /// # }
    /// ```
    pub fn timeout(self, limit: Duration) -> Stage<Timeout<W>, K> {
        let note = format!("timeout {limit:?}");
        self.layer(note, |work| Timeout { work, limit })
    }

    /// Asks a function for an effect whose value stands in for a failure. It may fail itself.
    ///
    /// A panic is not covered up: it is a bug.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::{stage_sync, Channel, Pipeline, Stream};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let output = Channel::bounded(4);
    /// Pipeline::from_stream(Stream::from_iter(["1", "two"]))
    ///     .via(stage_sync("parse", str::parse::<i32>).fallback(|_fault| async { Ok(0) }))
    ///     .to_channel(output.clone())
    ///     .run()
    ///     .await?;
    /// assert_eq!(output.receive_many(4).await?, [1, 0]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn fallback<F>(self, f: F) -> Stage<Fallback<W, F>, K> {
        self.layer("fallback".to_owned(), |work| Fallback { work, f })
    }

    /// Works through a circuit breaker: while that is open, items fail at once by
    /// [`Fault::CircuitOpen`](crate::Fault::CircuitOpen).
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::CircuitBreaker;
    /// use effect_stream::{stage_sync, Channel, Pipeline, Stream};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (output, errors) = (Channel::<u32>::bounded(4), Channel::bounded(4));
    /// Pipeline::from_stream(Stream::range(0..3))
    ///     .via(stage_sync("call", |_: u32| Err("no answer")).circuit_breaker(CircuitBreaker::consecutive(2)))
    ///     .to_channel(output)
    ///     .with_error_channel(errors.clone())
    ///     .run()
    ///     .await?;
    /// let failed: Vec<_> = errors.receive_many(4).await?.iter().map(|failed| failed.to_string()).collect();
    /// assert_eq!(failed, ["stage call: no answer", "stage call: no answer", "stage call: the circuit is open"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn circuit_breaker(self, breaker: CircuitBreaker) -> Stage<Guarded<W>, K> {
        self.layer("circuit breaker".to_owned(), |work| Guarded {
            work,
            breaker,
        })
    }

    /// Works at items only as often as a rate limiter allows. Its workers wait for that.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::RateLimiter;
    /// use effect_stream::{stage_sync, Channel, Pipeline, Stream};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let begun = tokio::time::Instant::now();
    /// let ten_a_second = RateLimiter::new(10, Duration::from_secs(1));
    /// Pipeline::from_stream(Stream::range(0..21))
    ///     .via(stage_sync("call", Ok::<u32, String>).rate_limit(ten_a_second).workers(8))
    ///     .to_channel(Channel::bounded(32))
    ///     .run()
    ///     .await?;
    /// assert_eq!(begun.elapsed(), Duration::from_secs(2));
    /// # Ok(())
    /// # }
    /// ```
    pub fn rate_limit(self, limiter: RateLimiter) -> Stage<Limited<W>, K> {
        self.layer("rate limit".to_owned(), |work| Limited { work, limiter })
    }

    /// Puts something around the work.
    pub(crate) fn layer<W2>(self, note: String, around: impl FnOnce(W) -> W2) -> Stage<W2, K> {
        let Stage {
            name,
            work,
            workers,
            buffer,
            ordered,
            keys,
            mut notes,
            tap,
        } = self;
        notes.push(note);
        Stage {
            name,
            work: around(work),
            workers,
            buffer,
            ordered,
            keys,
            notes,
            tap,
        }
    }
}

/// # Workers, order and room
impl<W, K> Stage<W, K> {
    /// Runs the stage by this many workers: so many items at a time. One worker keeps the order of the items; several do
    /// not, unless the stage is [ordered](Stage::ordered).
    ///
    /// # Panics
    ///
    /// If there are none.
    #[track_caller]
    pub fn workers(self, workers: usize) -> Self {
        assert!(workers > 0, "a stage has at least one worker");
        Stage { workers, ..self }
    }

    /// Holds at most this many items before the stage. The first stage reads its pipeline's input channel instead,
    /// and has no queue of its own, unless it is ordered or by key. With 0, an item is handed from worker to worker.
    pub fn buffer(self, buffer: usize) -> Self {
        Stage { buffer, ..self }
    }

    /// Passes the results on in the order in which the items came, however many workers there are.
    ///
    /// A result that is early waits for those before it: as many as the next stage's [`buffer`](Stage::buffer) holds, and
    /// then their workers wait too. Items that fail, or are filtered, are waited for and then passed over.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::{stage, Channel, Pipeline, Stream};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let wait = |millis: u64| async move {
    ///     tokio::time::sleep(Duration::from_millis(millis)).await;
    ///     Ok::<_, String>(millis)
    /// };
    /// let output = Channel::bounded(4);
    /// Pipeline::from_stream(Stream::from_iter([30, 1, 5]))
    ///     .via(stage("wait", wait).workers(3).ordered())
    ///     .to_channel(output.clone())
    ///     .run()
    ///     .await?;
    /// assert_eq!(output.receive_many(4).await?, [30, 1, 5]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn ordered(self) -> Self {
        Stage {
            ordered: true,
            ..self
        }
    }
}

/// A stage whose items begin in the order in which they come.
#[derive(Clone, Copy, Debug)]
pub struct Unkeyed;

/// A stage whose items of one key wait for each other: [`Stage::by_key`].
pub struct Keyed<A, K> {
    key: KeyOf<A, K>,
}

impl<A, K> fmt::Debug for Keyed<A, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyed").finish_non_exhaustive()
    }
}

/// In which order a stage begins its items. Nobody else implements it.
pub trait Keys<A>: Send + 'static + private::Keys<A> {}

impl<A, K: Send + 'static + private::Keys<A>> Keys<A> for K {}

pub(crate) mod private {
    use super::{Arc, Board, Intake};

    /// What [`Keys`](super::Keys) can do.
    pub trait Keys<A> {
        /// Whether items have to wait in the stage's own queue.
        const OWN_QUEUE: bool;

        fn intake<O: Send + 'static>(self, board: &Arc<Board>) -> impl Intake<A, O> + 'static;
    }
}

impl<A: Value> private::Keys<A> for Unkeyed {
    const OWN_QUEUE: bool = false;

    fn intake<O: Send + 'static>(self, board: &Arc<Board>) -> impl Intake<A, O> + 'static {
        Plain::new(board)
    }
}

impl<A: Value, K: Hash + Eq + Clone + Value> private::Keys<A> for Keyed<A, K> {
    const OWN_QUEUE: bool = true;

    fn intake<O: Send + 'static>(self, board: &Arc<Board>) -> impl Intake<A, O> + 'static {
        ByKey::new(self.key, board)
    }
}

impl<W, K> fmt::Debug for Stage<W, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stage")
            .field("name", &self.name)
            .field("workers", &self.workers)
            .field("buffer", &self.buffer)
            .finish_non_exhaustive()
    }
}
