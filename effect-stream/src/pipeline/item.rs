//! Items on their way, and who answers for them: whoever holds some reports those that vanish with him.

use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use effect_core::Defect;

use super::board::Board;

/// An item on its way.
#[derive(Debug)]
pub(super) struct Item<T, O> {
    pub(super) value: T,
    pub(super) origin: O,
    /// Its place among the items of an ordered stage, once it has one.
    pub(super) turn: Option<u64>,
}

/// Items at rest, in a queue or in a hand. What is dropped with it was abandoned, and is counted as that.
///
/// A guard in the worker would not be enough: an item at rest in a buffer would vanish with the buffer.
pub(super) struct Held<X> {
    items: VecDeque<X>,
    board: Arc<Board>,
}

impl<X> Held<X> {
    pub(super) fn new(board: &Arc<Board>) -> Self {
        Held {
            items: VecDeque::new(),
            board: Arc::clone(board),
        }
    }
}

impl<X> Deref for Held<X> {
    type Target = VecDeque<X>;

    fn deref(&self) -> &VecDeque<X> {
        &self.items
    }
}

impl<X> DerefMut for Held<X> {
    fn deref_mut(&mut self) -> &mut VecDeque<X> {
        &mut self.items
    }
}

impl<X> Drop for Held<X> {
    fn drop(&mut self) {
        if self.items.is_empty() {
            return;
        }
        self.board.abandon(self.items.len());
        let mut defect = None;
        for item in self.items.drain(..) {
            if let Err(first) = Defect::catch(|| drop(item)) {
                defect.get_or_insert(first);
            }
        }
        if let Some(defect) = defect
            && !std::thread::panicking()
        {
            panic!("{defect}");
        }
    }
}
