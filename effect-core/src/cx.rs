//! What a running effect has: its environment, its fiber, its scope and the runtime.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::attempting::{attempting, attempting_since};
use crate::cleanup::{Mark, Owed, Owing};
use crate::fiber::{FiberId, FiberState};
use crate::frame::Frame;
use crate::local::Locals;
use crate::mask::Mask;
use crate::net::net;
use crate::poll;
use crate::program::{self, Outcome};
use crate::scope::{Scope, ScopeState};
use crate::settled::settled;
use crate::{Cause, Defect, Env, IntoEffect, Never, Runtime, WaitsFor};

mod forking;

/// What a running effect has: the environment `R`, the fiber it runs on, the scope it is in, the runtime.
///
/// It is given to every [`effect`](crate::effect) body, and is cheap to clone. It belongs to the task of its fiber:
/// in another task, [`fork`](Cx::fork) is what to do with it. What is [run](Cx::run) there by it is not interrupted with
/// the fiber, and what it owes after the fiber's end is done by the runtime.
///
/// # Examples
///
/// ```
/// use effect_core::{effect, succeed, Cx, Never};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let greeting = effect(async |cx: Cx<String>| {
///     let exclaimed = cx.run(succeed::<_, Never, _>("!")).await?;
///     Ok::<_, Never>(format!("hello, {}{exclaimed}", cx.env()))
/// });
/// assert_eq!(greeting.provide("world".to_owned()).await, Ok("hello, world!".to_owned()));
/// # }
/// ```
pub struct Cx<R> {
    env: Arc<R>,
    fiber: Arc<FiberState>,
    // `None` is a frame with nothing in it, which needs no allocation.
    frame: Option<Arc<Frame>>,
}

impl<R> Cx<R> {
    pub(crate) fn new(env: Arc<R>, fiber: Arc<FiberState>) -> Self {
        Cx {
            env,
            fiber,
            frame: None,
        }
    }

    pub(crate) fn with_env<R2>(&self, env: Arc<R2>) -> Cx<R2> {
        Cx {
            env,
            fiber: Arc::clone(&self.fiber),
            frame: self.frame.clone(),
        }
    }

    /// A copy of the frame, to be changed.
    pub(crate) fn frame(&self) -> Frame {
        self.frame.as_deref().cloned().unwrap_or_default()
    }

    pub(crate) fn with_frame(&self, frame: Frame) -> Self {
        Cx {
            env: Arc::clone(&self.env),
            fiber: Arc::clone(&self.fiber),
            frame: Some(Arc::new(frame)),
        }
    }

    /// With a frame that nobody changes.
    pub(crate) fn in_frame(self, frame: Arc<Frame>) -> Self {
        Cx {
            frame: Some(frame),
            ..self
        }
    }

    pub(crate) fn with_scope(&self, scope: Arc<ScopeState>) -> Self {
        self.with_frame(Frame {
            scope: Some(scope),
            ..self.frame()
        })
    }

    /// Makes a mask for a program that is about to take it for its own, at the root of a fiber.
    pub(crate) fn expect_mask(&mut self) -> Arc<Mask> {
        let mask = Arc::<Mask>::default();
        *self = self.with_frame(Frame {
            root_mask: Some(Arc::clone(&mask)),
            ..self.frame()
        });
        mask
    }

    /// A context of this fiber with nothing that holds for a part of an effect: no scope, no mask, no locals.
    pub(crate) fn bare(&self) -> Self {
        Cx::new(Arc::clone(&self.env), Arc::clone(&self.fiber))
    }

    /// The context of a child: its locals are those of here, and no mask or scope is.
    pub(crate) fn of_child(&self, child: Arc<FiberState>) -> Self {
        let cx = Cx::new(Arc::clone(&self.env), child);
        match self.locals() {
            Some(locals) if !locals.is_empty() => cx.with_frame(Frame {
                locals: locals.clone(),
                ..Frame::default()
            }),
            _ => cx,
        }
    }

    /// The innermost mask that the effect is under, if it is under one.
    pub(crate) fn mask(&self) -> Option<&Arc<Mask>> {
        self.frame.as_ref()?.mask.as_ref()
    }

    pub(crate) fn locals(&self) -> Option<&Locals> {
        Some(&self.frame.as_ref()?.locals)
    }

    pub(crate) fn fiber(&self) -> &Arc<FiberState> {
        &self.fiber
    }

    pub(crate) fn scope_state(&self) -> &Arc<ScopeState> {
        let scope = self.frame.as_ref().and_then(|frame| frame.scope.as_ref());
        match scope {
            Some(scope) => scope,
            None => self.fiber.scope(),
        }
    }

    /// The scope that acquisitions here are released with: that of the nearest [`scoped`](crate::Effect::scoped), or the
    /// fiber's own.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, succeed, sync, Cx, Never};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (log, lines) = std::sync::mpsc::channel();
    /// let body = effect(async move |cx: Cx<()>| {
    ///     let closed = log.clone();
    ///     cx.run(cx.scope().add_finalizer(sync(move || closed.send("closed").unwrap()))).await?;
    ///     log.send("open").unwrap();
    ///     Ok::<_, Never>(())
    /// });
    /// assert_eq!(body.scoped().await, Ok(()));
    /// assert_eq!(lines.iter().collect::<Vec<_>>(), ["open", "closed"]);
    /// # }
    /// ```
    pub fn scope(&self) -> Scope {
        Scope::of(Arc::clone(self.scope_state()))
    }

    /// The environment.
    pub fn env(&self) -> &R {
        &self.env
    }

    /// The environment, to be given to effects that run elsewhere.
    pub fn share_env(&self) -> Arc<R> {
        Arc::clone(&self.env)
    }

    /// The runtime that drives this fiber.
    pub fn runtime(&self) -> &Arc<dyn Runtime> {
        self.fiber.runtime()
    }

    /// The identity of the running fiber.
    pub fn fiber_id(&self) -> FiberId {
        self.fiber.id()
    }

    /// The current time, by the runtime's clock.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, Cx, Never};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let body = effect(async |cx: Cx<()>| {
    ///     let begun = cx.now();
    ///     cx.sleep(Duration::from_secs(60)).await;
    ///     Ok::<_, Never>((cx.now() - begun).as_secs())
    /// });
    /// assert_eq!(body.await, Ok(60));
    /// # }
    /// ```
    pub fn now(&self) -> Instant {
        self.runtime().now()
    }

    /// The current time of day, by the runtime's clock.
    pub fn wall_now(&self) -> SystemTime {
        self.runtime().wall_now()
    }

    /// A random number, by the runtime's generator: the one thing to ask for chance in an effect, so that a run
    /// with a seed is the same run again.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, Cx, Never};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let dice = effect(async |cx: Cx<()>| Ok::<_, Never>(cx.random() % 6 + 1));
    /// assert!((1..=6).contains(&dice.await.unwrap()));
    /// # }
    /// ```
    pub fn random(&self) -> u64 {
        self.runtime().random()
    }

    /// Waits for the given time, by the runtime's clock.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it has no effect.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, Cx, Never};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let polite = effect(async |cx: Cx<()>| {
    ///     cx.sleep(Duration::from_millis(10)).await;
    ///     Ok::<_, Never>("now")
    /// });
    /// assert_eq!(polite.await, Ok("now"));
    /// # }
    /// ```
    #[track_caller]
    pub fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send + use<R> {
        self.sleep_there(duration, WaitsFor::here("a time"))
    }

    /// Waits for the given time, where somebody else has said so.
    pub(crate) fn sleep_there(
        &self,
        duration: Duration,
        waits_for: WaitsFor,
    ) -> impl Future<Output = ()> + Send + use<R> {
        let timer = self.runtime().sleep_until(deadline(self.now(), duration));
        waits_for.told_by(timer)
    }
}

impl<R: Env> Cx<R> {
    /// Runs an effect, in this environment and on this fiber: what `.await` is for futures.
    ///
    /// # Errors
    ///
    /// What the effect fails with.
    ///
    /// # Panics
    ///
    /// With the effect's defect, if it dies: a defect goes through a body as a panic, so a `catch_unwind` in it catches that,
    /// after which the fiber goes on. [`Effect::exit`](crate::Effect::exit) is the way to look at a defect.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future interrupts the effect. Its asynchronous finalizers then run on the fiber, which
    /// does not end before they have: a foreign `select!` around this call loses none of them.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, fail, succeed, Cx};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let body = effect(async |cx: Cx<()>| {
    ///     let found = cx.run(succeed::<_, &str, _>(20)).await?;
    ///     let missing = cx.run(fail::<_, _, i32>("no route")).await.unwrap_or(22);
    ///     Ok::<_, &str>(found + missing)
    /// });
    /// assert_eq!(body.await, Ok(42));
    /// # }
    /// ```
    pub fn run<I: IntoEffect<R>>(
        &self,
        effect: I,
    ) -> impl Future<Output = Outcome<R, I::Program>> + Send + use<'_, R, I> {
        program::run(effect.into_effect().program, self)
    }

    /// Awaits a future and drops it, then waits for the finalizers that its drop owes.
    ///
    /// What polls effects by hand, as a race does, goes through this, so that whatever was dropped half-way
    /// has ended before anybody goes on.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it leaves the rest to the fiber, which does not end before it is done.
    pub fn settling<F: Future>(
        &self,
        future: F,
    ) -> impl Future<Output = F::Output> + use<'_, R, F> {
        settled(&self.fiber, future)
    }

    /// Drops what a closure drops, and has the finalizers that this owes, if any: for streams and futures of one's own that
    /// are polled by hand, where [`settling`](Cx::settling) is for those that are awaited.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, never, sync, Cx, Effect, Never};
    /// use std::sync::atomic::{AtomicBool, Ordering};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// static CLOSED: AtomicBool = AtomicBool::new(false);
    /// let dropping = effect(async |cx: Cx<()>| {
    ///     let connection: Effect<(), Never, ()> = never().erase();
    ///     let held = connection.on_interrupt(sync(|| CLOSED.store(true, Ordering::Relaxed)));
    ///     let mut held = Box::pin(cx.run(held));
    ///     assert!(futures::poll!(&mut held).is_pending());
    ///     if let Some(owed) = cx.owed_by(|| drop(held)) {
    ///         owed.await;
    ///     }
    ///     Ok::<_, Never>(CLOSED.load(Ordering::Relaxed))
    /// });
    /// assert_eq!(dropping.await, Ok(true));
    /// # }
    /// ```
    pub fn owed_by(&self, drop: impl FnOnce()) -> Option<Owed> {
        let before = self.fiber.mark();
        drop();
        Owed::since(before, &self.fiber)
    }

    /// Awaits a future and drops it, turns its panic into a defect, and waits for the finalizers that are owed.
    ///
    /// For loops that outlive a failing step, and run many steps under one such call;
    /// [`exit`](crate::Effect::exit) does it for one effect.
    ///
    /// # Errors
    ///
    /// The defect, if the future panicked, and those of the finalizers that its end owed. Where it did not panic,
    /// such defects stay to be taken, and its output is what counts.
    ///
    /// # Cancel safety
    ///
    /// As [`settling`](Cx::settling).
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, Cx, Never};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let body = effect(async |cx: Cx<()>| {
    ///     let mut steps = Vec::new();
    ///     for n in [1_u32, 0, 2] {
    ///         let step = cx.catching(async move { 10_u32.checked_div(n).expect("a divisor") });
    ///         steps.push(step.await.ok());
    ///     }
    ///     Ok::<_, Never>(steps)
    /// });
    /// assert_eq!(body.await, Ok(vec![Some(10), None, Some(5)]));
    /// # }
    /// ```
    pub fn catching<F: Future>(
        &self,
        future: F,
    ) -> impl Future<Output = Result<F::Output, Cause<Never>>> + use<'_, R, F> {
        poll::then(self.attempting(future), |(ended, defects)| match ended {
            Ok(output) => {
                for defect in defects {
                    self.fiber.record_defect(defect);
                }
                Ok(output)
            }
            Err(defect) => {
                let later = defects.into_iter();
                let later = later.map(|defect| Cause::die(defect).in_finalizer());
                Err(later.fold(Cause::die(defect), Cause::and))
            }
        })
    }

    /// Awaits a future and drops it, turns its panic into a defect, and waits for the finalizers that are owed: their
    /// defects come with the output, or with the panic's own.
    ///
    /// For those who run many such futures on one fiber, and have to tell the defects of each from those of the others.
    ///
    /// # Cancel safety
    ///
    /// As [`settling`](Cx::settling).
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, succeed, sync, Cx, Never};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let body = effect(async move |cx: Cx<()>| {
    ///     let untidy = succeed::<_, Never, _>(1).ensuring(sync(|| panic!("not closed")));
    ///     let (value, defects) = cx.attempting(cx.run(untidy)).await;
    ///     Ok::<_, Never>((value.unwrap(), defects[0].message().to_owned()))
    /// });
    /// assert_eq!(body.await, Ok((Ok(1), "not closed".to_owned())));
    /// # }
    /// ```
    pub fn attempting<F: Future>(
        &self,
        future: F,
    ) -> impl Future<Output = (Result<F::Output, Defect>, Vec<Defect>)> + use<'_, R, F> {
        attempting(&self.fiber, future)
    }

    /// As [`attempting`](Cx::attempting), for a future that was polled on this fiber before and was pending then: what is owed
    /// since that moment, and what has panicked of it, is the future's. Poll it at once, so that what is owed goes on.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, succeed, sync, yield_now, Cx, Never};
    /// use std::pin::pin;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let body = effect(async move |cx: Cx<()>| {
    ///     let untidy = succeed::<(), Never, _>(1).ensuring(sync(|| panic!("not closed")));
    ///     let mut work = pin!(async {
    ///         let Ok(one) = cx.run(untidy).await;
    ///         yield_now().await;
    ///         one
    ///     });
    ///     let mark = cx.owing().mark();
    ///     assert!(futures::poll!(&mut work).is_pending());
    ///     let (value, defects) = cx.attempting_since(mark, work).await;
    ///     Ok::<_, Never>((value.unwrap(), defects[0].message().to_owned()))
    /// });
    /// assert_eq!(body.await, Ok((1, "not closed".to_owned())));
    /// # }
    /// ```
    pub fn attempting_since<F: Future>(
        &self,
        mark: Mark,
        future: F,
    ) -> impl Future<Output = (Result<F::Output, Defect>, Vec<Defect>)> + use<'_, R, F> {
        attempting_since(&self.fiber, mark, future)
    }

    /// A look at what is owed on this fiber, for a loop that runs many short futures on it: instead of a net around each, it
    /// sees afterwards whether there is anything to [see to](Cx::settle_since).
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, never, sync, Cx, Effect, Never};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let body = effect(async |cx: Cx<()>| {
    ///     let owing = cx.owing();
    ///     let begun = owing.mark();
    ///     let connection: Effect<(), Never, ()> = never().erase();
    ///     let mut held = Box::pin(cx.run(connection.on_interrupt(sync(|| panic!("not closed")))));
    ///     assert!(futures::poll!(&mut held).is_pending());
    ///     assert!(owing.is_quiet_since(begun));
    ///     drop(held);
    ///     assert!(!owing.is_quiet_since(begun));
    ///     let defects = cx.settle_since(begun).await;
    ///     Ok::<_, Never>(defects[0].message().to_owned())
    /// });
    /// assert_eq!(body.await, Ok("not closed".to_owned()));
    /// # }
    /// ```
    #[inline]
    pub fn owing(&self) -> Owing<'_> {
        Owing { fiber: &self.fiber }
    }

    /// Waits for the finalizers that were owed since a moment and that nobody has taken on, and has the defects of all that
    /// have panicked.
    ///
    /// # Cancel safety
    ///
    /// As [`settling`](Cx::settling).
    pub fn settle_since(&self, mark: Mark) -> impl Future<Output = Vec<Defect>> + Send + use<R> {
        let (owed, fiber) = (Owed::since(mark, &self.fiber), Arc::clone(&self.fiber));
        async move {
            let mut defects = fiber.take_defects();
            if let Some(owed) = owed {
                let ((), later) = net(&fiber, owed).await;
                defects.extend(later);
            }
            defects
        }
    }

    /// Takes the defects of finalizers that have panicked here, which is on this fiber, or under the
    /// [`catching`](Cx::catching) that polls the caller. Those that nobody takes make the exit a failure.
    pub fn take_defects(&self) -> Vec<Defect> {
        self.fiber.take_defects()
    }
}

/// The time after `now`, or so far away that nobody will see it.
pub(crate) fn deadline(now: Instant, duration: Duration) -> Instant {
    /// Thirty thousand years.
    const AN_AGE: Duration = Duration::from_secs(1 << 40);
    now.checked_add(duration).unwrap_or_else(|| now + AN_AGE)
}

impl<R> Clone for Cx<R> {
    fn clone(&self) -> Self {
        Cx {
            env: Arc::clone(&self.env),
            fiber: Arc::clone(&self.fiber),
            frame: self.frame.clone(),
        }
    }
}

impl<R> fmt::Debug for Cx<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cx")
            .field("fiber", &self.fiber.id())
            .finish_non_exhaustive()
    }
}
