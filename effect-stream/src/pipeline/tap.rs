//! Taps: samples of what comes to a stage, for whoever listens.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use effect_core::{Cx, Defect, Env, Value};
use futures::future::{Either, select};
use parking_lot::Mutex;

use super::handle::PipelineHandle;
use super::stage::Stage;
use super::work::{Failure, Work, Worker};
use crate::Channel;
use crate::source::{Pull, Source};
use crate::stream::Stream;
use crate::stream::generate::Generating;

/// How many samples wait for a listener. What comes while they do is not sampled.
const WAITING: usize = 64;

/// # Watching
impl<W, K> Stage<W, K> {
    /// Lets those who watch the run see samples of what comes to this stage: [`PipelineHandle::tap`].
    ///
    /// The function says how an item is to be shown. It is called for samples only, and only while somebody listens; so it may be
    /// left in for good. Where the stage [tries again](Stage::retry) after this was said, each attempt comes by once, and before, each item.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::{stage_sync, Channel, Pipeline, Stream};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let connected = Pipeline::from_stream(Stream::range(0..5_u32))
    ///     .via(stage_sync("double", |n: u32| Ok::<_, String>(2 * n)).observed(|n| format!("{n:?}")))
    ///     .to_channel(Channel::bounded(8));
    /// let handle = connected.handle();
    /// let every_second = handle.tap::<()>("double", 2).expect("the stage is observed").run_collect();
    /// let (samples, run) = tokio::join!(every_second.into_future(), connected.run().into_future());
    /// run?;
    /// let Ok(samples) = samples;
    /// assert_eq!(samples, ["0", "2", "4"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn observed<A, F>(self, show: F) -> Stage<Observed<W, A, F>, K>
    where
        F: Fn(&A) -> String + Send + Sync + 'static,
    {
        let tap = Arc::new(Tap::default());
        let work_tap = Arc::clone(&tap);
        let mut stage = self.layer("observed".to_owned(), |work| Observed {
            work,
            show,
            tap: work_tap,
            item: std::marker::PhantomData,
        });
        stage.tap = Some(tap);
        stage
    }
}

/// # Watching
impl PipelineHandle {
    /// Emits samples of what comes to a stage: one of `every` so many items, as the stage [shows](Stage::observed) it. `None` if no stage of
    /// this name is observed.
    ///
    /// It never holds up the run: what comes while 64 samples wait to be pulled is not among them.
    ///
    /// - **Pulls** nothing. Nothing is sampled before the first item is wanted.
    /// - **Fails** never.
    /// - **Completes** when the run has ended, after the samples that wait.
    /// - **When interrupted**, stops listening.
    ///
    /// # Panics
    ///
    /// If `every` is 0.
    ///
    /// # Examples
    ///
    /// See [`Stage::observed`].
    #[track_caller]
    pub fn tap<R: Env>(&self, stage: &str, every: u64) -> Option<Stream<R, String, Tapped>> {
        assert!(every > 0, "one of so many items is a sample");
        let tap = self.blueprint().tap(stage)?;
        Some(Stream::of(Tapped {
            handle: self.clone(),
            tap: Arc::clone(tap),
            every,
        }))
    }
}

/// What listens at a stage.
#[derive(Default)]
pub(crate) struct Tap {
    /// How many listen: looked at for each item.
    listening: AtomicUsize,
    listeners: Mutex<Vec<Listener>>,
    last: AtomicU64,
}

struct Listener {
    id: u64,
    every: u64,
    /// How many items have come by.
    seen: u64,
    samples: Channel<String>,
}

impl Tap {
    #[inline]
    fn offer<A>(&self, item: &A, show: &impl Fn(&A) -> String) {
        // Somebody who begins to listen now may miss what comes now.
        if self.listening.load(Ordering::Relaxed) > 0 {
            self.sample(item, show);
        }
    }

    #[cold]
    fn sample<A>(&self, item: &A, show: &impl Fn(&A) -> String) {
        let mut wanted = Vec::new();
        for listener in self.listeners.lock().iter_mut() {
            let nth = listener.seen.is_multiple_of(listener.every);
            listener.seen += 1;
            if nth && listener.samples.len() < WAITING {
                wanted.push(listener.samples.clone());
            }
        }
        if wanted.is_empty() {
            return;
        }
        // Its panic is no failure of the item.
        let text = Defect::catch(|| show(item)).unwrap_or_else(|defect| format!("({defect})"));
        for samples in wanted {
            let _ = samples.push_now(&mut Some(text.clone()));
        }
    }

    fn listen(self: Arc<Self>, every: u64) -> Listening {
        // Only to be told from others.
        let id = self.last.fetch_add(1, Ordering::Relaxed);
        let samples = Channel::bounded(WAITING);
        self.listeners.lock().push(Listener {
            id,
            every,
            seen: 0,
            samples: samples.clone(),
        });
        self.listening.fetch_add(1, Ordering::Relaxed);
        Listening {
            tap: self,
            id,
            samples,
        }
    }
}

/// A listener, until it is dropped.
struct Listening {
    tap: Arc<Tap>,
    id: u64,
    samples: Channel<String>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.tap.listening.fetch_sub(1, Ordering::Relaxed);
        self.tap
            .listeners
            .lock()
            .retain(|listener| listener.id != self.id);
    }
}

/// Works as something else does, and lets samples be seen.
pub struct Observed<W, A, F> {
    work: W,
    show: F,
    tap: Arc<Tap>,
    item: std::marker::PhantomData<fn(A)>,
}

impl<R, A, W, F> Work<R, A> for Observed<W, A, F>
where
    R: Env,
    A: Value,
    W: Work<R, A>,
    F: Fn(&A) -> String + Send + Sync + 'static,
{
    type Error = W::Error;
    type Value = W::Value;

    fn prepare(
        &self,
        worker: Worker<'_, R>,
        workers: usize,
    ) -> impl Future<Output = Result<(), Box<Failure<W::Error>>>> + Send {
        self.work.prepare(worker, workers)
    }

    fn work(
        &self,
        item: A,
        worker: Worker<'_, R>,
    ) -> impl Future<Output = Result<W::Value, Box<Failure<W::Error>>>> + Send {
        self.tap.offer(&item, &self.show);
        self.work.work(item, worker)
    }
}

impl<W, A, F> fmt::Debug for Observed<W, A, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observed").finish_non_exhaustive()
    }
}

/// The source of [`PipelineHandle::tap`].
#[derive(Clone)]
pub struct Tapped {
    handle: PipelineHandle,
    tap: Arc<Tap>,
    every: u64,
}

impl<R: Env> Source<R> for Tapped {
    type Item = String;

    fn open(self, _: &Cx<R>) -> impl Pull<Item = String> + Send {
        Generating::new(async move |mut out| {
            let listening = self.tap.listen(self.every);
            let samples = &listening.samples;
            loop {
                let ended = self.handle.board.ended();
                // What waits comes first.
                let sample = match select(samples.receive(), pin!(ended)).await {
                    Either::Left((sample, _)) => sample.ok(),
                    Either::Right(_) => None,
                };
                let Some(sample) = sample else { return };
                out.emit(sample).await;
            }
        })
    }
}

impl fmt::Debug for Tapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tapped")
            .field("every", &self.every)
            .finish_non_exhaustive()
    }
}
