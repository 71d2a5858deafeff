//! The board of a run: how many items are where, who may go on, and who waits. One short lock, and no items in it.
//!
//! The items themselves are in typed queues and in the hands of runners. Here they are only counted, so all rules that keep
//! a run bounded and complete are in this one file. Who waits is in [`waiting`], and how much is done at a time in
//! [`pacing`].
//!
//! - **Bounds.** A stage may begin an item if one of its workers is free. A worker is not free while it runs an item, nor
//!   while a result of the stage finds no room in the buffer of the next one: what is inside is at most the sum of all
//!   buffers and all workers.
//! - **Conservation.** What was received, and what stages made of one item beyond the first, is delivered, failed, filtered,
//!   joined into another, abandoned or still inside. A run has ended when its sources have and nothing is inside.

use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::task::Waker;
#[cfg(feature = "metrics")]
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use smallvec::SmallVec;

use super::blueprint::Blueprint;
use super::latency::Latency;
use super::line::From;
use super::metering::Changed;
use super::report::{PipelineReport, StageReport};
use crate::Channel;

mod pacing;
mod waiting;

/// How many items are moved at once, at most. More would cost latency and save little.
pub(super) const LARGEST_BATCH: usize = 128;

/// Who is to be woken.
pub(super) type Wakers = SmallVec<[Waker; 2]>;

/// The board of a run.
pub(super) struct Board {
    state: Mutex<State>,
    /// Closed when the run has ended. Nothing is ever sent.
    end: Channel<()>,
    /// What the run is called, if anything.
    name: OnceLock<Arc<str>>,
}

pub(super) struct State {
    blueprint: Arc<Blueprint>,
    stages: Vec<Counts>,
    fates: Fates,
    /// Sources that may still give something.
    sources: usize,
    paused: bool,
    draining: bool,
    /// What each runner is woken by, while it has nothing to do.
    resting: Vec<Option<Waker>>,
    /// Grows with whatever may let somebody go on.
    version: u64,
    /// Who is told that something has changed.
    changed: Changed,
    /// When the first item began.
    begun: Option<Instant>,
    /// When the last batch ended.
    last: Option<Instant>,
    /// How long a batch took of late beside the work, in nanoseconds.
    hand_over: u64,
}

/// What became of items, in numbers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fates {
    pub(super) received: u64,
    pub(super) made: u64,
    pub(super) delivered: u64,
    pub(super) failed: u64,
    pub(super) unreported: u64,
    pub(super) filtered: u64,
    pub(super) joined: u64,
    pub(super) abandoned: u64,
}

impl Fates {
    pub(super) fn inside(&self) -> u64 {
        let ended = self.delivered + self.failed + self.filtered + self.joined + self.abandoned;
        (self.received + self.made).saturating_sub(ended)
    }
}

/// One stage's numbers.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) workers: usize,
    /// How many items may be inside before the stage.
    pub(super) buffer: usize,
    /// Items in the stage's queue.
    pub(super) queued: usize,
    /// Items that a runner has taken for the stage.
    claimed: usize,
    /// Places in the queue that the stage before has put aside for results to come.
    reserved: usize,
    /// Results of the stage before that wait for those of earlier items. Fewer than none, for a moment: whoever passes
    /// results on finds some of which their own runner has not told yet.
    early: isize,
    /// The stage's own results among those.
    kept_back: isize,
    /// Workers that are busy.
    running: usize,
    /// Whether items of the last batch had to wait for something.
    waits: bool,
    /// What those are woken by who wait for room: a source, or runners with items that become several.
    feeders: Wakers,
    /// What a source is woken by that waits for nothing here, when it is to stop.
    source: Option<Waker>,
    items_in: u64,
    pub(super) items_out: u64,
    failed: u64,
    retried: u64,
    busy: Duration,
    latency: Latency,
    /// What the runners' threads spent on the last items, in nanoseconds, and how many those were.
    spent: u64,
    spent_on: u64,
}

/// What a runner asks for when it could begin some items.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ask {
    /// How many there are.
    pub(super) ready: usize,
    /// How much somebody behind the pipeline has room for.
    pub(super) outside: usize,
    /// How much room there should be for what one item may become beyond the first.
    pub(super) spare: usize,
    /// How many of the runner's own items wait for something.
    pub(super) pending: usize,
}

/// Leave to begin some items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grant {
    pub(super) items: usize,
    pub(super) permits: usize,
    /// Places put aside in the next queue for what one item may become beyond the first.
    pub(super) spare: usize,
    /// Whether the thread will be busy with them for so long that nobody should have to wait for it who was just woken.
    pub(super) lasting: bool,
}

impl Grant {
    /// How many places it has put aside in the next queue: what ends while the permits are held needs no more than those.
    pub(super) fn reserved(self) -> usize {
        self.items - self.permits + self.spare
    }

    /// What so many items need of it, and the rest.
    pub(super) fn divide(self, items: usize) -> (Grant, Grant) {
        let permits = self.permits.min(items);
        let spare = if items == 0 { 0 } else { self.spare };
        let used = Grant {
            items,
            permits,
            spare,
            ..self
        };
        let unused = Grant {
            items: self.items - items,
            permits: self.permits - permits,
            spare: self.spare - spare,
            ..self
        };
        (used, unused)
    }
}

/// What a runner has to say at the end of a batch.
#[derive(Clone, Debug, Default)]
pub(super) struct Done {
    /// Items of the stage that are no longer in a hand.
    pub(super) claimed: usize,
    /// Places in the next queue that are no longer put aside.
    pub(super) reserved: usize,
    /// Workers that are free again.
    pub(super) permits: usize,
    /// Items that have begun.
    pub(super) begun: u64,
    /// Results that go on.
    pub(super) out: u64,
    pub(super) failed: u64,
    pub(super) retried: u64,
    /// What items have become, each counted, and how many of those items are themselves no more.
    pub(super) made: u64,
    pub(super) unmade: u64,
    pub(super) filtered: u64,
    pub(super) joined: u64,
    /// How many results are in turn at last, where the stage is ordered: of these, and of those that came before.
    pub(super) in_turn: Option<usize>,
    /// Whether some had to wait, where any have begun.
    pub(super) waited: bool,
    /// How long the thread was busy before the work began, where there was a batch.
    pub(super) hand_over: Option<Duration>,
    /// How long the thread was busy with it.
    pub(super) spent: Duration,
    /// How long items were in the stage, all together.
    pub(super) busy: Duration,
    /// How long those took that have ended, and how many took so long.
    pub(super) ended: SmallVec<[(Duration, u32); 2]>,
    /// The time.
    pub(super) now: Option<Instant>,
}

impl Done {
    /// Takes on what else has happened.
    pub(super) fn add(&mut self, other: &mut Done) {
        self.made += std::mem::take(&mut other.made);
        self.unmade += std::mem::take(&mut other.unmade);
        self.out += std::mem::take(&mut other.out);
        self.filtered += std::mem::take(&mut other.filtered);
        self.waited |= std::mem::take(&mut other.waited);
        self.busy += std::mem::take(&mut other.busy);
        if !other.ended.is_empty() {
            self.ended.extend(other.ended.drain(..));
        }
    }
}

impl Counts {
    /// How many items count as inside before the stage.
    fn inside(&self) -> usize {
        (self.queued + self.claimed + self.reserved).saturating_add_signed(self.early)
    }

    fn account(&mut self, done: &Done) {
        self.items_in += done.begun;
        self.items_out += done.out;
        self.failed += done.failed;
        self.retried += done.retried;
        self.busy += done.busy;
        for (each, count) in &done.ended {
            self.latency.record(*each, *count);
        }
        if done.begun > 0 {
            self.waits = done.waited;
        }
        // What was long ago counts for less.
        if self.spent_on > 1024 {
            self.spent /= 2;
            self.spent_on /= 2;
        }
        self.spent += done.spent.as_nanos() as u64;
        self.spent_on += done.begun;
    }
}

impl Board {
    pub(super) fn new(blueprint: Arc<Blueprint>) -> Self {
        let stages = blueprint.nodes().iter().map(|node| Counts {
            workers: node.workers,
            buffer: node.buffer,
            ..Counts::default()
        });
        let state = State {
            stages: stages.collect(),
            sources: blueprint.sources(),
            blueprint,
            fates: Fates::default(),
            paused: false,
            draining: false,
            resting: Vec::new(),
            version: 0,
            changed: Changed::new(),
            begun: None,
            last: None,
            hand_over: 0,
        };
        Board {
            state: Mutex::new(state),
            end: Channel::bounded(1),
            name: OnceLock::new(),
        }
    }

    /// What the run is called.
    pub(super) fn name(&self) -> &str {
        self.name.get().map_or("pipeline", |name| name)
    }

    /// Gives the run a name, if it has none.
    pub(super) fn set_name(&self, name: Arc<str>) {
        let _ = self.name.set(name);
    }

    /// The run has ended, or will never begin.
    pub(super) fn end(&self) {
        self.end.close();
    }

    pub(super) fn has_ended(&self) -> bool {
        self.end.is_closed()
    }

    /// Waits for the end of the run.
    pub(super) fn ended(&self) -> impl Future<Output = ()> + Send + use<> {
        let end = self.end.receive();
        async move {
            let _ = end.await;
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Changes what some may wait for, and wakes them all.
    pub(super) fn change(&self, change: impl FnOnce(&mut State)) {
        let wakers = {
            let mut state = self.lock();
            change(&mut state);
            state.everybody()
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Counts items as abandoned: somebody who held them is no more.
    pub(super) fn abandon(&self, count: usize) {
        self.lock().fates.abandoned += count as u64;
    }

    /// Takes what a runner has to say, where nothing goes on.
    pub(super) fn settle(&self, from: &From) {
        let wakers = {
            let mut state = self.lock();
            state.settle(from.at, from.next, &from.done);
            let mut wakers = state.last_word();
            state.feeders(from.at, &mut wakers);
            state.feeders(from.next, &mut wakers);
            wakers
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Counts items into a stage's queue, where `enqueue` puts them meanwhile, and takes what those before are done with.
    pub(super) fn put(&self, at: usize, count: usize, from: &From, enqueue: impl FnOnce()) {
        let wakers = {
            let mut state = self.lock();
            state.queued(at, count);
            enqueue();
            state.settle(from.at, from.next, &from.done);
            let mut wakers: Wakers = state.somebody(at).into_iter().collect();
            state.feeders(from.at, &mut wakers);
            state.feeders(at, &mut wakers);
            wakers
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    /// A source has ended. Where that was the last of them, those who wait for more have to know.
    pub(super) fn source_ended(&self) {
        self.change(|state| state.sources -= 1);
    }

    pub(super) fn report(&self) -> PipelineReport {
        self.lock().report()
    }
}

impl State {
    pub(super) fn fates(&mut self) -> &mut Fates {
        &mut self.fates
    }

    /// How many workers all stages have.
    pub(super) fn workers(&self) -> usize {
        self.stages.iter().map(|stage| stage.workers).sum()
    }

    pub(super) fn pause(&mut self, paused: bool) {
        self.paused = paused;
    }

    pub(super) fn drain(&mut self) {
        self.draining = true;
    }

    pub(super) fn is_draining(&self) -> bool {
        self.draining
    }

    /// Whether sources are to give nothing for now.
    pub(super) fn is_paused(&self) -> bool {
        self.paused && !self.draining
    }

    /// Whether everything that will ever come has found its end.
    pub(super) fn is_finished(&self) -> bool {
        self.sources == 0 && self.fates.inside() == 0
    }

    pub(super) fn stage(&mut self, at: usize) -> &mut Counts {
        &mut self.stages[at]
    }

    /// How much room there is before a stage, where `outside` is what somebody else has room for behind it.
    pub(super) fn room(&self, at: usize, outside: usize) -> usize {
        let stage = &self.stages[at];
        (stage.buffer + outside).saturating_sub(stage.inside())
    }

    /// How many workers of a stage may begin something, and how much room there is for results.
    fn free(&self, at: usize, next: usize, outside: usize) -> (usize, usize) {
        let limit = self.stages[next].buffer + outside;
        let inside = self.stages[next].inside();
        let (room, over) = (limit.saturating_sub(inside), inside.saturating_sub(limit));
        let stage = &self.stages[at];
        let free = match stage.workers.saturating_sub(stage.running + over) {
            // There are results that wait for that of an earlier item, which has not begun.
            free if stage.kept_back > 0 && stage.running == 0 => free.max(1),
            // Nothing is won by many results that wait for room, where they are soon made. One does: by that the stage hears
            // of room.
            free if room == 0 && !stage.waits && self.is_soon_done(at) => {
                free.min(usize::from(over == 0))
            }
            free => free,
        };
        (free, room)
    }

    /// Gives leave to begin some items, if a worker is free. Their results go to the stage `next`.
    pub(super) fn grant(&mut self, at: usize, next: usize, ask: Ask) -> Option<Grant> {
        let Ask { ready, spare, .. } = ask;
        let (free, room) = self.free(at, next, ask.outside);
        let free = free.min(self.share(at).saturating_sub(ask.pending));
        if free == 0 || ready == 0 {
            return None;
        }
        let stage = &self.stages[at];
        let batch = stage.batch(ready.div_ceil(self.shares(at, ready)));
        let worth_a_wake = self.worth_a_wake();
        let stage = &mut self.stages[at];
        let permits = if stage.waits { free.min(batch) } else { 1 };
        let items = batch.min(permits + room);
        let grant = Grant {
            items,
            permits: permits.min(items),
            spare: spare.min((permits + room).saturating_sub(items)),
            lasting: stage.lasts(items, 2 * worth_a_wake),
        };
        stage.running += grant.permits;
        stage.claimed += grant.items;
        self.stages[next].reserved += grant.reserved();
        Some(grant)
    }

    /// Takes what a runner has to say of the stage `at`, whose results go to `next`.
    pub(super) fn settle(&mut self, at: usize, next: usize, done: &Done) {
        self.version += 1;
        self.changed.tell();
        let stage = &mut self.stages[at];
        stage.account(done);
        stage.running -= done.permits;
        stage.claimed -= done.claimed;
        self.stages[next].reserved -= done.reserved;
        if let Some(in_turn) = done.in_turn {
            let more = (done.out as usize).cast_signed() - in_turn.cast_signed();
            self.stages[at].kept_back += more;
            self.stages[next].early += more;
        }
        self.fates.made = self.fates.made + done.made - done.unmade;
        self.fates.filtered += done.filtered;
        self.fates.joined += done.joined;
        if let Some(took) = done.hand_over {
            // The last one counts for an eighth.
            self.hand_over += took.as_nanos() as u64 / 8;
            self.hand_over -= self.hand_over / 8;
        }
        if let Some(now) = done.now {
            self.begun.get_or_insert(now);
            self.last = done.now;
        }
    }

    /// Takes back what was granted and not used. Nobody has waited for it.
    pub(super) fn ungrant(&mut self, at: usize, next: usize, grant: Grant) {
        let stage = &mut self.stages[at];
        stage.running -= grant.permits;
        stage.claimed -= grant.items;
        self.stages[next].reserved -= grant.reserved();
    }

    /// Takes items from where the line branches, for as many as both ways have room, whichever way they go: and one more,
    /// if neither way has one too many.
    pub(super) fn branch(&mut self, at: usize, ways: [(usize, usize); 2], ready: usize) -> usize {
        if self.stages[at].running > 0 {
            return 0;
        }
        let counts = ways.map(|(way, outside)| {
            let way = &self.stages[way];
            let (limit, inside) = (way.buffer + outside, way.inside());
            let more = usize::from(inside <= limit);
            limit.saturating_sub(inside) + more
        });
        let count = counts[0].min(counts[1]).min(ready).min(LARGEST_BATCH);
        if count > 0 {
            let stage = &mut self.stages[at];
            stage.running += 1;
            stage.queued -= count;
            stage.claimed += count;
            for (way, _) in ways {
                self.stages[way].reserved += count;
            }
        }
        count
    }

    /// Whether nothing more will come to a stage: all sources have ended, and nothing is on the way there.
    pub(super) fn is_last(&self, at: usize) -> bool {
        let before = self.blueprint.before(at);
        self.sources == 0
            && self.stages[at].claimed + self.stages[at].reserved == 0
            && self.stages[at].early == 0
            && before
                .into_iter()
                .all(|before| self.stages[before].inside() + self.stages[before].running == 0)
    }

    /// Puts places aside in a queue, as many as there are of those that are wanted; and one more than there are, if nobody
    /// else has done so: by that the stage hears of room behind it.
    pub(super) fn reserve(&mut self, at: usize, outside: usize, wanted: usize) -> usize {
        let over = self.stages[at].inside() > self.stages[at].buffer + outside;
        let count = self.room(at, outside).max(usize::from(!over)).min(wanted);
        self.stages[at].reserved += count;
        count
    }

    /// Moves so many items from a stage's queue into a hand.
    pub(super) fn taken(&mut self, at: usize, count: usize) {
        self.stages[at].queued -= count;
    }

    /// Adds so many items to a stage's queue.
    pub(super) fn queued(&mut self, at: usize, count: usize) {
        self.stages[at].queued += count;
        self.version += 1;
    }

    /// So many items have left a stage's queue for good.
    pub(super) fn dequeued(&mut self, at: usize, count: usize) {
        self.stages[at].queued -= count;
        self.version += 1;
    }

    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// Waits until a runner has had something to say since the board had this version.
    #[cfg(feature = "metrics")]
    pub(super) fn poll_changed(&mut self, version: u64, task: &Context<'_>) -> Poll<()> {
        self.changed.poll(self.version != version, task)
    }

    fn elapsed(&self) -> Duration {
        match (self.begun, self.last) {
            (Some(begun), Some(last)) => last.saturating_duration_since(begun),
            _ => Duration::ZERO,
        }
    }

    pub(super) fn report(&self) -> PipelineReport {
        let nodes = self.blueprint.nodes().iter().zip(&self.stages);
        let stages = nodes.map(|(node, counts)| StageReport {
            name: Arc::clone(&node.name),
            kind: node.kind,
            workers: counts.workers,
            buffer: counts.buffer,
            items_in: counts.items_in,
            items_out: counts.items_out,
            failed: counts.failed,
            retried: counts.retried,
            queued: (counts.queued + counts.claimed).saturating_add_signed(counts.early),
            running: counts.running,
            busy: counts.busy,
            latency: counts.latency.clone(),
        });
        let Fates {
            received,
            made,
            delivered,
            failed,
            unreported,
            filtered,
            joined,
            abandoned,
        } = self.fates;
        PipelineReport {
            received,
            made,
            delivered,
            failed,
            unreported,
            filtered,
            joined,
            abandoned,
            elapsed: self.elapsed(),
            stages: stages.collect(),
        }
    }
}
