//! A pipeline that has an output: it can run.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use effect_core::{Cause, Cx, Effect, Env, Fiber, Never, Value, effect, sync};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use parking_lot::Mutex;

use super::Pipeline;
use super::blueprint::{Blueprint, BlueprintNode, NodeId, NodeKind};
use super::board::Board;
use super::delivery::Delivery;
use super::desk::{ErrorsFull, Halt, Routes};
use super::explain::Explanation;
use super::handle::PipelineHandle;
use super::head::Plan;
use super::line::NotReady;
use super::metering::Meter;
use super::origin::Origin;
use super::report::{Failed, PipelineError, PipelineReport};
use super::runner::Crew;
use super::telling::RunSpan;
use crate::Channel;

/// A pipeline that has an output, and can run.
#[must_use = "a pipeline is a description: nothing happens until it is run"]
pub struct Connected<R, E, T, O = ()> {
    pipeline: Pipeline<R, E, T, O>,
    end: NodeId,
    blueprint: Arc<Blueprint>,
    board: Arc<Board>,
    ending: Ending,
    output: Channel<T>,
    errors: Option<Channel<Failed<E, O>>>,
    full: ErrorsFull,
}

impl<R: Env, E: Value, T: Value, O: Origin> Connected<R, E, T, O> {
    pub(super) fn new(mut pipeline: Pipeline<R, E, T, O>, output: Channel<T>) -> Self {
        let end = NodeId::fresh();
        pipeline.blueprint.push(BlueprintNode {
            id: end,
            name: "output".into(),
            kind: NodeKind::Output,
            workers: 0,
            buffer: 0,
            ordered: false,
            may_fail: false,
            notes: Vec::new(),
            item_bytes: size_of::<T>() + size_of::<O>(),
        });
        let blueprint = Arc::new(pipeline.blueprint.clone());
        let board = Arc::new(Board::new(Arc::clone(&blueprint)));
        Connected {
            pipeline,
            end,
            blueprint,
            ending: Ending {
                board: Arc::clone(&board),
            },
            board,
            output,
            errors: None,
            full: ErrorsFull::Wait,
        }
    }

    /// Routes failures to a channel, which is closed when the run ends. Without one, the first failure ends
    /// the run.
    ///
    /// A full error channel makes the workers that have failures wait, so somebody has to read it: see
    /// [`when_errors_are_full`](Connected::when_errors_are_full). One that is closed by somebody else ends the run at the
    /// next failure.
    pub fn with_error_channel(mut self, errors: Channel<Failed<E, O>>) -> Self {
        Arc::make_mut(&mut self.blueprint).routes_failures = true;
        Connected {
            errors: Some(errors),
            ..self
        }
    }

    /// Says what becomes of a failure that the error channel has no room for: it [waits](ErrorsFull::Wait), unless it is
    /// only to be [counted](ErrorsFull::Count).
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::{stage_sync, Channel, ErrorsFull, Pipeline, Stream};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // Nobody reads either channel before the run has ended.
    /// let (output, errors) = (Channel::<u32>::bounded(1), Channel::bounded(2));
    /// let report = Pipeline::from_stream(Stream::range(0..100))
    ///     .via(stage_sync("refuse", |n: u32| Err::<u32, _>(n)))
    ///     .to_channel(output)
    ///     .with_error_channel(errors.clone())
    ///     .when_errors_are_full(ErrorsFull::Count)
    ///     .run()
    ///     .await?;
    /// assert_eq!((report.failed, report.unreported, errors.len()), (100, 98, 2));
    /// # Ok(())
    /// # }
    /// ```
    pub fn when_errors_are_full(self, full: ErrorsFull) -> Self {
        Connected { full, ..self }
    }

    /// Gives the run a name, by which those who watch it tell it from others. It is "pipeline" otherwise.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::{stage_sync, Channel, Pipeline, Stream};
    ///
    /// let orders = Pipeline::<(), _, _>::from_stream(Stream::from_iter(["1", "2"]))
    ///     .via(stage_sync("parse", str::parse::<u64>))
    ///     .to_channel(Channel::bounded(16))
    ///     .named("orders");
    /// assert_eq!(orders.handle().name(), "orders");
    /// ```
    pub fn named(self, name: impl Into<Arc<str>>) -> Self {
        self.board.set_name(name.into());
        self
    }

    /// A handle to the run: its counts while it runs and after it, and how to drain it or to make it pause.
    pub fn handle(&self) -> PipelineHandle {
        PipelineHandle::new(Arc::clone(&self.board), Arc::clone(&self.blueprint))
    }

    /// The pipeline's stages and how they are joined.
    pub fn blueprint(&self) -> &Blueprint {
        &self.blueprint
    }

    /// Says in words what the stages are, and how much can be inside at most. Nothing is run for it.
    pub fn explain(&self) -> Explanation {
        Explanation::of(&self.blueprint)
    }

    /// Describes a run of the pipeline, to its report.
    ///
    /// # Errors
    ///
    /// [`PipelineError`] when a failure has nowhere to go, the output is closed by somebody else, or a stage's workers do
    /// not get what they need. It carries the report as well.
    ///
    /// # Panics
    ///
    /// A panic outside of the stages, in the stream of [`from_stream`](Pipeline::from_stream) say, ends the run and
    /// is a defect of the effect: nothing after it runs. Run a second time, the effect dies.
    ///
    /// # Cancel safety
    ///
    /// Interrupted, it waits for its runners' finalizers. [`handle`](Connected::handle) tells then what became
    /// of the items. Dropped before it has begun, it closes the output and the error channel as well.
    pub fn run(self) -> Effect<R, PipelineError<E, O>, PipelineReport> {
        let Connected {
            pipeline,
            end,
            blueprint,
            board,
            ending,
            output,
            errors,
            full,
        } = self;
        let halt = Channel::bounded(1);
        let routes = Arc::new(Routes {
            errors: errors.clone(),
            full,
            halt: halt.clone(),
            halted: AtomicBool::new(false),
        });
        let crew: Arc<Mutex<Option<(Fiber<Never, ()>, RunSpan)>>> = Arc::default();
        let (hired, target) = (Arc::clone(&crew), output.clone());
        let (counts, begun) = (Arc::clone(&board), Arc::clone(&board));
        let (last, meter) = (Arc::clone(&board), Meter::new(&board));
        let metered = meter.clone();
        let run = effect(async move |cx: Cx<R>| {
            let ended = halt.clone();
            let work = effect(async move |cx: Cx<R>| {
                let mut plan = Plan {
                    blueprint: Arc::clone(&blueprint),
                    board: Arc::clone(&board),
                    roots: Vec::new(),
                    feeds: Vec::new(),
                };
                let delivery = Delivery::new(blueprint.place(end), &board, target);
                pipeline.head.build(Arc::new(delivery), &mut plan);
                metered.beside(&cx, work(plan, board, routes, &cx)).await;
                Ok::<(), Never>(())
            })
            .ensuring(sync(move || ended.close()));
            let span = RunSpan::open(begun.name());
            let crew = cx.fork_named("pipeline", span.around(work.erase_once()));
            *hired.lock() = Some((crew, span));
            // Closed by the crew's end, with nothing in it unless the run was halted.
            Ok(halt.receive().await.ok())
        });
        let crew_end = CrewEnd::default();
        let (ended, died) = (crew_end.clone(), crew_end.clone());
        let closing = Closing {
            output,
            errors,
            _ending: ending,
        };
        // However the run ends, its crew has ended before anybody sees that.
        let dismiss = effect(async move |cx: Cx<R>| {
            let crew = crew.lock().take();
            if let Some((crew, span)) = crew {
                let exit = cx.run(crew.interrupt()).await?;
                *ended.cause.lock() = exit.into_result().err();
                span.ended(&last.report());
                meter.tell();
            }
            drop(closing);
            Ok(())
        });
        run.ensuring(dismiss)
            .flat_map(move |halt| {
                let report = counts.report();
                async move {
                    let report_of = Box::new;
                    match halt {
                        None => {
                            crew_end.check(false);
                            Ok(report)
                        }
                        Some(Halt::Failed(failed)) => Err(PipelineError::Failed {
                            failed: Box::new(failed),
                            report: report_of(report),
                        }),
                        Some(Halt::OutputClosed) => Err(PipelineError::OutputClosed {
                            report: report_of(report),
                        }),
                        Some(Halt::NotReady(NotReady { stage, failure })) => {
                            Err(PipelineError::NotReady {
                                stage,
                                fault: failure.fault,
                                report: report_of(report),
                            })
                        }
                    }
                }
            })
            // A failure is told first, and so is an interruption; the death of a runner comes after it.
            .ensuring(sync(move || died.check(true)))
            .erase_once()
    }
}

/// Runs a plan to its end, by as many runners as can work at the same time.
async fn work<R: Env, E: Value, O: Origin>(
    plan: Plan<R, E, O>,
    board: Arc<Board>,
    routes: Arc<Routes<E, O>>,
    cx: &Cx<R>,
) {
    let Plan { roots, feeds, .. } = plan;
    for root in &roots {
        if let Err(not_ready) = root.prepare(cx).await {
            routes.halt(Halt::NotReady(not_ready));
            return;
        }
    }
    let runners = board
        .lock()
        .workers()
        .min(cx.runtime().parallelism())
        .max(1);
    let crew = Arc::new(Crew {
        board,
        routes,
        roots,
    });
    let mut fibers = FuturesUnordered::new();
    for feed in feeds {
        let body = effect(async move |cx: Cx<R>| {
            cx.settling(feed(&cx)).await;
            Ok::<(), Never>(())
        });
        fibers.push(join(cx, "source", body.erase_once()));
    }
    for _ in 0..runners {
        let crew = Arc::clone(&crew);
        let body = effect(async move |cx: Cx<R>| {
            cx.settling(crew.run(&cx)).await;
            Ok::<(), Never>(())
        });
        fibers.push(join(cx, "runner", body.erase_once()));
    }
    drop(crew);
    // Whoever ends first is heard first: one that is lost ends the run, and the others may wait for it.
    while let Some(ended) = fibers.next().await {
        let Ok(()) = ended;
    }
}

/// Starts a fiber of the run, and waits for it.
fn join<R: Env>(
    cx: &Cx<R>,
    name: &'static str,
    body: Effect<R, Never, ()>,
) -> impl Future<Output = Result<(), Never>> {
    cx.run(cx.fork_named(name, body).join())
}

/// How the crew of a run ended, where it did not just end.
#[derive(Clone, Default)]
struct CrewEnd {
    cause: Arc<Mutex<Option<Cause<Never>>>>,
}

impl CrewEnd {
    /// Panics if a runner died; or was interrupted, and not by the run itself.
    fn check(&self, dismissed: bool) {
        if let Some(cause) = self.cause.lock().take()
            && (cause.is_die() || !dismissed)
        {
            panic!("a runner of the pipeline was lost: {cause}");
        }
    }
}

/// Closes what a run has been given to write into, also when it is dropped before it has begun: somebody may
/// wait for what will never come.
struct Closing<T, E, O> {
    output: Channel<T>,
    errors: Option<Channel<Failed<E, O>>>,
    /// Dropped after these are closed.
    _ending: Ending,
}

impl<T, E, O> Drop for Closing<T, E, O> {
    fn drop(&mut self) {
        self.output.close();
        if let Some(errors) = &self.errors {
            errors.close();
        }
    }
}

/// Tells those who watch that the run has ended, or will never begin.
struct Ending {
    board: Arc<Board>,
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.board.end();
    }
}

impl<R, E, T, O> fmt::Debug for Connected<R, E, T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connected")
            .field("stages", &self.blueprint)
            .finish_non_exhaustive()
    }
}
