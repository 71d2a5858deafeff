//! An effect from a callback: somebody else's code says when it ends, and how.

use std::future::Future;
use std::marker::PhantomData;
use std::mem;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::future::FutureExt;
use parking_lot::Mutex;

use crate::budget::poll_turn;
use crate::defect::catch;
use crate::mask::sealed;
use crate::opaque_debug::opaque_debug;
use crate::{Cx, Defect, Effect, Env, Program, Value, WaitsFor};

mod resume;
mod canceler;

pub use canceler::Canceler;
use resume::Call;
pub use resume::Resume;

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
            call: Arc::new(Mutex::new(Call::awaited())),
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
        let resume = Resume::new(&self.call);
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
