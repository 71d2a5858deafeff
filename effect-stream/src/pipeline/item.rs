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
    /// Its place among the items of an ordered stage, where it is at one.
    pub(super) turn: u64,
}

/// Items at rest, in a queue or in a hand. What is dropped with it was abandoned, and is counted as that.
///
/// A guard in the worker would not be enough: an item at rest in a buffer would vanish with the buffer.
pub(super) struct Held<C: Many> {
    items: C,
    board: Arc<Board>,
}

/// Items that wait, and leave one by one.
pub(super) type Queue<X> = Held<VecDeque<X>>;

/// Items that go from hand to hand, all together.
pub(super) type Batch<X> = Held<Vec<X>>;

/// What holds items.
pub(super) trait Many: Default + IntoIterator<IntoIter: ExactSizeIterator> {}

impl<C: Default + IntoIterator<IntoIter: ExactSizeIterator>> Many for C {}

impl<C: Many> Held<C> {
    pub(super) fn new(board: &Arc<Board>) -> Self {
        Held {
            items: C::default(),
            board: Arc::clone(board),
        }
    }
}

impl<C: Many> Deref for Held<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.items
    }
}

impl<C: Many> DerefMut for Held<C> {
    fn deref_mut(&mut self) -> &mut C {
        &mut self.items
    }
}

impl<C: Many> Drop for Held<C> {
    fn drop(&mut self) {
        let items = std::mem::take(&mut self.items).into_iter();
        if items.len() == 0 {
            return;
        }
        self.board.abandon(items.len());
        let mut defect = None;
        for item in items {
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
