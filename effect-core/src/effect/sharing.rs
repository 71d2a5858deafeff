//! Sharing: one run of an effect, and what it has acquired, for all who use it at the same time.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::effect::creating::{effect, end_as, succeed, sync};
use crate::fiber::FiberState;
use crate::opaque_debug::opaque_debug;
use crate::shared_run::{SharedRun, User};
use crate::{Cause, Cx, Effect, Env, Exit, Program, Value, WaitsFor, acquire_release};

/// # Sharing
impl<R, E, A, P> Effect<R, E, A, P>
where
    R: Env,
    E: Value,
    A: Value,
{
    /// Runs the effect once for all who use it at the same time: a service that two others are built on is built once.
    ///
    /// Who runs this, or a clone of it, first starts the effect on a fiber of its own, in its own environment, but without
    /// its [locals](crate::FiberLocal): the effect is not run for that one alone. Who comes later waits for the same value, and has a clone of it. To each of them it is a resource: they use it until their
    /// [scope](Effect::scoped) closes. When the last of them does, what the effect has acquired is released, in reverse,
    /// and that one waits for it. After that, it is built anew for whoever comes then. An effect that is not shared is
    /// run anew by each clone.
    ///
    /// # Errors
    ///
    /// What the effect fails with, for all who waited for it. That is not kept: who asks later has it run again.
    ///
    /// # Panics
    ///
    /// A defect of the effect is a defect of all who waited for it; one of its release, of the last who used it.
    ///
    /// # Cancel safety
    ///
    /// Who waits may be interrupted, and the others wait on, also if that was the first. If it was the last, the effect is
    /// interrupted, and what it has acquired so far is released before whoever interrupted goes on.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{acquire_release, succeed, sync, Never};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (log, lines) = std::sync::mpsc::channel();
    /// let opened = log.clone();
    /// let pool = sync::<(), Never, _, _>(move || opened.send("opened").unwrap());
    /// let pool = acquire_release(pool, move |()| sync(move || log.send("closed").unwrap())).shared();
    ///
    /// let users = pool.clone().map(|()| "users");
    /// let orders = pool.map(|()| "orders");
    /// assert_eq!(users.zip_par(orders).scoped().await, Ok(("users", "orders")));
    /// assert_eq!(lines.iter().collect::<Vec<_>>(), ["opened", "closed"]);
    /// # }
    /// ```
    #[doc(alias = "memoize")]
    #[track_caller]
    pub fn shared(self) -> Effect<R, E, A, Shared<P, E, A>>
    where
        E: Clone,
        A: Clone,
    {
        Effect::of(Shared {
            program: self.program,
            current: Arc::default(),
            waits_for: WaitsFor::here("what others share with it"),
        })
    }
}

/// The program of [`Effect::shared`].
pub struct Shared<P, E, A> {
    program: P,
    current: Current<E, A>,
    waits_for: WaitsFor,
}

/// The run that is used now, if there is one. It says how the effect has ended.
type Current<E, A> = Arc<Mutex<Option<Run<E, A>>>>;

type Run<E, A> = Arc<SharedRun<Exit<E, A>>>;

impl<P: Clone, E, A> Clone for Shared<P, E, A> {
    fn clone(&self) -> Self {
        Shared {
            program: self.program.clone(),
            current: Arc::clone(&self.current),
            waits_for: self.waits_for,
        }
    }
}

impl<R, P, E, A> Program<R> for Shared<P, E, A>
where
    R: Env,
    E: Value + Clone,
    A: Value + Clone,
    P: Program<R, Error = E, Value = A>,
{
    type Error = E;
    type Value = A;

    async fn run(self, cx: &Cx<R>) -> Result<A, E> {
        let Shared {
            program,
            current,
            waits_for,
        } = self;
        let user = loop {
            match enter(&current, cx.fiber()) {
                Entered::First(run, user) => {
                    let kept = keep(program, Arc::clone(&run), waits_for);
                    run.start(&cx.bare(), waits_for.place(), kept.program, last_word);
                    break user;
                }
                Entered::Later(user) => break user,
                // What it has acquired may be there only once: it is released before it is acquired again.
                Entered::TooLate(run) => run.ended(waits_for).await,
            }
        };
        match user.hear(waits_for, Exit::clone).await {
            Exit::Success(value) => {
                let used = acquire_release(succeed(()), move |()| sync(move || drop(user)));
                Box::pin(cx.run(used)).await?;
                Ok(value)
            }
            failure => end_as(cx, failure).await,
        }
    }
}

enum Entered<E: Value, A: Value> {
    First(Run<E, A>, User<Exit<E, A>>),
    Later(User<Exit<E, A>>),
    /// The last user has left, and it has not ended yet.
    TooLate(Run<E, A>),
}

fn enter<E: Value, A: Value>(current: &Current<E, A>, user: &Arc<FiberState>) -> Entered<E, A> {
    // The old one is dropped when the lock is free.
    let _old;
    let mut current = current.lock();
    if let Some(run) = &*current {
        if let Some(user) = run.enter(user) {
            return Entered::Later(user);
        }
        if !run.has_ended() {
            return Entered::TooLate(Arc::clone(run));
        }
    }
    let (run, user) = SharedRun::new(user);
    _old = current.replace(Arc::clone(&run));
    Entered::First(run, user)
}

/// Says what the effect has yielded, and keeps what it has acquired for as long as somebody uses it.
fn keep<R, E, A, P>(
    program: P,
    run: Run<E, A>,
    waits_for: WaitsFor,
) -> Effect<R, E, (), impl Program<R, Error = E, Value = ()>>
where
    R: Env,
    E: Value,
    A: Value,
    P: Program<R, Error = E, Value = A>,
{
    effect(async move |cx: Cx<R>| {
        let value = cx.run(Effect::new(program)).await?;
        run.say(Exit::Success(value));
        let unused = effect(async move |_: Cx<R>| {
            run.unused(waits_for).await;
            Ok(())
        });
        // An interruption by anybody but its users must not take it away from them.
        cx.run(unused.uninterruptible()).await
    })
}

/// What is said of an effect that has not yielded a value.
fn last_word<E, A>(exit: Exit<E, ()>) -> Exit<E, A> {
    Exit::Failure(match exit {
        Exit::Failure(cause) => cause,
        Exit::Success(()) => Cause::interrupt(None),
    })
}

opaque_debug!(Shared<P, E, A>);
