//! The bench at which one runner works for a stage.
//!
//! There is no task a worker. A runner takes a batch of items and has one of its [workers](super::worker) begin them: most
//! are ready at the first poll, and the batch goes on to the next stage in the same hand. A worker whose item has to wait keeps
//! that, and with it one of the stage's permits; the rest of the batch goes to another, or back to the queue when there is no
//! other permit.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};

use effect_core::slots::Slots;
use effect_core::{Cx, Defect, Env, Mark, Value};
use parking_lot::Mutex;

use super::board::{Ask, Board, Done, Grant, Wakers};
use super::emit::Emit;
use super::intake::{Input, Intake};
use super::item::{Batch, Item, Queue};
use super::line::{Bench, BoxBench, Entrance, From, Round, Stand};
use super::origin::Origin;
use super::stage_line::StageLine;
use super::work::{Failure, Work};
use super::worker::{self, Aftermath, Pouring, Tray, TrayOf};
use crate::{ChannelClosed, Receive};

/// How many items that were woken are polled before what they have come to goes on: by then they may have taken long.
const WOKEN_AT_ONCE: usize = 16;

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
    /// A runner's place at the stage.
    pub(super) fn new_bench<'r>(&'r self, cx: &'r Cx<R>) -> impl Bench<E, A, O> + Send + 'r {
        let tray = Arc::new(Mutex::new(Tray::new(&self.board, cx.now())));
        let of_workers = Arc::clone(&tray);
        StageBench {
            cx,
            stage: self,
            hire: move |aftermath| worker::work(self, cx, Arc::clone(&of_workers), aftermath),
            workers: Slots::new(),
            free: Vec::new(),
            tray,
            hand: Batch::new(&self.board),
            tags: VecDeque::new(),
            claimed: 0,
            put_off: None,
            values: Vec::new(),
            out: Batch::new(&self.board),
            pouring: Queue::new(&self.board),
            failed: Queue::new(&self.board),
            receive: None,
            waits: false,
            next: self.next.bench(cx),
        }
    }
}

/// A runner's place at a stage.
struct StageBench<'r, R, E, A, O, W, I, M, F, Fut>
where
    A: Value,
    R: Env,
    W: Work<R, A>,
    I: Intake<A, O>,
    M: Emit<W::Value>,
{
    cx: &'r Cx<R>,
    stage: &'r StageLine<R, E, A, M::Item, O, W, I, M>,
    /// Makes a worker.
    hire: F,
    /// Each has a slot for good.
    workers: Slots<Fut>,
    /// Those that have no item.
    free: Vec<usize>,
    tray: Arc<Mutex<TrayOf<R, E, A, O, W, I, M>>>,
    /// Items that were taken and have not begun, and what is to be known of them.
    hand: Batch<Item<A, O>>,
    tags: VecDeque<I::Tag>,
    /// How many items it has claimed from the input.
    claimed: usize,
    /// The leave to begin them, where others were to have a turn before.
    put_off: Option<Grant>,
    /// Room for what is claimed from the input.
    values: Vec<A>,
    /// Results that are about to go on.
    out: Batch<Item<M::Item, O>>,
    /// Items that become several, of which some are still to come.
    pouring: Queue<Pouring<M::Items, O, I::Tag>>,
    /// Items whose failures are about to be reported.
    failed: Queue<(Box<Failure<E>>, O)>,
    /// Its place among those who wait for the input.
    receive: Option<Receive<A>>,
    /// Whether it has left word there.
    waits: bool,
    next: BoxBench<'r, E, M::Item, O>,
}

impl<R, E, A, O, W, I, M, F, Fut> Drop for StageBench<'_, R, E, A, O, W, I, M, F, Fut>
where
    A: Value,
    R: Env,
    W: Work<R, A>,
    I: Intake<A, O>,
    M: Emit<W::Value>,
{
    fn drop(&mut self) {
        let stage = self.stage;
        let mut tray = self.tray.lock();
        if std::thread::panicking() {
            // What had happened before is told.
            let mut board = stage.board.lock();
            board.settle(stage.at, stage.next_at, &tray.done);
        }
        // What was taken from the input and has not begun was not received after all.
        if let Some(input) = stage.intake.input() {
            if self.hand.is_empty() {
                std::mem::swap(&mut *self.hand, &mut *tray.hand);
            }
            release(&stage.board, input, self.claimed, &mut self.hand);
        }
    }
}

/// Gives up a claim on the input, and gives back what has not begun.
fn release<A, O>(board: &Board, input: &Input<A, O>, claimed: usize, rest: &mut Batch<Item<A, O>>) {
    if claimed == 0 {
        return;
    }
    if !rest.is_empty() {
        board.lock().fates().received -= rest.len() as u64;
    }
    let mut origins = Vec::new();
    let values = rest.drain(..).map(|item| {
        origins.push(item.origin);
        item.value
    });
    let values: Vec<_> = values.collect();
    input.channel.release(claimed, values.into_iter());
}

impl<'r, R, E, A, O, W, I, M, F, Fut> StageBench<'r, R, E, A, O, W, I, M, F, Fut>
where
    R: Env,
    E: Value,
    A: Value,
    O: Origin,
    W: Work<R, A, Error = E>,
    I: Intake<A, O>,
    M: Emit<W::Value>,
    F: Fn(Option<Aftermath<O, I::Tag>>) -> Fut,
    Fut: Future<Output = ()>,
{
    /// Takes items from the queue, if a worker is free for them. Says whether somebody was woken as well.
    fn claim(&mut self, runner: usize) -> Option<(Grant, bool)> {
        let stage = self.stage;
        let outside = self.next.outside();
        let mut board = stage.board.lock();
        if board.stage(stage.at).queued == 0 {
            return None;
        }
        let ready = stage.intake.ready();
        let ask = self.ask(ready, outside);
        let Some(grant) = board.grant(stage.at, stage.next_at, ask) else {
            let other = board.pass_on(stage.at, stage.next_at, ask, runner);
            drop(board);
            other.into_iter().for_each(Waker::wake);
            return None;
        };
        stage
            .intake
            .take(grant.items, &mut self.hand, &mut self.tags);
        let taken = self.hand.len();
        board.taken(stage.at, taken);
        // Some may be of keys that are busy.
        let (grant, unused) = grant.divide(taken);
        board.ungrant(stage.at, stage.next_at, unused);
        let mut wakers: Wakers = board.help_wanted(stage.at).into_iter().collect();
        board.feeders(stage.at, &mut wakers);
        drop(board);
        let woken = !wakers.is_empty();
        wakers.into_iter().for_each(Waker::wake);
        Some((grant, woken))
    }

    fn ask(&self, ready: usize, outside: usize) -> Ask {
        Ask {
            ready,
            outside,
            spare: M::SPARE,
            pending: self.workers.len() - self.free.len(),
        }
    }

    /// Takes items from the input, if a worker is free for them; waits for some if it is given a task to wake.
    fn claim_input(
        &mut self,
        input: &Input<A, O>,
        runner: usize,
        task: Option<&mut Context<'_>>,
    ) -> Option<Grant> {
        let stage = self.stage;
        if input.has_ended.load(Ordering::Relaxed) {
            return None;
        }
        let outside = self.next.outside();
        let ready = input.channel.len();
        if ready == 0 && task.is_none() && !input.channel.is_closed() {
            return None;
        }
        let grant = {
            let mut board = stage.board.lock();
            if board.is_draining() {
                drop(board);
                self.input_ended(input);
                return None;
            }
            let ask = self.ask(ready.max(1), outside);
            let (mut grant, mut other) = (None, None);
            if !board.is_paused() {
                grant = board.grant(stage.at, stage.next_at, ask);
                if grant.is_none() && ready > 0 {
                    other = board.pass_on(stage.at, stage.next_at, ask, runner);
                }
            }
            drop(board);
            other.into_iter().for_each(Waker::wake);
            if grant.is_none() {
                // Who wants nothing waits for nothing: others may read the same input.
                self.receive = None;
            }
            grant?
        };
        let mut values = std::mem::take(&mut self.values);
        let put = |value: A| values.push(value);
        let claimed = match task {
            None => input.channel.claim_now(grant.items, put),
            Some(task) => {
                let receive = self.receive.get_or_insert_with(|| input.channel.receive());
                match receive.poll_claim(task, grant.items, put) {
                    Poll::Ready(Ok(())) => Ok(0),
                    Poll::Ready(Err(ended)) => Err(ended),
                    Poll::Pending => {
                        self.waits = true;
                        Ok(0)
                    }
                }
            }
        };
        // Not under the channel's lock: what an item remembers is made by the user's code.
        for value in values.drain(..) {
            if I::UNTAGGED.is_none() {
                self.tags.push_back(stage.intake.tag(&value));
            }
            let origin = (input.origin)(&value);
            self.hand.push(Item {
                value,
                origin,
                turn: 0,
            });
        }
        self.values = values;
        let taken = self.hand.len();
        self.claimed = taken;
        let (grant, unused) = grant.divide(taken);
        {
            let mut board = stage.board.lock();
            board.fates().received += taken as u64;
            board.ungrant(stage.at, stage.next_at, unused);
        }
        if claimed == Err(ChannelClosed) {
            self.input_ended(input);
        }
        (taken > 0).then_some(grant)
    }

    /// The input will give nothing any more.
    fn input_ended(&mut self, input: &Input<A, O>) {
        self.receive = None;
        // Told once; the board's lock orders the rest.
        if !input.has_ended.swap(true, Ordering::Relaxed) {
            self.stage.board.source_ended();
        }
    }

    /// Has what is in hand worked at: at once, or in the next poll if that will take long and somebody was just woken.
    ///
    /// Who is woken may be next on this very thread, where no other can take him from (tokio's LIFO slot).
    fn begin(&mut self, grant: Grant, woken: bool, round: &mut Round<'_, '_, E, O>) {
        if woken && grant.lasting {
            self.put_off = Some(grant);
            round.gives_way = true;
        } else {
            self.work_through(grant, round);
        }
    }

    /// Has what is in hand worked at, and passes the results on.
    fn work_through(&mut self, grant: Grant, round: &mut Round<'_, '_, E, O>) {
        let stage = self.stage;
        let begun = self.cx.now();
        {
            let mut tray = self.tray.lock();
            std::mem::swap(&mut *self.hand, &mut *tray.hand);
            std::mem::swap(&mut self.tags, &mut tray.tags);
            tray.spare = grant.spare;
            tray.now = begun;
        }
        let mut permits = grant.permits;
        while permits > 0 {
            {
                let mut tray = self.tray.lock();
                if tray.hand.is_empty() {
                    break;
                }
                tray.go = true;
                tray.parked = false;
            }
            let worker = match self.free.pop() {
                Some(worker) => worker,
                None => self.workers.occupy((self.hire)(None)),
            };
            permits -= usize::from(!self.poll_worker(worker, round));
        }
        let (mut done, at_once) = {
            let mut tray = self.tray.lock();
            std::mem::swap(&mut *self.hand, &mut *tray.hand);
            std::mem::swap(&mut self.tags, &mut tray.tags);
            std::mem::swap(&mut *self.out, &mut *tray.out);
            let at_once = std::mem::take(&mut tray.at_once);
            (std::mem::take(&mut tray.done), at_once)
        };
        done.claimed = grant.items;
        done.reserved = grant.reserved();
        done.permits += permits;
        round.budget = round.budget.saturating_sub((done.begun as usize).max(1));
        match stage.intake.input() {
            Some(input) => {
                release(&stage.board, input, self.claimed, &mut self.hand);
                self.claimed = 0;
                self.tags.clear();
            }
            None if self.hand.is_empty() => {}
            None => {
                // Under the board's lock, as all that goes into a queue and out of it.
                let mut board = stage.board.lock();
                board.queued(stage.at, self.hand.len());
                stage.intake.give_back(&mut self.hand, &mut self.tags);
            }
        }
        let now = self.cx.now();
        done.hand_over = Some(begun.saturating_duration_since(round.now));
        done.spent = now.saturating_duration_since(begun);
        round.now = now;
        done.now = Some(now);
        done.busy += done.spent;
        if at_once > 0 {
            done.ended.push((done.spent / done.begun as u32, at_once));
        }
        self.hand_on(done, round);
    }

    /// Goes on with a few of the items that were woken. False if there is none.
    fn go_on_with_some(&mut self, round: &mut Round<'_, '_, E, O>) -> bool {
        let (begun, mut permits, mut polled) = (round.now, 0, 0);
        self.tray.lock().now = round.now;
        while polled < WOKEN_AT_ONCE
            && let Some(worker) = self.workers.next_woken()
        {
            polled += 1;
            self.tray.lock().parked = false;
            permits += usize::from(self.poll_worker(worker, round));
        }
        if polled == 0 {
            return false;
        }
        round.budget = round.budget.saturating_sub(polled);
        let mut done = {
            let mut tray = self.tray.lock();
            std::mem::swap(&mut *self.out, &mut *tray.out);
            std::mem::take(&mut tray.done)
        };
        round.now = self.cx.now();
        done.spent = round.now.saturating_duration_since(begun);
        done.now = Some(round.now);
        done.permits += permits;
        self.hand_on(done, round);
        // The workers that are free now may be of use to another runner before this one is done.
        let other = self.stage.board.lock().help_wanted(self.stage.at);
        other.into_iter().for_each(Waker::wake);
        true
    }

    /// Polls a worker, and sees to what it has done. False if its permit is not free.
    fn poll_worker(&mut self, worker: usize, round: &mut Round<'_, '_, E, O>) -> bool {
        let mark = self.cx.owing().mark();
        // One net for a batch, not one for each item. It never ends.
        let polled = Defect::catch(|| self.workers.poll(worker, Future::poll).is_pending());
        match polled {
            Ok(_) => self.see_to(worker, round),
            Err(defect) => self.replace(worker, defect, mark, round),
        }
    }

    /// Another worker takes the place of one whose item has panicked, and sees to that.
    #[cold]
    fn replace(
        &mut self,
        worker: usize,
        defect: Defect,
        mark: Mark,
        round: &mut Round<'_, '_, E, O>,
    ) -> bool {
        self.workers.vacate(worker);
        let begun = self.tray.lock().panicked.pop_front();
        let Some(begun) = begun else {
            // It was not an item that panicked, but this library.
            panic!("{defect}");
        };
        let aftermath = Aftermath {
            begun,
            defect,
            mark,
        };
        let worker = self.workers.occupy((self.hire)(Some(aftermath)));
        self.poll_worker(worker, round)
    }

    /// Sees to a worker that was polled. False if its permit is not free: it has an item that waits, or one that has failed
    /// or becomes several does.
    #[inline]
    fn see_to(&mut self, worker: usize, round: &mut Round<'_, '_, E, O>) -> bool {
        let mut free;
        {
            let mut tray = self.tray.lock();
            if !tray.parked {
                return false;
            }
            self.free.push(worker);
            if tray.failed.is_empty() && tray.pouring.is_empty() {
                return true;
            }
            std::mem::swap(&mut *self.failed, &mut *tray.failed);
            free = tray.pouring.is_empty();
            self.pouring.append(&mut tray.pouring);
        }
        // Not under the lock: who hears of a failure is the user's code.
        while let Some((failure, source)) = self.failed.pop_front() {
            self.tray.lock().done.failed += 1;
            free &= self.stage.report(self.cx, *failure, source, round);
        }
        free
    }

    /// Goes on with items that become several, as far as there is room for what comes of them.
    fn pour(&mut self, round: &mut Round<'_, '_, E, O>) -> bool {
        let stage = self.stage;
        let Some(mut pouring) = self.pouring.pop_front() else {
            return false;
        };
        let outside = self.next.outside();
        let reserved = stage.board.lock().reserve(stage.next_at, outside, M::SPARE);
        if reserved == 0 {
            self.pouring.push_front(pouring);
            return false;
        }
        let mut done = Done {
            reserved,
            ..Done::default()
        };
        let mut room = reserved;
        match pouring.pour(&mut room, &mut self.out, &mut done) {
            None => self.pouring.push_back(pouring),
            Some(poured) => {
                let (origin, tag) = pouring.into_parts();
                if I::UNTAGGED.is_none() {
                    self.tray.lock().ended.push(tag);
                }
                done.permits = match poured {
                    Ok(()) => 1,
                    Err(failure) => {
                        done.failed += 1;
                        usize::from(stage.report(self.cx, *failure, origin, round))
                    }
                };
            }
        }
        round.budget = round.budget.saturating_sub(reserved - room);
        self.hand_on(done, round);
        true
    }

    /// Passes on what is done, and tells the board.
    fn hand_on(&mut self, mut done: Done, round: &mut Round<'_, '_, E, O>) {
        let stage = self.stage;
        if stage.retried.load(Ordering::Relaxed) > 0 {
            done.retried = stage.retried.swap(0, Ordering::Relaxed);
        }
        let mut from = From {
            at: stage.at,
            next: stage.next_at,
            done,
        };
        if let Some(order) = &stage.order {
            // Under the lock until they are in the next queue: nobody passes them on the way.
            let mut results = order.results();
            results.pass(&mut self.out);
            from.done.in_turn = Some(self.out.len());
            if self.out.is_empty() {
                stage.board.settle(&from);
            } else {
                order.next.put(&mut self.out, &from);
            }
        } else if self.out.is_empty() {
            stage.board.settle(&from);
        } else {
            self.next.take_in(&mut self.out, &from, round);
        }
        if I::UNTAGGED.is_none() {
            // Only now: else the next of a key could pass this one, on another core.
            let ended = std::mem::take(&mut self.tray.lock().ended);
            ended.into_iter().for_each(|tag| stage.intake.ended(tag));
        }
    }
}

impl<'r, R, E, A, O, W, I, M, F, Fut> Stand<E, O> for StageBench<'r, R, E, A, O, W, I, M, F, Fut>
where
    R: Env,
    E: Value,
    A: Value,
    O: Origin,
    W: Work<R, A, Error = E>,
    I: Intake<A, O>,
    M: Emit<W::Value>,
    F: Fn(Option<Aftermath<O, I::Tag>>) -> Fut,
    Fut: Future<Output = ()>,
{
    fn go_on(&mut self, round: &mut Round<'_, '_, E, O>) {
        self.next.go_on(round);
        if self.workers.len() == self.free.len() {
            return;
        }
        self.workers.look();
        // What is woken meanwhile is for the next round.
        while round.budget > 0 && !round.gives_way && self.go_on_with_some(round) {}
    }

    fn turn(&mut self, round: &mut Round<'_, '_, E, O>) -> bool {
        let mut progress = self.next.turn(round);
        progress |= self.pour(round);
        if round.desk.routes.is_halted() {
            return false;
        }
        if round.gives_way {
            return true;
        }
        if let Some(grant) = self.put_off.take() {
            self.work_through(grant, round);
            return true;
        }
        let grant = match self.stage.intake.input() {
            // Those who have sent it wait for room.
            Some(input) => (self.claim_input(input, round.runner, None)).map(|grant| (grant, true)),
            None => self.claim(round.runner),
        };
        if let Some((grant, woken)) = grant {
            self.begin(grant, woken, round);
            progress = true;
        }
        progress
    }

    fn leave_word(&mut self, round: &mut Round<'_, '_, E, O>) -> bool {
        let mut ready = self.next.leave_word(round);
        if self.workers.len() > self.free.len() {
            self.workers.leave_word(round.task);
        }
        let stage = self.stage;
        if !self.pouring.is_empty() {
            let (outside, waker) = (self.next.outside(), round.task.waker());
            ready |= stage.board.lock().has_place(stage.next_at, outside, waker);
        }
        if let Some(input) = stage.intake.input() {
            self.waits = false;
            let grant = self.claim_input(input, round.runner, Some(round.task));
            if !self.waits {
                // Others who wait for the input are told of the next item.
                self.receive = None;
            }
            if let Some(grant) = grant {
                self.work_through(grant, round);
                ready = true;
            }
        }
        ready
    }
}

impl<'r, R, E, A, O, W, I, M, F, Fut> Bench<E, A, O> for StageBench<'r, R, E, A, O, W, I, M, F, Fut>
where
    R: Env,
    E: Value,
    A: Value,
    O: Origin,
    W: Work<R, A, Error = E>,
    I: Intake<A, O>,
    M: Emit<W::Value>,
    F: Fn(Option<Aftermath<O, I::Tag>>) -> Fut,
    Fut: Future<Output = ()>,
{
    fn take_in(
        &mut self,
        items: &mut Batch<Item<A, O>>,
        from: &From,
        round: &mut Round<'_, '_, E, O>,
    ) {
        let stage = self.stage;
        if !I::DIRECT || self.put_off.is_some() {
            stage.put(items, from);
            return;
        }
        let outside = self.next.outside();
        let (grant, wakers) = {
            let mut board = stage.board.lock();
            board.settle(from.at, from.next, &from.done);
            let grant = if board.stage(stage.at).queued == 0 {
                board.grant(stage.at, stage.next_at, self.ask(items.len(), outside))
            } else {
                None
            };
            let taken = grant.map_or(0, |grant| grant.items);
            if taken == items.len() {
                std::mem::swap(&mut *self.hand, &mut **items);
            } else {
                self.hand.extend(items.drain(..taken));
                board.queued(stage.at, items.len());
            }
            stage.number(&mut self.hand);
            stage.number(items);
            if !items.is_empty() {
                // What needs tags is not direct.
                stage.intake.put(items, &mut VecDeque::new());
            }
            let mut wakers: Wakers = board.help_wanted(stage.at).into_iter().collect();
            board.feeders(from.at, &mut wakers);
            board.feeders(stage.at, &mut wakers);
            (grant, wakers)
        };
        let woken = !wakers.is_empty();
        wakers.into_iter().for_each(Waker::wake);
        if let Some(grant) = grant {
            self.begin(grant, woken, round);
        }
    }

    fn outside(&self) -> usize {
        0
    }
}
