//! The pipeline: stages with workers between channels, failures on a channel of their own, every item counted.
//!
//! Read it in this order: [`board`], the rules; [`bench`], what a runner does at a stage; [`runner`], where it goes next.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use effect_core::{Defect, Env, Value};
use futures::future::Either;
use parking_lot::Mutex;

use crate::source::Source;
use crate::{Channel, Stream};

pub(crate) mod stage;
mod stage_line;
pub(crate) mod work;
pub(crate) mod report;
pub(crate) mod latency;
pub(crate) mod origin;
pub(crate) mod blueprint;
pub(crate) mod explain;
mod picture;
pub(crate) mod connected;
pub(crate) mod handle;
pub(crate) mod watching;
pub(crate) mod tap;
mod telling;
pub(crate) mod metering;
pub(crate) mod desk;
mod board;
mod item;
mod line;
mod intake;
mod emit;
mod in_order;
mod bench;
mod by_key;
mod worker;
mod gather;
mod fork;
mod delivery;
mod feed;
mod runner;
mod head;

use blueprint::{Blueprint, BlueprintNode, NodeId, NodeKind};
use connected::Connected;
use emit::{Each, Emit, Maybe, One};
use explain::Explanation;
use fork::{Fork, Inflow};
use gather::Gather;
use head::{Head, Plan};
use intake::Input;
use item::Held;
use line::Line;
use origin::{Kept, Origin};
use stage::{Keys, Stage, stage_sync};
use stage_line::StageLine;
use work::call::CallSync;
use work::{StageError, Work};

/// Stages with workers, between channels. Failures have a channel of their own.
///
/// Every item that is received ends as exactly one of delivered, failed, filtered, joined into another, or abandoned, and the
/// [`PipelineReport`](crate::PipelineReport) adds up: whatever holds items, a queue or a hand, reports those that vanish with
/// it. Memory is bounded whatever the producer does: each stage has a bounded queue, and a full one makes those before it
/// wait. Items move in batches of what is ready; no batch is ever waited for.
///
/// - **Pulls** what its stages have room for.
/// - **Fails** at the first failure, where there is no error channel; what is inside is abandoned, and counted.
/// - **Completes** when the input is closed and everything inside has been delivered or has failed; then the
///   output and the error channel are closed. Closing the input is thus how one drains it.
/// - **When interrupted**, interrupts all runners, waits for them, closes the output and the error channel, and
///   counts what was inside as abandoned. What was not begun goes back to an input channel.
///
/// # Examples
///
/// ```
/// use effect_stream::{stage, Channel, Pipeline, Stream};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (output, errors) = (Channel::bounded(16), Channel::bounded(16));
/// let parse = |text: &'static str| async move { text.parse::<i32>() };
/// let report = Pipeline::from_stream(Stream::from_iter(["1", "2", "three"]))
///     .via(stage("parse", parse).workers(2))
///     .to_channel(output.clone())
///     .with_error_channel(errors.clone())
///     .run()
///     .await?;
/// assert_eq!(report.to_string(), "3 received = 2 delivered + 1 failed + 0 abandoned");
/// assert_eq!(errors.receive().await?.to_string(), "stage parse: invalid digit found in string");
/// # Ok(())
/// # }
/// ```
#[must_use = "a pipeline is a description: nothing happens until it is run"]
pub struct Pipeline<R, E, T, O = ()> {
    head: Head<R, E, T, O>,
    blueprint: Blueprint,
}

impl<R: Env, E: Value, T: Value> Pipeline<R, E, T> {
    /// Begins a pipeline that reads a channel until it is closed.
    pub fn from_channel(channel: Channel<T>) -> Self {
        let id = NodeId::fresh();
        let head = Head::Input {
            id,
            channel,
            origin: |_| (),
        };
        Pipeline::begin(head, id, "channel")
    }

    /// Begins a pipeline that reads a stream to its end.
    pub fn from_stream<S: Source<R, Item = T>>(stream: Stream<R, T, S>) -> Self {
        let id = NodeId::fresh();
        let head = Head::Stream {
            id,
            stream: Box::new(stream),
            origin: |_| (),
        };
        Pipeline::begin(head, id, "stream")
    }

    fn begin(head: Head<R, E, T, ()>, id: NodeId, name: &str) -> Self {
        let mut blueprint = Blueprint::default();
        blueprint.push(BlueprintNode {
            id,
            name: name.into(),
            kind: NodeKind::Source,
            workers: 0,
            buffer: 0,
            ordered: false,
            may_fail: false,
            notes: Vec::new(),
            item_bytes: 0,
        });
        Pipeline { head, blueprint }
    }

    /// Keeps what enters the pipeline with each item, so that a failure says what it came of: [`Failed::source`].
    ///
    /// It is cloned once as it enters; let it be an `Arc` where that should not be a copy. Items of a
    /// [`flat_map`](Pipeline::flat_map) have a clone each, and a [`batch`](Pipeline::batch) has those of all its items.
    ///
    /// A clone that panics is not there: the item goes on without its source.
    ///
    /// [`Failed::source`]: crate::Failed::source
    ///
    /// # Panics
    ///
    /// If the pipeline has a stage already: what that fails with would not have it.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::{stage_sync, Channel, Pipeline, Stream};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (output, errors) = (Channel::bounded(4), Channel::bounded(4));
    /// Pipeline::from_stream(Stream::from_iter(["1", "two"]))
    ///     .keep_source()
    ///     .via(stage_sync("parse", str::parse::<i32>))
    ///     .to_channel(output)
    ///     .with_error_channel(errors.clone())
    ///     .run()
    ///     .await?;
    /// assert_eq!(errors.receive().await?.source[..], ["two"]);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn keep_source(self) -> Pipeline<R, E, T, Kept<T>>
    where
        T: Clone,
    {
        let keep = |value: &T| Defect::catch(|| value.clone()).map_or(Kept::lost(), Kept::of);
        let head = match self.head {
            Head::Input { id, channel, .. } => Head::Input {
                id,
                channel,
                origin: keep,
            },
            Head::Stream { id, stream, .. } => Head::Stream {
                id,
                stream,
                origin: keep,
            },
            Head::Stages(_) => panic!("keep_source comes before the first stage"),
        };
        Pipeline {
            head,
            blueprint: self.blueprint,
        }
    }
}

impl<R: Env, E: Value, T: Value, O: Origin> Pipeline<R, E, T, O> {
    /// Adds a stage: each of its workers takes an item, runs the stage's effect, and passes its value on.
    pub fn via<W, K>(self, stage: Stage<W, K>) -> Pipeline<R, E, W::Value, O>
    where
        W: Work<R, T> + StageError<R, T, E, <W as Work<R, T>>::Error>,
        K: Keys<T>,
    {
        self.add::<W, K, One>(stage, NodeKind::Stage)
    }

    /// Lets those items through of which the predicate holds. The others are counted, as filtered.
    ///
    /// A panic of the predicate is its item's failure.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::{Channel, Pipeline, Stream};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let output = Channel::bounded(4);
    /// let report = Pipeline::<_, String, _>::from_stream(Stream::range(0..4))
    ///     .filter("even", |n| n % 2 == 0)
    ///     .to_channel(output.clone())
    ///     .run()
    ///     .await?;
    /// assert_eq!(output.receive_many(4).await?, [0, 2]);
    /// assert_eq!(report.to_string(), "4 received = 2 delivered + 0 failed + 2 filtered + 0 abandoned");
    /// # Ok(())
    /// # }
    /// ```
    pub fn filter(
        self,
        name: impl Into<Arc<str>>,
        predicate: impl Fn(&T) -> bool + Send + Sync + 'static,
    ) -> Self {
        let keep = move |value: T| Ok(predicate(&value).then_some(value));
        self.add::<CallSync<_>, _, Maybe>(stage_sync(name, keep), NodeKind::Filter)
    }

    /// Adds a stage whose value has any number of items inside: each goes on by itself.
    ///
    /// They are taken out one by one, as there is room for them, and their worker is busy until the last is out; so even an
    /// endless iterator is bounded. Where the stage is [ordered](Stage::ordered) they are all taken out at once, to wait for
    /// their turn. What came of one item is counted as [made](crate::PipelineReport::made), beyond the first; if nothing
    /// did, the item was filtered. A panic of the iterator is the item's failure.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::{stage_sync, Channel, Pipeline, Stream};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let output = Channel::bounded(4);
    /// let words = |line: &'static str| Ok::<_, String>(line.split_whitespace());
    /// let report = Pipeline::from_stream(Stream::from_iter(["to be", "", "or"]))
    ///     .flat_map(stage_sync("words", words))
    ///     .to_channel(output.clone())
    ///     .run()
    ///     .await?;
    /// assert_eq!(output.receive_many(4).await?, ["to", "be", "or"]);
    /// assert_eq!(
    ///     report.to_string(),
    ///     "3 received + 1 made = 3 delivered + 0 failed + 1 filtered + 0 abandoned",
    /// );
    /// # Ok(())
    /// # }
    /// ```
    pub fn flat_map<W, K>(
        self,
        stage: Stage<W, K>,
    ) -> Pipeline<R, E, <W::Value as IntoIterator>::Item, O>
    where
        W: Work<R, T> + StageError<R, T, E, <W as Work<R, T>>::Error>,
        W::Value: IntoIterator<Item: Value, IntoIter: Value>,
        K: Keys<T>,
    {
        self.add::<W, K, Each>(stage, NodeKind::FlatMap)
    }

    /// Makes batches: a `Vec` of `size` items, or of fewer, if the first has waited for so long, or no more will come.
    ///
    /// A batch is one item from there on, and counts as one; the others of it have [joined](crate::PipelineReport::joined)
    /// it. If it fails, its [sources](Pipeline::keep_source) are those of all its items.
    ///
    /// # Panics
    ///
    /// If `size` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::{Channel, Pipeline, Stream};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let output = Channel::bounded(4);
    /// let report = Pipeline::<_, String, _>::from_stream(Stream::range(0..5))
    ///     .batch(2, Duration::from_secs(1))
    ///     .to_channel(output.clone())
    ///     .run()
    ///     .await?;
    /// assert_eq!(output.receive_many(4).await?, [vec![0, 1], vec![2, 3], vec![4]]);
    /// assert_eq!(report.to_string(), "5 received = 3 delivered + 0 failed + 2 joined + 0 abandoned");
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn batch(self, size: usize, within: Duration) -> Pipeline<R, E, Vec<T>, O> {
        assert!(size > 0, "a batch has at least one item");
        let Pipeline {
            head,
            mut blueprint,
        } = self.carried();
        let id = NodeId::fresh();
        blueprint.push(BlueprintNode {
            id,
            name: "batch".into(),
            kind: NodeKind::Batch,
            workers: 1,
            buffer: size,
            ordered: false,
            may_fail: false,
            notes: vec![format!("of {size}, within {within:?}")],
            item_bytes: size_of::<T>() + size_of::<O>(),
        });
        let build = move |next: Arc<dyn Line<R, E, Vec<T>, O>>, plan: &mut Plan<R, E, O>| {
            let next_at = Arc::clone(&next).entrance().at();
            let places = (plan.blueprint.place(id), next_at);
            let gather = Gather::new(places, &plan.board, (size, within), next);
            head.build(Arc::new(gather), plan);
        };
        Pipeline {
            head: Head::Stages(Box::new(build)),
            blueprint,
        }
    }

    /// Goes one of two ways with each item, which come together again behind them.
    ///
    /// The stage says which way, by [`Either::Left`] or [`Either::Right`]. Each way is a pipeline of its own, with stages or
    /// without; what comes out of both is of one type. Items wait for those before them while either way has no room.
    ///
    /// # Panics
    ///
    /// If a way is not made of the pipeline that it is given.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::{stage_sync, Channel, Either, Pipeline, Stream};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let parity = |n: u32| Ok::<_, String>(if n % 2 == 0 { Either::Left(n) } else { Either::Right(n) });
    /// let output = Channel::bounded(4);
    /// Pipeline::from_stream(Stream::range(0..4))
    ///     .branch(
    ///         stage_sync("parity", parity),
    ///         |even| even.via(stage_sync("half", |n: u32| Ok(n / 2))),
    ///         |odd| odd.filter("not one", |n| *n != 1),
    ///     )
    ///     .to_channel(output.clone())
    ///     .run()
    ///     .await?;
    /// let mut items = output.receive_many(4).await?;
    /// items.sort();
    /// assert_eq!(items, [0, 1, 3]);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn branch<W, K, A, B, C>(
        self,
        which: Stage<W, K>,
        left: impl FnOnce(Pipeline<R, E, A, O>) -> Pipeline<R, E, C, O>,
        right: impl FnOnce(Pipeline<R, E, B, O>) -> Pipeline<R, E, C, O>,
    ) -> Pipeline<R, E, C, O>
    where
        W: Work<R, T, Value = Either<A, B>> + StageError<R, T, E, <W as Work<R, T>>::Error>,
        K: Keys<T>,
        A: Value,
        B: Value,
        C: Value,
    {
        const BUILT: &str = "a way is built before its branch";
        let Pipeline {
            head,
            mut blueprint,
        } = self.via(which);
        let id = NodeId::fresh();
        blueprint.push(BlueprintNode {
            id,
            name: "branch".into(),
            kind: NodeKind::Branch,
            workers: 1,
            buffer: 64,
            ordered: false,
            may_fail: false,
            notes: Vec::new(),
            item_bytes: size_of::<Either<A, B>>() + size_of::<O>(),
        });
        let fork = blueprint.ends().to_vec();
        let (left_line, left) = way(blueprint, left, id);
        let mut blueprint = left.blueprint;
        let mut ends = blueprint.ends().to_vec();
        blueprint.set_ends(fork);
        let (right_line, right) = way(blueprint, right, id);
        let mut blueprint = right.blueprint;
        ends.extend_from_slice(blueprint.ends());
        blueprint.set_ends(ends);
        let (left, right) = (left.head, right.head);
        let build = move |next: Arc<dyn Line<R, E, C, O>>, plan: &mut Plan<R, E, O>| {
            let entrance = Arc::clone(&next).entrance();
            left.build(next, plan);
            right.build(Arc::new(Inflow { entrance }), plan);
            let left = left_line.lock().take().expect(BUILT);
            let right = right_line.lock().take().expect(BUILT);
            let fork = Fork {
                at: plan.blueprint.place(id),
                left_at: Arc::clone(&left).entrance().at(),
                right_at: Arc::clone(&right).entrance().at(),
                board: Arc::clone(&plan.board),
                left,
                right,
                queue: Mutex::new(Held::new(&plan.board)),
            };
            head.build(Arc::new(fork), plan);
        };
        Pipeline {
            head: Head::Stages(Box::new(build)),
            blueprint,
        }
    }

    /// Takes the items of another pipeline as well, as they come.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::{stage_sync, Channel, Pipeline, Stream};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let output = Channel::bounded(4);
    /// let words = Pipeline::from_stream(Stream::from_iter(["1", "2"]));
    /// let numbers = Pipeline::from_stream(Stream::from_iter([3, 4]));
    /// words
    ///     .via(stage_sync("parse", str::parse::<i32>))
    ///     .merge(numbers)
    ///     .to_channel(output.clone())
    ///     .run()
    ///     .await?;
    /// let mut items = output.receive_many(4).await?;
    /// items.sort();
    /// assert_eq!(items, [1, 2, 3, 4]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn merge(self, other: Pipeline<R, E, T, O>) -> Self {
        let (ours, theirs) = (self.staged(), other.staged());
        let mut blueprint = ours.blueprint;
        blueprint.beside(theirs.blueprint);
        let (ours, theirs) = (ours.head, theirs.head);
        let build = move |next: Arc<dyn Line<R, E, T, O>>, plan: &mut Plan<R, E, O>| {
            let entrance = Arc::clone(&next).entrance();
            ours.build(next, plan);
            theirs.build(Arc::new(Inflow { entrance }), plan);
        };
        Pipeline {
            head: Head::Stages(Box::new(build)),
            blueprint,
        }
    }

    /// With a stage, if there is none.
    fn staged(self) -> Self {
        match self.head {
            Head::Input { .. } | Head::Stream { .. } => self.pass(),
            Head::Stages(_) => self,
        }
    }

    /// With a stage that reads the input, if nothing does yet.
    fn carried(self) -> Self {
        match self.head {
            Head::Input { .. } => self.pass(),
            Head::Stream { .. } | Head::Stages(_) => self,
        }
    }

    fn add<W, K, M>(self, stage: Stage<W, K>, kind: NodeKind) -> Pipeline<R, E, M::Item, O>
    where
        W: Work<R, T, Error = E>,
        K: Keys<T>,
        M: Emit<W::Value>,
    {
        let ordered = stage.ordered && stage.workers > 1;
        // What goes back to the input would lose its key, or its turn.
        let waits = (K::OWN_QUEUE || ordered) && matches!(self.head, Head::Input { .. });
        let Pipeline {
            head,
            mut blueprint,
        } = if waits { self.pass() } else { self };
        let id = NodeId::fresh();
        let mut notes = stage.notes;
        if stage.ordered {
            notes.push("ordered".to_owned());
        }
        if let Some(tap) = stage.tap {
            blueprint.add_tap(id, tap);
        }
        blueprint.push(BlueprintNode {
            id,
            name: Arc::clone(&stage.name),
            kind,
            workers: stage.workers,
            buffer: match head {
                Head::Input { .. } => 0,
                _ => stage.buffer,
            },
            ordered,
            may_fail: true,
            notes,
            item_bytes: size_of::<T>() + size_of::<O>(),
        });
        let (name, work, keys) = (stage.name, stage.work, stage.keys);
        let build = move |next: Arc<dyn Line<R, E, M::Item, O>>, plan: &mut Plan<R, E, O>| {
            let (at, board) = (plan.blueprint.place(id), Arc::clone(&plan.board));
            match head {
                Head::Input {
                    channel, origin, ..
                } => {
                    let intake = Input::new(channel, origin);
                    let line: StageLine<_, _, _, _, _, _, _, M> =
                        StageLine::new(at, board, name, work, intake, ordered, next);
                    plan.roots.push(Arc::new(line));
                }
                Head::Stream { .. } | Head::Stages(_) => {
                    let intake = keys.intake(&board);
                    let line: StageLine<_, _, _, _, _, _, _, M> =
                        StageLine::new(at, board, name, work, intake, ordered, next);
                    head.build(Arc::new(line), plan);
                }
            }
        };
        Pipeline {
            head: Head::Stages(Box::new(build)),
            blueprint,
        }
    }

    /// Adds a stage that does nothing: somebody to carry items.
    fn pass(self) -> Self {
        let pass = stage_sync("pass", |item| Ok(item));
        let mut passing = self.add::<CallSync<_>, _, One>(pass, NodeKind::Stage);
        passing.blueprint.last_never_fails();
        passing
    }

    /// Ends the pipeline in a channel, which is closed when the run ends.
    pub fn to_channel(self, output: Channel<T>) -> Connected<R, E, T, O> {
        Connected::new(self.staged(), output)
    }

    /// The pipeline's stages and how they are joined: what can be printed and drawn before anything runs.
    pub fn blueprint(&self) -> &Blueprint {
        &self.blueprint
    }

    /// Says in words what the stages are, and how much can be inside at most. Nothing is run for it.
    pub fn explain(&self) -> Explanation {
        Explanation::of(&self.blueprint)
    }
}

/// What comes behind a branch, on one of its ways, once that is known.
type Behind<R, E, T, O> = Arc<Mutex<Option<Arc<dyn Line<R, E, T, O>>>>>;

/// Makes one way of a branch: the stages there, and what will come behind the branch on that way.
#[track_caller]
fn way<R: Env, E: Value, A: Value, C: Value, O: Origin>(
    blueprint: Blueprint,
    stages: impl FnOnce(Pipeline<R, E, A, O>) -> Pipeline<R, E, C, O>,
    branch: NodeId,
) -> (Behind<R, E, A, O>, Pipeline<R, E, C, O>) {
    let behind: Behind<R, E, A, O> = Arc::default();
    let found = Arc::clone(&behind);
    let head = Head::Stages(Box::new(move |line, _: &mut Plan<R, E, O>| {
        *found.lock() = Some(line);
    }));
    let pipeline = stages(Pipeline { head, blueprint });
    assert!(
        pipeline.blueprint.has(branch),
        "a way of a branch goes on with the pipeline that it is given"
    );
    (behind, pipeline)
}

impl<R, E, T, O> fmt::Debug for Pipeline<R, E, T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline")
            .field("stages", &self.blueprint)
            .finish_non_exhaustive()
    }
}
