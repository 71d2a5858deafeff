//! Clean-up that always runs: finalizers of an effect.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::future::FutureExt;
use pin_project_lite::pin_project;

use crate::defect::{catch, catch_poll};
use crate::fits::CannotFail;
use crate::opaque_debug::opaque_debug;
use crate::program::{self, Outcome};
use crate::settled::settled;
use crate::{Cause, Cx, Effect, Env, Exit, IntoEffect, Never, Program, Value};

/// # Cleaning up
///
/// A finalizer runs exactly once, whatever ends the effect: success, failure, a panic, interruption, a lost
/// race, a time-out, a foreign `select!`, or a driver that is dropped. It is not interrupted, and cannot
/// fail: what may fail in it is recovered from or [`or_die`](Effect::or_die)s. A finalizer that panics does
/// not stop the next; its defect is in the fiber's [`Cause`](crate::Cause).
impl<R, E, A, P> Effect<R, E, A, P>
where
    R: Env,
    E: Value,
    A: Value,
{
    /// Runs a finalizer after this effect, however it ends.
    ///
    /// # Cancel safety
    ///
    /// Interrupted, the effect is dropped first; the finalizer runs next, and whoever interrupted waits.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{fail, sync};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (log, lines) = std::sync::mpsc::channel();
    /// let failing = fail::<_, _, ()>("disk full")
    ///     .ensuring(sync(move || log.send("closed").unwrap()));
    /// assert_eq!(failing.await, Err("disk full"));
    /// assert_eq!(lines.recv(), Ok("closed"));
    /// # }
    /// ```
    #[doc(alias = "finally")]
    pub fn ensuring<I>(self, finalizer: I) -> Effect<R, E, A, Ensuring<P, I::Program>>
    where
        I: IntoEffect<R> + CannotFail<I::Error>,
    {
        let finalizer = finalizer.into_effect().program;
        Effect::of(Ensuring {
            program: self.program,
            finalizer,
        })
    }

    /// Runs a finalizer if this effect is interrupted, and only then.
    ///
    /// # Cancel safety
    ///
    /// Interrupted, the effect is dropped first; the finalizer runs next, and whoever interrupted waits.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{never, succeed, sync};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (log, lines) = std::sync::mpsc::channel();
    /// let waiting = never::<_, &str, u8>()
    ///     .on_interrupt(sync(move || log.send("interrupted").unwrap()));
    /// assert_eq!(waiting.race_first(succeed(1)).await, Ok(1));
    /// assert_eq!(lines.recv(), Ok("interrupted"));
    /// # }
    /// ```
    pub fn on_interrupt<I>(self, finalizer: I) -> Effect<R, E, A, OnInterrupt<P, I::Program>>
    where
        I: IntoEffect<R> + CannotFail<I::Error>,
    {
        let finalizer = finalizer.into_effect().program;
        Effect::of(OnInterrupt {
            program: self.program,
            finalizer,
        })
    }

    /// Runs a finalizer after this effect, however it ends, made by a function that is told how that was.
    ///
    /// # Cancel safety
    ///
    /// As [`ensuring`](Effect::ensuring).
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{fail, sync, Cause, Exit};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (log, lines) = std::sync::mpsc::channel();
    /// let failing = fail::<_, _, ()>("disk full").on_exit(|exit| {
    ///     let exit = exit.clone();
    ///     sync(move || log.send(exit).unwrap())
    /// });
    /// assert_eq!(failing.await, Err("disk full"));
    /// assert_eq!(lines.recv(), Ok(Exit::Failure(Cause::fail("disk full"))));
    /// # }
    /// ```
    pub fn on_exit<I, F>(self, f: F) -> Effect<R, E, A, OnExit<P, F>>
    where
        I: IntoEffect<R> + CannotFail<I::Error>,
        F: FnOnce(&Exit<E, A>) -> I + Value,
    {
        Effect::of(OnExit {
            program: self.program,
            f,
        })
    }

    /// Runs a finalizer after this effect if it does not succeed, made by a function that is told why.
    ///
    /// # Cancel safety
    ///
    /// As [`ensuring`](Effect::ensuring).
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{never, sync};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let (log, lines) = std::sync::mpsc::channel();
    /// let waiting = never::<_, &str, ()>().on_error(|cause| {
    ///     let interrupted = cause.is_interrupt();
    ///     sync(move || log.send(interrupted).unwrap())
    /// });
    /// assert!(waiting.timeout(Duration::from_secs(1)).await.is_err());
    /// assert_eq!(lines.recv(), Ok(true));
    /// # }
    /// ```
    pub fn on_error<I, F>(self, f: F) -> Effect<R, E, A, OnError<P, F>>
    where
        I: IntoEffect<R> + CannotFail<I::Error>,
        F: FnOnce(&Cause<E>) -> I + Value,
    {
        Effect::of(OnError {
            program: self.program,
            f,
        })
    }
}

/// The program of [`Effect::ensuring`].
#[derive(Clone, Debug)]
pub struct Ensuring<P, Q> {
    program: P,
    finalizer: Q,
}

impl<R: Env, P: Program<R>, Q: Program<R, Error = Never>> Program<R> for Ensuring<P, Q> {
    type Error = P::Error;
    type Value = P::Value;

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Outcome<R, Self>> + Send {
        let owing = Owing::new(cx, self.finalizer, When::Dropped);
        let body = self.program.run(cx);
        // The end takes the same road as a drop: the guard goes, and owes. So there is one to get right.
        settled(cx.fiber(), Guarded { body, owing })
    }
}

/// The program of [`Effect::on_interrupt`].
#[derive(Clone, Debug)]
pub struct OnInterrupt<P, Q> {
    program: P,
    finalizer: Q,
}

impl<R: Env, P: Program<R>, Q: Program<R, Error = Never>> Program<R> for OnInterrupt<P, Q> {
    type Error = P::Error;
    type Value = P::Value;

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Outcome<R, Self>> + Send {
        let owing = Owing::new(cx, self.finalizer, When::Interrupted);
        let body = self.program.run(cx);
        Guarded { body, owing }
    }
}

pin_project! {
    /// A body, and what is owed when it is dropped. The body is dropped first.
    struct Guarded<'cx, R, Q, Fut>
    where
        R: Env,
        Q: Program<R>,
    {
        #[pin]
        body: Fut,
        owing: Owing<'cx, R, Q>,
    }
}

impl<R: Env, Q: Program<R>, Fut: Future> Future for Guarded<'_, R, Q, Fut> {
    type Output = Fut::Output;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Fut::Output> {
        let this = self.project();
        // A panic of the body leaves it so.
        this.owing.body = Body::Polled;
        let polled = this.body.poll(task);
        this.owing.body = if polled.is_ready() {
            Body::Ended
        } else {
            Body::Waiting
        };
        polled
    }
}

/// Which drops a finalizer is owed after.
#[derive(Clone, Copy, PartialEq)]
enum When {
    Dropped,
    Interrupted,
}

/// Where a guarded body is.
#[derive(Clone, Copy, PartialEq)]
enum Body {
    NotStarted,
    /// Being polled, or it has panicked.
    Polled,
    Waiting,
    Ended,
}

/// A guard that owes a finalizer to its fiber once its body has started.
struct Owing<'cx, R: Env, Q: Program<R>> {
    cx: &'cx Cx<R>,
    finalizer: Option<Q>,
    when: When,
    body: Body,
}

impl<'cx, R: Env, Q: Program<R>> Owing<'cx, R, Q> {
    fn new(cx: &'cx Cx<R>, finalizer: Q, when: When) -> Self {
        Owing {
            cx,
            finalizer: Some(finalizer),
            when,
            body: Body::NotStarted,
        }
    }
}

impl<R: Env, Q: Program<R>> Drop for Owing<'_, R, Q> {
    fn drop(&mut self) {
        let Some(finalizer) = self.finalizer.take() else {
            return;
        };
        let owed = match self.when {
            // An effect that has not started owes nothing.
            When::Dropped => self.body != Body::NotStarted,
            When::Interrupted => self.body == Body::Waiting,
        };
        if owed {
            owe(self.cx, finalizer, self.body);
        }
    }
}

/// The program of [`Effect::on_exit`].
#[derive(Clone)]
pub struct OnExit<P, F> {
    program: P,
    f: F,
}

impl<R, P, I, F> Program<R> for OnExit<P, F>
where
    R: Env,
    P: Program<R>,
    I: IntoEffect<R, Error = Never>,
    F: FnOnce(&Exit<P::Error, P::Value>) -> I + Value,
{
    type Error = P::Error;
    type Value = P::Value;

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Outcome<R, Self>> + Send {
        let f = self.f;
        let choose = move |exit: &Exit<_, _>| Some(f(exit).into_effect().program);
        ending(cx, self.program, choose)
    }
}

/// The program of [`Effect::on_error`].
#[derive(Clone)]
pub struct OnError<P, F> {
    program: P,
    f: F,
}

impl<R, P, I, F> Program<R> for OnError<P, F>
where
    R: Env,
    P: Program<R>,
    I: IntoEffect<R, Error = Never>,
    F: FnOnce(&Cause<P::Error>) -> I + Value,
{
    type Error = P::Error;
    type Value = P::Value;

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Outcome<R, Self>> + Send {
        let f = self.f;
        let choose =
            move |exit: &Exit<_, _>| exit.cause().map(|cause| f(cause).into_effect().program);
        ending(cx, self.program, choose)
    }
}

/// Runs a program, and then the finalizer that a function chooses by its exit.
fn ending<R, P, Q, F>(
    cx: &Cx<R>,
    program: P,
    choose: F,
) -> impl Future<Output = Outcome<R, P>> + Send
where
    R: Env,
    P: Program<R>,
    Q: Program<R, Error = Never>,
    F: FnOnce(&Exit<P::Error, P::Value>) -> Option<Q> + Send,
{
    let body = program.run(cx);
    let end = End {
        cx,
        choose: Some(choose),
        body: Body::NotStarted,
        finalizer: None,
        exit: PhantomData,
    };
    settled(cx.fiber(), Ending { body, end })
}

pin_project! {
    /// A body, and what its exit leads to. The body is dropped first.
    struct Ending<'cx, R, E, A, Q, F, Fut>
    where
        R: Env,
        Q: Program<R>,
        F: FnOnce(&Exit<E, A>) -> Option<Q>,
    {
        #[pin]
        body: Fut,
        end: End<'cx, R, E, A, Q, F>,
    }
}

impl<R, E, A, Q, F, Fut> Future for Ending<'_, R, E, A, Q, F, Fut>
where
    R: Env,
    Q: Program<R>,
    F: FnOnce(&Exit<E, A>) -> Option<Q>,
    Fut: Future<Output = Result<A, E>>,
{
    type Output = Result<A, E>;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Result<A, E>> {
        let this = self.project();
        this.end.body = Body::Polled;
        match ready!(catch_poll(this.body, task)) {
            Ok(result) => {
                let exit = Exit::from(result);
                this.end.body = Body::Ended;
                this.end.choose(&exit);
                Poll::Ready(
                    exit.into_result()
                        .map_err(|cause| match cause.into_failure() {
                            Ok(error) => error,
                            Err(_) => unreachable!("it was made of an error"),
                        }),
                )
            }
            Err(defect) => {
                this.end.choose(&Exit::Failure(Cause::die(defect.clone())));
                defect.raise()
            }
        }
    }
}

/// A guard that owes to its fiber what the exit of its body leads to.
struct End<'cx, R, E, A, Q, F>
where
    R: Env,
    Q: Program<R>,
    F: FnOnce(&Exit<E, A>) -> Option<Q>,
{
    cx: &'cx Cx<R>,
    choose: Option<F>,
    body: Body,
    finalizer: Option<Q>,
    exit: PhantomData<fn(&Exit<E, A>)>,
}

impl<R, E, A, Q, F> End<'_, R, E, A, Q, F>
where
    R: Env,
    Q: Program<R>,
    F: FnOnce(&Exit<E, A>) -> Option<Q>,
{
    /// Asks for the finalizer. A panic then is one of the finalizer.
    fn choose(&mut self, exit: &Exit<E, A>) {
        let Some(choose) = self.choose.take() else {
            return;
        };
        match catch(|| choose(exit)) {
            Ok(finalizer) => self.finalizer = finalizer,
            Err(defect) => self.cx.fiber().record_defect(defect),
        }
    }
}

impl<R, E, A, Q, F> Drop for End<'_, R, E, A, Q, F>
where
    R: Env,
    Q: Program<R>,
    F: FnOnce(&Exit<E, A>) -> Option<Q>,
{
    fn drop(&mut self) {
        // An effect that has not started owes nothing.
        if self.body != Body::NotStarted && self.choose.is_some() {
            let by = self.cx.fiber().interrupters();
            self.choose(&Exit::Failure(Cause::interrupts(by)));
        }
        if let Some(finalizer) = self.finalizer.take() {
            owe(self.cx, finalizer, self.body);
        }
    }
}

/// Owes a finalizer to the fiber of a context, where its body has got so far.
fn owe<R: Env, Q: Program<R>>(cx: &Cx<R>, finalizer: Q, body: Body) {
    let inner = cx.clone();
    let work = async move {
        let _ = program::run(finalizer, &inner).await;
    };
    match body {
        // It is dropped in the poll that it has ended in, by who waits for what that owes.
        Body::Ended => cx.fiber().owe_at_once(work.boxed()),
        _ => cx.fiber().owe(work.boxed()),
    }
}

opaque_debug!(OnExit<P, F>, OnError<P, F>);
