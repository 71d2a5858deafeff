//! Finalizers: books on what is acquired and released.

use std::sync::Arc;

use parking_lot::Mutex;

/// Books on what one scope acquires and releases. See [`Trial::finalizers`](super::Trial::finalizers).
///
/// # Examples
///
/// ```
/// use effect_core::{acquire_release, sync, Never};
/// use effect_runtime::simulation::{Case, Sim};
///
/// Sim::new().test(|trial| {
///     let books = trial.finalizers();
///     let hold = |what: u64| {
///         let (acquired, released) = (books.clone(), books.clone());
///         let acquire = sync::<(), Never, _, _>(move || acquired.acquired(what));
///         acquire_release(acquire, move |()| sync(move || released.released(what)))
///     };
///     let (first, second) = (hold(1), hold(2));
///     Case::new(first.flat_map(move |()| second).scoped())
/// });
/// ```
#[derive(Clone, Debug, Default)]
pub struct Finalizers {
    books: Arc<Mutex<Books>>,
}

#[derive(Debug, Default)]
struct Books {
    held: Vec<u64>,
    acquired: u64,
    wrong: Option<String>,
}

impl Finalizers {
    /// Puts down that something was acquired.
    pub fn acquired(&self, what: u64) {
        let mut books = self.books.lock();
        books.acquired += 1;
        books.held.push(what);
    }

    /// Puts down that something was released: what was acquired last, of what is still held.
    pub fn released(&self, what: u64) {
        let mut books = self.books.lock();
        let last = books.held.last().copied();
        if last == Some(what) {
            books.held.pop();
            return;
        }
        let wrong = match (books.held.contains(&what), last) {
            (true, Some(last)) => format!("{what} was released before {last}, which came later"),
            _ => format!("{what} was released, and nobody holds it"),
        };
        books.held.retain(|held| *held != what);
        books.wrong.get_or_insert(wrong);
    }

    /// What is held, first what was acquired first.
    pub fn held(&self) -> Vec<u64> {
        self.books.lock().held.clone()
    }

    /// How much was acquired in all.
    pub fn count(&self) -> u64 {
        self.books.lock().acquired
    }

    pub(super) fn audit(&self, lost: bool) -> Result<(), String> {
        let books = self.books.lock();
        match (&books.wrong, books.held.is_empty() || lost) {
            (Some(wrong), _) => Err(wrong.clone()),
            (None, true) => Ok(()),
            (None, false) => Err(format!("{:?} was never released", books.held)),
        }
    }
}
