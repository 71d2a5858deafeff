//! The ring in which results of an ordered stage wait for those of earlier items.

use std::collections::VecDeque;
use std::sync::Arc;

use super::board::Board;
use super::item::{Batch, Item};

/// Results of an ordered stage, in the order in which its items came.
///
/// It is bounded as the next queue is: a result that waits here has a place there, or else a worker.
pub(super) struct InOrder<B, O> {
    /// The turn of the first.
    first: u64,
    results: VecDeque<Place<B, O>>,
    board: Arc<Board>,
}

/// Where the result of one item belongs.
enum Place<B, O> {
    Runs,
    /// It has failed, or was filtered.
    Nothing,
    One(Item<B, O>),
    Several(Vec<Item<B, O>>),
}

impl<B, O> InOrder<B, O> {
    pub(super) fn new(board: &Arc<Board>) -> Self {
        InOrder {
            first: 0,
            results: VecDeque::new(),
            board: Arc::clone(board),
        }
    }

    fn place(&mut self, turn: u64) -> &mut Place<B, O> {
        let at = turn.checked_sub(self.first).map(usize::try_from);
        let at = at.and_then(Result::ok).expect("its turn is still to come");
        while self.results.len() <= at {
            self.results.push_back(Place::Runs);
        }
        &mut self.results[at]
    }

    pub(super) fn several(&mut self, turn: u64, items: Vec<Item<B, O>>) {
        *self.place(turn) = Place::Several(items);
    }

    pub(super) fn nothing(&mut self, turn: u64) {
        *self.place(turn) = Place::Nothing;
    }

    /// Takes results in, and leaves those there whose turn it is, with what was here before.
    pub(super) fn pass(&mut self, out: &mut Batch<Item<B, O>>) {
        if self.results.is_empty() && self.is_next(out) {
            self.first += out.len() as u64;
            return;
        }
        for item in out.drain(..) {
            let turn = item.turn;
            *self.place(turn) = Place::One(item);
        }
        while let Some(first) = self.results.front_mut() {
            match std::mem::replace(first, Place::Nothing) {
                Place::Runs => {
                    *first = Place::Runs;
                    return;
                }
                Place::Nothing => {}
                Place::One(item) => out.push(item),
                Place::Several(items) => out.extend(items),
            }
            self.results.pop_front();
            self.first += 1;
        }
    }

    /// Whether these are the next, one after the other.
    fn is_next(&self, out: &[Item<B, O>]) -> bool {
        out.iter()
            .zip(self.first..)
            .all(|(item, turn)| item.turn == turn)
    }
}

impl<B, O> Drop for InOrder<B, O> {
    fn drop(&mut self) {
        let mut left = Batch::new(&self.board);
        for place in self.results.drain(..) {
            match place {
                Place::Runs | Place::Nothing => {}
                Place::One(item) => left.push(item),
                Place::Several(items) => left.extend(items),
            }
        }
    }
}
