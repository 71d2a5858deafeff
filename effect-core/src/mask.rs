//! Masks: what runs under one is not interrupted, but for the parts that are excepted.
//!
//! Interruption is dropping. A masked region that is dropped half-way is owed to its fiber as a whole, and ends there. What
//! it has excepted, with [`Restore`](crate::Restore), learns at that moment that the mask was *cut*, drops what it runs, and
//! tells the mask. Whoever catches interruption in between ends there, or else the region does.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker, ready};

use futures::future::{BoxFuture, FutureExt};
use parking_lot::Mutex;
use pin_project_lite::pin_project;
use slab::Slab;

use crate::cleanup::Settle;
use crate::defect::{catch, catch_poll};
use crate::driver::drop_body;
use crate::fiber::{FiberState, Interrupters};
use crate::{Cx, Defect, Env};

/// What a masked region and the parts that are excepted from it know of each other.
#[derive(Default)]
pub(crate) struct Mask {
    /// Whether interruption has struck the region. Set once; pairs with the loads of the excepted parts, which are woken
    /// after it was set.
    cut: AtomicBool,
    /// How many parts have been interrupted, and wait to be dropped by whoever catches that.
    told: AtomicUsize,
    /// Whether a region has taken the mask for its own. For one that the driver has made, for the first.
    claimed: AtomicBool,
    /// Whether the region has ended. For the driver, which keeps a region that its fiber begins with.
    ended: AtomicBool,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// The excepted parts that wait.
    waiting: Slab<Waker>,
    /// Who has interrupted the part that told last.
    by: Interrupters,
}

impl Mask {
    /// Lets interruption strike the parts where it may.
    pub(crate) fn cut(&self) {
        if self.cut.swap(true, Ordering::AcqRel) {
            return;
        }
        let waiting = std::mem::take(&mut self.inner.lock().waiting);
        waiting.into_iter().for_each(|(_, waker)| waker.wake());
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Acquire)
    }

    fn told(&self) -> usize {
        self.told.load(Ordering::Acquire)
    }

    fn by(&self) -> Interrupters {
        self.inner.lock().by.clone()
    }
}

/// A part under a mask has been interrupted, and is pending until it is dropped by whoever catches that.
pub(crate) struct Told {
    mask: Arc<Mask>,
}

impl Told {
    /// Tells whoever polls, when the poll returns.
    pub(crate) fn new(mask: &Arc<Mask>, by: Interrupters) -> Self {
        mask.inner.lock().by = by;
        mask.told.fetch_add(1, Ordering::AcqRel);
        Told {
            mask: Arc::clone(mask),
        }
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        self.mask.told.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A context for what must not be interrupted at all, by the masks around it neither.
pub(crate) fn sealed<R>(cx: &Cx<R>) -> Cx<R> {
    match cx.mask() {
        None => cx.clone(),
        Some(_) => masked(cx).0,
    }
}

/// A context for a masked region, and its mask.
pub(crate) fn masked<R>(cx: &Cx<R>) -> (Cx<R>, Arc<Mask>) {
    let mut frame = cx.frame();
    let root = frame.root_mask.take();
    let root = root.filter(|mask| !mask.claimed.swap(true, Ordering::AcqRel));
    let mask = root.unwrap_or_default();
    frame.mask = Some(Arc::clone(&mask));
    (cx.with_frame(frame), mask)
}

/// A masked region: a body that ends once it has begun, unless a part is excepted and interrupted. Then it has no output.
struct Region<T> {
    mask: Option<Arc<Mask>>,
    // `None` once it has ended.
    body: Option<BoxFuture<'static, T>>,
    owed: Settle,
    /// Whether it has begun: its fiber is under a mask more.
    begun: bool,
}

impl<T> Region<T> {
    fn begin(&mut self) {
        self.begun = true;
        self.owed.fiber().change_masks(1);
    }
}

impl<T> Drop for Region<T> {
    fn drop(&mut self) {
        if self.begun {
            self.owed.fiber().change_masks(-1);
        }
    }
}

impl<T> Future for Region<T> {
    type Output = Option<Result<T, Defect>>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let told = |mask: &Option<Arc<Mask>>| mask.as_ref().map_or(0, |mask| mask.told());
        if let Some(body) = &mut this.body {
            let before = told(&this.mask);
            let polled = catch_poll(body.as_mut(), task);
            if polled.is_ready() {
                this.body = None;
                return polled.map(Some);
            }
            if told(&this.mask) == before {
                return Poll::Pending;
            }
            let before = this.owed.fiber().mark();
            if let Err(defect) = catch(|| this.body = None) {
                this.owed.fiber().record_defect(defect);
            }
            this.owed.claim(before);
        }
        ready!(Pin::new(&mut this.owed).poll(task));
        Poll::Ready(None)
    }
}

/// A masked region in its place. Dropped half-way, it is owed to its fiber, and ends there.
pub(crate) struct Masked<T: Send + 'static> {
    fiber: Arc<FiberState>,
    region: Option<Region<T>>,
    started: bool,
    /// The mask around this one.
    outer: Option<Arc<Mask>>,
    told: Option<Told>,
}

impl<T: Send + 'static> Masked<T> {
    pub(crate) fn new<R>(cx: &Cx<R>, mask: Option<Arc<Mask>>, body: BoxFuture<'static, T>) -> Self {
        Masked {
            fiber: Arc::clone(cx.fiber()),
            region: Some(Region {
                mask,
                body: Some(body),
                owed: Settle::new(cx.fiber()),
                begun: false,
            }),
            started: false,
            outer: cx.mask().cloned(),
            told: None,
        }
    }

    /// Without a part that is excepted.
    pub(crate) fn plain<R: Env>(cx: &Cx<R>, body: BoxFuture<'static, T>) -> Self {
        Masked::new(cx, None, body)
    }

    /// Passes on that a part was interrupted, to what is around.
    fn unwind(&mut self, mask: Option<Arc<Mask>>, task: &Context<'_>) {
        let Some(mask) = mask else { return };
        if let Some(outer) = &self.outer {
            self.told = Some(Told::new(outer, mask.by()));
        } else {
            // The driver sees it when its poll returns, or in the next, and drops us.
            mask.by()
                .into_iter()
                .for_each(|by| self.fiber.interrupt(by));
            task.waker().wake_by_ref();
        }
    }
}

impl<T: Send + 'static> Future for Masked<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<T> {
        let this = &mut *self;
        let begins = !std::mem::replace(&mut this.started, true);
        let Some(region) = &mut this.region else {
            return Poll::Pending;
        };
        if begins {
            region.begin();
        }
        let ended = ready!(Pin::new(&mut *region).poll(task));
        let mask = region.mask.take();
        if let Some(mask) = &mask {
            mask.ended.store(true, Ordering::Release);
        }
        this.region = None;
        match ended {
            Some(Ok(output)) => Poll::Ready(output),
            // A body that panicked has ended: nothing of it is owed.
            Some(Err(defect)) => defect.raise(),
            None => {
                this.unwind(mask, task);
                Poll::Pending
            }
        }
    }
}

impl<T: Send + 'static> Drop for Masked<T> {
    fn drop(&mut self) {
        let Some(region) = self.region.take().filter(|_| self.started) else {
            return;
        };
        let mask = region.mask.clone();
        let rest = region.map(|ended| {
            // What it yields is wanted by nobody, but a bug in it is one all the same: whoever runs this records it.
            if let Some(Err(defect)) = ended {
                defect.raise();
            }
        });
        self.fiber.owe(rest.boxed());
        if let Some(mask) = mask {
            mask.cut();
        }
    }
}

pin_project! {
    /// A part that is excepted from a mask: it is interrupted when the mask is cut.
    pub(crate) struct Excepted<'cx, Fut> {
        fiber: &'cx Arc<FiberState>,
        mask: Arc<Mask>,
        lifted: Lifted<'cx>,
        place: Place,
        owed: Settle,
        told: Option<Told>,
        #[pin]
        body: Option<Fut>,
    }
}

/// A mask that is lifted for a part: its fiber is under one less.
struct Lifted<'cx> {
    fiber: &'cx FiberState,
}

impl<'cx> Lifted<'cx> {
    fn new(fiber: &'cx FiberState) -> Self {
        fiber.change_masks(-1);
        Lifted { fiber }
    }
}

impl Drop for Lifted<'_> {
    fn drop(&mut self) {
        self.fiber.change_masks(1);
    }
}

/// A place among those who wait for a mask to be cut.
struct Place {
    mask: Arc<Mask>,
    key: Option<usize>,
}

impl Place {
    /// Wakes the task when the mask is cut. False if it is cut by now.
    fn wait(&mut self, task: &Context<'_>) -> bool {
        let waker = task.waker().clone();
        let mut inner = self.mask.inner.lock();
        if self.mask.is_cut() {
            return false;
        }
        let _replaced = match self.key {
            Some(key) => Some(std::mem::replace(&mut inner.waiting[key], waker)),
            None => {
                self.key = Some(inner.waiting.insert(waker));
                None
            }
        };
        drop(inner);
        true
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            let _waker = self.mask.inner.lock().waiting.try_remove(key);
        }
    }
}

/// Excepts a body from a mask.
pub(crate) fn excepted<'cx, Fut: Future>(
    fiber: &'cx Arc<FiberState>,
    mask: &Arc<Mask>,
    body: Fut,
) -> Excepted<'cx, Fut> {
    Excepted {
        fiber,
        mask: Arc::clone(mask),
        lifted: Lifted::new(fiber),
        place: Place {
            mask: Arc::clone(mask),
            key: None,
        },
        owed: Settle::new(fiber),
        told: None,
        body: Some(body),
    }
}

impl<Fut: Future> Future for Excepted<'_, Fut> {
    type Output = Fut::Output;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Fut::Output> {
        let mut this = self.project();
        let fiber = *this.fiber;
        if !this.mask.is_cut() {
            let body = this.body.as_mut().as_pin_mut();
            if let Poll::Ready(output) = body.expect("polled after completion").poll(task) {
                return Poll::Ready(output);
            }
            if this.place.wait(task) {
                return Poll::Pending;
            }
        }
        if this.body.is_some() {
            let before = fiber.mark();
            drop_body(fiber, this.body);
            this.owed.claim(before);
        }
        ready!(Pin::new(&mut *this.owed).poll(task));
        if this.told.is_none() {
            *this.told = Some(Told::new(this.mask, fiber.interrupters()));
        }
        Poll::Pending
    }
}

pin_project! {
    /// A body whose interruption is caught, if it is interrupted under a mask.
    pub(crate) struct Catching<'cx, Fut> {
        mask: Option<&'cx Arc<Mask>>,
        #[pin]
        body: Option<Fut>,
    }
}

/// Catches the interruption of a body that runs under a mask, drops it, and tells who has interrupted it.
pub(crate) fn catching<Fut: Future>(mask: Option<&Arc<Mask>>, body: Fut) -> Catching<'_, Fut> {
    Catching {
        mask,
        body: Some(body),
    }
}

impl<Fut: Future> Future for Catching<'_, Fut> {
    type Output = Result<Fut::Output, Interrupters>;

    #[inline]
    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let body = this.body.as_mut().as_pin_mut();
        let body = body.expect("polled after completion");
        let Some(mask) = this.mask else {
            return body.poll(task).map(Ok);
        };
        let before = mask.told();
        let polled = body.poll(task);
        if polled.is_pending() && mask.told() > before {
            let by = mask.by();
            this.body.set(None);
            return Poll::Ready(Err(by));
        }
        polled.map(Ok)
    }
}
