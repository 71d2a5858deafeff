//! Where a sender takes its items from.

use std::collections::VecDeque;

/// Where a sender takes its items from, one by one, as each finds room.
///
/// It is asked under the channel's lock: it hands the item over, and no more.
///
/// # Examples
///
/// ```
/// use effect_core::sync::Supply;
///
/// let mut one = Some("item");
/// assert_eq!(Supply::take(&mut one), Some("item"));
/// assert!(Supply::is_empty(&one));
/// ```
pub trait Supply<T> {
    /// Whether nothing is left.
    fn is_empty(&self) -> bool;

    /// Takes the next item, which has found room.
    fn take(&mut self) -> Option<T>;
}

impl<T> Supply<T> for Option<T> {
    fn is_empty(&self) -> bool {
        self.is_none()
    }

    fn take(&mut self) -> Option<T> {
        Option::take(self)
    }
}

impl<T> Supply<T> for VecDeque<T> {
    fn is_empty(&self) -> bool {
        VecDeque::is_empty(self)
    }

    fn take(&mut self) -> Option<T> {
        self.pop_front()
    }
}
