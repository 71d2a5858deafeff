//! A handle that does not keep what is inside alive.

use std::fmt;
use std::sync::{Arc, Weak};

use super::{Channel, CloseReason};
use crate::sync::ring::Shared;

impl<T> Channel<T> {
    /// A handle that does not keep the channel, and what is inside, alive.
    ///
    /// For whoever is to send as long as anybody else has the channel: a registry, or a timer.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Channel;
    ///
    /// let channel = Channel::bounded(1);
    /// let weak = channel.downgrade();
    /// weak.upgrade().unwrap().try_send("still there").unwrap();
    /// drop(channel);
    /// assert!(weak.upgrade().is_none());
    /// ```
    pub fn downgrade(&self) -> WeakChannel<T> {
        WeakChannel {
            shared: Arc::downgrade(&self.shared),
        }
    }
}

/// A handle that does not keep a channel, and what is inside, alive. Made by [`Channel::downgrade`].
///
/// Each clone of the channel keeps it alive, and so does a send, a receive or a permit that is not done with.
pub struct WeakChannel<T> {
    shared: Weak<Shared<T, CloseReason>>,
}

impl<T> WeakChannel<T> {
    /// The channel, if it is still there: open or closed.
    pub fn upgrade(&self) -> Option<Channel<T>> {
        let shared = self.shared.upgrade()?;
        Some(Channel { shared })
    }
}

impl<T> Clone for WeakChannel<T> {
    fn clone(&self) -> Self {
        WeakChannel {
            shared: Weak::clone(&self.shared),
        }
    }
}

impl<T> fmt::Debug for WeakChannel<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakChannel").finish_non_exhaustive()
    }
}
