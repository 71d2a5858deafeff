//! A worker: a loop in a slot of a runner's bench, which is handed batches on a tray.
//!
//! One loop for many items, and not a future an item: so an item that need not wait costs a call and a poll in place.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use effect_core::{Cx, Defect, Env, Mark, Value};
use parking_lot::Mutex;

use super::bench::StageLine;
use super::board::{Board, Done};
use super::emit::{Emission, Emit};
use super::intake::Intake;
use super::item::{Held, Item};
use super::origin::Origin;
use super::report::Fault;
use super::work::{Failure, Work, Worker};

/// What a bench and its workers hand to each other. Only one of them is at work at a time, so its lock is free.
pub(super) struct Tray<A, B, E, O, K, It> {
    /// Items that have not begun, and what is to be known of them.
    pub(super) hand: Held<Item<A, O>>,
    pub(super) tags: VecDeque<K>,
    /// Results that are about to go on.
    pub(super) out: Held<Item<B, O>>,
    /// Items that have failed.
    pub(super) failed: Held<(Box<Failure<E>>, O)>,
    /// Items whose work has panicked.
    pub(super) panicked: Held<Begun<O, K>>,
    /// Items that become several, of which some are still to come. Each has one of the stage's permits.
    pub(super) pouring: Held<Pouring<It, O>>,
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
            hand: Held::new(board),
            tags: VecDeque::new(),
            out: Held::new(board),
            failed: Held::new(board),
            panicked: Held::new(board),
            pouring: Held::new(board),
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
pub(super) struct Pouring<It, O> {
    items: It,
    origin: O,
    /// Whether anything has come of it.
    emitted: bool,
}

impl<It: Iterator, O: Clone> Pouring<It, O> {
    /// Emits at most `room` of what the item becomes. None if there is more; or why it has failed.
    pub(super) fn pour<E>(
        &mut self,
        room: &mut usize,
        out: &mut VecDeque<Item<It::Item, O>>,
        done: &mut Done,
    ) -> Option<Result<(), Box<Failure<E>>>> {
        while *room > 0 {
            match Defect::catch(|| self.items.next()) {
                Ok(Some(value)) => {
                    *room -= 1;
                    done.out += 1;
                    // Each is counted as made, and at the end the item that they came of is no more.
                    done.made += 1;
                    self.emitted = true;
                    out.push_back(Item {
                        value,
                        origin: self.origin.clone(),
                        turn: None,
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

    pub(super) fn into_origin(self) -> O {
        self.origin
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
    pub(super) turn: Option<u64>,
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
    tray: &'a Mutex<TrayOf<R, E, A, O, W, I, M>>,
    board: &'a Board,
    hand: Held<Item<A, O>>,
    tags: VecDeque<I::Tag>,
    out: Held<Item<M::Item, O>>,
    spare: usize,
    begun: Option<Begun<O, I::Tag>>,
    begun_count: u64,
    at_once: u32,
    emitted: u64,
    done: Done,
}

impl<R, E, A, O, W, I, M> AtWork<'_, R, E, A, O, W, I, M>
where
    R: Env,
    E: Value,
    A: Value,
    O: Origin,
    W: Work<R, A, Error = E>,
    I: Intake<A, O>,
    M: Emit<W::Value>,
{
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
            Poll::Ready(())
        })
        .await;
    }

    fn pop_tag(&mut self) -> I::Tag {
        let tag = self.tags.pop_front();
        tag.expect("there is a tag for each item in hand")
    }

    /// Puts all of it on the tray, but for the item that has begun. Has the time when the batch began.
    fn hand_back(&mut self, parked: bool) -> Instant {
        let mut tray = self.tray.lock();
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
        match self.begun.take() {
            Some(begun) if std::thread::panicking() => {
                self.hand_back(false);
                self.tray.lock().panicked.push_back(begun);
            }
            Some(_) => self.board.abandon(1),
            None => {}
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
    const BEGUN: &str = "it has begun";
    let worker = Worker {
        cx,
        stage: &stage.name,
        retried: &stage.retried,
    };
    let mut at = AtWork::<R, E, A, O, W, I, M> {
        tray: &tray,
        board: &stage.board,
        hand: Held::new(&stage.board),
        tags: VecDeque::new(),
        out: Held::new(&stage.board),
        spare: 0,
        begun: None,
        begun_count: 0,
        at_once: 0,
        emitted: 0,
        done: Done::default(),
    };
    if let Some(Aftermath {
        begun,
        defect,
        mark,
    }) = aftermath
    {
        at.begun = Some(begun);
        let then = cx.settle_since(mark).await;
        let Begun { origin, turn, tag } = at.begun.take().expect(BEGUN);
        stage.intake.ended(tag);
        stage.skip(turn);
        let failure = Failure::of::<()>((Err(defect), then));
        let failure = failure.expect_err("a defect is a failure");
        tray.lock().failed.push_back((failure, origin));
        at.hand_back(true);
    }
    let owing = cx.owing();
    loop {
        // The bench polls a worker again when there is something on the tray.
        at.take().await;
        while let Some(item) = at.hand.pop_front() {
            let tag = I::UNTAGGED.unwrap_or_else(|| at.pop_tag());
            let Item {
                value,
                origin,
                turn,
            } = item;
            at.begun_count += 1;
            let fault = I::fault(&tag);
            at.begun = Some(Begun { origin, turn, tag });
            let result = if let Some(defect) = fault {
                drop(value);
                Err(Failure::new(Fault::Defect(defect)))
            } else {
                let mark = owing.mark();
                let mut work = pin!(Some(stage.work.work(value, worker)));
                let mut poll = |task: &mut Context<'_>| {
                    let running = work.as_mut().as_pin_mut().expect(BEGUN);
                    let polled = running.poll(task);
                    if polled.is_ready() {
                        work.set(None);
                    }
                    polled
                };
                match poll_fn(|task| Poll::Ready(poll(task))).await {
                    Poll::Ready(result) if owing.is_quiet_since(mark) => {
                        at.at_once += 1;
                        result
                    }
                    Poll::Ready(result) => {
                        at.hand_back(false);
                        Failure::of((Ok(result), cx.settle_since(mark).await))
                    }
                    Poll::Pending => {
                        at.done.waited = true;
                        let since = at.hand_back(false);
                        // What is done goes on, and what has begun is never left unpolled.
                        let rest = cx.attempting(poll_fn(poll));
                        let result = Failure::of(resume(pin!(rest)).await);
                        let took = tray.lock().now.saturating_duration_since(since);
                        at.done.busy += took;
                        at.done.ended.push((took, 1));
                        result
                    }
                }
            };
            let Begun { origin, turn, tag } = at.begun.take().expect(BEGUN);
            stage.intake.ended(tag);
            let value = match result {
                Ok(value) => value,
                Err(failure) => {
                    stage.skip(turn);
                    tray.lock().failed.push_back((failure, origin));
                    // The bench sees to it before anything else begins.
                    break;
                }
            };
            match M::emit(value) {
                Emission::One(value) => {
                    at.emitted += 1;
                    let item = Item {
                        value,
                        origin,
                        turn: None,
                    };
                    match (&stage.order, turn) {
                        (Some(order), Some(turn)) => order.results().one(turn, item),
                        _ => at.out.push_back(item),
                    }
                }
                Emission::None => {
                    at.done.filtered += 1;
                    stage.skip(turn);
                }
                Emission::Died(defect) => {
                    stage.skip(turn);
                    let failure = Failure::new(Fault::Defect(defect));
                    tray.lock().failed.push_back((failure, origin));
                    break;
                }
                Emission::Several(items) => {
                    let mut pouring = Pouring {
                        items,
                        origin,
                        emitted: false,
                    };
                    let poured = if let (Some(order), Some(turn)) = (&stage.order, turn) {
                        // What it has become waits for its turn as a whole.
                        let (mut items, mut room) = (VecDeque::new(), usize::MAX);
                        let poured = pouring.pour(&mut room, &mut items, &mut at.done);
                        order.results().several(turn, items);
                        poured
                    } else {
                        // The first takes the place of the item that it comes of.
                        let mut room = at.spare + 1;
                        let poured = pouring.pour(&mut room, &mut at.out, &mut at.done);
                        at.spare = at.spare.min(room.saturating_sub(1));
                        poured
                    };
                    match poured {
                        Some(Ok(())) => {}
                        Some(Err(failure)) => {
                            let origin = pouring.into_origin();
                            tray.lock().failed.push_back((failure, origin));
                            break;
                        }
                        None => {
                            tray.lock().pouring.push_back(pouring);
                            break;
                        }
                    }
                }
            }
        }
        at.hand_back(true);
    }
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
