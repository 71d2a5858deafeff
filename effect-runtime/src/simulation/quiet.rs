//! Quiet: thousands of runs panic on purpose, and nobody wants to read of each.

use std::cell::{Cell, RefCell};
use std::panic;
use std::sync::Once;

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
    /// Where the last panic was that was not printed.
    static PLACE: RefCell<Option<(String, u32)>> = const { RefCell::new(None) };
}

/// Keeps panics on this thread from being printed, as long as it is alive.
pub(super) struct Quiet {
    before: bool,
}

impl Quiet {
    pub(super) fn new() -> Self {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let previous = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                if QUIET.get() {
                    let place = info.location();
                    let place = place.map(|place| (place.file().to_owned(), place.line()));
                    PLACE.replace(place);
                } else {
                    previous(info);
                }
            }));
        });
        Quiet {
            before: QUIET.replace(true),
        }
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        QUIET.set(self.before);
    }
}

/// Where the last panic was that was not printed: file and line.
pub(super) fn take_place() -> Option<String> {
    let place = PLACE.take();
    place.map(|(file, line)| format!("{file}:{line}"))
}
