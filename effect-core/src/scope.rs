//! A scope: what is acquired in it is released when it closes, whoever closes it.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;

use futures::future::FutureExt;

use crate::mask::Masked;
use crate::opaque_debug::opaque_debug;
use crate::{Cx, Effect, Env, Exit, IntoEffect, Never, Program, Value};

mod entries;
mod state;
mod finalizer;
mod closing;

pub(crate) use closing::{close, close_owed, next_of_own};
pub(crate) use finalizer::{BUDGET, Closer, Finalizing, finalizer};
pub(crate) use state::{Entry, Order, Place, ScopeState};

/// A handle to a scope: the finalizers of what was acquired in it, the fibers that were forked into it, and the scopes
/// inside of it, all of which end when it closes.
///
/// Most programs never name one: [`Effect::scoped`] opens a scope and closes it, and each fiber has its own. A handle is
/// for what lives longer than the effect that begins it, or shorter. [`Cx::scope`] gives that of the running effect;
/// one made [anew](Scope::new) is closed by whoever made it. A clone is the same scope.
///
/// - **The order** is the reverse of acquisition, each finalizer with all that it owes before the next; or all at once, in a
///   [parallel](Scope::parallel) scope. A group in a scope is one entry of it, and has its own order.
/// - **When a finalizer panics**, the others run. The defect is one of the fiber that closes.
/// - **Adding to a closed scope** runs the finalizer at once. To one that is closing, it is the next to run.
/// - **If it is dropped** by everybody before it is closed, the runtime closes it. A finalizer that holds its own scope's
///   handle prevents that.
///
/// # Examples
///
/// ```
/// use effect_core::{acquire_release, effect, succeed, sync, Cx, Never, Scope};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (log, lines) = std::sync::mpsc::channel();
/// let body = effect(async move |cx: Cx<()>| {
///     let (opened, closed) = (log.clone(), log);
///     let scope = Scope::new();
///     let file = acquire_release(succeed::<_, Never, _>("file"), move |name| sync(move || closed.send(name).unwrap()));
///     let name = cx.run(file.in_scope(&scope)).await?;
///     opened.send("still open").unwrap();
///     cx.run(scope.close()).await?;
///     Ok::<_, Never>(name)
/// });
/// assert_eq!(body.await, Ok("file"));
/// assert_eq!(lines.iter().collect::<Vec<_>>(), ["still open", "file"]);
/// # }
/// ```
#[derive(Clone)]
pub struct Scope {
    state: Arc<ScopeState>,
}

impl Scope {
    /// Creates an open scope that is in no other, and releases in the reverse order of acquisition.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::Scope;
    /// let scope = Scope::new();
    /// assert_eq!((scope.pending(), scope.is_closed()), (0, false));
    /// ```
    #[expect(
        clippy::new_without_default,
        reason = "a scope is opened on purpose, and has to be closed"
    )]
    pub fn new() -> Self {
        Scope::of(ScopeState::new(Order::Reverse))
    }

    /// Creates an open scope that is in no other, and releases all that it holds at once.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, sleep, Cx, Never, Scope};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let body = effect(async |cx: Cx<()>| {
    ///     let scope = Scope::parallel();
    ///     for _ in 0..10 {
    ///         cx.run(scope.add_finalizer(sleep(Duration::from_secs(1)))).await?;
    ///     }
    ///     let begun = cx.now();
    ///     cx.run(scope.close()).await?;
    ///     Ok::<_, Never>((cx.now() - begun).as_secs())
    /// });
    /// assert_eq!(body.await, Ok(1));
    /// # }
    /// ```
    pub fn parallel() -> Self {
        Scope::of(ScopeState::new(Order::Parallel))
    }

    pub(crate) fn of(state: Arc<ScopeState>) -> Self {
        Scope { state }
    }

    pub(crate) fn state(&self) -> &Arc<ScopeState> {
        &self.state
    }

    /// Opens a scope inside of this one, which closes with it at the latest. It releases in the reverse order.
    ///
    /// A scope inside of a closed one is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, sync, Cx, Never, Scope};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (log, lines) = std::sync::mpsc::channel();
    /// let body = effect(async move |cx: Cx<()>| {
    ///     let outer = Scope::new();
    ///     let inner = outer.fork();
    ///     cx.run(inner.add_finalizer(sync(move || log.send("inner").unwrap()))).await?;
    ///     cx.run(outer.close()).await?;
    ///     Ok::<_, Never>(inner.is_closed())
    /// });
    /// assert_eq!(body.await, Ok(true));
    /// assert_eq!(lines.recv(), Ok("inner"));
    /// # }
    /// ```
    pub fn fork(&self) -> Scope {
        Scope::of(self.state.fork(Order::Reverse))
    }

    /// Opens a scope inside of this one, which closes with it at the latest. It releases all that it holds at once.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::Scope;
    /// let (outer, inner) = { let outer = Scope::new(); let inner = outer.fork_parallel(); (outer, inner) };
    /// assert_eq!((outer.pending(), inner.pending()), (1, 0));
    /// ```
    pub fn fork_parallel(&self) -> Scope {
        Scope::of(self.state.fork(Order::Parallel))
    }

    /// How much it holds: finalizers, fibers, and scopes, each of which is one.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::Scope;
    /// let outer = Scope::new();
    /// let inner = outer.fork();
    /// inner.fork();
    /// assert_eq!((outer.pending(), inner.pending()), (1, 1));
    /// ```
    pub fn pending(&self) -> usize {
        self.state.len()
    }

    /// Whether it is closed, and everything released.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::{Never, Scope};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let scope = Scope::new();
    /// assert_eq!(scope.close().await, Ok(()));
    /// assert!(scope.is_closed());
    /// # }
    /// ```
    pub fn is_closed(&self) -> bool {
        self.state.is_closed()
    }

    /// Adds a finalizer, which runs once, when the scope closes. If it is closed, the finalizer runs at once.
    ///
    /// The finalizer sees the environment and the fiber locals of whoever adds it.
    ///
    /// # Cancel safety
    ///
    /// Interrupted while it runs the finalizer, it runs that to the end first.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, sync, Cx, Never, Scope};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (log, lines) = std::sync::mpsc::channel();
    /// let body = effect(async move |cx: Cx<()>| {
    ///     let scope = Scope::new();
    ///     cx.run(scope.close()).await?;
    ///     cx.run(scope.add_finalizer(sync(move || log.send("at once").unwrap()))).await
    /// });
    /// assert_eq!(body.await, Ok(()));
    /// assert_eq!(lines.recv(), Ok("at once"));
    /// # }
    /// ```
    #[track_caller]
    pub fn add_finalizer<R, I>(&self, finalizer: I) -> Effect<R, Never, (), AddFinalizer<I>>
    where
        R: Env,
        I: IntoEffect<R, Error = Never>,
    {
        Effect::new(AddFinalizer {
            scope: self.clone(),
            finalizer,
            place: Location::caller(),
        })
    }

    /// Adds a finalizer that is told how that ended which the scope was for. A function makes it, when the scope closes.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, fail, sync, Cx, Exit};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (log, lines) = std::sync::mpsc::channel();
    /// let transaction = effect(async move |cx: Cx<()>| {
    ///     let end = cx.scope().add_finalizer_exit(move |exit| {
    ///         sync(move || log.send(if exit.is_success() { "commit" } else { "roll back" }).unwrap())
    ///     });
    ///     let Ok(()) = cx.run(end).await;
    ///     cx.run(fail::<_, _, ()>("no stock")).await
    /// });
    /// assert_eq!(transaction.scoped().await, Err("no stock"));
    /// assert_eq!(lines.recv(), Ok("roll back"));
    /// # }
    /// ```
    #[track_caller]
    pub fn add_finalizer_exit<R, J, F>(&self, f: F) -> Effect<R, Never, (), AddFinalizerExit<F>>
    where
        R: Env,
        J: IntoEffect<R, Error = Never>,
        F: FnOnce(Exit<(), ()>) -> J + Value,
    {
        Effect::new(AddFinalizerExit {
            scope: self.clone(),
            f,
            place: Location::caller(),
        })
    }

    /// Closes the scope: releases what it holds, and waits until that is done. What it was for has succeeded.
    ///
    /// A second closing does nothing, and waits for the first; but one in a finalizer of the scope itself, or on the fiber
    /// that closes it, does not wait. A fiber that closes the scope it was forked into is interrupted, and not waited for; so
    /// is one whose child does so.
    ///
    /// # Cancel safety
    ///
    /// It is not interrupted once it has begun.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::{effect, Cx, Never, Scope};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let twice = effect(async |cx: Cx<()>| {
    ///     let scope = Scope::new();
    ///     cx.run(scope.close()).await?;
    ///     cx.run(scope.close()).await
    /// });
    /// assert_eq!(twice.await, Ok(()));
    /// # }
    /// ```
    pub fn close<R: Env>(&self) -> Effect<R, Never, (), CloseScope> {
        self.close_as(Exit::Success(()))
    }

    /// Closes the scope, and tells its finalizers how that ended which it was for. The rest is as with [`close`](Scope::close).
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, fail, sync, Cx, Never, Scope};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (log, lines) = std::sync::mpsc::channel();
    /// let body = effect(async move |cx: Cx<()>| {
    ///     let scope = Scope::new();
    ///     let tell = scope.add_finalizer_exit(move |exit| sync(move || log.send(exit.is_success()).unwrap()));
    ///     cx.run(tell).await?;
    ///     let exit = cx.run(fail::<_, _, ()>("no").exit()).await?;
    ///     cx.run(scope.close_with(&exit)).await
    /// });
    /// assert_eq!(body.await, Ok(()));
    /// assert_eq!(lines.recv(), Ok(false));
    /// # }
    /// ```
    pub fn close_with<R: Env, E, A>(&self, exit: &Exit<E, A>) -> Effect<R, Never, (), CloseScope> {
        self.close_as(exit.as_unit())
    }

    fn close_as<R: Env>(&self, exit: Exit<(), ()>) -> Effect<R, Never, (), CloseScope> {
        Effect::new(CloseScope {
            scope: self.clone(),
            exit,
        })
    }

    /// Moves all that this scope holds to another, where it is one group with the order that it has here, and gives the
    /// group's handle.
    ///
    /// This scope stays open, and is empty. If the other is closed, the group is closed at once.
    ///
    /// # Cancel safety
    ///
    /// What is there is moved at once. Interrupted while it closes the group, it goes on to the end.
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
    ///     let (outer, closed, opened) = (cx.scope(), log.clone(), log);
    ///     // Opened in a scope of its own, it is kept only if all goes well.
    ///     let open = effect(async move |cx: Cx<()>| {
    ///         let file = acquire_release(succeed::<_, Never, _>("file"), move |name| sync(move || closed.send(name).unwrap()));
    ///         let name = cx.run(file).await?;
    ///         cx.run(cx.scope().move_to(&outer)).await?;
    ///         Ok::<_, Never>(name)
    ///     });
    ///     cx.run(open.scoped()).await?;
    ///     opened.send("still open").unwrap();
    ///     Ok::<_, Never>(())
    /// });
    /// assert_eq!(body.await, Ok(()));
    /// assert_eq!(lines.iter().collect::<Vec<_>>(), ["still open", "file"]);
    /// # }
    /// ```
    #[doc(alias = "transfer")]
    pub fn move_to<R: Env>(&self, other: &Scope) -> Effect<R, Never, Scope, MoveTo> {
        Effect::new(MoveTo {
            from: self.clone(),
            to: other.clone(),
        })
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("pending", &self.pending())
            .field("closed", &self.is_closed())
            .finish()
    }
}

/// Adds a finalizer to a scope, or runs it if the scope is closed.
pub(crate) async fn add<R: Env>(
    cx: &Cx<R>,
    scope: &Arc<ScopeState>,
    finalizer: Pin<Box<dyn Finalizing + Send>>,
) {
    let added = scope.add(Entry::Finalizer(finalizer), cx.runtime());
    let Err(Entry::Finalizer(mut finalizer)) = added else {
        return;
    };
    finalizer.as_mut().begin(&Closer {
        fiber: cx.fiber(),
        frame: None,
        exit: &Exit::Success(()),
    });
    finalizer.await;
}

/// The program of [`Scope::add_finalizer`].
#[derive(Clone)]
pub struct AddFinalizer<I> {
    scope: Scope,
    finalizer: I,
    place: &'static Location<'static>,
}

impl<R: Env, I: IntoEffect<R, Error = Never>> Program<R> for AddFinalizer<I> {
    type Error = Never;
    type Value = ();

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Result<(), Never>> + Send {
        let finalizer = finalizer(cx, self.place, move |_| self.finalizer);
        adding(cx, self.scope, finalizer)
    }
}

/// The program of [`Scope::add_finalizer_exit`].
#[derive(Clone)]
pub struct AddFinalizerExit<F> {
    scope: Scope,
    f: F,
    place: &'static Location<'static>,
}

impl<R, J, F> Program<R> for AddFinalizerExit<F>
where
    R: Env,
    J: IntoEffect<R, Error = Never>,
    F: FnOnce(Exit<(), ()>) -> J + Value,
{
    type Error = Never;
    type Value = ();

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Result<(), Never>> + Send {
        let finalizer = finalizer(cx, self.place, self.f);
        adding(cx, self.scope, finalizer)
    }
}

async fn adding<R: Env>(
    cx: &Cx<R>,
    scope: Scope,
    finalizer: Pin<Box<dyn Finalizing + Send>>,
) -> Result<(), Never> {
    let inner = cx.clone();
    let adding = async move { add(&inner, &scope.state, finalizer).await };
    Masked::plain(cx, adding.boxed()).await;
    Ok(())
}

/// The program of [`Scope::close`] and [`Scope::close_with`].
#[derive(Clone)]
pub struct CloseScope {
    scope: Scope,
    exit: Exit<(), ()>,
}

impl<R: Env> Program<R> for CloseScope {
    type Error = Never;
    type Value = ();

    async fn run(self, cx: &Cx<R>) -> Result<(), Never> {
        if !self.scope.is_closed() {
            let closing = close(cx.fiber(), &self.scope.state, self.exit);
            Masked::plain(cx, closing).await;
        }
        Ok(())
    }
}

/// The program of [`Scope::move_to`].
#[derive(Clone, Debug)]
pub struct MoveTo {
    from: Scope,
    to: Scope,
}

impl<R: Env> Program<R> for MoveTo {
    type Error = Never;
    type Value = Scope;

    async fn run(self, cx: &Cx<R>) -> Result<Scope, Never> {
        let (from, to) = (&self.from.state, &self.to.state);
        // What the other is itself in stays: no scope holds itself.
        let group = from.split(from.place_of(to));
        if !self.to.state.adopt(&group) {
            let closing = close(cx.fiber(), &group, Exit::Success(()));
            Masked::plain(cx, closing).await;
        }
        Ok(Scope::of(group))
    }
}

impl fmt::Debug for CloseScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CloseScope").field(&self.scope).finish()
    }
}

opaque_debug!(AddFinalizer<I>, AddFinalizerExit<F>);
