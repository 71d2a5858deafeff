//! What a group emits.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use effect_core::{Cx, Env, Value};
use futures::Stream as FuturesStream;
use parking_lot::Mutex;

use super::seats::{Over, Seats, wake};
use crate::opaque_debug::opaque_debug;
use crate::source::{Pull, Source};
use crate::stream::Stream;

/// A stream of the items of one key.
pub type Group<R, A> = Stream<R, A, GroupItems<A>>;

/// The source of a [`Group`].
pub struct GroupItems<A> {
    pub(super) seats: Arc<Mutex<Seats<A>>>,
    pub(super) seat: usize,
}

impl<R: Env, A: Value> Source<R> for GroupItems<A> {
    type Item = A;

    fn open(self, _cx: &Cx<R>) -> impl Pull<Item = A> + Send {
        self
    }
}

impl<A> Pull for GroupItems<A> {}

impl<A> FuturesStream for GroupItems<A> {
    type Item = A;

    fn poll_next(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<A>> {
        let taken = self.seats.lock().take_item(self.seat, task);
        wake(taken.outer);
        drop(taken.replaced);
        taken.polled.map(|item| match item {
            Ok(item) => Some(item),
            Err(Over::Ended) => None,
            Err(Over::Interrupted) => {
                panic!("a group has not seen all of its items: the stream of groups was dropped")
            }
        })
    }
}

impl<A> Drop for GroupItems<A> {
    fn drop(&mut self) {
        let mut gone = self.seats.lock().leave(self.seat);
        // First: what is dropped may panic.
        wake(gone.outer.take());
    }
}

opaque_debug!(GroupItems<A>);
