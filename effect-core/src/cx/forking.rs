//! Forking by a context: children, fibers that end with a scope, and fibers that are nobody's child.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

use crate::{Cx, Env, Fiber, IntoEffect, Scope, WaitsFor};

/// # Forking
impl<R: Env> Cx<R> {
    /// Starts an effect on a fiber of its own, supervised by this one.
    ///
    /// The child runs at once and beside its parent. When the parent ends, whatever the reason, a child
    /// that still runs is interrupted, and the parent waits for it.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, sleep, Cx, Never};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let body = effect(async |cx: Cx<()>| {
    ///     let begun = cx.now();
    ///     let children = [1, 2, 3].map(|n| cx.fork(sleep::<_, Never>(Duration::from_secs(n))));
    ///     for child in children {
    ///         cx.run(child.join()).await?;
    ///     }
    ///     Ok::<_, Never>((cx.now() - begun).as_secs())
    /// });
    /// assert_eq!(body.await, Ok(3));
    /// # }
    /// ```
    #[track_caller]
    pub fn fork<I>(&self, effect: I) -> Fiber<I::Error, I::Value>
    where
        I: IntoEffect<R>,
        I::Error: fmt::Debug,
    {
        Fiber::fork(effect.into_effect(), self, None, Location::caller())
    }

    /// Starts an effect on a fiber of its own with a name, which reports show.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, succeed, Cx, Never};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let body = effect(async |cx: Cx<()>| {
    ///     let fiber = cx.fork_named("answer", succeed::<_, Never, _>(42));
    ///     assert_eq!(fiber.reference().name(), Some("answer"));
    ///     cx.run(fiber.join()).await
    /// });
    /// assert_eq!(body.await, Ok(42));
    /// # }
    /// ```
    #[track_caller]
    pub fn fork_named<I>(&self, name: impl Into<Arc<str>>, effect: I) -> Fiber<I::Error, I::Value>
    where
        I: IntoEffect<R>,
        I::Error: fmt::Debug,
    {
        let name = Some(name.into());
        Fiber::fork(effect.into_effect(), self, name, Location::caller())
    }

    /// Starts an effect on a fiber of its own, which ends with the given scope: when that closes, a fiber that still runs
    /// is interrupted, and the closing waits for it.
    ///
    /// It may outlive whoever forks it. If the scope is closed already, the fiber is interrupted before it begins.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, never, sync, Cx, Never, Scope};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (log, lines) = std::sync::mpsc::channel();
    /// let body = effect(async move |cx: Cx<()>| {
    ///     let scope = Scope::new();
    ///     let stopped = log.clone();
    ///     let job = never::<_, Never, ()>().ensuring(sync(move || stopped.send("stopped").unwrap()));
    ///     drop(cx.fork_in(&scope, job));
    ///     effect_core::yield_now().await;
    ///     cx.run(scope.close()).await?;
    ///     log.send("closed").unwrap();
    ///     Ok::<_, Never>(())
    /// });
    /// assert_eq!(body.await, Ok(()));
    /// assert_eq!(lines.iter().collect::<Vec<_>>(), ["stopped", "closed"]);
    /// # }
    /// ```
    #[track_caller]
    pub fn fork_in<I>(&self, scope: &Scope, effect: I) -> Fiber<I::Error, I::Value>
    where
        I: IntoEffect<R>,
        I::Error: fmt::Debug,
    {
        Fiber::fork_in(
            effect.into_effect(),
            self,
            scope.state(),
            None,
            Location::caller(),
        )
    }

    /// Starts an effect with a name on a fiber of its own, which ends with the given scope: see [`fork_in`](Cx::fork_in).
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, succeed, Cx, Never};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let body = effect(async |cx: Cx<()>| {
    ///     let fiber = cx.fork_in_named("answer", &cx.scope(), succeed::<_, Never, _>(42));
    ///     assert_eq!(fiber.name(), Some("answer"));
    ///     cx.run(fiber.join()).await
    /// });
    /// assert_eq!(body.await, Ok(42));
    /// # }
    /// ```
    #[track_caller]
    pub fn fork_in_named<I>(
        &self,
        name: impl Into<Arc<str>>,
        scope: &Scope,
        effect: I,
    ) -> Fiber<I::Error, I::Value>
    where
        I: IntoEffect<R>,
        I::Error: fmt::Debug,
    {
        let name = Some(name.into());
        Fiber::fork_in(
            effect.into_effect(),
            self,
            scope.state(),
            name,
            Location::caller(),
        )
    }

    /// Starts an effect on a fiber of its own that is nobody's child: it outlives whoever starts it.
    ///
    /// It runs until it ends, or the runtime shuts down: `run` and `Main` interrupt it when their own effect has ended, and
    /// give its finalizers their grace period; so does a run of virtual time, which waits for as long as it takes. In a
    /// tokio runtime of your own, [`TokioRuntime::shut_down`](crate::TokioRuntime::shut_down) does it. A failure that nobody
    /// observes is reported once.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, sleep, sync, Cx, Never, TokioRuntime};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let (log, lines) = std::sync::mpsc::channel();
    /// let request = effect(async move |cx: Cx<()>| {
    ///     let audit = sleep::<_, Never>(Duration::from_secs(1)).flat_map(move |()| sync(move || log.send("audited").unwrap()));
    ///     drop(cx.detach(audit));
    ///     Ok::<_, Never>("answered")
    /// });
    /// assert_eq!(request.await, Ok("answered"));
    /// assert!(lines.try_recv().is_err());
    /// tokio::time::sleep(Duration::from_secs(2)).await;
    /// assert_eq!(lines.recv(), Ok("audited"));
    /// # }
    /// ```
    #[doc(alias = "fork_daemon")]
    #[track_caller]
    pub fn detach<I>(&self, effect: I) -> Fiber<I::Error, I::Value>
    where
        I: IntoEffect<R>,
        I::Error: fmt::Debug,
    {
        Fiber::detach(effect.into_effect(), self, None, Location::caller())
    }

    /// Starts an effect with a name on a fiber that is nobody's child: see [`detach`](Cx::detach).
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, succeed, Cx, Never};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let body = effect(async |cx: Cx<()>| {
    ///     let fiber = cx.detach_named("answer", succeed::<_, Never, _>(42));
    ///     assert_eq!(fiber.name(), Some("answer"));
    ///     cx.run(fiber.join()).await
    /// });
    /// assert_eq!(body.await, Ok(42));
    /// # }
    /// ```
    #[track_caller]
    pub fn detach_named<I>(&self, name: impl Into<Arc<str>>, effect: I) -> Fiber<I::Error, I::Value>
    where
        I: IntoEffect<R>,
        I::Error: fmt::Debug,
    {
        let name = Some(name.into());
        Fiber::detach(effect.into_effect(), self, name, Location::caller())
    }

    /// Waits until the children that this fiber has now have ended.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it changes nothing for the children.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, sleep, Cx, Never};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let body = effect(async |cx: Cx<()>| {
    ///     let child = cx.fork(sleep::<_, Never>(Duration::from_secs(1)));
    ///     cx.await_children().await;
    ///     Ok::<_, Never>(child.is_done())
    /// });
    /// assert_eq!(body.await, Ok(true));
    /// # }
    /// ```
    #[track_caller]
    pub fn await_children(&self) -> impl Future<Output = ()> + Send + use<R> {
        let waits_for = WaitsFor::here("its children");
        let children = self.fiber.children();
        async move {
            for child in children {
                child.ended(waits_for).await;
            }
        }
    }

    /// Interrupts the children that this fiber has now, all at once, and waits until they have ended.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it has asked them to end if it was polled, and does not wait.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, never, Cx, Never};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let body = effect(async |cx: Cx<()>| {
    ///     let child = cx.fork(never::<_, Never, ()>());
    ///     cx.interrupt_children().await;
    ///     Ok::<_, Never>(child.is_done())
    /// });
    /// assert_eq!(body.await, Ok(true));
    /// # }
    /// ```
    #[track_caller]
    pub fn interrupt_children(&self) -> impl Future<Output = ()> + Send + use<R> {
        let waits_for = WaitsFor::here("its children, which it interrupts");
        let (id, children) = (self.fiber.id(), self.fiber.children());
        async move {
            for child in &children {
                child.interrupt(Some(id));
            }
            for child in children {
                child.ended(waits_for).await;
            }
        }
    }
}
