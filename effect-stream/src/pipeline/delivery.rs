//! The end of the line: where items are delivered.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Poll, Waker};

use effect_core::sync::{Supply, WaitingSender};
use effect_core::{Cx, Env, Value};
use futures::future::{BoxFuture, ready};
use parking_lot::Mutex;

use super::board::Board;
use super::desk::Halt;
use super::item::{Batch, Item, Queue};
use super::line::{Bench, BoxBench, Entrance, From, Line, NotReady, Root, Round, Stand};
use super::origin::Origin;
use crate::{Channel, ChannelClosed};

/// The output, and what it has no room for yet.
pub(super) struct Delivery<T, O> {
    pub(super) at: usize,
    pub(super) board: Arc<Board>,
    pub(super) output: Channel<T>,
    queue: Mutex<Queue<Item<T, O>>>,
}

impl<T, O> Delivery<T, O> {
    pub(super) fn new(at: usize, board: &Arc<Board>, output: Channel<T>) -> Self {
        Delivery {
            at,
            board: Arc::clone(board),
            output,
            queue: Mutex::new(Queue::new(board)),
        }
    }

    /// How much the output has room for.
    fn free(&self) -> usize {
        self.output.capacity().saturating_sub(self.output.len())
    }

    /// Tells the board of what was accepted, and of what is left.
    fn account(&self, delivered: usize, from: Option<(&From, usize)>) {
        let wakers = {
            let mut board = self.board.lock();
            board.fates().delivered += delivered as u64;
            let stage = board.stage(self.at);
            stage.items_out += delivered as u64;
            match from {
                Some((from, left)) => {
                    board.queued(self.at, left);
                    board.settle(from.at, from.next, &from.done);
                }
                None => board.dequeued(self.at, delivered),
            }
            let mut wakers = board.last_word();
            if let Some((from, _)) = from {
                board.feeders(from.at, &mut wakers);
            }
            board.feeders(self.at, &mut wakers);
            wakers
        };
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl<T: Value, O: Origin> Entrance<T, O> for Delivery<T, O> {
    fn at(&self) -> usize {
        self.at
    }

    fn put(&self, items: &mut Batch<Item<T, O>>, from: &From) {
        // Declared first, it is dropped last: the lock is free by then.
        let (delivered, _origins);
        let mut queue = self.queue.lock();
        let before = queue.len();
        queue.extend(items.drain(..));
        let mut delivering = Delivering::new(&mut **queue);
        // Closed, it is found by the runner that looks at it next.
        let _ = self.output.push_now(&mut delivering);
        (delivered, _origins) = delivering.finish();
        if delivered > before {
            self.account(before, None);
            let left = queue.len();
            self.account(delivered - before, Some((from, left)));
        } else {
            self.account(delivered, None);
            let left = queue.len() - (before - delivered);
            self.account(0, Some((from, left)));
        }
    }

    fn outside(&self) -> usize {
        self.free()
    }
}

impl<R: Env, E: Value, T: Value, O: Origin> Root<R, E, O> for Delivery<T, O> {
    fn prepare<'a>(&'a self, _cx: &'a Cx<R>) -> BoxFuture<'a, Result<(), NotReady<E>>> {
        Box::pin(ready(Ok(())))
    }

    fn stand<'r>(&'r self, _cx: &'r Cx<R>) -> Box<dyn Stand<E, O> + Send + 'r> {
        Box::new(DeliveryBench {
            delivery: self,
            sender: None,
        })
    }
}

impl<R: Env, E: Value, T: Value, O: Origin> Line<R, E, T, O> for Delivery<T, O> {
    fn bench<'r>(&'r self, _cx: &'r Cx<R>) -> BoxBench<'r, E, T, O> {
        Box::new(DeliveryBench {
            delivery: self,
            sender: None,
        })
    }

    fn entrance(self: Arc<Self>) -> Arc<dyn Entrance<T, O>> {
        self
    }
}

struct DeliveryBench<'r, T, O> {
    delivery: &'r Delivery<T, O>,
    /// Its place among those who wait for room.
    sender: Option<WaitingSender<'r, T>>,
}

impl<T: Value, O: Origin> DeliveryBench<'_, T, O> {
    /// Tells of a push. True if anything has moved.
    fn pushed<E>(
        &self,
        pushed: Result<(), ChannelClosed>,
        delivered: usize,
        round: &mut Round<'_, '_, E, O>,
    ) -> bool {
        if delivered > 0 {
            self.delivery.account(delivered, None);
        }
        if pushed.is_err() {
            round.desk.routes.halt(Halt::OutputClosed);
        }
        delivered > 0
    }
}

impl<E: Value, T: Value, O: Origin> Stand<E, O> for DeliveryBench<'_, T, O> {
    fn go_on(&mut self, _round: &mut Round<'_, '_, E, O>) {}

    fn turn(&mut self, round: &mut Round<'_, '_, E, O>) -> bool {
        let (delivered, _origins);
        let mut queue = self.delivery.queue.lock();
        if queue.is_empty() {
            return false;
        }
        let mut delivering = Delivering::new(&mut **queue);
        let pushed = self.delivery.output.push_now(&mut delivering);
        (delivered, _origins) = delivering.finish();
        self.pushed(pushed, delivered, round)
    }

    fn leave_word(&mut self, round: &mut Round<'_, '_, E, O>) -> bool {
        let delivery = self.delivery;
        let (delivered, _origins);
        let mut queue = delivery.queue.lock();
        if queue.is_empty() {
            self.sender = None;
            return false;
        }
        let sender = self
            .sender
            .get_or_insert_with(|| WaitingSender::new(&delivery.output));
        let mut delivering = Delivering::new(&mut **queue);
        let pushed = match sender.poll_push(round.task, &mut delivering) {
            Poll::Ready(pushed) => pushed,
            Poll::Pending => Ok(()),
        };
        (delivered, _origins) = delivering.finish();
        self.pushed(pushed, delivered, round)
    }
}

impl<E: Value, T: Value, O: Origin> Bench<E, T, O> for DeliveryBench<'_, T, O> {
    fn take_in(
        &mut self,
        items: &mut Batch<Item<T, O>>,
        from: &From,
        round: &mut Round<'_, '_, E, O>,
    ) {
        let delivery = self.delivery;
        // Until the board knows of it: so what one worker delivers is in order.
        let (mut delivered, mut _origins) = (0, Vec::new());
        let mut queue = delivery.queue.lock();
        if queue.is_empty() {
            items.reverse();
            let mut delivering = Delivering::new(&mut **items);
            let pushed = delivery.output.push_now(&mut delivering);
            (delivered, _origins) = delivering.finish();
            items.reverse();
            if pushed.is_err() {
                round.desk.routes.halt(Halt::OutputClosed);
            }
        }
        let left = items.len();
        if left > 0 {
            queue.extend(items.drain(..));
        }
        delivery.account(delivered, Some((from, left)));
    }

    fn outside(&self) -> usize {
        self.delivery.free()
    }
}

/// Delivers items at the moment in which the output accepts them, and not before.
struct Delivering<'a, C, O> {
    items: &'a mut C,
    before: usize,
    origins: Vec<O>,
}

/// Where what is delivered is taken from.
trait Stock {
    type Item;

    fn count(&self) -> usize;

    fn next(&mut self) -> Option<Self::Item>;
}

/// First in, first out.
impl<X> Stock for VecDeque<X> {
    type Item = X;

    fn count(&self) -> usize {
        self.len()
    }

    fn next(&mut self) -> Option<X> {
        self.pop_front()
    }
}

/// From behind: a batch is turned round before.
impl<X> Stock for Vec<X> {
    type Item = X;

    fn count(&self) -> usize {
        self.len()
    }

    fn next(&mut self) -> Option<X> {
        self.pop()
    }
}

impl<'a, C: Stock, O> Delivering<'a, C, O> {
    fn new(items: &'a mut C) -> Self {
        Delivering {
            before: items.count(),
            items,
            origins: Vec::new(),
        }
    }

    /// How many were delivered, and what they remember: the user's, so it is dropped when nobody holds a lock.
    fn finish(self) -> (usize, Vec<O>) {
        (self.before - self.items.count(), self.origins)
    }
}

impl<T, O, C: Stock<Item = Item<T, O>>> Supply<T> for Delivering<'_, C, O> {
    fn is_empty(&self) -> bool {
        self.items.count() == 0
    }

    fn take(&mut self) -> Option<T> {
        let Item { value, origin, .. } = self.items.next()?;
        self.origins.push(origin);
        Some(value)
    }
}
