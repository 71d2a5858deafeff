//! Nesting: a run that is polled inside of another takes shorter turns, or their lengths would multiply.

use std::cell::Cell;

/// How many polls it takes before it lets whatever is around it have a turn.
const POLLS_PER_TURN: usize = 1024;

/// The same, in a run inside of another, which makes many polls itself.
const POLLS_PER_NESTED_TURN: usize = 16;

thread_local! {
    static NESTING: Cell<usize> = const { Cell::new(0) };
}

/// That a run is polled on this thread, inside of how many others.
pub(super) struct Nesting {
    around: usize,
}

impl Nesting {
    pub(super) fn enter() -> Self {
        let around = NESTING.get();
        NESTING.set(around + 1);
        Nesting { around }
    }

    /// How many polls the run may make before it lets whatever is around it have a turn.
    pub(super) fn polls(&self) -> usize {
        if self.around == 0 {
            POLLS_PER_TURN
        } else {
            POLLS_PER_NESTED_TURN
        }
    }
}

impl Drop for Nesting {
    fn drop(&mut self) {
        NESTING.set(self.around);
    }
}
