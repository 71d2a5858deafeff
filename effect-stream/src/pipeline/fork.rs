//! Where the line branches, and where branches come together again.

use std::sync::Arc;

use effect_core::{Cx, Env, Value};
use futures::future::{BoxFuture, Either, ready};
use parking_lot::Mutex;

use super::board::{Board, Done};
use super::item::{Batch, Item, Queue};
use super::line::{Bench, BoxBench, Entrance, From, Line, NotReady, Root, Round, Stand};
use super::origin::Origin;

/// A place where each item goes one of two ways.
pub(super) struct Fork<R, E, A, B, O> {
    pub(super) at: usize,
    pub(super) left_at: usize,
    pub(super) right_at: usize,
    pub(super) board: Arc<Board>,
    pub(super) left: Arc<dyn Line<R, E, A, O>>,
    pub(super) right: Arc<dyn Line<R, E, B, O>>,
    pub(super) queue: Mutex<Queue<Item<Either<A, B>, O>>>,
}

impl<R: Env, E: Value, A: Value, B: Value, O: Origin> Entrance<Either<A, B>, O>
    for Fork<R, E, A, B, O>
{
    fn at(&self) -> usize {
        self.at
    }

    fn put(&self, items: &mut Batch<Item<Either<A, B>, O>>, from: &From) {
        self.board.put(self.at, items.len(), from, || {
            self.queue.lock().extend(items.drain(..));
        });
    }
}

impl<R: Env, E: Value, A: Value, B: Value, O: Origin> Root<R, E, O> for Fork<R, E, A, B, O> {
    fn prepare<'a>(&'a self, cx: &'a Cx<R>) -> BoxFuture<'a, Result<(), NotReady<E>>> {
        Box::pin(async move {
            self.left.prepare(cx).await?;
            self.right.prepare(cx).await
        })
    }

    fn stand<'r>(&'r self, cx: &'r Cx<R>) -> Box<dyn Stand<E, O> + Send + 'r> {
        Box::new(ForkBench::new(self, cx))
    }
}

impl<R: Env, E: Value, A: Value, B: Value, O: Origin> Line<R, E, Either<A, B>, O>
    for Fork<R, E, A, B, O>
{
    fn bench<'r>(&'r self, cx: &'r Cx<R>) -> BoxBench<'r, E, Either<A, B>, O> {
        Box::new(ForkBench::new(self, cx))
    }

    fn entrance(self: Arc<Self>) -> Arc<dyn Entrance<Either<A, B>, O>> {
        self
    }
}

struct ForkBench<'r, R, E, A, B, O> {
    fork: &'r Fork<R, E, A, B, O>,
    left: BoxBench<'r, E, A, O>,
    right: BoxBench<'r, E, B, O>,
}

impl<'r, R: Env, E: Value, A: Value, B: Value, O: Origin> ForkBench<'r, R, E, A, B, O> {
    fn new(fork: &'r Fork<R, E, A, B, O>, cx: &'r Cx<R>) -> Self {
        ForkBench {
            fork,
            left: fork.left.bench(cx),
            right: fork.right.bench(cx),
        }
    }
}

impl<R: Env, E: Value, A: Value, B: Value, O: Origin> Stand<E, O> for ForkBench<'_, R, E, A, B, O> {
    fn go_on(&mut self, round: &mut Round<'_, '_, E, O>) {
        self.left.go_on(round);
        self.right.go_on(round);
    }

    fn turn(&mut self, round: &mut Round<'_, '_, E, O>) -> bool {
        let mut progress = self.left.turn(round);
        progress |= self.right.turn(round);
        let fork = self.fork;
        let ways = [
            (fork.left_at, self.left.outside()),
            (fork.right_at, self.right.outside()),
        ];
        let (mut lefts, mut rights) = (Batch::new(&fork.board), Batch::new(&fork.board));
        let count = {
            let mut board = fork.board.lock();
            let mut queue = fork.queue.lock();
            // Which way an item goes is known, but that is no reason to let it pass those before it.
            let count = board.branch(fork.at, ways, queue.len());
            for Item { value, origin, .. } in queue.drain(..count) {
                match value {
                    Either::Left(value) => lefts.push(Item {
                        value,
                        origin,
                        turn: 0,
                    }),
                    Either::Right(value) => rights.push(Item {
                        value,
                        origin,
                        turn: 0,
                    }),
                }
            }
            count
        };
        if count == 0 {
            return progress;
        }
        round.budget = round.budget.saturating_sub(count);
        let from = |next, count_there: usize, permits| From {
            at: fork.at,
            next,
            done: Done {
                claimed: count_there,
                reserved: count,
                permits,
                begun: count_there as u64,
                out: count_there as u64,
                ..Done::default()
            },
        };
        let left = from(fork.left_at, lefts.len(), 0);
        if lefts.is_empty() {
            fork.board.settle(&left);
        } else {
            self.left.take_in(&mut lefts, &left, round);
        }
        // Only now may the next come: so what goes one way stays in order.
        let right = from(fork.right_at, rights.len(), 1);
        if rights.is_empty() {
            fork.board.settle(&right);
        } else {
            self.right.take_in(&mut rights, &right, round);
        }
        true
    }

    fn leave_word(&mut self, round: &mut Round<'_, '_, E, O>) -> bool {
        let left = self.left.leave_word(round);
        self.right.leave_word(round) || left
    }
}

impl<R: Env, E: Value, A: Value, B: Value, O: Origin> Bench<E, Either<A, B>, O>
    for ForkBench<'_, R, E, A, B, O>
{
    fn take_in(
        &mut self,
        items: &mut Batch<Item<Either<A, B>, O>>,
        from: &From,
        _round: &mut Round<'_, '_, E, O>,
    ) {
        self.fork.put(items, from);
    }

    fn outside(&self) -> usize {
        0
    }
}

/// A way into a line that is another's: its items only go into the queue there.
pub(super) struct Inflow<T, O> {
    pub(super) entrance: Arc<dyn Entrance<T, O>>,
}

impl<T: Value, O: Origin> Entrance<T, O> for Inflow<T, O> {
    fn at(&self) -> usize {
        self.entrance.at()
    }

    fn put(&self, items: &mut Batch<Item<T, O>>, from: &From) {
        self.entrance.put(items, from);
    }

    fn outside(&self) -> usize {
        self.entrance.outside()
    }
}

impl<R: Env, E: Value, T: Value, O: Origin> Root<R, E, O> for Inflow<T, O> {
    fn prepare<'a>(&'a self, _cx: &'a Cx<R>) -> BoxFuture<'a, Result<(), NotReady<E>>> {
        Box::pin(ready(Ok(())))
    }

    fn stand<'r>(&'r self, _cx: &'r Cx<R>) -> Box<dyn Stand<E, O> + Send + 'r> {
        Box::new(InflowBench { inflow: self })
    }
}

impl<R: Env, E: Value, T: Value, O: Origin> Line<R, E, T, O> for Inflow<T, O> {
    fn bench<'r>(&'r self, _cx: &'r Cx<R>) -> BoxBench<'r, E, T, O> {
        Box::new(InflowBench { inflow: self })
    }

    fn entrance(self: Arc<Self>) -> Arc<dyn Entrance<T, O>> {
        self
    }
}

struct InflowBench<'r, T, O> {
    inflow: &'r Inflow<T, O>,
}

impl<E, T: Value, O: Origin> Stand<E, O> for InflowBench<'_, T, O> {
    fn go_on(&mut self, _round: &mut Round<'_, '_, E, O>) {}

    fn turn(&mut self, _round: &mut Round<'_, '_, E, O>) -> bool {
        false
    }

    fn leave_word(&mut self, _round: &mut Round<'_, '_, E, O>) -> bool {
        false
    }
}

impl<E, T: Value, O: Origin> Bench<E, T, O> for InflowBench<'_, T, O> {
    fn take_in(
        &mut self,
        items: &mut Batch<Item<T, O>>,
        from: &From,
        _round: &mut Round<'_, '_, E, O>,
    ) {
        self.inflow.put(items, from);
    }

    fn outside(&self) -> usize {
        self.inflow.outside()
    }
}
