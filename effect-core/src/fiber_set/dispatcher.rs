//! A dispatcher: plain code starts effects by it, on any thread.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use super::OnClose;
use super::crew::{AwaitEmpty, Close, Crew, Make};
use crate::program::Outcome;
use crate::{Cx, Effect, Env, Fiber, IntoEffect, Never, Program};

mod turn;

use turn::{InTurn, Turns};

/// A handle by which plain code starts effects: a callback of a C library, an event handler of a user interface, any thread,
/// with no [`Cx`] and no tokio around it.
///
/// It is made in an effect, [one for effects that run beside each other](Dispatcher::parallel) or
/// [one for effects that run one by one](Dispatcher::sequential), and they see the environment and the
/// [fiber locals](crate::FiberLocal) that are there. It closes with the scope that it is made in, and takes no effect after
/// that. A fiber in it is nobody's child. A failure that nobody observes is reported once, as of any fiber.
///
/// It has no bound, as forking has none. Where a flood has to be held back, the callback offers to a
/// [`Queue`](crate::Queue), and a fiber takes.
///
/// In virtual time, nobody waits for another thread unless an effect does, such as one of [`blocking`](crate::blocking): where
/// all the rest is idle, that is the end of the run, or a deadlock.
///
/// # Examples
///
/// ```
/// use effect_core::{blocking, effect, sync, Cx, Dispatcher, Never, OnClose};
///
/// /// Somebody else's code.
/// fn listen(on_key: impl Fn(char) + Send + 'static) {
///     let device = std::thread::spawn(move || "qed".chars().for_each(on_key));
///     device.join().unwrap();
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (log, keys) = std::sync::mpsc::channel();
/// let editor = effect(async move |cx: Cx<()>| {
///     let dispatcher = cx.run(Dispatcher::sequential(OnClose::Await)).await?;
///     let listening = blocking(move || {
///         listen(move |key| {
///             let log = log.clone();
///             let typed = sync::<_, Never, _, _>(move || log.send(key).unwrap());
///             drop(dispatcher.dispatch(typed));
///         });
///         Ok(())
///     });
///     cx.run(listening).await
/// });
/// assert_eq!(editor.scoped().await, Ok::<_, Never>(()));
/// assert_eq!(keys.iter().collect::<String>(), "qed");
/// # }
/// ```
pub struct Dispatcher<R> {
    crew: Arc<Crew>,
    /// Whose turn it is, where only one is at a time.
    turns: Option<Turns>,
    /// With the environment and the locals of the maker, and no scope, which this must not keep.
    cx: Cx<R>,
}

/// The dispatcher is closed; here is the effect that it did not take.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the dispatcher is closed")]
pub struct DispatchError<T>(pub T);

/// What becomes of an effect that is [dispatched](Dispatcher::dispatch): its fiber, or the effect again.
pub type Dispatched<R, I> = Result<
    Fiber<<I as IntoEffect<R>>::Error, <I as IntoEffect<R>>::Value>,
    DispatchError<
        Effect<
            R,
            <I as IntoEffect<R>>::Error,
            <I as IntoEffect<R>>::Value,
            <I as IntoEffect<R>>::Program,
        >,
    >,
>;

impl<T> fmt::Debug for DispatchError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DispatchError(..)")
    }
}

impl<R: Env> Dispatcher<R> {
    /// Makes a dispatcher of effects that run beside each other, which closes with the current scope.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, sleep, Cx, Dispatcher, Never, OnClose};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let body = effect(async |cx: Cx<()>| {
    ///     let dispatcher = cx.run(Dispatcher::parallel(OnClose::Await)).await?;
    ///     let begun = cx.now();
    ///     for _ in 0..3 {
    ///         drop(dispatcher.dispatch(sleep::<_, Never>(Duration::from_secs(1))));
    ///     }
    ///     cx.run(dispatcher.await_empty()).await?;
    ///     Ok::<_, Never>((cx.now() - begun).as_secs())
    /// });
    /// assert_eq!(body.scoped().await, Ok(1));
    /// # }
    /// ```
    #[track_caller]
    pub fn parallel(on_close: OnClose) -> Effect<R, Never, Dispatcher<R>, MakeDispatcher> {
        Effect::new(MakeDispatcher {
            make: Make::unbounded(on_close, |crew| crew),
            turns: None,
        })
    }

    /// Makes a dispatcher of effects that run one by one, in the order in which they are dispatched, which closes with the
    /// current scope.
    ///
    /// The next one begins when the one before has ended, its finalizers and children included. So an effect that waits for
    /// one which is dispatched after it waits for ever.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, sleep, Cx, Dispatcher, Never, OnClose};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let body = effect(async |cx: Cx<()>| {
    ///     let dispatcher = cx.run(Dispatcher::sequential(OnClose::Await)).await?;
    ///     let begun = cx.now();
    ///     for _ in 0..3 {
    ///         drop(dispatcher.dispatch(sleep::<_, Never>(Duration::from_secs(1))));
    ///     }
    ///     cx.run(dispatcher.await_empty()).await?;
    ///     Ok::<_, Never>((cx.now() - begun).as_secs())
    /// });
    /// assert_eq!(body.scoped().await, Ok(3));
    /// # }
    /// ```
    #[track_caller]
    pub fn sequential(on_close: OnClose) -> Effect<R, Never, Dispatcher<R>, MakeDispatcher> {
        Effect::new(MakeDispatcher {
            make: Make::unbounded(on_close, |crew| crew),
            turns: Some(Turns::new),
        })
    }

    /// Starts an effect on a fiber of its own, or puts it at the end of those that wait for their turn, and has its handle.
    ///
    /// It may be called on any thread, and never waits. Whoever drops the handle leaves the effect to itself; interrupted
    /// before its turn, it gives its place up at once.
    ///
    /// # Errors
    ///
    /// [`DispatchError`] with the effect, when the dispatcher is closed, or its scope is gone with its runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, succeed, Cx, Dispatcher, Never, OnClose};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let body = effect(async |cx: Cx<()>| {
    ///     let dispatcher = cx.run(Dispatcher::parallel(OnClose::Await)).await?;
    ///     let fiber = dispatcher.dispatch(succeed::<_, Never, _>(42)).expect("it is open");
    ///     assert_eq!(cx.run(fiber.join()).await?, 42);
    ///     cx.run(dispatcher.close()).await?;
    ///     let refused = dispatcher.dispatch(succeed::<_, Never, _>(42)).expect_err("it is closed");
    ///     cx.run(refused.0).await
    /// });
    /// assert_eq!(body.await, Ok(42));
    /// # }
    /// ```
    #[doc(alias = "unsafe_run_and_forget")]
    #[track_caller]
    pub fn dispatch<I>(&self, effect: I) -> Dispatched<R, I>
    where
        I: IntoEffect<R>,
        I::Error: fmt::Debug,
    {
        // Before it is anywhere: it may be somebody else's code.
        let effect = effect.into_effect();
        let Ok(member) = self.crew.join() else {
            return Err(DispatchError(effect));
        };
        let typed = Fiber::apart(&self.cx, None, Location::caller());
        if !Fiber::enter_scope(&typed, self.crew.scope()) {
            return Err(DispatchError(effect));
        }
        let (place, turn) = match &self.turns {
            None => (None, None),
            Some(turns) => {
                let (place, turn) = turns.join();
                (place, Some(turn))
            }
        };
        let program = InTurn {
            place,
            program: effect.program,
        };
        // The next one has its turn when the task of this one has ended.
        let inside = (turn, member);
        let leave = move || drop(inside);
        Ok(Fiber::start_then(
            &typed,
            Effect::new(program),
            &self.cx,
            leave,
        ))
    }

    /// Waits until no effect is in it: each has ended, its finalizers and children included.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, sleep, Cx, Dispatcher, Never, OnClose};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let program = effect(async |cx: Cx<()>| {
    ///     let dispatcher = cx.run(Dispatcher::parallel(OnClose::Interrupt)).await?;
    ///     drop(dispatcher.dispatch(sleep::<_, Never>(Duration::from_secs(1))));
    ///     cx.run(dispatcher.await_empty()).await?;
    ///     Ok::<_, Never>(dispatcher.is_empty())
    /// });
    /// assert_eq!(program.scoped().await, Ok(true));
    /// # }
    /// ```
    #[track_caller]
    pub fn await_empty(&self) -> Effect<R, Never, (), AwaitEmpty> {
        Crew::await_empty(&self.crew)
    }

    /// Closes the dispatcher, and waits until its effects have ended. Its scope does so in the end.
    ///
    /// An effect of the dispatcher may do so itself: it is not waited for, and is interrupted after that.
    ///
    /// # Cancel safety
    ///
    /// It is not interrupted once it has begun.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, never, Cx, Dispatcher, Never, OnClose};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let program = effect(async |cx: Cx<()>| {
    ///     let dispatcher = cx.run(Dispatcher::parallel(OnClose::Interrupt)).await?;
    ///     let fiber = dispatcher.dispatch(never::<_, Never, ()>()).expect("it is open");
    ///     cx.run(dispatcher.close()).await?;
    ///     Ok::<_, Never>((dispatcher.is_closed(), fiber.is_done()))
    /// });
    /// assert_eq!(program.scoped().await, Ok((true, true)));
    /// # }
    /// ```
    pub fn close(&self) -> Effect<R, Never, (), Close> {
        Crew::close(&self.crew)
    }
}

impl<R> Dispatcher<R> {
    /// How many effects are in it: those that run, and those that wait for their turn.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::{effect, never, Cx, Dispatcher, Never, OnClose};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let body = effect(async |cx: Cx<()>| {
    ///     let dispatcher = cx.run(Dispatcher::sequential(OnClose::Interrupt)).await?;
    ///     for _ in 0..3 {
    ///         drop(dispatcher.dispatch(never::<_, Never, ()>()));
    ///     }
    ///     Ok::<_, Never>(dispatcher.len())
    /// });
    /// assert_eq!(body.scoped().await, Ok(3));
    /// # }
    /// ```
    pub fn len(&self) -> usize {
        self.crew.len()
    }

    /// Whether no effect is in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it takes no effect any more.
    pub fn is_closed(&self) -> bool {
        self.crew.is_closed()
    }
}

impl<R> Clone for Dispatcher<R> {
    fn clone(&self) -> Self {
        Dispatcher {
            crew: Arc::clone(&self.crew),
            turns: self.turns.clone(),
            cx: self.cx.clone(),
        }
    }
}

impl<R> fmt::Debug for Dispatcher<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dispatcher")
            .field("len", &self.len())
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

/// The program that makes a [`Dispatcher`].
#[derive(Clone, Debug)]
pub struct MakeDispatcher {
    make: Make<Arc<Crew>>,
    turns: Option<fn() -> Turns>,
}

impl<R: Env> Program<R> for MakeDispatcher {
    type Error = Never;
    type Value = Dispatcher<R>;

    async fn run(self, cx: &Cx<R>) -> Outcome<R, Self> {
        Ok(Dispatcher {
            crew: self.make.run(cx).await?,
            turns: self.turns.map(|turns| turns()),
            cx: cx.of_child(Arc::clone(cx.fiber())),
        })
    }
}
