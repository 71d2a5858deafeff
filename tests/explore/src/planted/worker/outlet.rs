//! A copy of where a worker's results go, which the last of them closes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::channel::Channel;
use super::Bug;

/// The copy of `Outlet`: the last writer that ends closes it.
pub(super) struct Outlet {
    bug: Option<Bug>,
    pub(super) channel: Channel<u64>,
    writers: Arc<AtomicUsize>,
    /// Whether its worker has returned, and was not dropped.
    pub(super) returned: bool,
}

impl Outlet {
    pub(super) fn new(channel: &Channel<u64>, bug: Option<Bug>) -> Self {
        Outlet {
            bug,
            channel: channel.clone(),
            writers: Arc::new(AtomicUsize::new(1)),
            returned: false,
        }
    }
}

impl Clone for Outlet {
    fn clone(&self) -> Self {
        self.writers.fetch_add(1, Ordering::Relaxed);
        Outlet {
            bug: self.bug,
            channel: self.channel.clone(),
            writers: Arc::clone(&self.writers),
            returned: false,
        }
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        let last = self.writers.fetch_sub(1, Ordering::AcqRel) == 1;
        let closes = match self.bug {
            Some(Bug::OutputLeftOpen) => last && self.returned,
            Some(Bug::OutputClosedEarly) => last || self.returned,
            _ => last,
        };
        if closes {
            self.channel.close();
        }
    }
}
