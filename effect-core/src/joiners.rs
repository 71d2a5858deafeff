//! Those who wait for something to be over, and leave no trace when they give up.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use smallvec::SmallVec;

/// Tells wakers apart. Two that are alive at once and have the same identity wake the same task, so as long as
/// somebody keeps a waker, its owner can see at a glance that it is still the right one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct WakerId(usize, usize);

impl WakerId {
    pub(crate) fn of(waker: &Waker) -> Self {
        WakerId(
            waker.data().addr(),
            std::ptr::from_ref(waker.vtable()).addr(),
        )
    }
}

/// Those who wait. One task may do so several times: each time counts.
#[derive(Default)]
pub(crate) struct Joiners {
    wakers: SmallVec<[Waker; 1]>,
}

impl Joiners {
    /// Has a task woken from now on, and not the one before. What comes back is to be dropped without a lock.
    pub(crate) fn join(&mut self, joined: &mut Option<WakerId>, waker: &Waker) -> Option<Waker> {
        let id = WakerId::of(waker);
        if *joined == Some(id) {
            return None;
        }
        let before = joined.replace(id).and_then(|before| self.leave(before));
        self.wakers.push(waker.clone());
        before
    }

    /// Waits no longer. What comes back is to be dropped without a lock.
    pub(crate) fn leave(&mut self, joined: WakerId) -> Option<Waker> {
        let mut wakers = self.wakers.iter();
        let place = wakers.position(|waker| WakerId::of(waker) == joined)?;
        Some(self.wakers.swap_remove(place))
    }

    /// It is over. To be called without a lock: a waker may run anything.
    pub(crate) fn wake(self) {
        self.wakers.into_iter().for_each(Waker::wake);
    }
}

/// What ends, and tells its joiners.
pub(crate) trait Joined {
    /// Ready if it has ended. If not, a task is woken when it does, and not the one that was before.
    fn poll_ended(&self, joined: &mut Option<WakerId>, waker: &Waker) -> Poll<()>;
    /// Somebody waits no longer.
    fn leave(&self, joined: WakerId);
}

/// Waits for an end. Dropped before, it leaves no waker there.
pub(crate) struct Joining<'a, T: Joined + ?Sized> {
    what: &'a T,
    joined: Option<WakerId>,
}

/// Waits for an end.
pub(crate) fn joining<T: Joined + ?Sized>(what: &T) -> Joining<'_, T> {
    Joining { what, joined: None }
}

impl<T: Joined + ?Sized> Future for Joining<'_, T> {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let polled = this.what.poll_ended(&mut this.joined, task.waker());
        if polled.is_ready() {
            this.joined = None;
        }
        polled
    }
}

impl<T: Joined + ?Sized> Drop for Joining<'_, T> {
    fn drop(&mut self) {
        if let Some(joined) = self.joined {
            self.what.leave(joined);
        }
    }
}
