//! One stream for whoever comes, for as long as somebody does.

use std::sync::Arc;
use std::task::Context;
use std::time::Duration;

use effect_core::sync::{Subscription, SubscriptionRef};
use effect_core::{
    Cause, Cx, Effect, Env, Exit, Hub, IntoEffect, Never, Program, Scope, Value, effect, from_exit,
};
use parking_lot::Mutex;

use super::broadcast::end_hub;
use super::pump::{Polled, TakeNext, pump, taken};
use crate::opaque_debug::opaque_debug;
use crate::source::{Pull, Source};
use crate::stream::Stream;
use crate::stream_e::StreamE;

/// # Sharing
impl<R: Env, A: Value + Clone + Sync, S> Stream<R, A, S> {
    /// Makes a stream whose runs share one run of this one, on a fiber of its own, in the current scope. Each emits what comes while it runs.
    ///
    /// This stream is started with the first of them. When the last is gone, it waits for another one for as long as `idle`, and
    /// is interrupted then; whoever comes after that, or after its end, starts it anew.
    ///
    /// - **Pulls** items while there is a run, until the slowest has `lag` of them to take. One that comes when the last has left is for the next.
    /// - **Fails** never; a defect of this stream is one of each run, after what came before it.
    /// - **Completes**: each run does when this stream has, and it has emitted all.
    /// - **When interrupted**, a run leaves; the others go on. When the scope closes, it interrupts the source, and the
    ///   fibers that take from it, then or later.
    ///
    /// # Panics
    ///
    /// The effect does, if `lag` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, Cx, Never};
    /// use effect_stream::Stream;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let body = effect(async |cx: Cx<()>| {
    ///     let numbers = cx.run(Stream::from_iter(0..).share(1, Duration::from_secs(1))).await?;
    ///     let first = cx.run(numbers.clone().take(1).run_collect()).await?;
    ///     // In time: it goes on where it is.
    ///     let next = cx.run(numbers.clone().take(1).run_collect()).await?;
    ///     cx.sleep(Duration::from_secs(2)).await;
    ///     let late = cx.run(numbers.take(1).run_collect()).await?;
    ///     Ok::<_, Never>([first, next, late])
    /// });
    /// assert_eq!(body.scoped().await, Ok([[0], [1], [0]].map(Vec::from)));
    /// # }
    /// ```
    #[doc(alias = "ref_count")]
    #[doc(alias = "broadcast_dynamic")]
    pub fn share(
        self,
        lag: usize,
        idle: Duration,
    ) -> Effect<R, Never, Stream<R, A, Listened<S, A>>, Share<S>> {
        Effect::of(Share {
            source: self.source,
            lag,
            idle,
        })
    }
}

/// # Sharing
impl<R: Env, E: Value + Clone + Sync, A: Value + Clone + Sync, S> StreamE<R, E, A, S> {
    /// Makes a stream whose runs share one run of this one, failures too. See [`Stream::share`].
    ///
    /// # Panics
    ///
    /// The effect does, if `lag` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, Cx, Never};
    /// use effect_stream::StreamE;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let body = effect(async |cx: Cx<()>| {
    ///     let results = StreamE::from_results([Ok(1), Err("two")]);
    ///     let shared = cx.run(results.share(8, Duration::ZERO)).await?;
    ///     cx.run(shared.run_collect()).await
    /// });
    /// assert_eq!(body.scoped().await, Ok::<_, Never>(vec![Ok(1), Err("two")]));
    /// # }
    /// ```
    pub fn share(
        self,
        lag: usize,
        idle: Duration,
    ) -> Effect<R, Never, StreamE<R, E, A, Listened<S, Result<A, E>>>, ShareE<S>> {
        Effect::of(ShareE(Share {
            source: self.source,
            lag,
            idle,
        }))
    }
}

/// The program of [`Stream::share`].
#[derive(Clone, Debug)]
pub struct Share<S> {
    source: S,
    lag: usize,
    idle: Duration,
}

impl<S> Share<S> {
    fn start<R: Env, A>(self, cx: &Cx<R>) -> Listened<S, A> {
        assert!(
            self.lag > 0,
            "a stream that is shared lags by at least one item"
        );
        Listened {
            shared: Arc::new(Shared {
                source: Mutex::new(self.source),
                lag: self.lag,
                idle: self.idle,
                scope: cx.scope(),
                last: Mutex::new(None),
            }),
        }
    }
}

impl<R: Env, S: Source<R, Item: Clone + Sync> + Clone> Program<R> for Share<S> {
    type Error = Never;
    type Value = Stream<R, S::Item, Listened<S, S::Item>>;

    async fn run(self, cx: &Cx<R>) -> Result<Self::Value, Never> {
        Ok(Stream::of(self.start(cx)))
    }
}

/// The program of [`StreamE::share`].
#[derive(Clone, Debug)]
pub struct ShareE<S>(Share<S>);

impl<R, E, A, S> Program<R> for ShareE<S>
where
    R: Env,
    E: Value + Clone + Sync,
    A: Value + Clone + Sync,
    S: Source<R, Item = Result<A, E>> + Clone,
{
    type Error = Never;
    type Value = StreamE<R, E, A, Listened<S, Result<A, E>>>;

    async fn run(self, cx: &Cx<R>) -> Result<Self::Value, Never> {
        Ok(StreamE::of(self.0.start(cx)))
    }
}

/// The source of what [`Stream::share`] makes.
pub struct Listened<S, A> {
    shared: Arc<Shared<S, A>>,
}

impl<S, A> Clone for Listened<S, A> {
    fn clone(&self) -> Self {
        Listened {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<R, S> Source<R> for Listened<S, S::Item>
where
    R: Env,
    S: Source<R, Item: Clone + Sync> + Clone,
{
    type Item = S::Item;

    fn open(self, cx: &Cx<R>) -> impl Pull<Item = S::Item> + Send {
        taken(cx, move || listen(&self.shared, cx))
    }
}

struct Shared<S, A> {
    source: Mutex<S>,
    lag: usize,
    idle: Duration,
    scope: Scope,
    /// The last that was started, and how many have come to it. It has come to its end if its hub is closed.
    last: Mutex<Option<(Run<A>, u64)>>,
}

/// A run of the stream, for those who listen to it.
struct Run<A> {
    hub: Hub<A, Cause<Never>>,
    /// Told of who has come when the lock of the run is free: it wakes.
    listeners: SubscriptionRef<Listeners>,
}

#[derive(Clone, Copy, Default, PartialEq)]
struct Listeners {
    now: usize,
    /// How many have come: whoever looks late does not miss one who has left again.
    came: u64,
}

impl<A> Clone for Run<A> {
    fn clone(&self) -> Self {
        Run {
            hub: self.hub.clone(),
            listeners: self.listeners.clone(),
        }
    }
}

/// Has one more listen: to the run that there is, or to a new one.
fn listen<R, S>(shared: &Arc<Shared<S, S::Item>>, cx: &Cx<R>) -> Listener<S::Item>
where
    R: Env,
    S: Source<R, Item: Clone + Sync> + Clone,
{
    let mut begun = None;
    let (subscription, run) = {
        let mut last = shared.last.lock();
        let (run, came) = match &mut *last {
            Some(last) if !last.0.hub.is_closed() => last,
            last => {
                let run = Run {
                    hub: Hub::bounded(shared.lag).with_error(),
                    listeners: SubscriptionRef::new(Listeners::default()),
                };
                begun = Some(run.clone());
                last.insert((run, 0))
            }
        };
        *came += 1;
        (run.hub.subscribe(), run.clone())
    };
    // After it has subscribed: while there is a listener, what is sent is received.
    run.listeners.update(|listeners| {
        listeners.now += 1;
        listeners.came += 1;
    });
    // From here on, whatever happens, the listener leaves.
    let listener = Listener {
        _listening: Listening {
            listeners: run.listeners,
        },
        subscription,
    };
    if let Some(run) = begun {
        start(shared, run, cx);
    }
    listener
}

fn start<R, S>(shared: &Arc<Shared<S, S::Item>>, run: Run<S::Item>, cx: &Cx<R>)
where
    R: Env,
    S: Source<R, Item: Clone + Sync> + Clone,
{
    let source = shared.source.lock().clone();
    let watching = watch(Arc::clone(shared), run.clone());
    let source = Stream::of(source).with_background(watching).into_values();
    let Run { hub, listeners } = run;
    let out = hub.clone();
    let send = move |item| {
        let (out, listeners) = (out.clone(), listeners.clone());
        async move {
            // Whoever has waited for this item may have left, and while nobody listens, the next one is not pulled.
            let somebody = || listeners.wait_until(|listeners| listeners.now > 0);
            let Ok(_) = somebody().await;
            // It is open until the stream has ended.
            let _ = out.publish(item).await;
            let Ok(_) = somebody().await;
            true
        }
    };
    let source = source.into_source();
    drop(pump(cx, &shared.scope, source, send, move |exit| {
        end_hub(&hub, exit)
    }));
}

/// Interrupts the run that it is a part of when nobody has listened for too long.
fn watch<R: Env, S: Send + 'static, A: Value + Clone + Sync>(
    shared: Arc<Shared<S, A>>,
    run: Run<A>,
) -> Effect<R, Never, (), impl Program<R, Error = Never, Value = ()>> {
    effect(async move |cx: Cx<R>| {
        loop {
            let nobody = run.listeners.wait_until(|listeners| listeners.now == 0);
            let Ok(Listeners { came, .. }) = nobody.await;
            let another = run
                .listeners
                .wait_until(move |listeners| listeners.came > came);
            let next = cx
                .run(another.into_effect().timeout_opt(shared.idle))
                .await?;
            if next.is_none() && shared.give_up(came) {
                let interrupted = Exit::Failure(Cause::interrupt(None));
                return cx.run(from_exit(interrupted)).await;
            }
        }
    })
}

impl<S, A> Shared<S, A> {
    /// Has nobody listen to a run any more, unless somebody has come after those.
    fn give_up(&self, came: u64) -> bool {
        let mut last = self.last.lock();
        let nobody_came = last.as_ref().is_some_and(|last| last.1 == came);
        if nobody_came {
            *last = None;
        }
        nobody_came
    }
}

/// One who listens to a run.
struct Listener<A> {
    // First, as it has come: while there is a listener, what is sent is received.
    _listening: Listening,
    subscription: Subscription<A, Cause<Never>>,
}

struct Listening {
    listeners: SubscriptionRef<Listeners>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.listeners.update(|listeners| listeners.now -= 1);
    }
}

impl<A: Value + Clone + Sync> TakeNext for Listener<A> {
    type Item = A;

    fn poll_take(&mut self, task: &mut Context<'_>) -> Polled<A> {
        self.subscription.poll_take(task)
    }
}

opaque_debug!(Listened<S, A>);
