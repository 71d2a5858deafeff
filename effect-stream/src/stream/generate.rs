//! Streams as a body writes them: an async closure that emits one item after the other.
//!
//! The body runs in place, in the task that pulls: no fiber, no channel. It goes on past an item when the next one is asked
//! for, and so never runs ahead.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use effect_core::{Cx, Env, Value};
use futures::Stream as FuturesStream;
use parking_lot::Mutex;
use pin_project_lite::pin_project;

use crate::opaque_debug::opaque_debug;
use crate::source::{Pull, Source};

/// The source of [`Stream::generate`](crate::Stream::generate).
pub struct Generate<F, A> {
    body: F,
    item: PhantomData<fn() -> A>,
}

impl<F, A> Generate<F, A> {
    pub(crate) const fn new(body: F) -> Self {
        Generate {
            body,
            item: PhantomData,
        }
    }
}

impl<F: Clone, A> Clone for Generate<F, A> {
    fn clone(&self) -> Self {
        Generate::new(self.body.clone())
    }
}

impl<R, A, F, Fut> Source<R> for Generate<F, A>
where
    R: Env,
    F: FnOnce(Cx<R>, Emitter<A>) -> Fut + Value,
    A: Value,
    Fut: Future<Output: Ended<A>> + Send,
{
    type Item = A;

    fn open(self, cx: &Cx<R>) -> impl Pull<Item = A> + Send {
        Generating::new(|emitter| (self.body)(cx.clone(), emitter))
    }
}

/// What a body ends with: nothing, or the item that comes last.
pub trait Ended<A>: Send {
    /// The last item, if there is one.
    fn last(self) -> Option<A>;
}

impl<A> Ended<A> for () {
    fn last(self) -> Option<A> {
        None
    }
}

/// Of a stream whose elements can fail: the failure that ends it.
impl<A, E: Send> Ended<Result<A, E>> for Result<(), E> {
    fn last(self) -> Option<Result<A, E>> {
        self.err().map(Err)
    }
}

/// With what the body of a [generated](crate::Stream::generate) stream emits.
pub struct Emitter<A> {
    slot: Arc<Slot<A>>,
}

impl<A: Send> Emitter<A> {
    /// Emits an item, and waits until the next one is asked for.
    ///
    /// What the stream's consumer does with the item happens while this waits. If it asks for no other, this never ends,
    /// and the body is interrupted here.
    ///
    /// # Cancel safety
    ///
    /// Dropped before anybody has asked for the item, it emits nothing, and the item is gone with it. Dropped later, the
    /// item was emitted.
    ///
    /// # Examples
    ///
    /// See [`Stream::generate`](crate::Stream::generate).
    pub fn emit(&mut self, item: A) -> impl Future<Output = ()> + Send + use<'_, A> {
        Emit {
            slot: &self.slot,
            item: Some(item),
        }
    }
}

/// Where the body hands an item over.
struct Slot<A> {
    inner: Mutex<Handing<A>>,
}

struct Handing<A> {
    item: Option<A>,
    /// Whether an item was asked for, and none was handed over since.
    wanted: bool,
    /// The task that pulls, and so polls the body.
    home: Option<Waker>,
    /// Who waits to go on, if that is another task, or one of several in the body that have wakers of their own.
    waiting: Option<Waker>,
}

impl<A> Default for Slot<A> {
    fn default() -> Self {
        Slot {
            inner: Mutex::new(Handing {
                item: None,
                wanted: false,
                home: None,
                waiting: None,
            }),
        }
    }
}

impl<A> Handing<A> {
    fn is_home(&self, task: &Context<'_>) -> bool {
        let home = self.home.as_ref();
        home.is_some_and(|home| home.will_wake(task.waker()))
    }
}

struct Emit<'a, A> {
    slot: &'a Slot<A>,
    // `None` once it was handed over.
    item: Option<A>,
}

// The item is only ever moved.
impl<A> Unpin for Emit<'_, A> {}

impl<A> Future for Emit<'_, A> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        let mut pulling = None;
        let _replaced = {
            let mut handing = self.slot.inner.lock();
            if handing.wanted {
                let Some(item) = self.item.take() else {
                    return Poll::Ready(());
                };
                handing.item = Some(item);
                handing.wanted = false;
                if !handing.is_home(task) {
                    pulling = handing.home.clone();
                }
            }
            // Whoever pulls polls the body when it asks for more. Others have to be told.
            if handing.is_home(task) {
                handing.waiting.take()
            } else {
                handing.waiting.replace(task.waker().clone())
            }
        };
        if let Some(pulling) = pulling {
            pulling.wake();
        }
        Poll::Pending
    }
}

pin_project! {
    /// A body, and what it hands over.
    pub(crate) struct Generating<A, Fut> {
        // `None` once it has ended.
        #[pin]
        body: Option<Fut>,
        slot: Arc<Slot<A>>,
        begun: bool,
        // What it ended with. It follows what was handed over.
        last: Option<A>,
    }
}

impl<A, Fut> Generating<A, Fut>
where
    Fut: Future<Output: Ended<A>>,
{
    pub(crate) fn new(body: impl FnOnce(Emitter<A>) -> Fut) -> Self {
        let slot = Arc::<Slot<A>>::default();
        let emitter = Emitter {
            slot: Arc::clone(&slot),
        };
        Generating {
            body: Some(body(emitter)),
            slot,
            begun: false,
            last: None,
        }
    }

    fn run(self: Pin<&mut Self>, task: &mut Context<'_>) {
        let mut this = self.project();
        if let Some(body) = this.body.as_mut().as_pin_mut()
            && let Poll::Ready(ended) = body.poll(task)
        {
            this.body.set(None);
            *this.last = ended.last();
        }
    }
}

impl<A, Fut> FuturesStream for Generating<A, Fut>
where
    Fut: Future<Output: Ended<A>>,
{
    type Item = A;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<A>> {
        let this = self.as_mut().project();
        *this.begun = true;
        let (waiting, _replaced) = {
            let mut handing = this.slot.inner.lock();
            if let Some(item) = handing.item.take() {
                return Poll::Ready(Some(item));
            }
            handing.wanted = true;
            let home = match &handing.home {
                Some(home) if home.will_wake(task.waker()) => None,
                _ => handing.home.replace(task.waker().clone()),
            };
            (handing.waiting.take(), home)
        };
        if let Some(waiting) = waiting {
            waiting.wake();
        }
        self.as_mut().run(task);
        let this = self.project();
        let item = this.slot.inner.lock().item.take();
        match item {
            Some(item) => Poll::Ready(Some(item)),
            None if this.body.is_none() => Poll::Ready(this.last.take()),
            None => Poll::Pending,
        }
    }
}

impl<A, Fut> Pull for Generating<A, Fut>
where
    Fut: Future<Output: Ended<A>>,
{
    // The body does not go on past an item that nobody has asked to follow. What it does beside that does.
    fn poll_progress(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        if !self.begun {
            return Poll::Ready(());
        }
        self.as_mut().run(task);
        if self.body.is_none() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

impl<A> fmt::Debug for Emitter<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Emitter")
    }
}

opaque_debug!(Generate<F, A>);
