//! One stream for each key.
//!
//! Whoever pulls the stream of groups hands out the items, in place: no fiber runs, and nothing is pulled that neither a group
//! nor that stream waits for. What is found meanwhile for other groups waits in theirs.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::Hash;
use std::marker::PhantomData;
use std::mem;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use effect_core::{Cx, Env, Value};
use futures::Stream as FuturesStream;
use parking_lot::Mutex;
use pin_project_lite::pin_project;
use slab::Slab;

use super::infallible::{Entered, Infallible, enter, leave};
use super::key::{KeyOf, KeyOfValue};
use crate::opaque_debug::opaque_debug;
use crate::source::{Pull, Source};
use crate::stream::Stream;
use crate::stream_e::StreamE;

/// # Grouping
impl<R: Env, A: Value, S> Stream<R, A, S> {
    /// Makes a stream of each key's items, and emits it with the key when the first of them comes.
    ///
    /// A group emits the items of its key in order. It ends with this stream, or before: when a new key needs its place, or the next
    /// item is one of a group that has no room for it and nobody has asked for. It is a group that waits for an item which
    /// ends then, of several the one that has waited longest. If more items of its key come, they are another group: no item is lost, and no number
    /// of keys makes this hang.
    ///
    /// The stream of groups is what hands out items: it has to be pulled while groups are, as `flat_map_par` does. Groups may go to other fibers.
    ///
    /// - **Pulls** while a group waits for an item, or somebody for a group. Items for other groups wait in those, so many each as
    ///   the groups hold.
    /// - **Fails** never; a defect of this stream, or of the closure, is one of whoever pulls it, and of each group.
    /// - **Completes** when the source has and no group holds items, for one that is dropped may be opened again. The groups do
    ///   then when they have emitted all.
    /// - **When interrupted**, interrupts the source. A group emits what it holds, and has a defect then: it has not seen all.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::{Groups, Stream};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let words = Stream::from_iter(["one", "two", "three", "four", "six"]);
    /// let counts = words
    ///     .group_by(Groups::at_most(16), |word| word.len())
    ///     .flat_map_par(16, |(length, words)| {
    ///         words.enumerate().map(move |(n, word)| (length, n, word))
    ///     });
    /// let Ok(mut all) = counts.run_collect().await;
    /// all.sort();
    /// assert_eq!(all, [(3, 0, "one"), (3, 1, "two"), (3, 2, "six"), (4, 0, "four"), (5, 0, "three")]);
    /// # }
    /// ```
    #[doc(alias = "group_by_key")]
    #[doc(alias = "partition_by")]
    pub fn group_by<K, G>(
        self,
        groups: Groups,
        key: G,
    ) -> Stream<R, (K, Group<R, A>), Infallible<GroupBy<Entered<S>, KeyOfValue<G>>>>
    where
        K: Value + Hash + Eq + Clone,
        G: FnMut(&A) -> K + Value,
    {
        Stream::of(leave(GroupBy {
            source: enter(self.source),
            groups,
            key: KeyOfValue(key),
        }))
    }
}

/// # Grouping
impl<R: Env, E: Value, A: Value, S> StreamE<R, E, A, S> {
    /// Makes a stream of each key's values, and emits it with the key when the first of them comes. Touches successes only: failures flow on, behind the groups that
    /// came before them.
    ///
    /// The contract is that of [`Stream::group_by`]. A failure that nobody has asked for holds up the items behind it, and ends groups that wait
    /// as an item does for which there is no room.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::{Groups, StreamE};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let results = StreamE::from_results([Ok(1), Err("two"), Ok(3)]);
    /// let groups = results.group_by(Groups::at_most(16), |n| n % 2);
    /// let keys = groups.map(|(key, _)| key);
    /// let Ok(all) = keys.run_collect().await;
    /// // The group was dropped at once, so the next item begins another.
    /// assert_eq!(all, [Ok(1), Err("two"), Ok(1)]);
    /// # }
    /// ```
    #[doc(alias = "group_by_key")]
    pub fn group_by<K, G>(
        self,
        groups: Groups,
        key: G,
    ) -> StreamE<R, E, (K, Group<R, A>), GroupBy<S, KeyOfValue<G>>>
    where
        K: Value + Hash + Eq + Clone,
        G: FnMut(&A) -> K + Value,
    {
        StreamE::of(GroupBy {
            source: self.source,
            groups,
            key: KeyOfValue(key),
        })
    }
}

/// A stream of the items of one key.
pub type Group<R, A> = Stream<R, A, GroupItems<A>>;

/// How many groups there are at once, how much they hold, and what becomes of the items of one that was dropped.
#[derive(Clone, Copy, Debug)]
#[must_use = "it is to be given to `group_by`"]
pub struct Groups {
    at_most: NonZeroUsize,
    holding: NonZeroUsize,
    dropped: DroppedGroup,
}

/// What becomes of the items of a group that nobody takes them from any more: its stream was dropped before it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DroppedGroup {
    /// They are another group, which is emitted anew: those that it held, and those to come. If it was not pulled at all, those that it held
    /// are dropped with it.
    Reopen,
    /// They are dropped, until the stream ends. Its key is remembered, which takes memory for each key so dropped.
    DropItems,
}

impl Groups {
    /// Has so many groups at once at most. Each holds up to 16 items, and one that was dropped is opened again.
    ///
    /// # Panics
    ///
    /// If `limit` is 0.
    #[track_caller]
    pub const fn at_most(limit: usize) -> Self {
        Groups {
            at_most: NonZeroUsize::new(limit).expect("there has to be room for a group"),
            holding: NonZeroUsize::new(16).expect("not 0"),
            dropped: DroppedGroup::Reopen,
        }
    }

    /// Has each group hold so many items that nobody has taken yet.
    ///
    /// # Panics
    ///
    /// If `items` is 0.
    ///
    /// # Examples
    ///
    /// See [`Stream::group_by`].
    #[track_caller]
    pub const fn holding(mut self, items: usize) -> Self {
        self.holding = NonZeroUsize::new(items).expect("a group has to hold an item");
        self
    }

    /// Says what becomes of the items of a group whose stream was dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::{DroppedGroup, Groups, Stream};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// // The first of each key, and no more.
    /// let groups = Groups::at_most(16).dropped(DroppedGroup::DropItems);
    /// let firsts = Stream::range(0..100).group_by(groups, |n| n % 3).flat_map_par(3, |(_, group)| group.take(1));
    /// let Ok(all) = firsts.run_collect().await;
    /// assert_eq!(all, [0, 1, 2]);
    /// # }
    /// ```
    pub const fn dropped(mut self, dropped: DroppedGroup) -> Self {
        self.dropped = dropped;
        self
    }
}

/// The source of [`StreamE::group_by`].
#[derive(Clone)]
pub struct GroupBy<S, G> {
    source: S,
    groups: Groups,
    key: G,
}

impl<R, E, A, S, G> Source<R> for GroupBy<S, G>
where
    R: Env,
    E: Value,
    A: Value,
    S: Source<R, Item = Result<A, E>>,
    G: KeyOf<Result<A, E>>,
{
    type Item = Result<(G::Key, Group<R, A>), E>;

    fn open(self, cx: &Cx<R>) -> impl Pull<Item = Self::Item> + Send {
        Grouping {
            source: self.source.open(cx),
            progress: Progress::NotBegun,
            key: self.key,
            hall: Hall::new(self.groups),
            env: PhantomData,
        }
    }
}

pin_project! {
    struct Grouping<R, S, G: KeyOf<Result<A, E>>, A, E> {
        #[pin]
        source: S,
        progress: Progress,
        key: G,
        hall: Hall<G::Key, A, E>,
        env: PhantomData<fn() -> R>,
    }
}

/// How far the source is.
#[derive(Clone, Copy, PartialEq)]
enum Progress {
    /// No group was wanted yet.
    NotBegun,
    Idle,
    /// It was asked for an item and has not answered.
    Asked,
    Ended,
}

/// What has come of taking one item further.
enum Moved {
    /// One was.
    On,
    /// The source has none for now, or there is no room for the one in hand.
    Waits,
    /// There was none.
    Ended,
}

/// How many items may be handed out in one poll before others have a turn.
const HANDED_OUT_PER_POLL: usize = 1024;

impl<R, S, G, A, E> Grouping<R, S, G, A, E>
where
    S: Pull<Item = Result<A, E>>,
    G: KeyOf<Result<A, E>>,
{
    /// Takes the next item to where it belongs.
    fn advance(self: Pin<&mut Self>, task: &mut Context<'_>, a_group_is_wanted: bool) -> Moved {
        let mut this = self.project();
        this.hall.see_who_left(task);
        let (key, value) = match this.hall.in_hand.take() {
            Some(in_hand) => in_hand,
            None => {
                let polled = this.source.as_mut().poll_next(task);
                *this.progress = match &polled {
                    Poll::Pending => Progress::Asked,
                    Poll::Ready(Some(_)) => Progress::Idle,
                    Poll::Ready(None) => Progress::Ended,
                };
                let Poll::Ready(item) = polled else {
                    return Moved::Waits;
                };
                let Some(element) = item else {
                    this.hall.close(Over::Ended);
                    return Moved::Ended;
                };
                let key = this.key.key(&element);
                match (element, key) {
                    (Ok(value), Some(key)) => (key, value),
                    (Err(error), _) => {
                        this.hall.to_emit.push_back(ToEmit::Failure(error));
                        return Moved::On;
                    }
                    (Ok(_), None) => unreachable!("values have keys"),
                }
            }
        };
        match this.hall.admit(key, value, a_group_is_wanted, task) {
            None => Moved::On,
            refused => {
                this.hall.in_hand = refused;
                // What the source has in flight goes on meanwhile.
                let _ = this.source.poll_progress(task);
                Moved::Waits
            }
        }
    }
}

impl<R, S, G, A, E> FuturesStream for Grouping<R, S, G, A, E>
where
    R: Env,
    S: Pull<Item = Result<A, E>>,
    G: KeyOf<Result<A, E>>,
    A: Value,
{
    type Item = Result<(G::Key, Group<R, A>), E>;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.as_mut().project();
        if *this.progress == Progress::NotBegun {
            *this.progress = Progress::Idle;
        }
        for _ in 0..HANDED_OUT_PER_POLL {
            let this = self.as_mut().project();
            if let Some(element) = this.hall.emit() {
                return Poll::Ready(Some(element));
            }
            if *this.progress == Progress::Ended {
                if this.hall.has_more(task) {
                    continue;
                }
                return this.hall.poll_end();
            }
            match self.as_mut().advance(task, true) {
                Moved::On | Moved::Ended => {}
                Moved::Waits => return Poll::Pending,
            }
        }
        task.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<R, S, G, A, E> Pull for Grouping<R, S, G, A, E>
where
    R: Env,
    S: Pull<Item = Result<A, E>>,
    G: KeyOf<Result<A, E>>,
    A: Value,
{
    fn poll_progress(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        for _ in 0..HANDED_OUT_PER_POLL {
            let this = self.as_mut().project();
            let was_asked = match *this.progress {
                Progress::NotBegun | Progress::Ended => return Poll::Ready(()),
                Progress::Idle => false,
                Progress::Asked => true,
            };
            this.hall.see_who_left(task);
            if !was_asked && !this.hall.does_a_group_ask() {
                let _ = this.source.poll_progress(task);
                return Poll::Pending;
            }
            if this.hall.is_held_up(task) {
                let _ = this.source.poll_progress(task);
                return Poll::Pending;
            }
            match self.as_mut().advance(task, false) {
                Moved::On => {}
                Moved::Waits => return Poll::Pending,
                Moved::Ended => return Poll::Ready(()),
            }
        }
        task.waker().wake_by_ref();
        Poll::Pending
    }
}

/// The groups, as whoever hands out the items sees them.
struct Hall<K, A, E> {
    limits: Groups,
    seats: Arc<Mutex<Seats<A>>>,
    /// Where the group of a key is. `None` is one that was dropped, of whose key nobody wants more.
    seat_of: HashMap<K, Option<usize>>,
    /// Whose the seats are.
    members: Slab<Member<K>>,
    /// How many groups are open.
    open: usize,
    to_emit: VecDeque<ToEmit<E>>,
    /// An item for which there is no room.
    in_hand: Option<(K, A)>,
}

/// Whose a seat is. It has the same number here and there.
struct Member<K> {
    key: K,
    was_emitted: bool,
    /// More items of its key are its own. If not, it has ended early.
    is_open: bool,
}

enum ToEmit<E> {
    Group(usize),
    Failure(E),
}

impl<K: Hash + Eq + Clone, A, E> Hall<K, A, E> {
    fn new(limits: Groups) -> Self {
        Hall {
            limits,
            seats: Arc::new(Mutex::new(Seats::new())),
            seat_of: HashMap::new(),
            members: Slab::new(),
            open: 0,
            to_emit: VecDeque::new(),
            in_hand: None,
        }
    }

    /// What is to be emitted next.
    fn emit<R: Env>(&mut self) -> Option<Result<(K, Group<R, A>), E>>
    where
        A: Value,
    {
        Some(match self.to_emit.pop_front()? {
            ToEmit::Failure(error) => Err(error),
            ToEmit::Group(seat) => {
                let member = &mut self.members[seat];
                member.was_emitted = true;
                let items = GroupItems {
                    seats: Arc::clone(&self.seats),
                    seat,
                };
                Ok((member.key.clone(), Stream::of(items)))
            }
        })
    }

    /// Looks after the groups whose streams were dropped, and has this task woken when another one is.
    fn see_who_left(&mut self, task: &Context<'_>) {
        let left = self.seats.lock().attend(task);
        for seat in left {
            let member = &mut self.members[seat];
            let has_items = !self.seats.lock().seats[seat].items.is_empty();
            if member.is_open && has_items && self.limits.dropped == DroppedGroup::Reopen {
                member.was_emitted = false;
                self.seats.lock().seats[seat].was_pulled = false;
                self.to_emit.push_back(ToEmit::Group(seat));
                continue;
            }
            let member = self.members.remove(seat);
            let gone = self.seats.lock().seats.remove(seat);
            drop(gone);
            if member.is_open {
                self.open -= 1;
                match self.limits.dropped {
                    DroppedGroup::Reopen => self.seat_of.remove(&member.key),
                    DroppedGroup::DropItems => self.seat_of.insert(member.key, None),
                };
            }
        }
    }

    fn does_a_group_ask(&self) -> bool {
        let mut seats = self.seats.lock();
        // Whichever is the first to ask is to say so.
        seats.heeds_who_asks = true;
        !seats.asking.is_empty()
    }

    /// Whether a failure is to be emitted before anything else is handed out. If nobody takes it, a group may have to end.
    fn is_held_up(&mut self, task: &Context<'_>) -> bool {
        let is_held_up = matches!(self.to_emit.back(), Some(ToEmit::Failure(_)));
        if is_held_up {
            self.make_room(task);
        }
        is_held_up
    }

    /// Hands out an item, or gives it back if there is no room for it.
    fn admit(
        &mut self,
        key: K,
        value: A,
        a_group_is_wanted: bool,
        task: &Context<'_>,
    ) -> Option<(K, A)> {
        match self.seat_of.get(&key) {
            Some(None) => None,
            Some(&Some(seat)) => {
                let refused = self.seats.lock().hand_to(seat, value, self.limits.holding);
                let refused = match refused {
                    Ok(asked) => {
                        wake(asked);
                        return None;
                    }
                    Err(value) => value,
                };
                if !self.members[seat].was_emitted && !a_group_is_wanted {
                    self.make_room(task);
                }
                Some((key, refused))
            }
            None => {
                if self.open == self.limits.at_most.get() && !self.end_one() {
                    return Some((key, value));
                }
                let seat = self.seats.lock().seats.insert(Seat {
                    items: VecDeque::from([value]),
                    has_ended: false,
                    was_pulled: false,
                    asks: None,
                });
                let member = self.members.insert(Member {
                    key: key.clone(),
                    was_emitted: false,
                    is_open: true,
                });
                debug_assert_eq!(seat, member, "seats and members come and go together");
                self.seat_of.insert(key, Some(seat));
                self.open += 1;
                self.to_emit.push_back(ToEmit::Group(seat));
                None
            }
        }
    }

    /// Ends a group, so that who takes from it may ask for the one which nobody has asked for, and looks again: it may
    /// have been another one that keeps them waiting.
    fn make_room(&mut self, task: &Context<'_>) {
        if self.end_one() {
            task.waker().wake_by_ref();
        }
    }

    /// After the last item, whether there is more to emit: what was left in a group that was dropped.
    fn has_more(&mut self, task: &Context<'_>) -> bool {
        self.see_who_left(task);
        !self.to_emit.is_empty()
    }

    /// Nothing is left to emit, unless a group is dropped that holds items.
    fn poll_end<T>(&self) -> Poll<Option<T>> {
        let mut seats = self.seats.lock();
        let is_reopened = self.limits.dropped == DroppedGroup::Reopen;
        if is_reopened && seats.seats.iter().any(|(_, seat)| !seat.items.is_empty()) {
            seats.heeds_who_takes = true;
            Poll::Pending
        } else {
            Poll::Ready(None)
        }
    }

    /// Ends the group that has waited longest, if any does. If none does, whichever is the first to do so is to say so.
    fn end_one(&mut self) -> bool {
        let ended = {
            let mut seats = self.seats.lock();
            seats.heeds_who_asks = true;
            seats.asking.pop_first().map(|(_, seat)| {
                let ended = &mut seats.seats[seat];
                ended.has_ended = true;
                (seat, ended.asks.take())
            })
        };
        let Some((seat, asked)) = ended else {
            return false;
        };
        let member = &mut self.members[seat];
        member.is_open = false;
        self.seat_of.remove(&member.key);
        self.open -= 1;
        wake(asked);
        true
    }
}

impl<K, A, E> Hall<K, A, E> {
    /// Hands out no more.
    fn close(&mut self, over: Over) {
        let asked = {
            let mut seats = self.seats.lock();
            seats.over.get_or_insert(over);
            seats.outer = None;
            let asking = mem::take(&mut seats.asking);
            let asked = asking
                .into_values()
                .map(|seat| seats.seats[seat].asks.take());
            asked.collect::<Vec<_>>()
        };
        asked.into_iter().for_each(wake);
    }
}

impl<K, A, E> Drop for Hall<K, A, E> {
    fn drop(&mut self) {
        self.close(Over::Interrupted);
    }
}

/// The groups, as those see them who take the items.
struct Seats<A> {
    seats: Slab<Seat<A>>,
    /// The groups that wait for an item, by when they began to.
    asking: BTreeMap<u64, usize>,
    /// How many have begun to.
    asked: u64,
    /// Those whose streams were dropped.
    left: Vec<usize>,
    /// Who hands out the items, if it wants to be told of what happens here: always when a stream is dropped.
    outer: Option<Waker>,
    heeds_who_asks: bool,
    heeds_who_takes: bool,
    over: Option<Over>,
}

struct Seat<A> {
    items: VecDeque<A>,
    has_ended: bool,
    /// Somebody has wanted an item of it.
    was_pulled: bool,
    /// Since when it waits for an item, and who.
    asks: Option<(u64, Waker)>,
}

#[derive(Clone, Copy)]
enum Over {
    /// There are no more items.
    Ended,
    /// Nobody hands out what may be left.
    Interrupted,
}

fn wake(asked: Option<(u64, Waker)>) {
    if let Some((_, waker)) = asked {
        waker.wake();
    }
}

impl<A> Seats<A> {
    const fn new() -> Self {
        Seats {
            seats: Slab::new(),
            asking: BTreeMap::new(),
            asked: 0,
            left: Vec::new(),
            outer: None,
            heeds_who_asks: false,
            heeds_who_takes: false,
            over: None,
        }
    }

    /// Who hands out the items has looked at all that has happened, and is to be told of what does from now on.
    fn attend(&mut self, task: &Context<'_>) -> Vec<usize> {
        self.heeds_who_asks = false;
        self.heeds_who_takes = false;
        match &mut self.outer {
            Some(outer) => outer.clone_from(task.waker()),
            outer => *outer = Some(task.waker().clone()),
        }
        mem::take(&mut self.left)
    }

    /// Has a group hold one more item, or gives it back and has this be told when it has room.
    fn hand_to(
        &mut self,
        seat: usize,
        item: A,
        holding: NonZeroUsize,
    ) -> Result<Option<(u64, Waker)>, A> {
        let seat = &mut self.seats[seat];
        if seat.items.len() == holding.get() {
            self.heeds_who_takes = true;
            return Err(item);
        }
        seat.items.push_back(item);
        let asked = seat.asks.take();
        if let Some((turn, _)) = &asked {
            self.asking.remove(turn);
        }
        Ok(asked)
    }
}

/// The source of a [`Group`].
pub struct GroupItems<A> {
    seats: Arc<Mutex<Seats<A>>>,
    seat: usize,
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
        let (polled, outer) = self.seats.lock().take_item(self.seat, task);
        if let Some(outer) = outer {
            outer.wake();
        }
        polled.map(|item| match item {
            Ok(item) => Some(item),
            Err(Over::Ended) => None,
            Err(Over::Interrupted) => {
                panic!("a group has not seen all of its items: the stream of groups was dropped")
            }
        })
    }
}

impl<A> Seats<A> {
    /// The next item of a group, and who is to be told that it was taken, or is waited for.
    fn take_item(
        &mut self,
        number: usize,
        task: &Context<'_>,
    ) -> (Poll<Result<A, Over>>, Option<Waker>) {
        let seat = &mut self.seats[number];
        seat.was_pulled = true;
        if let Some(item) = seat.items.pop_front() {
            let outer = if self.heeds_who_takes {
                self.outer.take()
            } else {
                None
            };
            return (Poll::Ready(Ok(item)), outer);
        }
        if seat.has_ended {
            return (Poll::Ready(Err(Over::Ended)), None);
        }
        if let Some(over) = self.over {
            return (Poll::Ready(Err(over)), None);
        }
        if let Some((_, waker)) = &mut seat.asks {
            waker.clone_from(task.waker());
            return (Poll::Pending, None);
        }
        let turn = self.asked;
        self.asked += 1;
        seat.asks = Some((turn, task.waker().clone()));
        self.asking.insert(turn, number);
        let outer = if self.heeds_who_asks {
            self.outer.take()
        } else {
            None
        };
        (Poll::Pending, outer)
    }

    /// A group whose stream is dropped leaves. Who hands out the items looks after those that it holds, if there is anybody; one of which
    /// nobody has wanted any takes them with it: opened again for those, it would be dropped again.
    fn leave(&mut self, number: usize) -> (VecDeque<A>, Option<Waker>) {
        let seat = &mut self.seats[number];
        if let Some((turn, _)) = seat.asks.take() {
            self.asking.remove(&turn);
        }
        if matches!(self.over, Some(Over::Interrupted)) {
            return (self.seats.remove(number).items, None);
        }
        let unwanted = if seat.was_pulled {
            VecDeque::new()
        } else {
            mem::take(&mut seat.items)
        };
        self.left.push(number);
        (unwanted, self.outer.take())
    }
}

impl<A> Drop for GroupItems<A> {
    fn drop(&mut self) {
        let (unwanted, outer) = self.seats.lock().leave(self.seat);
        // When the lock is free.
        drop(unwanted);
        if let Some(outer) = outer {
            outer.wake();
        }
    }
}

opaque_debug!(GroupBy<S, G>, GroupItems<A>);
