//! The source of a pipeline that reads a stream: a fiber that moves what the stream emits into the first queue.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use effect_core::{Budget, Cx, Env, Value};
use futures::Stream as _;
use futures::future::BoxFuture;

use super::board::{Board, Done, LARGEST_BATCH};
use super::item::{Batch, Item};
use super::line::{Entrance, From};
use super::origin::Origin;
use crate::Stream;
use crate::source::{Pull as _, Source};

/// How many batches a source that never waits gives before others have a turn.
const BATCHES_PER_TURN: u32 = 8;

/// A stream, whatever its type, that can be moved into a line.
pub(super) trait Spring<R, T>: Send {
    /// Moves what it emits, as far as there is room: what is ready in batches, and what has begun goes on meanwhile.
    fn pour<'a>(self: Box<Self>, cx: &'a Cx<R>, into: &'a mut dyn Basin<T>) -> BoxFuture<'a, ()>;
}

/// Where a stream is moved to.
pub(super) trait Basin<T>: Send {
    /// How many items there is room for, once there is any. None when nothing more is wanted.
    fn poll_room(&mut self, task: &mut Context<'_>) -> Poll<Option<usize>>;

    /// Takes an item.
    fn put(&mut self, value: T);

    /// Passes on what was taken.
    fn flush(&mut self);
}

impl<R: Env, T: Value, S: Source<R, Item = T>> Spring<R, T> for Stream<R, T, S> {
    fn pour<'a>(self: Box<Self>, cx: &'a Cx<R>, into: &'a mut dyn Basin<T>) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let mut source = pin!(self.source.open(cx));
            let mut budget = Budget::of(BATCHES_PER_TURN);
            loop {
                let goes_on = poll_fn(|task| {
                    let room = match into.poll_room(task) {
                        Poll::Ready(Some(room)) => room,
                        Poll::Ready(None) => return Poll::Ready(false),
                        Poll::Pending => {
                            // Not asked for an item, it may have begun something all the same.
                            let _ = source.as_mut().poll_progress(task);
                            return Poll::Pending;
                        }
                    };
                    for taken in 0..room.min(LARGEST_BATCH) {
                        match source.as_mut().poll_next(task) {
                            Poll::Ready(Some(value)) => into.put(value),
                            Poll::Ready(None) => return Poll::Ready(false),
                            Poll::Pending if taken == 0 => return Poll::Pending,
                            Poll::Pending => break,
                        }
                    }
                    Poll::Ready(true)
                })
                .await;
                into.flush();
                if !goes_on {
                    return;
                }
                budget.spend().await;
            }
        })
    }
}

/// The queue of the first stage, for a stream before it.
pub(super) struct Feed<T, O> {
    /// The source's place on the board.
    at: usize,
    board: Arc<Board>,
    origin: fn(&T) -> O,
    entrance: Arc<dyn Entrance<T, O>>,
    items: Batch<Item<T, O>>,
    /// Items that the board has not been told of yet.
    received: usize,
}

impl<T, O> Feed<T, O> {
    pub(super) fn new(
        at: usize,
        board: &Arc<Board>,
        origin: fn(&T) -> O,
        entrance: Arc<dyn Entrance<T, O>>,
    ) -> Self {
        Feed {
            at,
            board: Arc::clone(board),
            origin,
            entrance,
            items: Batch::new(board),
            received: 0,
        }
    }

    fn count(&mut self) {
        self.board.lock().fates().received += std::mem::take(&mut self.received) as u64;
    }
}

impl<T: Value, O: Origin> Basin<T> for Feed<T, O> {
    fn poll_room(&mut self, task: &mut Context<'_>) -> Poll<Option<usize>> {
        let mut board = self.board.lock();
        if board.is_draining() {
            return Poll::Ready(None);
        }
        board.listen(self.at, task.waker());
        let room = ready!(board.poll_room(self.entrance.at(), task.waker()));
        Poll::Ready(Some(room))
    }

    fn put(&mut self, value: T) {
        self.received += 1;
        let origin = (self.origin)(&value);
        self.items.push(Item {
            value,
            origin,
            turn: 0,
        });
    }

    fn flush(&mut self) {
        if self.items.is_empty() {
            return;
        }
        self.count();
        let done = Done {
            out: self.items.len() as u64,
            ..Done::default()
        };
        let from = From {
            at: self.at,
            next: self.entrance.at(),
            done,
        };
        self.entrance.put(&mut self.items, &from);
    }
}

impl<T, O> Drop for Feed<T, O> {
    fn drop(&mut self) {
        // Before what it holds is counted as abandoned.
        self.count();
        self.board.source_ended();
    }
}
