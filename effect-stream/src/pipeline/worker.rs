//! A worker: a loop in a slot of a runner's bench, which is handed batches on a tray.
//!
//! One loop for many items, and not a future an item: so an item that need not wait costs a call and a poll in place.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use effect_core::{Cx, Defect, Env, Mark, Owing, Value};
use parking_lot::Mutex;

use super::board::{Board, Done};
use super::emit::{Emission, Emit};
use super::intake::Intake;
use super::item::{Batch, Item, Queue};
use super::origin::Origin;
use super::report::Fault;
use super::stage_line::StageLine;
use super::work::{Failure, Work, Worker};

/// What a bench and its workers hand to each other. Only one of them is at work at a time, so its lock is free.
pub(super) struct Tray<A, B, E, O, K, It> {
    /// Items that have not begun, and what is to be known of them.
    pub(super) hand: Batch<Item<A, O>>,
    pub(super) tags: VecDeque<K>,
    /// Results that are about to go on.
    pub(super) out: Batch<Item<B, O>>,
    /// What was to be known of items that have ended: told when their results have gone on.
    pub(super) ended: Vec<K>,
    /// Items that have failed.
    pub(super) failed: Queue<(Box<Failure<E>>, O)>,
    /// Items whose work has panicked.
    pub(super) panicked: Queue<Begun<O, K>>,
    /// Items that become several, of which some are still to come. Each has one of the stage's permits.
    pub(super) pouring: Queue<Pouring<It, O, K>>,
    /// Places put aside for what one item becomes beyond the first.
    pub(super) spare: usize,
    /// What has happened since the bench has looked.
    pub(super) done: Done,
    /// Items that have ended without having to wait.
    pub(super) at_once: u32,
    /// Whether a worker may take what is there.
    pub(super) go: bool,
    /// Whether the worker that was polled last is done with what it had, and has no item that waits.
    pub(super) parked: bool,
    pub(super) now: Instant,
}

impl<A, B, E, O, K, It> Tray<A, B, E, O, K, It> {
    pub(super) fn new(board: &Arc<Board>, now: Instant) -> Self {
        Tray {
            hand: Batch::new(board),
            tags: VecDeque::new(),
            out: Batch::new(board),
            ended: Vec::new(),
            failed: Queue::new(board),
            panicked: Queue::new(board),
            pouring: Queue::new(board),
            spare: 0,
            done: Done::default(),
            at_once: 0,
            go: false,
            parked: false,
            now,
        }
    }
}

/// An item that becomes several.
pub(super) struct Pouring<It, O, K> {
    /// None after the last.
    items: Option<It>,
    origin: O,
    tag: K,
    /// Whether anything has come of it.
    emitted: bool,
}

impl<It: Iterator, O: Clone, K> Pouring<It, O, K> {
    /// Emits at most `room` of what the item becomes. None if there is more; or why it has failed.
    pub(super) fn pour<E>(
        &mut self,
        room: &mut usize,
        out: &mut Vec<Item<It::Item, O>>,
        done: &mut Done,
    ) -> Option<Result<(), Box<Failure<E>>>> {
        while *room > 0 {
            match Defect::catch(|| self.next()) {
                Ok(Some((value, origin))) => {
                    *room -= 1;
                    done.out += 1;
                    // Each is counted as made, and at the end the item that they came of is no more.
                    done.made += 1;
                    self.emitted = true;
                    out.push(Item {
                        value,
                        origin,
                        turn: 0,
                    });
                }
                Ok(None) => {
                    if self.emitted {
                        done.unmade += 1;
                    } else {
                        done.filtered += 1;
                    }
                    return Some(Ok(()));
                }
                Err(defect) => return Some(Err(Failure::new(Fault::Defect(defect)))),
            }
        }
        None
    }

    /// The next item, and where it comes of. All of this is the user's code.
    fn next(&mut self) -> Option<(It::Item, O)> {
        let next = self.items.as_mut()?.next();
        if next.is_none() {
            self.items = None;
        }
        next.map(|value| (value, self.origin.clone()))
    }

    pub(super) fn into_parts(self) -> (O, K) {
        (self.origin, self.tag)
    }
}

/// The tray of a stage's bench.
pub(super) type TrayOf<R, E, A, O, W, I, M> = Tray<
    A,
    <M as Emit<<W as Work<R, A>>::Value>>::Item,
    E,
    O,
    <I as Intake<A, O>>::Tag,
    <M as Emit<<W as Work<R, A>>::Value>>::Items,
>;

/// The item that a worker has begun.
pub(super) struct Begun<O, K> {
    pub(super) origin: O,
    pub(super) turn: u64,
    pub(super) tag: K,
}

/// An item whose work has panicked, after which there may be finalizers to wait for.
pub(super) struct Aftermath<O, K> {
    pub(super) begun: Begun<O, K>,
    pub(super) defect: Defect,
    /// What was owed before is not of this item.
    pub(super) mark: Mark,
}

/// What a worker has in its hands. Dropped in a panic, it goes back to the tray; else what has begun was abandoned.
struct AtWork<'a, R, E, A, O, W, I, M>
where
    R: Env,
    E: Value,
    A: Value,
    O: Origin,
    W: Work<R, A, Error = E>,
    I: Intake<A, O>,
    M: Emit<W::Value>,
{
    stage: &'a StageLine<R, E, A, M::Item, O, W, I, M>,
    tray: &'a Mutex<TrayOf<R, E, A, O, W, I, M>>,
    /// The next is the last of them: taking that is the cheapest.
    hand: Batch<Item<A, O>>,
    tags: VecDeque<I::Tag>,
    out: Batch<Item<M::Item, O>>,
    ended: Vec<I::Tag>,
    spare: usize,
    begun: Option<Begun<O, I::Tag>>,
    begun_count: u64,
    at_once: u32,
    emitted: u64,
    done: Done,
}

/// Why a worker stops to begin one item after the other.
enum Stop<T> {
    /// There are no more.
    Empty,
    /// The bench has to see to the last one.
    Report,
    /// The last one has to wait for something. It was begun then.
    Waits(Mark),
    /// The last one is done, but the fiber owes something since.
    Owes(T, Mark),
}

/// What has come of an item.
type Ended<V, E> = Result<V, Box<Failure<E>>>;

impl<'a, R, E, A, O, W, I, M> AtWork<'a, R, E, A, O, W, I, M>
where
    R: Env,
    E: Value,
    A: Value,
    O: Origin,
    W: Work<R, A, Error = E>,
    I: Intake<A, O>,
    M: Emit<W::Value>,
{
    fn new(
        stage: &'a StageLine<R, E, A, M::Item, O, W, I, M>,
        tray: &'a Mutex<TrayOf<R, E, A, O, W, I, M>>,
    ) -> Self {
        AtWork {
            stage,
            tray,
            hand: Batch::new(&stage.board),
            tags: VecDeque::new(),
            out: Batch::new(&stage.board),
            ended: Vec::new(),
            spare: 0,
            begun: None,
            begun_count: 0,
            at_once: 0,
            emitted: 0,
            done: Done::default(),
        }
    }

    /// Takes what is on the tray.
    async fn take(&mut self) {
        poll_fn(|_| {
            let mut tray = self.tray.lock();
            if !std::mem::take(&mut tray.go) {
                return Poll::Pending;
            }
            std::mem::swap(&mut *self.hand, &mut *tray.hand);
            std::mem::swap(&mut self.tags, &mut tray.tags);
            std::mem::swap(&mut *self.out, &mut *tray.out);
            self.spare = tray.spare;
            self.hand.reverse();
            Poll::Ready(())
        })
        .await;
    }

    /// Begins one item after the other, as long as none has to wait: the loop that most items are in and out of.
    ///
    /// `begin` makes an item's future, and `running` is where it is polled.
    fn rush<Fut: Future<Output = Ended<W::Value, E>>>(
        &mut self,
        begin: impl Fn(A) -> Fut,
        mut running: Pin<&mut Option<Fut>>,
        owing: Owing<'_>,
        task: &mut Context<'_>,
    ) -> Stop<Fut::Output> {
        while let Some(item) = self.hand.pop() {
            let Item {
                value,
                origin,
                turn,
            } = item;
            let tag = I::UNTAGGED.unwrap_or_else(|| self.pop_tag());
            let fault = I::fault(&tag);
            self.begun_count += 1;
            self.begun = Some(Begun { origin, turn, tag });
            let ended = if let Some(defect) = fault {
                drop(value);
                Err(Failure::new(Fault::Defect(defect)))
            } else {
                let mark = owing.mark();
                running.set(Some(begin(value)));
                let Poll::Ready(ended) = poll_in_place(&mut running, task) else {
                    return Stop::Waits(mark);
                };
                if !owing.is_quiet_since(mark) {
                    return Stop::Owes(ended, mark);
                }
                self.at_once += 1;
                ended
            };
            if !self.conclude(ended) {
                return Stop::Report;
            }
        }
        Stop::Empty
    }

    /// Sees to what has come of the item that had begun. False if the bench has to see to it before anything else begins.
    #[inline(always)]
    fn conclude(&mut self, ended: Ended<W::Value, E>) -> bool {
        let begun = self.begun.take().expect(BEGUN);
        match ended.map(M::emit) {
            Ok(Emission::One(value)) => {
                self.emitted += 1;
                self.out.push(Item {
                    value,
                    origin: begun.origin,
                    turn: begun.turn,
                });
                self.end(begun.tag);
                true
            }
            Ok(Emission::None) => {
                self.done.filtered += 1;
                self.stage.skip(begun.turn);
                self.end(begun.tag);
                true
            }
            Ok(Emission::Several(items)) => self.pour(items, begun),
            Ok(Emission::Died(defect)) => self.fail(Failure::new(Fault::Defect(defect)), begun),
            Err(failure) => self.fail(failure, begun),
        }
    }

    /// Keeps what is to be told of an item that has ended.
    #[inline]
    fn end(&mut self, tag: I::Tag) {
        if I::UNTAGGED.is_none() {
            self.ended.push(tag);
        }
    }

    #[cold]
    fn fail(&mut self, failure: Box<Failure<E>>, begun: Begun<O, I::Tag>) -> bool {
        self.stage.skip(begun.turn);
        self.tray.lock().failed.push_back((failure, begun.origin));
        self.end(begun.tag);
        false
    }

    /// Emits what an item becomes, as far as there is room.
    fn pour(&mut self, items: M::Items, begun: Begun<O, I::Tag>) -> bool {
        let Begun { origin, turn, tag } = begun;
        let mut pouring = Pouring {
            items: Some(items),
            origin,
            tag,
            emitted: false,
        };
        let poured = if let Some(order) = &self.stage.order {
            // What it has become waits for its turn as a whole.
            let (mut items, mut room) = (Vec::new(), usize::MAX);
            let poured = pouring.pour(&mut room, &mut items, &mut self.done);
            order.results().several(turn, items);
            poured
        } else {
            // The first takes the place of the item that it comes of.
            let mut room = self.spare + 1;
            let poured = pouring.pour(&mut room, &mut self.out, &mut self.done);
            self.spare = self.spare.min(room.saturating_sub(1));
            poured
        };
        let Some(poured) = poured else {
            self.tray.lock().pouring.push_back(pouring);
            return false;
        };
        let (origin, tag) = pouring.into_parts();
        self.end(tag);
        match poured {
            Ok(()) => true,
            Err(failure) => {
                self.tray.lock().failed.push_back((failure, origin));
                false
            }
        }
    }

    fn pop_tag(&mut self) -> I::Tag {
        let tag = self.tags.pop_front();
        tag.expect("there is a tag for each item in hand")
    }

    /// Puts all of it on the tray because the item that has begun has to wait. Has the time.
    fn leave(&mut self) -> Instant {
        self.done.waited = true;
        self.hand_back(false)
    }

    /// Goes on with that item, which has ended.
    fn come_back(&mut self, since: Instant) {
        let took = self.tray.lock().now.saturating_duration_since(since);
        self.done.busy += took;
        self.done.ended.push((took, 1));
    }

    /// Puts all of it on the tray, but for the item that has begun. Has the time when the batch began.
    fn hand_back(&mut self, parked: bool) -> Instant {
        let mut tray = self.tray.lock();
        self.hand.reverse();
        if tray.hand.is_empty() {
            std::mem::swap(&mut *self.hand, &mut *tray.hand);
            std::mem::swap(&mut self.tags, &mut tray.tags);
        } else {
            tray.hand.append(&mut self.hand);
            tray.tags.append(&mut self.tags);
        }
        if tray.out.is_empty() {
            std::mem::swap(&mut *self.out, &mut *tray.out);
        } else {
            tray.out.append(&mut self.out);
        }
        tray.ended.append(&mut self.ended);
        tray.spare = std::mem::take(&mut self.spare);
        tray.done.begun += std::mem::take(&mut self.begun_count);
        tray.done.out += std::mem::take(&mut self.emitted);
        tray.at_once += std::mem::take(&mut self.at_once);
        tray.done.add(&mut self.done);
        tray.parked = parked;
        tray.now
    }
}

impl<R, E, A, O, W, I, M> Drop for AtWork<'_, R, E, A, O, W, I, M>
where
    R: Env,
    E: Value,
    A: Value,
    O: Origin,
    W: Work<R, A, Error = E>,
    I: Intake<A, O>,
    M: Emit<W::Value>,
{
    fn drop(&mut self) {
        let begun = self.begun.take();
        if std::thread::panicking() {
            self.hand_back(false);
            self.tray.lock().panicked.extend(begun);
        } else if begun.is_some() {
            self.stage.board.abandon(1);
        }
    }
}

/// Works at what comes on the tray, for ever; and first sees to the item of one who can no more.
pub(super) async fn work<R, E, A, O, W, I, M>(
    stage: &StageLine<R, E, A, M::Item, O, W, I, M>,
    cx: &Cx<R>,
    tray: Arc<Mutex<TrayOf<R, E, A, O, W, I, M>>>,
    aftermath: Option<Aftermath<O, I::Tag>>,
) where
    R: Env,
    E: Value,
    A: Value,
    O: Origin,
    W: Work<R, A, Error = E>,
    I: Intake<A, O>,
    M: Emit<W::Value>,
{
    let worker = Worker {
        cx,
        stage: &stage.name,
        retried: &stage.retried,
    };
    let mut at = AtWork::<R, E, A, O, W, I, M>::new(stage, &tray);
    if let Some(Aftermath {
        begun,
        defect,
        mark,
    }) = aftermath
    {
        at.begun = Some(begun);
        let ended = (Err(defect), cx.settle_since(mark).await);
        at.conclude(Failure::of(ended));
        at.hand_back(true);
    }
    let owing = cx.owing();
    let mut running = pin!(None);
    loop {
        // The bench polls a worker again when there is something on the tray.
        at.take().await;
        loop {
            let begin = |value| stage.work.work(value, worker);
            let rush = |task: &mut Context<'_>| at.rush(begin, running.as_mut(), owing, task);
            let ended = match poll_fn_once(rush).await {
                Stop::Empty | Stop::Report => break,
                Stop::Owes(ended, mark) => {
                    let since = at.leave();
                    let ended = Failure::of((Ok(ended), cx.settle_since(mark).await));
                    at.come_back(since);
                    ended
                }
                Stop::Waits(mark) => {
                    let since = at.leave();
                    // What is done goes on, and what has begun is never left unpolled.
                    let is_quiet = owing.is_quiet_since(mark);
                    let rest = InPlace {
                        running: &mut running,
                    };
                    let rest = pin!(cx.attempting_since(mark, rest));
                    let ended = Failure::of(if is_quiet {
                        resume(rest).await
                    } else {
                        rest.await
                    });
                    at.come_back(since);
                    ended
                }
            };
            if !at.conclude(ended) {
                break;
            }
        }
        at.hand_back(true);
    }
}

const BEGUN: &str = "it has begun";

/// Polls an item's future where it is, and drops it there once it is done.
#[inline(always)]
fn poll_in_place<Fut: Future>(
    running: &mut Pin<&mut Option<Fut>>,
    task: &mut Context<'_>,
) -> Poll<Fut::Output> {
    let polled = running.as_mut().as_pin_mut().expect(BEGUN).poll(task);
    if polled.is_ready() {
        running.set(None);
    }
    polled
}

/// The rest of an item's work, which is dropped with this: also by a panic, so under the net that catches it.
struct InPlace<'a, 'p, Fut> {
    running: &'a mut Pin<&'p mut Option<Fut>>,
}

impl<Fut: Future> Future for InPlace<'_, '_, Fut> {
    type Output = Fut::Output;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Fut::Output> {
        poll_in_place(self.running, task)
    }
}

impl<Fut> Drop for InPlace<'_, '_, Fut> {
    fn drop(&mut self) {
        self.running.set(None);
    }
}

/// Does something in this poll.
fn poll_fn_once<T>(mut f: impl FnMut(&mut Context<'_>) -> T) -> impl Future<Output = T> {
    poll_fn(move |task| Poll::Ready(f(task)))
}

/// Goes on with a future that was pending in this turn, in the next one: it has the waker, and may have given its turn
/// to others.
fn resume<F: Future>(mut pending: Pin<&mut F>) -> impl Future<Output = F::Output> {
    let mut next_turn = false;
    poll_fn(move |task| {
        if std::mem::replace(&mut next_turn, true) {
            pending.as_mut().poll(task)
        } else {
            Poll::Pending
        }
    })
}
