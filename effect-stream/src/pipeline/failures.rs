//! Where the failures of a run go: to the error channel, or to the end of the run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Halt;
use super::report::Failed;
use super::ticket::Ticket;
use crate::Channel;

/// Where the failures of a run go.
pub(super) struct Failures<E> {
    pub(super) errors: Option<Channel<Failed<E>>>,
    pub(super) halt: Channel<Halt<E>>,
    pub(super) halted: Arc<AtomicBool>,
}

impl<E> Failures<E> {
    /// Routes a failure. False if there was no way for it but to end the run.
    pub(super) async fn route(&self, ticket: Ticket, failed: Failed<E>) -> bool {
        let failed = match &self.errors {
            Some(errors) => match errors.send(failed).await {
                Ok(()) => {
                    ticket.fail();
                    return true;
                }
                Err(rejected) => rejected.0,
            },
            None => failed,
        };
        // Of several that fail at once, one is the run's failure; the others are abandoned.
        if self.halt(Halt::Failed(failed)).await {
            ticket.fail();
        }
        false
    }

    /// Ends the run. False if something else had ended it before.
    pub(super) async fn halt(&self, halt: Halt<E>) -> bool {
        // Only one is ever sent, so that one never waits. What comes with it, the channel orders.
        !self.halted.swap(true, Ordering::Relaxed) && self.halt.send(halt).await.is_ok()
    }
}

impl<E> Clone for Failures<E> {
    fn clone(&self) -> Self {
        Failures {
            errors: self.errors.clone(),
            halt: self.halt.clone(),
            halted: Arc::clone(&self.halted),
        }
    }
}
