//! A value that fibers share and change, one at a time.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use parking_lot::ReentrantMutex;

/// A value that fibers share and change, one at a time. Nothing of it waits, but for another thread that is in the middle
/// of a change.
///
/// A number alone is better in an atomic; this is for the rest.
///
/// # Examples
///
/// ```
/// use effect_core::sync::Ref;
///
/// let stock = Ref::new(vec!["apple", "pear"]);
/// let handle = stock.clone();
/// assert_eq!(handle.modify(|stock| stock.pop()), Some("pear"));
/// assert_eq!(stock.get(), ["apple"]);
/// ```
#[doc(alias = "AtomicRef")]
pub struct Ref<T> {
    // A thread that uses it inside of its own change finds it borrowed, and not locked for ever.
    cell: Arc<ReentrantMutex<RefCell<T>>>,
}

impl<T> Ref<T> {
    /// Creates one with a value.
    pub fn new(value: T) -> Self {
        Ref {
            cell: Arc::new(ReentrantMutex::new(RefCell::new(value))),
        }
    }

    /// Changes the value, and has what the closure returns.
    ///
    /// # Panics
    ///
    /// If the closure does; the value is then as it was left. And if it uses this same `Ref`.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Ref;
    ///
    /// let next = Ref::new(1);
    /// let mine = next.modify(|next| {
    ///     *next += 1;
    ///     *next - 1
    /// });
    /// assert_eq!((mine, next.get()), (1, 2));
    /// ```
    #[track_caller]
    pub fn modify<B>(&self, change: impl FnOnce(&mut T) -> B) -> B {
        let cell = self.cell.lock();
        let Ok(mut value) = cell.try_borrow_mut() else {
            panic!("a Ref is used inside of its own change");
        };
        change(&mut value)
    }

    /// Changes the value.
    ///
    /// # Panics
    ///
    /// As [`modify`](Ref::modify).
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Ref;
    ///
    /// let total = Ref::new(40);
    /// total.update(|total| *total += 2);
    /// assert_eq!(total.get(), 42);
    /// ```
    #[track_caller]
    pub fn update(&self, change: impl FnOnce(&mut T)) {
        self.modify(change);
    }

    /// Replaces the value, and has the one before.
    ///
    /// # Panics
    ///
    /// If it is called in a change of this same `Ref`.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Ref;
    ///
    /// let mode = Ref::new("fast");
    /// assert_eq!(mode.set("safe"), "fast");
    /// ```
    #[track_caller]
    pub fn set(&self, value: T) -> T {
        self.modify(|current| std::mem::replace(current, value))
    }

    /// A clone of the value.
    ///
    /// # Panics
    ///
    /// If it is called in a change of this same `Ref`.
    #[track_caller]
    pub fn get(&self) -> T
    where
        T: Clone,
    {
        self.modify(|value| value.clone())
    }
}

impl<T> Clone for Ref<T> {
    fn clone(&self) -> Self {
        Ref {
            cell: Arc::clone(&self.cell),
        }
    }
}

impl<T: Default> Default for Ref<T> {
    fn default() -> Self {
        Ref::new(T::default())
    }
}

impl<T> fmt::Debug for Ref<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ref").finish_non_exhaustive()
    }
}
