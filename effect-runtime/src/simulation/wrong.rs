//! What is wrong with a run: of which kind, and in words.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::quiet;

/// What is wrong with a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) kind: Kind,
    pub(super) what: String,
    /// Where an assertion has failed, or a panic was.
    pub(super) place: Option<String>,
}

/// Of which kind it is: a plan that is made smaller shows something of the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The program was not even built.
    NeverBegun,
    /// A task panicked that is no fiber's, or what the run's end dropped.
    Panic,
    Deadlock,
    TooLong,
    LostFinalizers,
    /// A fiber has died, and nobody has observed that.
    Unobserved,
    /// An assertion of the program has failed.
    Assertion,
    /// Tickets or finalizers do not add up.
    Books,
    /// Something is left.
    LeftAlive,
}

impl Wrong {
    pub(super) fn new(kind: Kind, what: impl Into<String>) -> Self {
        Wrong {
            kind,
            what: what.into(),
            place: None,
        }
    }
}

/// Calls what may panic. What the panic says comes after `what` it means.
pub(super) fn catch<T>(kind: Kind, what: &str, f: impl FnOnce() -> T) -> Result<T, Wrong> {
    // Nobody looks again at what a panic has left half-done.
    catch_unwind(AssertUnwindSafe(f)).map_err(|payload| {
        let message = payload.downcast_ref::<String>().map(String::as_str);
        let message = message.or_else(|| payload.downcast_ref::<&str>().copied());
        let message = message.unwrap_or("a panic that says nothing");
        Wrong {
            place: quiet::take_place(),
            ..Wrong::new(kind, format!("{what}{message}"))
        }
    })
}
