//! A result that is not there yet: completed once, and waited for by many.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::watched::{Watched, Watcher};
use crate::WaitsFor;
use crate::opaque_debug::opaque_debug;

/// A result that is not there yet: somebody completes it, once, and everybody who waits has it.
///
/// Nobody completes it but you: who waits for one that is forgotten waits for ever.
///
/// # Examples
///
/// ```
/// use effect_core::sync::Deferred;
/// use effect_core::{Cx, Never, effect};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let program = effect(async |cx: Cx<()>| {
///     let port = Deferred::<Never, u16>::new();
///     let waiting = [port.clone(), port.clone()].map(|port| cx.fork(port.wait()));
///     port.succeed(8080).unwrap();
///     for fiber in waiting {
///         assert_eq!(cx.run(fiber.join()).await, Ok(8080));
///     }
///     Ok::<_, Never>(())
/// });
/// program.await.unwrap();
/// # }
/// ```
#[doc(alias = "Promise")]
pub struct Deferred<E, A> {
    watched: Arc<Watched<Slot<E, A>>>,
}

// Shared, so that it is cloned when the lock is free.
type Slot<E, A> = Option<Arc<Result<A, E>>>;

impl<E, A> Deferred<E, A> {
    /// Creates one without a result.
    pub fn new() -> Self {
        Deferred {
            watched: Watched::new(None),
        }
    }

    /// Completes it with a result, and wakes those who wait.
    ///
    /// # Errors
    ///
    /// The result itself, if there was one before.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Deferred;
    ///
    /// let deferred = Deferred::new();
    /// assert_eq!(deferred.complete("1".parse::<u8>()), Ok(()));
    /// assert_eq!(deferred.complete(Ok(2)), Err(Ok(2)));
    /// assert_eq!(deferred.poll(), Some(Ok(1)));
    /// ```
    pub fn complete(&self, result: Result<A, E>) -> Result<(), Result<A, E>> {
        self.watched.change_if(|slot| {
            if slot.is_some() {
                return (Err(result), false);
            }
            *slot = Some(Arc::new(result));
            (Ok(()), true)
        })
    }

    /// Completes it with a value, and wakes those who wait.
    ///
    /// # Errors
    ///
    /// The value itself, if there was a result before.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Deferred;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let deferred = Deferred::<&str, u8>::new();
    /// deferred.succeed(1).unwrap();
    /// assert_eq!(deferred.succeed(2), Err(2));
    /// assert_eq!(deferred.wait().await, Ok(1));
    /// # }
    /// ```
    pub fn succeed(&self, value: A) -> Result<(), A> {
        self.complete(Ok(value)).map_err(|refused| match refused {
            Ok(value) => value,
            Err(_) => unreachable!("it was a value"),
        })
    }

    /// Completes it with an error, and wakes those who wait.
    ///
    /// # Errors
    ///
    /// The error itself, if there was a result before.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Deferred;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let deferred = Deferred::<&str, u8>::new();
    /// deferred.fail("no route").unwrap();
    /// assert_eq!(deferred.wait().await, Err("no route"));
    /// # }
    /// ```
    pub fn fail(&self, error: E) -> Result<(), E> {
        self.complete(Err(error)).map_err(|refused| match refused {
            Err(error) => error,
            Ok(_) => unreachable!("it was an error"),
        })
    }

    /// Waits for the result.
    ///
    /// # Errors
    ///
    /// What it was completed with, where that is an error.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it has no effect.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Deferred;
    /// use effect_core::{IntoEffect, Never, TimeoutError};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let deferred = Deferred::<Never, u8>::new();
    /// let limit = Duration::from_secs(1);
    /// let late = deferred.wait().into_effect().timeout(limit).await;
    /// assert_eq!(late, Err(TimeoutError::Elapsed(limit)));
    /// deferred.succeed(1).unwrap();
    /// assert_eq!(deferred.wait().await, Ok(1));
    /// # }
    /// ```
    #[doc(alias = "await")]
    #[track_caller]
    pub fn wait(&self) -> WaitDeferred<E, A> {
        WaitDeferred {
            watcher: Watcher::new(&self.watched, WaitsFor::here("a deferred result")),
        }
    }

    /// Whether there is a result.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Deferred;
    ///
    /// let deferred = Deferred::<&str, u8>::new();
    /// assert!(!deferred.is_done());
    /// deferred.succeed(1).unwrap();
    /// assert!(deferred.is_done());
    /// ```
    pub fn is_done(&self) -> bool {
        self.watched.look(Option::is_some)
    }
}

impl<E: Clone, A: Clone> Deferred<E, A> {
    /// The result, if there is one.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Deferred;
    ///
    /// let deferred = Deferred::<&str, u8>::new();
    /// assert_eq!(deferred.poll(), None);
    /// deferred.succeed(1).unwrap();
    /// assert_eq!(deferred.poll(), Some(Ok(1)));
    /// ```
    pub fn poll(&self) -> Option<Result<A, E>> {
        let result = self.watched.look(Clone::clone);
        result.map(Arc::unwrap_or_clone)
    }
}

/// The future of [`Deferred::wait`].
#[must_use = "futures do nothing unless they are polled"]
pub struct WaitDeferred<E, A> {
    watcher: Watcher<Slot<E, A>>,
}

impl<E: Clone, A: Clone> Future for WaitDeferred<E, A> {
    type Output = Result<A, E>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let seen = self.watcher.poll(task, |slot| slot.clone());
        seen.map(Arc::unwrap_or_clone)
    }
}

impl<E, A> Clone for Deferred<E, A> {
    fn clone(&self) -> Self {
        Deferred {
            watched: Arc::clone(&self.watched),
        }
    }
}

impl<E, A> Default for Deferred<E, A> {
    fn default() -> Self {
        Deferred::new()
    }
}

impl<E, A> fmt::Debug for Deferred<E, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deferred")
            .field("done", &self.is_done())
            .finish_non_exhaustive()
    }
}

opaque_debug!(WaitDeferred<E, A>);
