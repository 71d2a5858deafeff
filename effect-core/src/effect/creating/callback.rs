//! An effect from a callback: somebody else's code says when it ends, and how.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::mem;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use futures::future::FutureExt;
use parking_lot::Mutex;

use crate::budget::poll_turn;
use crate::defect::catch;
use crate::mask::sealed;
use crate::opaque_debug::opaque_debug;
use crate::program;
use crate::{Cx, Defect, Effect, Env, Never, Program, Value, WaitsFor};

/// Creates an effect that hands a [`Resume`] handle to code which takes callbacks, and waits until that is called.
///
/// The closure registers the handle and returns a *canceler*, an effect that takes the registration back, or `()` where
/// there is nothing to take back. The handle may be called from any thread, before the closure has returned, or
/// never. Only the first call counts.
///
/// # Errors
///
/// What the handle is called with.
///
/// # Panics
///
/// A panic of the closure is a defect of the effect, unless the handle was called before: then that counts. So is a
/// handle that is dropped, with all of its clones, without a call: nobody could end the effect any more.
///
/// # Cancel safety
///
/// Interrupted while it waits, the effect runs the canceler, which is not interrupted, and whoever interrupted
/// waits for it. An effect that has ended, or for which the handle was called, does not run it.
///
/// # Examples
///
/// ```
/// use effect_core::{callback, Resume};
///
/// /// Somebody else's code.
/// fn fetch(on_done: impl FnOnce(u16) + Send + 'static) {
///     std::thread::spawn(move || on_done(200));
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let status = callback(|resume: Resume<&str, u16>| {
///     fetch(move |status| {
///         resume.succeed(status);
///     });
/// });
/// assert_eq!(status.await, Ok(200));
/// # }
/// ```
#[doc(alias = "async")]
#[track_caller]
pub fn callback<R, E, A, F, C>(register: F) -> Effect<R, E, A, Callback<E, A, F>>
where
    R: Env,
    E: Value,
    A: Value,
    F: FnOnce(Resume<E, A>) -> C + Value,
    C: Canceler<R>,
{
    Effect::new(Callback {
        register,
        waits_for: WaitsFor::here("a callback"),
        types: PhantomData,
    })
}

/// What takes the registration of a [`callback`] back: an effect that cannot fail, `()` for nothing, or an `Option`
/// of either.
///
/// # Examples
///
/// ```
/// use effect_core::{callback, sync, Resume};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let (log, lines) = std::sync::mpsc::channel();
/// let listening = callback(move |resume: Resume<&str, ()>| {
///     let registration = resume;
///     sync(move || {
///         drop(registration);
///         log.send("no longer listening").unwrap();
///     })
/// });
/// assert!(listening.timeout(Duration::from_secs(1)).await.is_err());
/// assert_eq!(lines.recv(), Ok("no longer listening"));
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot take the registration of a callback back, in the environment `{R}`",
    label = "neither `()` nor an effect that cannot fail",
    note = "return `()` if nothing is to be taken back, or an `Effect` whose error is `Never`"
)]
pub trait Canceler<R: Env>: Value {
    /// Takes the registration back, and has nothing to fail with.
    fn cancel(self, cx: &Cx<R>) -> impl Future<Output = ()> + Send;

    /// Whether there is nothing to do.
    fn is_nothing(&self) -> bool {
        false
    }
}

impl<R: Env> Canceler<R> for () {
    async fn cancel(self, _cx: &Cx<R>) {}

    fn is_nothing(&self) -> bool {
        true
    }
}

impl<R: Env, A: Value, P: Program<R, Error = Never, Value = A>> Canceler<R>
    for Effect<R, Never, A, P>
{
    fn cancel(self, cx: &Cx<R>) -> impl Future<Output = ()> + Send {
        program::run(self.program, cx).map(drop)
    }
}

impl<R: Env, C: Canceler<R>> Canceler<R> for Option<C> {
    async fn cancel(self, cx: &Cx<R>) {
        if let Some(canceler) = self {
            canceler.cancel(cx).await;
        }
    }

    fn is_nothing(&self) -> bool {
        self.as_ref().is_none_or(C::is_nothing)
    }
}

/// Ends the effect of a [`callback`]: the first call does, and later ones are ignored.
///
/// It can be cloned, for callers that want one handle for success and another for failure. It may be called on any
/// thread, or after the effect was interrupted, which is ignored.
///
/// # Examples
///
/// ```
/// use effect_core::{callback, Resume};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let first = callback(|resume: Resume<&str, u8>| {
///     assert!(resume.succeed(1));
///     assert!(!resume.clone().fail("too late"));
/// });
/// assert_eq!(first.await, Ok(1));
/// # }
/// ```
pub struct Resume<E, A> {
    call: Arc<Mutex<Call<E, A>>>,
}

/// What is known of the one call that counts.
enum Call<E, A> {
    /// It has not come. So many handles may still make it.
    Awaited {
        handles: usize,
        waker: Option<Waker>,
    },
    /// It has come, and nobody has seen it yet.
    Made(Result<A, E>),
    /// It will never come: the last handle is gone.
    Forgone,
    /// Nobody asks any more.
    Over,
}

impl<E, A> Resume<E, A> {
    /// Ends the effect with a value. False if it has ended before.
    pub fn succeed(&self, value: A) -> bool {
        self.settle(Ok(value))
    }

    /// Ends the effect with an error. False if it has ended before.
    pub fn fail(&self, error: E) -> bool {
        self.settle(Err(error))
    }

    /// Ends the effect with a result. False if it has ended before.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{callback, Resume};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let parsed = callback(|resume: Resume<_, u8>| drop(resume.settle("many".parse())));
    /// assert!(parsed.await.is_err());
    /// # }
    /// ```
    pub fn settle(&self, result: Result<A, E>) -> bool {
        // What is dropped and woken here may run anything, and does so when the lock is free.
        let waker = {
            let mut call = self.call.lock();
            match &mut *call {
                Call::Awaited { waker, .. } => {
                    let waker = waker.take();
                    *call = Call::Made(result);
                    waker
                }
                Call::Made(_) | Call::Forgone | Call::Over => return false,
            }
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }

    /// Whether the effect still waits. One that was interrupted does not.
    pub fn is_awaited(&self) -> bool {
        matches!(*self.call.lock(), Call::Awaited { .. })
    }
}

impl<E, A> Clone for Resume<E, A> {
    fn clone(&self) -> Self {
        if let Call::Awaited { handles, .. } = &mut *self.call.lock() {
            *handles += 1;
        }
        Resume {
            call: Arc::clone(&self.call),
        }
    }
}

impl<E, A> Drop for Resume<E, A> {
    fn drop(&mut self) {
        let waker = {
            let mut call = self.call.lock();
            match &mut *call {
                Call::Awaited { handles, waker } => {
                    *handles -= 1;
                    if *handles > 0 {
                        return;
                    }
                    let waker = waker.take();
                    *call = Call::Forgone;
                    waker
                }
                Call::Made(_) | Call::Forgone | Call::Over => return,
            }
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<E, A> fmt::Debug for Resume<E, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resume")
            .field("is_awaited", &self.is_awaited())
            .finish()
    }
}

/// The program of [`callback`].
pub struct Callback<E, A, F> {
    register: F,
    waits_for: WaitsFor,
    types: PhantomData<fn() -> (E, A)>,
}

impl<E, A, F: Clone> Clone for Callback<E, A, F> {
    fn clone(&self) -> Self {
        Callback {
            register: self.register.clone(),
            ..*self
        }
    }
}

impl<R, E, A, F, C> Program<R> for Callback<E, A, F>
where
    R: Env,
    E: Value,
    A: Value,
    F: FnOnce(Resume<E, A>) -> C + Value,
    C: Canceler<R>,
{
    type Error = E;
    type Value = A;

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Result<A, E>> + Send {
        Waiting {
            cx,
            register: Some(self.register),
            canceler: None,
            call: Arc::new(Mutex::new(Call::Awaited {
                handles: 1,
                waker: None,
            })),
            waits_for: self.waits_for,
        }
    }
}

/// Registers when it is first polled, then waits for the call.
struct Waiting<'cx, R: Env, E, A, F, C: Canceler<R>> {
    cx: &'cx Cx<R>,
    // `None` once it is registered.
    register: Option<F>,
    canceler: Option<C>,
    call: Arc<Mutex<Call<E, A>>>,
    waits_for: WaitsFor,
}

// Nothing in it is pinned.
impl<R: Env, E, A, F, C: Canceler<R>> Unpin for Waiting<'_, R, E, A, F, C> {}

impl<R, E, A, F, C> Waiting<'_, R, E, A, F, C>
where
    R: Env,
    F: FnOnce(Resume<E, A>) -> C,
    C: Canceler<R>,
{
    fn register(&mut self, register: F) {
        let resume = Resume {
            call: Arc::clone(&self.call),
        };
        match catch(|| register(resume)) {
            Ok(canceler) => self.canceler = Some(canceler),
            // A call that came first is the result, and the panic hook was told of this.
            Err(_) if matches!(*self.call.lock(), Call::Made(_)) => {}
            Err(defect) => {
                let _unseen = self.close();
                defect.raise()
            }
        }
    }
}

impl<R: Env, E, A, F, C: Canceler<R>> Waiting<'_, R, E, A, F, C> {
    /// Takes what has become of the call; later ones are ignored.
    fn close(&self) -> Call<E, A> {
        mem::replace(&mut *self.call.lock(), Call::Over)
    }
}

impl<R, E, A, F, C> Future for Waiting<'_, R, E, A, F, C>
where
    R: Env,
    F: FnOnce(Resume<E, A>) -> C,
    C: Canceler<R>,
{
    type Output = Result<A, E>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Result<A, E>> {
        let this = &mut *self;
        ready!(poll_turn(task));
        if let Some(register) = this.register.take() {
            this.register(register);
        }
        let fresh = task.waker().clone();
        let replaced = match &mut *this.call.lock() {
            Call::Awaited { waker, .. } => Some(waker.replace(fresh)),
            _ => None,
        };
        if replaced.is_some() {
            this.waits_for.note();
            return Poll::Pending;
        }
        this.canceler = None;
        match this.close() {
            Call::Made(result) => Poll::Ready(result.inspect_err(|_| {
                this.cx.fiber().raised_at(this.waits_for.place());
            })),
            _ => {
                let place: &Location<'_> = this.waits_for.place();
                let lost = "the handle of a callback was dropped without a call";
                Defect::at(place, lost).raise()
            }
        }
    }
}

impl<R: Env, E, A, F, C: Canceler<R>> Drop for Waiting<'_, R, E, A, F, C> {
    fn drop(&mut self) {
        let call = self.close();
        let Some(canceler) = self.canceler.take() else {
            return;
        };
        // If the handle is gone, so may be what it was registered with; that is for the canceler to know.
        let is_over = matches!(call, Call::Made(_) | Call::Over);
        if is_over || canceler.is_nothing() {
            return;
        }
        let cx = sealed(self.cx);
        let work = async move { canceler.cancel(&cx).await };
        self.cx.fiber().owe(work.boxed());
    }
}

opaque_debug!(Callback<E, A, F>);
