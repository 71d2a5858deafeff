//! The handle by which foreign code ends an effect, once.

use std::fmt;
use std::sync::Arc;
use std::task::Waker;

use parking_lot::Mutex;

/// Ends the effect of a [`callback`](crate::callback): the first call does, and later ones are ignored.
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
pub(super) enum Call<E, A> {
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

impl<E, A> Call<E, A> {
    /// A call that one handle may make.
    pub(super) fn awaited() -> Self {
        Call::Awaited {
            handles: 1,
            waker: None,
        }
    }
}

impl<E, A> Resume<E, A> {
    /// The first handle to a call that has room for it.
    pub(super) fn new(call: &Arc<Mutex<Call<E, A>>>) -> Self {
        Resume {
            call: Arc::clone(call),
        }
    }

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
