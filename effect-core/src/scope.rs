//! A scope: the finalizers of what was acquired in it, run in reverse order when it closes.

use std::fmt;

use futures::future::BoxFuture;
use parking_lot::Mutex;

use crate::measure;

/// A finalizer that is ready to run. It never fails; a panic in it is caught by whoever runs it.
pub(crate) type Finalizer = BoxFuture<'static, ()>;

/// The finalizers of what was acquired, until it closes.
pub(crate) struct Scope {
    // `None` once closed.
    finalizers: Mutex<Option<Vec<Finalizer>>>,
}

impl Scope {
    pub(crate) const fn new() -> Self {
        Scope {
            finalizers: Mutex::new(Some(Vec::new())),
        }
    }

    /// Adds a finalizer; a closed scope hands it back, to be run at once.
    pub(crate) fn add(&self, finalizer: Finalizer) -> Result<(), Finalizer> {
        match self.finalizers.lock().as_mut() {
            Some(finalizers) => {
                finalizers.push(finalizer);
                measure::finalizers(1);
                Ok(())
            }
            None => Err(finalizer),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.finalizers.lock().as_ref().map_or(0, Vec::len)
    }

    /// Closes the scope if it has nothing to run. True if it is closed.
    pub(crate) fn try_close(&self) -> bool {
        let mut finalizers = self.finalizers.lock();
        if finalizers.as_ref().is_some_and(Vec::is_empty) {
            *finalizers = None;
        }
        finalizers.is_none()
    }

    /// Takes the finalizer that is next to run; closes the scope when there is none left.
    pub(crate) fn pop(&self) -> Option<Finalizer> {
        let mut finalizers = self.finalizers.lock();
        let next = finalizers.as_mut()?.pop();
        match next {
            Some(_) => measure::finalizers(-1),
            None => *finalizers = None,
        }
        next
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pending = self.finalizers.lock().as_ref().map(Vec::len);
        f.debug_struct("Scope").field("pending", &pending).finish()
    }
}
