//! Scopes for effects: where what an effect acquires is released.

use std::sync::Arc;
use std::time::Duration;

use futures::future::FutureExt;

use crate::fiber::FiberState;
use crate::net::caught;
use crate::program::Outcome;
use crate::scope::{BUDGET, Order, Scope, ScopeState, close_owed};
use crate::settled::settled;
use crate::{Cause, Cx, Defect, Effect, Env, Exit, Program, Value, programs};

/// # Scopes
impl<R, E, A, P> Effect<R, E, A, P>
where
    R: Env,
    E: Value,
    A: Value,
{
    /// Opens a scope for the resources that this effect acquires, and closes it when the effect ends.
    ///
    /// The resources are released in the reverse order of their acquisition.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{acquire_release, succeed, sync, Never};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (log, lines) = std::sync::mpsc::channel();
    /// let open = move |name: &'static str| {
    ///     let log = log.clone();
    ///     acquire_release(succeed::<_, Never, _>(name), move |name| {
    ///         sync(move || log.send(name).unwrap())
    ///     })
    /// };
    /// open("outer").zip(open("inner")).scoped().await.unwrap();
    /// drop(open);
    /// assert_eq!(lines.iter().collect::<Vec<_>>(), ["inner", "outer"]);
    /// # }
    /// ```
    pub fn scoped(self) -> Effect<R, E, A, Scoped<P>> {
        Effect::of(Scoped {
            program: self.program,
            order: Order::Reverse,
        })
    }

    /// Opens a scope for the resources that this effect acquires, and releases them all at once when the effect ends.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{acquire_release, effect, sleep, succeed, Cx, Never};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let open = || acquire_release(succeed::<_, Never, _>(()), |()| sleep(Duration::from_secs(1)));
    /// let begun = tokio::time::Instant::now();
    /// open().zip(open()).zip(open()).scoped_parallel().await.unwrap();
    /// assert_eq!(begun.elapsed().as_secs(), 1);
    /// # }
    /// ```
    #[doc(alias = "parallelFinalizers")]
    pub fn scoped_parallel(self) -> Effect<R, E, A, Scoped<P>> {
        Effect::of(Scoped {
            program: self.program,
            order: Order::Parallel,
        })
    }

    /// Runs this effect in a scope that somebody else closes: what it acquires is released with that.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{acquire_release, effect, succeed, Cx, Never, Scope};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let body = effect(async |cx: Cx<()>| {
    ///     let scope = Scope::new();
    ///     let file = acquire_release(succeed::<_, Never, _>("file"), |_| succeed(()));
    ///     cx.run(file.in_scope(&scope)).await?;
    ///     assert_eq!(scope.pending(), 1);
    ///     cx.run(scope.close()).await
    /// });
    /// assert_eq!(body.await, Ok(()));
    /// # }
    /// ```
    #[doc(alias = "extend")]
    pub fn in_scope(self, scope: &Scope) -> Effect<R, E, A, InScope<P>> {
        Effect::of(InScope {
            program: self.program,
            scope: scope.clone(),
        })
    }

    /// Runs this effect in a scope of its own inside of the current one, and gives that as well: what the effect has
    /// acquired can be released early, by closing it, and is not released again.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{acquire_release, effect, succeed, sync, Cx, Never};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (log, lines) = std::sync::mpsc::channel();
    /// let body = effect(async move |cx: Cx<()>| {
    ///     let released = log.clone();
    ///     let lock = acquire_release(succeed::<_, Never, _>("lock"), move |_| sync(move || released.send("released").unwrap()));
    ///     let (_, scope) = cx.run(lock.with_early_release()).await?;
    ///     cx.run(scope.close()).await?;
    ///     log.send("goes on").unwrap();
    ///     Ok::<_, Never>(())
    /// });
    /// assert_eq!(body.scoped().await, Ok(()));
    /// assert_eq!(lines.iter().collect::<Vec<_>>(), ["released", "goes on"]);
    /// # }
    /// ```
    pub fn with_early_release(self) -> Effect<R, E, (A, Scope), WithEarlyRelease<P>> {
        Effect::of(WithEarlyRelease {
            program: self.program,
        })
    }

    /// Has each finalizer reported that this effect promises to a scope and that takes longer than this.
    ///
    /// It is reported once, with the place in the source where it was promised, as a
    /// [`Report::LateFinalizer`](crate::Report::LateFinalizer). It is waited for all the same: what comes after it may
    /// release what it still uses. Fibers that are forked in here have the same budget. There is none, unless one is set.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{acquire_release, sleep, succeed, Never};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let begun = tokio::time::Instant::now();
    /// let slow = acquire_release(succeed::<_, Never, _>(()), |()| sleep(Duration::from_secs(10)));
    /// // Prints that the finalizer of the line before takes longer than a second.
    /// assert_eq!(slow.with_finalizer_budget(Duration::from_secs(1)).scoped().await, Ok(()));
    /// assert_eq!(begun.elapsed().as_secs(), 10);
    /// # }
    /// ```
    pub fn with_finalizer_budget(
        self,
        budget: Duration,
    ) -> Effect<R, E, A, programs::Locally<P, Option<Duration>>> {
        self.locally(&BUDGET, Some(budget))
    }
}

/// The program of [`Effect::scoped`] and [`Effect::scoped_parallel`].
#[derive(Clone, Debug)]
pub struct Scoped<P> {
    program: P,
    order: Order,
}

impl<R: Env, P: Program<R>> Program<R> for Scoped<P> {
    type Error = P::Error;
    type Value = P::Value;

    async fn run(self, cx: &Cx<R>) -> Outcome<R, Self> {
        let fiber = cx.fiber();
        let body = async {
            // Dropped after all that is acquired in it.
            let closing = Closing::new(fiber, self.order);
            let inner = cx.with_scope(Arc::clone(&closing.scope));
            let ended = caught(fiber, self.program.run(&inner)).await;
            closing.end(ended)
        };
        settled(fiber, body).await
    }
}

/// Owes the closing of a scope to its fiber.
pub(super) struct Closing<'cx> {
    fiber: &'cx Arc<FiberState>,
    pub(super) scope: Arc<ScopeState>,
    /// How that has ended which the scope is for; `None` if it is dropped half-way.
    exit: Option<Exit<(), ()>>,
}

impl<'cx> Closing<'cx> {
    pub(super) fn new(fiber: &'cx Arc<FiberState>, order: Order) -> Self {
        Closing {
            fiber,
            scope: ScopeState::new(order),
            exit: None,
        }
    }

    /// Owes it because that has ended which the scope is for, with a result or a panic.
    pub(super) fn end<E, A>(mut self, ended: Result<Result<A, E>, Defect>) -> Result<A, E> {
        match ended {
            Ok(result) => {
                self.exit = Some(match &result {
                    Ok(_) => Exit::Success(()),
                    Err(_) => Exit::Failure(Cause::fail(())),
                });
                result
            }
            Err(defect) => {
                self.exit = Some(Exit::Failure(Cause::die(defect.clone())));
                defect.raise()
            }
        }
    }
}

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        // Closed at once if it is empty: an acquisition that still runs then releases what it has acquired.
        if self.scope.try_close() {
            return;
        }
        let interrupted = || Exit::Failure(Cause::interrupts(self.fiber.interrupters()));
        let exit = self.exit.take().unwrap_or_else(interrupted);
        // It begins only when its turn comes: an acquisition that this drop interrupted was owed first, and has ended then.
        let closing = close_owed(Arc::clone(self.fiber), Arc::clone(&self.scope), exit);
        self.fiber.owe(closing.boxed());
    }
}

/// The program of [`Effect::in_scope`].
#[derive(Clone, Debug)]
pub struct InScope<P> {
    program: P,
    scope: Scope,
}

impl<R: Env, P: Program<R>> Program<R> for InScope<P> {
    type Error = P::Error;
    type Value = P::Value;

    async fn run(self, cx: &Cx<R>) -> Outcome<R, Self> {
        let inner = cx.with_scope(Arc::clone(self.scope.state()));
        self.program.run(&inner).await
    }
}

/// The program of [`Effect::with_early_release`].
#[derive(Clone, Debug)]
pub struct WithEarlyRelease<P> {
    program: P,
}

impl<R: Env, P: Program<R>> Program<R> for WithEarlyRelease<P> {
    type Error = P::Error;
    type Value = (P::Value, Scope);

    async fn run(self, cx: &Cx<R>) -> Result<Self::Value, P::Error> {
        let scope = cx.scope().fork();
        let mut failed = LeftIfEmpty(Some(scope.clone()));
        let inner = cx.with_scope(Arc::clone(scope.state()));
        let value = self.program.run(&inner).await?;
        failed.0 = None;
        Ok((value, scope))
    }
}

/// A scope that leaves the one around it if nothing was acquired in it: nobody gets its handle.
struct LeftIfEmpty(Option<Scope>);

impl Drop for LeftIfEmpty {
    fn drop(&mut self) {
        if let Some(scope) = &self.0 {
            scope.state().try_close();
        }
    }
}
