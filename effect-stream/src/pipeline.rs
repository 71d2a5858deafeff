//! The pipeline: stages with workers between channels, failures on a channel of their own, every item counted.

use std::fmt;
use std::sync::Arc;

use effect_core::{Cause, Cx, Effect, Env, Fiber, IntoEffect, Never, Value, effect, sync};
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use parking_lot::Mutex;

use crate::source::Source;
use crate::{Channel, Stream};

pub(crate) mod stage;
pub(crate) mod report;
mod inlet;
mod outlet;
mod feed;
mod failures;
mod ticket;
mod worker;

use failures::Failures;
use feed::feed;
use inlet::Inlet;
use outlet::Outlet;
use report::{Failed, PipelineError, PipelineReport};
use stage::{Stage, StageError};
use ticket::Ledger;
use worker::Worker;

/// Stages with workers, between channels. Failures have a channel of their own.
///
/// Every item that is received ends as exactly one of delivered, failed, or abandoned, and the
/// [`PipelineReport`] adds up: a ticket travels with each item, in every queue and every hand. Memory is
/// bounded whatever the producer does: each stage has a bounded queue, and a full one makes those before it
/// wait. Items move in batches of what is ready; no batch is ever waited for.
///
/// - **Pulls** what its stages have room for.
/// - **Fails** at the first failure, where there is no error channel; what is inside is abandoned, and counted.
/// - **Completes** when the input is closed and everything inside has been delivered or has failed; then the
///   output and the error channel are closed. Closing the input is thus how one drains it.
/// - **When interrupted**, interrupts all workers, waits for them, closes the output and the error channel, and
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
pub struct Pipeline<R, E, T> {
    head: Head<R, E, T>,
    ledger: Arc<Ledger>,
}

/// What stands before the next stage.
enum Head<R, E, T> {
    /// The input channel itself.
    Input(Channel<T>),
    /// Something that writes into an outlet, once it has one.
    Writing(Box<dyn FnOnce(Outlet<T>, &mut Plan<R, E>) + Send>),
}

/// All that a run will start, built from the end to the beginning.
struct Plan<R, E> {
    tasks: Vec<Task<R>>,
    failures: Failures<E>,
}

/// One fiber of the run: its name, and what it does.
struct Task<R> {
    name: Arc<str>,
    start: Box<dyn FnOnce(Cx<R>) -> BoxFuture<'static, ()> + Send>,
}

/// Why a run ends before its input does.
enum Halt<E> {
    Failed(Failed<E>),
    OutputClosed,
}

impl<R: Env, E: Value, T: Value> Pipeline<R, E, T> {
    /// Begins a pipeline that reads a channel until it is closed.
    pub fn from_channel(input: Channel<T>) -> Self {
        Pipeline {
            head: Head::Input(input),
            ledger: Arc::default(),
        }
    }

    /// Begins a pipeline that reads a stream to its end.
    pub fn from_stream<S: Source<R, Item = T>>(stream: Stream<R, T, S>) -> Self {
        let ledger: Arc<Ledger> = Arc::default();
        let tickets = Arc::clone(&ledger);
        let head = Head::Writing(Box::new(move |outlet, plan: &mut Plan<R, E>| {
            let failures = plan.failures.clone();
            plan.start("source".into(), move |cx| async move {
                let fed = feed(stream.source, &cx, &tickets, outlet);
                if cx.settling(fed).await.is_err() {
                    failures.halt(Halt::OutputClosed).await;
                }
            });
        }));
        Pipeline { head, ledger }
    }

    /// Adds a stage: each of its workers takes an item, runs the stage's effect, and passes its value on.
    pub fn via<B, F, I>(self, stage: Stage<F>) -> Pipeline<R, E, B>
    where
        B: Value,
        I: IntoEffect<R, Value = B> + StageError<R, E, <I as IntoEffect<R>>::Error>,
        F: Fn(T) -> I + Send + Sync + 'static, // It takes what the stage before it gives.
    {
        let Pipeline { head, ledger } = self;
        let tickets = Arc::clone(&ledger);
        let writing = move |outlet: Outlet<B>, plan: &mut Plan<R, E>| {
            let inlet = match head {
                Head::Input(channel) => Inlet::Input(channel, tickets),
                Head::Writing(write) => {
                    let queue = Channel::bounded(stage.buffer);
                    write(Outlet::queue(queue.clone()), plan);
                    Inlet::Queue(queue)
                }
            };
            let f = Arc::new(stage.f);
            for _ in 0..stage.workers {
                let worker = Worker {
                    stage: Arc::clone(&stage.name),
                    f: Arc::clone(&f),
                    alone: stage.workers == 1,
                    inlet: inlet.clone(),
                    outlet: outlet.clone(),
                    failures: plan.failures.clone(),
                };
                plan.start(Arc::clone(&stage.name), move |cx| worker.work(cx));
            }
        };
        Pipeline {
            head: Head::Writing(Box::new(writing)),
            ledger,
        }
    }

    /// Ends the pipeline in a channel, which is closed when the run ends.
    pub fn to_channel(self, output: Channel<T>) -> Connected<R, E, T> {
        // A pipeline without a stage still has somebody to carry its items.
        let pipeline = match self.head {
            Head::Input(_) => self.via(stage::stage("pass", |item| async move { Ok(item) })),
            Head::Writing(_) => self,
        };
        Connected {
            pipeline,
            output,
            errors: None,
        }
    }
}

impl<R: Env, E> Plan<R, E> {
    fn start<F, Fut>(&mut self, name: Arc<str>, start: F)
    where
        F: FnOnce(Cx<R>) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.tasks.push(Task {
            name,
            start: Box::new(|cx| Box::pin(start(cx))),
        });
    }
}

/// A pipeline that has an output, and can run.
#[must_use = "a pipeline is a description: nothing happens until it is run"]
pub struct Connected<R, E, T> {
    pipeline: Pipeline<R, E, T>,
    output: Channel<T>,
    errors: Option<Channel<Failed<E>>>,
}

impl<R: Env, E: Value, T: Value> Connected<R, E, T> {
    /// Routes failures to a channel, which is closed when the run ends. Without one, the first failure ends
    /// the run.
    ///
    /// A full error channel makes the workers that have failures wait, so somebody has to read it.
    pub fn with_error_channel(self, errors: Channel<Failed<E>>) -> Self {
        Connected {
            errors: Some(errors),
            ..self
        }
    }

    /// A view of the counts, to be read while the pipeline runs and after it was interrupted.
    pub fn progress(&self) -> Progress {
        Progress {
            ledger: Arc::clone(&self.pipeline.ledger),
        }
    }

    /// Describes a run of the pipeline, to its report.
    ///
    /// # Errors
    ///
    /// [`PipelineError`] when a failure has nowhere to go, or the output is closed by somebody else. It carries
    /// the report as well.
    ///
    /// # Panics
    ///
    /// A panic outside of the stages, in the stream of [`from_stream`](Pipeline::from_stream) say, ends the run and
    /// is a defect of the effect: nothing after it runs. Run a second time, the effect dies.
    ///
    /// # Cancel safety
    ///
    /// Interrupted, it waits for its workers' finalizers. [`progress`](Connected::progress) tells then what became
    /// of the items. Dropped before it has begun, it closes the output and the error channel as well.
    pub fn run(self) -> Effect<R, PipelineError<E>, PipelineReport> {
        let Connected {
            pipeline: Pipeline { head, ledger },
            output,
            errors,
        } = self;
        let halt = Channel::bounded(1);
        let failures = Failures {
            errors: errors.clone(),
            halt: halt.clone(),
            halted: Arc::default(),
        };
        let crew: Arc<Mutex<Option<Fiber<Never, ()>>>> = Arc::default();
        let (hired, target) = (Arc::clone(&crew), output.clone());
        let run = effect(async move |cx: Cx<R>| {
            let mut plan = Plan {
                tasks: Vec::new(),
                failures,
            };
            match head {
                Head::Writing(write) => write(Outlet::output(target), &mut plan),
                Head::Input(_) => unreachable!("a connected pipeline has a stage"),
            }
            let ended = halt.clone();
            let work = effect(async move |cx: Cx<R>| {
                let work = |task: Task<R>| {
                    let start = task.start;
                    let body = effect(async move |cx| {
                        start(cx).await;
                        Ok::<(), Never>(())
                    });
                    cx.run(cx.fork_named(task.name, body).join())
                };
                // Whoever ends first is heard first: one that is lost ends the run, and the others may wait for it.
                let mut workers: FuturesUnordered<_> = plan.tasks.into_iter().map(work).collect();
                while let Some(ended) = workers.next().await {
                    ended?;
                }
                Ok::<(), Never>(())
            })
            .ensuring(sync(move || ended.close()));
            let crew = cx.fork_named("pipeline", work);
            *hired.lock() = Some(crew);
            // Closed by the crew's end, with nothing in it unless the run was halted.
            Ok(halt.receive().await.ok())
        });
        let crew_end = CrewEnd::default();
        let (ended, died) = (crew_end.clone(), crew_end.clone());
        let closing = Closing { output, errors };
        // However the run ends, its crew has ended before anybody sees that.
        let dismiss = effect(async move |cx: Cx<R>| {
            let crew = crew.lock().take();
            if let Some(crew) = crew {
                let exit = cx.run(crew.interrupt()).await?;
                *ended.cause.lock() = exit.into_result().err();
            }
            drop(closing);
            Ok(())
        });
        run.ensuring(dismiss)
            .flat_map(move |halt| {
                let report = ledger.report();
                async move {
                    match halt {
                        None => {
                            crew_end.check(false);
                            Ok(report)
                        }
                        Some(Halt::Failed(failed)) => {
                            let failed = Box::new(failed);
                            Err(PipelineError::Failed { failed, report })
                        }
                        Some(Halt::OutputClosed) => Err(PipelineError::OutputClosed { report }),
                    }
                }
            })
            // A failure is told first, and so is an interruption; the death of a worker comes after it.
            .ensuring(sync(move || died.check(true)))
            .erase_once()
    }
}

/// How the crew of a run ended, where it did not just end.
#[derive(Clone, Default)]
struct CrewEnd {
    cause: Arc<Mutex<Option<Cause<Never>>>>,
}

impl CrewEnd {
    /// Panics if a worker died; or was interrupted, and not by the run itself.
    fn check(&self, dismissed: bool) {
        if let Some(cause) = self.cause.lock().take()
            && (cause.is_die() || !dismissed)
        {
            panic!("a worker of the pipeline was lost: {cause}");
        }
    }
}

/// Closes what a run has been given to write into, also when it is dropped before it has begun: somebody may
/// wait for what will never come.
struct Closing<T, E> {
    output: Channel<T>,
    errors: Option<Channel<Failed<E>>>,
}

impl<T, E> Drop for Closing<T, E> {
    fn drop(&mut self) {
        self.output.close();
        if let Some(errors) = &self.errors {
            errors.close();
        }
    }
}

/// A view of a run's counts.
#[derive(Clone, Debug)]
pub struct Progress {
    ledger: Arc<Ledger>,
}

impl Progress {
    /// The counts at this moment.
    pub fn report(&self) -> PipelineReport {
        self.ledger.report()
    }
}

impl<R, E, T> fmt::Debug for Pipeline<R, E, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline")
            .field("so far", &self.ledger.report())
            .finish_non_exhaustive()
    }
}

impl<R, E, T> fmt::Debug for Connected<R, E, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connected")
            .field("pipeline", &self.pipeline)
            .finish_non_exhaustive()
    }
}
