//! A stage, as all runners share it: what it does, where its items wait, and what is behind it.

use std::collections::VecDeque;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use effect_core::{Cx, Env, Value};
use futures::future::BoxFuture;
use parking_lot::{Mutex, MutexGuard};

use super::board::Board;
use super::emit::Emit;
use super::in_order::InOrder;
use super::intake::Intake;
use super::item::{Batch, Item};
use super::line::{BoxBench, Entrance, From, Line, NotReady, Root, Round, Stand};
use super::origin::Origin;
use super::report::Failed;
use super::telling;
use super::work::{Failure, Work, Worker};

/// A stage, as all runners share it, with the line behind it.
pub(super) struct StageLine<R, E, A, B, O, W, I, M> {
    pub(super) name: Arc<str>,
    pub(super) at: usize,
    pub(super) next_at: usize,
    pub(super) board: Arc<Board>,
    pub(super) work: W,
    /// How often items were tried again, since the board was told.
    pub(super) retried: AtomicU64,
    pub(super) intake: I,
    /// Where the stage is ordered.
    pub(super) order: Option<Order<B, O>>,
    pub(super) next: Arc<dyn Line<R, E, B, O>>,
    pub(super) types: PhantomData<fn(A) -> M>,
}

/// What makes a stage ordered.
pub(super) struct Order<B, O> {
    /// The turn of the next item that comes.
    turn: Mutex<u64>,
    results: Mutex<InOrder<B, O>>,
    /// Where the results go.
    pub(super) next: Arc<dyn Entrance<B, O>>,
}

impl<B, O> Order<B, O> {
    fn new(board: &Arc<Board>, next: Arc<dyn Entrance<B, O>>) -> Self {
        Order {
            turn: Mutex::new(0),
            results: Mutex::new(InOrder::new(board)),
            next,
        }
    }

    pub(super) fn results(&self) -> MutexGuard<'_, InOrder<B, O>> {
        self.results.lock()
    }
}

impl<R, E, A, O, W, I, M> StageLine<R, E, A, M::Item, O, W, I, M>
where
    R: Env,
    E: Value,
    A: Value,
    O: Origin,
    W: Work<R, A, Error = E>,
    I: Intake<A, O>,
    M: Emit<W::Value>,
{
    pub(super) fn new(
        at: usize,
        board: Arc<Board>,
        name: Arc<str>,
        work: W,
        intake: I,
        ordered: bool,
        next: Arc<dyn Line<R, E, M::Item, O>>,
    ) -> Self {
        let entrance = Arc::clone(&next).entrance();
        StageLine {
            name,
            at,
            next_at: entrance.at(),
            work,
            retried: AtomicU64::new(0),
            intake,
            order: ordered.then(|| Order::new(&board, entrance)),
            board,
            next,
            types: PhantomData,
        }
    }

    /// Routes an item's failure. False if that waits.
    #[cold]
    pub(super) fn report(
        &self,
        cx: &Cx<R>,
        failure: Failure<E>,
        source: O,
        round: &mut Round<'_, '_, E, O>,
    ) -> bool {
        let failed = Failed {
            stage: Arc::clone(&self.name),
            fault: failure.fault,
            then: failure.then,
            attempts: failure.attempts,
            source,
            at: cx.wall_now(),
        };
        telling::item_failed(&failed);
        round.desk.fail(self.at, failed)
    }

    /// Gives items their turns as they come, under the board's lock, where the stage is ordered.
    pub(super) fn number(&self, items: &mut [Item<A, O>]) {
        if let Some(order) = &self.order {
            let mut turn = order.turn.lock();
            for item in items {
                item.turn = *turn;
                *turn += 1;
            }
        }
    }

    /// Nothing comes of an item, which is where the next may go on.
    pub(super) fn skip(&self, turn: u64) {
        if let Some(order) = &self.order {
            order.results.lock().nothing(turn);
        }
    }
}

impl<R, E, A, O, W, I, M> Root<R, E, O> for StageLine<R, E, A, M::Item, O, W, I, M>
where
    R: Env,
    E: Value,
    A: Value,
    O: Origin,
    W: Work<R, A, Error = E>,
    I: Intake<A, O>,
    M: Emit<W::Value>,
{
    fn prepare<'a>(&'a self, cx: &'a Cx<R>) -> BoxFuture<'a, Result<(), NotReady<E>>> {
        Box::pin(async move {
            let workers = self.board.lock().stage(self.at).workers;
            let worker = Worker {
                cx,
                stage: &self.name,
                retried: &self.retried,
            };
            let prepared = self.work.prepare(worker, workers).await;
            prepared.map_err(|failure| NotReady {
                stage: Arc::clone(&self.name),
                failure,
            })?;
            self.next.prepare(cx).await
        })
    }

    fn stand<'r>(&'r self, cx: &'r Cx<R>) -> Box<dyn Stand<E, O> + Send + 'r> {
        Box::new(self.new_bench(cx))
    }
}

impl<R, E, A, O, W, I, M> Line<R, E, A, O> for StageLine<R, E, A, M::Item, O, W, I, M>
where
    R: Env,
    E: Value,
    A: Value,
    O: Origin,
    W: Work<R, A, Error = E>,
    I: Intake<A, O> + 'static,
    M: Emit<W::Value>,
{
    fn bench<'r>(&'r self, cx: &'r Cx<R>) -> BoxBench<'r, E, A, O> {
        Box::new(self.new_bench(cx))
    }

    fn entrance(self: Arc<Self>) -> Arc<dyn Entrance<A, O>> {
        self
    }
}

impl<R, E, A, O, W, I, M> Entrance<A, O> for StageLine<R, E, A, M::Item, O, W, I, M>
where
    R: Env,
    E: Value,
    A: Value,
    O: Origin,
    W: Work<R, A, Error = E>,
    I: Intake<A, O>,
    M: Emit<W::Value>,
{
    fn at(&self) -> usize {
        self.at
    }

    fn put(&self, items: &mut Batch<Item<A, O>>, from: &From) {
        let mut tags = VecDeque::new();
        if I::UNTAGGED.is_none() {
            tags.extend(items.iter().map(|item| self.intake.tag(&item.value)));
        }
        self.board.put(self.at, items.len(), from, || {
            self.number(items);
            self.intake.put(items, &mut tags);
        });
    }
}
