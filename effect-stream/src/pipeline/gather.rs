//! Where several items become one: a batch, when there are enough, or when the first has waited for long enough.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use effect_core::{Cx, Env, Value};
use futures::future::BoxFuture;
use parking_lot::Mutex;

use super::board::{Ask, Board, Done};
use super::item::{Batch, Item, Queue};
use super::line::{Bench, BoxBench, Entrance, From, Line, NotReady, Root, Round, Stand};
use super::origin::Origin;

/// A place where several items become one.
pub(super) struct Gather<R, E, T, O> {
    pub(super) at: usize,
    pub(super) next_at: usize,
    pub(super) board: Arc<Board>,
    pub(super) size: usize,
    pub(super) within: Duration,
    pub(super) next: Arc<dyn Line<R, E, Vec<T>, O>>,
    waiting: Mutex<Waiting<T, O>>,
}

/// Items that are no batch yet.
struct Waiting<T, O> {
    items: Queue<Item<T, O>>,
    /// When somebody has seen the first.
    since: Option<Instant>,
}

impl<R, E, T, O> Gather<R, E, T, O> {
    pub(super) fn new(
        (at, next_at): (usize, usize),
        board: &Arc<Board>,
        (size, within): (usize, Duration),
        next: Arc<dyn Line<R, E, Vec<T>, O>>,
    ) -> Self {
        Gather {
            at,
            next_at,
            board: Arc::clone(board),
            size,
            within,
            next,
            waiting: Mutex::new(Waiting {
                items: Queue::new(board),
                since: None,
            }),
        }
    }
}

impl<R: Env, E: Value, T: Value, O: Origin> Entrance<T, O> for Gather<R, E, T, O> {
    fn at(&self) -> usize {
        self.at
    }

    fn put(&self, items: &mut Batch<Item<T, O>>, from: &From) {
        self.board.put(self.at, items.len(), from, || {
            self.waiting.lock().items.extend(items.drain(..));
        });
    }
}

impl<R: Env, E: Value, T: Value, O: Origin> Root<R, E, O> for Gather<R, E, T, O> {
    fn prepare<'a>(&'a self, cx: &'a Cx<R>) -> BoxFuture<'a, Result<(), NotReady<E>>> {
        self.next.prepare(cx)
    }

    fn stand<'r>(&'r self, cx: &'r Cx<R>) -> Box<dyn Stand<E, O> + Send + 'r> {
        Box::new(GatherBench::new(self, cx))
    }
}

impl<R: Env, E: Value, T: Value, O: Origin> Line<R, E, T, O> for Gather<R, E, T, O> {
    fn bench<'r>(&'r self, cx: &'r Cx<R>) -> BoxBench<'r, E, T, O> {
        Box::new(GatherBench::new(self, cx))
    }

    fn entrance(self: Arc<Self>) -> Arc<dyn Entrance<T, O>> {
        self
    }
}

struct GatherBench<'r, R, E, T, O> {
    cx: &'r Cx<R>,
    gather: &'r Gather<R, E, T, O>,
    /// Rings when the batch that began then is due.
    timer: Option<(Instant, Pin<Box<dyn Future<Output = ()> + Send + 'r>>)>,
    next: BoxBench<'r, E, Vec<T>, O>,
}

impl<'r, R: Env, E: Value, T: Value, O: Origin> GatherBench<'r, R, E, T, O> {
    fn new(gather: &'r Gather<R, E, T, O>, cx: &'r Cx<R>) -> Self {
        GatherBench {
            cx,
            gather,
            timer: None,
            next: gather.next.bench(cx),
        }
    }

    /// Takes a batch, if there is one, and room for it.
    fn take(&mut self, now: Instant, outside: usize) -> Option<(Item<Vec<T>, O>, Done)> {
        let Gather {
            at,
            next_at,
            board,
            size,
            within,
            ..
        } = self.gather;
        let mut board = board.lock();
        let mut waiting = self.gather.waiting.lock();
        if waiting.items.is_empty() {
            return None;
        }
        let since = *waiting.since.get_or_insert(now);
        let is_due = waiting.items.len() >= *size
            || now.saturating_duration_since(since) >= *within
            || board.is_last(*at);
        if !is_due {
            return None;
        }
        let ask = Ask {
            ready: 1,
            outside,
            ..Ask::default()
        };
        let grant = board.grant(*at, *next_at, ask)?;
        let count = waiting.items.len().min(*size);
        board.taken(*at, count);
        waiting.since = (waiting.items.len() > count).then_some(now);
        let mut items = waiting.items.drain(..count);
        let first = items.next().expect("there is one at least");
        let mut values = Vec::with_capacity(count);
        let mut origin = first.origin;
        values.push(first.value);
        for item in items {
            values.push(item.value);
            origin.join(item.origin);
        }
        let done = Done {
            claimed: grant.items,
            reserved: grant.reserved(),
            permits: grant.permits,
            begun: count as u64,
            out: 1,
            joined: count as u64 - 1,
            now: Some(now),
            ..Done::default()
        };
        let batch = Item {
            value: values,
            origin,
            turn: 0,
        };
        Some((batch, done))
    }
}

impl<R: Env, E: Value, T: Value, O: Origin> Stand<E, O> for GatherBench<'_, R, E, T, O> {
    fn go_on(&mut self, round: &mut Round<'_, '_, E, O>) {
        self.next.go_on(round);
    }

    fn turn(&mut self, round: &mut Round<'_, '_, E, O>) -> bool {
        let mut progress = self.next.turn(round);
        let outside = self.next.outside();
        while let Some((batch, done)) = self.take(round.now, outside) {
            let mut out = Batch::new(&self.gather.board);
            out.push(batch);
            let from = From {
                at: self.gather.at,
                next: self.gather.next_at,
                done,
            };
            round.budget = round.budget.saturating_sub(1);
            self.next.take_in(&mut out, &from, round);
            progress = true;
            if round.budget == 0 {
                break;
            }
        }
        progress
    }

    fn leave_word(&mut self, round: &mut Round<'_, '_, E, O>) -> bool {
        let ready = self.next.leave_word(round);
        let since = self.gather.waiting.lock().since;
        let Some(since) = since else {
            self.timer = None;
            return ready;
        };
        if self.timer.as_ref().is_none_or(|(of, _)| *of != since) {
            let left = (since + self.gather.within).saturating_duration_since(self.cx.now());
            self.timer = Some((since, Box::pin(self.cx.sleep(left))));
        }
        let Some((_, timer)) = &mut self.timer else {
            return ready;
        };
        if timer.as_mut().poll(round.task).is_pending() {
            return ready;
        }
        self.timer = None;
        round.now = self.cx.now();
        // Due, it may find no room; then whoever makes room comes by.
        let due = round.now.saturating_duration_since(since) >= self.gather.within;
        due && self.turn(round) || ready
    }
}

impl<R: Env, E: Value, T: Value, O: Origin> Bench<E, T, O> for GatherBench<'_, R, E, T, O> {
    fn take_in(
        &mut self,
        items: &mut Batch<Item<T, O>>,
        from: &From,
        _round: &mut Round<'_, '_, E, O>,
    ) {
        self.gather.put(items, from);
    }

    fn outside(&self) -> usize {
        0
    }
}
