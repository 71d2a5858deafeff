//! One stream for each key.
//!
//! Whoever pulls the stream of groups hands out the items, in place: no fiber runs, and nothing is pulled that neither a group
//! nor that stream waits for. What is found meanwhile for other groups waits in theirs.

use std::collections::{HashMap, VecDeque};
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
    /// of keys makes this hang where groups are pulled.
    ///
    /// The stream of groups is what hands out items: it has to be pulled while groups are, as `flat_map_par` does, and groups that are kept and not
    /// pulled hold up all. Groups may go to other fibers.
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
    /// One was, or something else has happened.
    On,
    /// The source has none for now, or there is no room for the one in hand: the task is woken when that changes.
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
        this.hall.see_who_left();
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
                    return this.hall.rest(Heeds::WhoLeaves, task);
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
            Ok(()) => Moved::On,
            Err((in_hand, heeds)) => {
                this.hall.in_hand = Some(in_hand);
                // What the source has in flight goes on meanwhile.
                let _ = this.source.poll_progress(task);
                this.hall.rest(heeds, task)
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
        this.hall.look();
        for _ in 0..HANDED_OUT_PER_POLL {
            let this = self.as_mut().project();
            if let Some(element) = this.hall.emit() {
                return Poll::Ready(Some(element));
            }
            let moved = if *this.progress == Progress::Ended {
                this.hall.see_who_left();
                if this.hall.has_emitted_all() {
                    return Poll::Ready(None);
                }
                this.hall.rest(Heeds::TheLastItem, task)
            } else {
                self.as_mut().advance(task, true)
            };
            if let Moved::Waits = moved {
                return Poll::Pending;
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
        let this = self.as_mut().project();
        if *this.progress != Progress::NotBegun {
            this.hall.look();
        }
        for _ in 0..HANDED_OUT_PER_POLL {
            let this = self.as_mut().project();
            let was_asked = match *this.progress {
                Progress::NotBegun | Progress::Ended => return Poll::Ready(()),
                Progress::Idle => false,
                Progress::Asked => true,
            };
            this.hall.see_who_left();
            let stops = if !was_asked && !this.hall.seen.somebody_asks {
                Some(Heeds::WhoAsks)
            } else if matches!(this.hall.to_emit.back(), Some(ToEmit::Failure(_))) {
                // It is to be emitted before anything else is handed out. If nobody takes it, a group may have to end.
                Some(this.hall.make_room(task))
            } else {
                None
            };
            let moved = match stops {
                Some(heeds) => {
                    let _ = this.source.poll_progress(task);
                    this.hall.rest(heeds, task)
                }
                None => self.as_mut().advance(task, false),
            };
            match moved {
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
    /// What was seen of them when they were last looked at.
    seen: Seen,
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

/// What may be old by now: it is looked at again before anybody rests.
#[derive(Clone, Copy)]
struct Seen {
    somebody_asks: bool,
    somebody_left: bool,
    is_empty: bool,
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
        let seats = Seats::new();
        Hall {
            limits,
            seen: seats.seen(),
            seats: Arc::new(Mutex::new(seats)),
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
                let key = self.members[seat].key.clone();
                self.members[seat].was_emitted = true;
                let items = GroupItems {
                    seats: Arc::clone(&self.seats),
                    seat,
                };
                Ok((key, Stream::of(items)))
            }
        })
    }

    /// Looks at what has happened since the last poll, and is told of none of it any more.
    fn look(&mut self) {
        let mut seats = self.seats.lock();
        seats.heeds = Heeds::WhoLeaves;
        self.seen = seats.seen();
    }

    /// Has this task woken when something happens, unless it already has: then there is something to go on with.
    ///
    /// Nobody else registers it. So what is done about the groups may be decided by what was seen of them.
    fn rest(&mut self, heeds: Heeds, task: &Context<'_>) -> Moved {
        let mut seats = self.seats.lock();
        let seen = seats.seen();
        self.seen = seen;
        let has_happened = match heeds {
            Heeds::WhoLeaves => false,
            Heeds::WhoAsks => seen.somebody_asks,
            Heeds::Room(seat) => seats.seats[seat].items.len() < self.limits.holding.get(),
            Heeds::TheLastItem => seen.is_empty,
        };
        if has_happened || seen.somebody_left {
            return Moved::On;
        }
        seats.heeds = heeds;
        let replaced = match &seats.outer {
            Some(outer) if outer.will_wake(task.waker()) => None,
            _ => seats.outer.replace(task.waker().clone()),
        };
        drop(seats);
        // When the lock is free.
        drop(replaced);
        Moved::Waits
    }

    /// Looks after the groups whose streams were dropped.
    fn see_who_left(&mut self) {
        if !mem::take(&mut self.seen.somebody_left) {
            return;
        }
        let left = mem::take(&mut self.seats.lock().left);
        for seat in left {
            let mut seats = self.seats.lock();
            let member = &mut self.members[seat];
            let has_items = !seats.seats[seat].items.is_empty();
            if member.is_open && has_items && self.limits.dropped == DroppedGroup::Reopen {
                member.was_emitted = false;
                seats.seats[seat].was_pulled = false;
                self.to_emit.push_back(ToEmit::Group(seat));
                continue;
            }
            let gone = seats.remove(seat);
            self.seen = seats.seen();
            drop(seats);
            drop(gone);
            let member = self.members.remove(seat);
            if member.is_open {
                self.open -= 1;
                match self.limits.dropped {
                    DroppedGroup::Reopen => self.seat_of.remove(&member.key),
                    DroppedGroup::DropItems => self.seat_of.insert(member.key, None),
                };
            }
        }
    }

    /// Hands out an item. If there is no room for it, gives it back, and says what may change that.
    fn admit(
        &mut self,
        key: K,
        value: A,
        a_group_is_wanted: bool,
        task: &Context<'_>,
    ) -> Result<(), ((K, A), Heeds)> {
        match self.seat_of.get(&key) {
            Some(None) => Ok(()),
            Some(&Some(seat)) => {
                let handed_over = {
                    let mut seats = self.seats.lock();
                    let handed_over = seats.hand_to(seat, value, self.limits.holding);
                    self.seen = seats.seen();
                    handed_over
                };
                let refused = match handed_over {
                    Ok(asked) => {
                        wake(asked);
                        return Ok(());
                    }
                    Err(value) => value,
                };
                let heeds = if self.members[seat].was_emitted || a_group_is_wanted {
                    Heeds::Room(seat)
                } else {
                    self.make_room(task)
                };
                Err(((key, refused), heeds))
            }
            None => {
                if self.open == self.limits.at_most.get() && !self.end_one() {
                    return Err(((key, value), Heeds::WhoAsks));
                }
                let member = self.members.insert(Member {
                    key: key.clone(),
                    was_emitted: false,
                    is_open: true,
                });
                let seat = {
                    let mut seats = self.seats.lock();
                    let seat = seats.insert(value);
                    self.seen = seats.seen();
                    seat
                };
                debug_assert_eq!(seat, member, "seats and members come and go together");
                self.to_emit.push_back(ToEmit::Group(seat));
                self.open += 1;
                self.seat_of.insert(key, Some(seat));
                Ok(())
            }
        }
    }

    /// Ends a group, so that who takes from it may ask for the one which nobody has asked for, and looks again: it may
    /// have been another one that keeps them waiting.
    fn make_room(&mut self, task: &Context<'_>) -> Heeds {
        if self.end_one() {
            task.waker().wake_by_ref();
            Heeds::WhoLeaves
        } else {
            Heeds::WhoAsks
        }
    }

    /// After the last item: nothing is left to emit, also if a group is dropped.
    fn has_emitted_all(&self) -> bool {
        let is_reopened = self.limits.dropped == DroppedGroup::Reopen;
        self.to_emit.is_empty() && (self.seen.is_empty || !is_reopened)
    }

    /// Ends the group that has waited longest, if any does. None has to where one has left.
    fn end_one(&mut self) -> bool {
        let ended = {
            let mut seats = self.seats.lock();
            let ended = if seats.left.is_empty() {
                seats.end_one()
            } else {
                None
            };
            self.seen = seats.seen();
            ended
        };
        let Some((seat, asked)) = ended else {
            return false;
        };
        let member = &mut self.members[seat];
        member.is_open = false;
        self.open -= 1;
        self.seat_of.remove(&member.key);
        wake(asked);
        true
    }
}

impl<K, A, E> Hall<K, A, E> {
    /// Hands out no more.
    fn close(&mut self, over: Over) {
        let mut asked = Vec::new();
        let _outer = {
            let mut seats = self.seats.lock();
            seats.over.get_or_insert(over);
            while let Some(first) = seats.first_to_ask() {
                asked.push(seats.asks_no_more(first));
            }
            self.seen = seats.seen();
            seats.outer.take()
        };
        asked.into_iter().for_each(wake);
    }
}

impl<K, A, E> Drop for Hall<K, A, E> {
    fn drop(&mut self) {
        self.close(Over::Interrupted);
        // What nobody can take any more goes when the lock is free.
        let _gone: Vec<_> = {
            let mut seats = self.seats.lock();
            seats.is_deserted = true;
            let left = mem::take(&mut seats.left);
            let never_seen = self
                .members
                .iter()
                .filter(|(_, member)| !member.was_emitted);
            let never_seen = never_seen.map(|(seat, _)| seat);
            let gone = left.into_iter().chain(never_seen);
            gone.map(|seat| seats.remove(seat)).collect()
        };
    }
}

/// The groups, as those see them who take the items. Nothing is dropped under its lock: neither items nor wakers.
struct Seats<A> {
    seats: Slab<Seat<A>>,
    /// The groups that wait for an item, by when they began to: the first and the last of a list through the seats.
    asking: Option<(usize, usize)>,
    /// How many items they hold.
    held: usize,
    /// Those whose streams were dropped.
    left: Vec<usize>,
    /// Who hands out the items, if it waits.
    outer: Option<Waker>,
    heeds: Heeds,
    over: Option<Over>,
    /// Nobody looks after those who leave any more.
    is_deserted: bool,
}

struct Seat<A> {
    items: VecDeque<A>,
    has_ended: bool,
    /// Somebody has wanted an item of it.
    was_pulled: bool,
    /// Who waits for an item of it.
    asks: Option<Waker>,
    /// Which group began to wait before it, and which after, while it does.
    before: Option<usize>,
    after: Option<usize>,
}

/// What whoever hands out the items is to be told of: always of a stream that is dropped.
#[derive(Clone, Copy, PartialEq)]
enum Heeds {
    WhoLeaves,
    /// Any group that begins to wait for an item.
    WhoAsks,
    /// That an item was taken from a group.
    Room(usize),
    /// That no group holds an item any more.
    TheLastItem,
}

#[derive(Clone, Copy)]
enum Over {
    /// There are no more items.
    Ended,
    /// Nobody hands out what may be left.
    Interrupted,
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl<A> Seats<A> {
    const fn new() -> Self {
        Seats {
            seats: Slab::new(),
            asking: None,
            held: 0,
            left: Vec::new(),
            outer: None,
            heeds: Heeds::WhoLeaves,
            over: None,
            is_deserted: false,
        }
    }

    const fn seen(&self) -> Seen {
        Seen {
            somebody_asks: self.asking.is_some(),
            somebody_left: !self.left.is_empty(),
            is_empty: self.held == 0,
        }
    }

    /// A seat for another group, with its first item.
    fn insert(&mut self, item: A) -> usize {
        self.held += 1;
        self.seats.insert(Seat {
            items: VecDeque::from([item]),
            has_ended: false,
            was_pulled: false,
            asks: None,
            before: None,
            after: None,
        })
    }

    /// The seat of a group that nobody takes from any more.
    fn remove(&mut self, number: usize) -> Seat<A> {
        let seat = self.seats.remove(number);
        self.held -= seat.items.len();
        seat
    }

    /// Has a group hold one more item, or gives it back.
    fn hand_to(
        &mut self,
        number: usize,
        item: A,
        holding: NonZeroUsize,
    ) -> Result<Option<Waker>, A> {
        let items = &mut self.seats[number].items;
        if items.len() == holding.get() {
            return Err(item);
        }
        items.push_back(item);
        self.held += 1;
        Ok(self.asks_no_more(number))
    }

    /// Ends the group that has waited longest.
    fn end_one(&mut self) -> Option<(usize, Option<Waker>)> {
        let number = self.first_to_ask()?;
        self.seats[number].has_ended = true;
        Some((number, self.asks_no_more(number)))
    }

    fn first_to_ask(&self) -> Option<usize> {
        self.asking.map(|(first, _)| first)
    }

    /// Has a group wait for an item, behind all others that do.
    fn begin_to_ask(&mut self, number: usize, task: &Context<'_>) {
        let before = self.asking.map(|(_, last)| last);
        if let Some(before) = before {
            self.seats[before].after = Some(number);
        }
        let first = self.first_to_ask().unwrap_or(number);
        self.asking = Some((first, number));
        let seat = &mut self.seats[number];
        seat.asks = Some(task.waker().clone());
        seat.before = before;
    }

    /// Has a group wait no more, and who has.
    fn asks_no_more(&mut self, number: usize) -> Option<Waker> {
        let seat = &mut self.seats[number];
        let asks = seat.asks.take()?;
        let (before, after) = (seat.before.take(), seat.after.take());
        if let Some(before) = before {
            self.seats[before].after = after;
        }
        if let Some(after) = after {
            self.seats[after].before = before;
        }
        let (first, last) = self.asking?;
        let first = if first == number { after } else { Some(first) };
        let last = if last == number { before } else { Some(last) };
        self.asking = first.zip(last);
        Some(asks)
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
        let taken = self.seats.lock().take_item(self.seat, task);
        wake(taken.outer);
        drop(taken.replaced);
        taken.polled.map(|item| match item {
            Ok(item) => Some(item),
            Err(Over::Ended) => None,
            Err(Over::Interrupted) => {
                panic!("a group has not seen all of its items: the stream of groups was dropped")
            }
        })
    }
}

/// What is done when the lock is free, after an item was taken, or is waited for.
struct Taken<A> {
    polled: Poll<Result<A, Over>>,
    /// To be told.
    outer: Option<Waker>,
    /// To be dropped.
    replaced: Option<Waker>,
}

impl<A> Seats<A> {
    /// The next item of a group.
    fn take_item(&mut self, number: usize, task: &Context<'_>) -> Taken<A> {
        let seat = &mut self.seats[number];
        seat.was_pulled = true;
        let mut taken = Taken {
            polled: Poll::Pending,
            outer: None,
            replaced: None,
        };
        if let Some(item) = seat.items.pop_front() {
            self.held -= 1;
            let is_told = match self.heeds {
                Heeds::WhoLeaves | Heeds::WhoAsks => false,
                Heeds::Room(seat) => seat == number,
                Heeds::TheLastItem => self.held == 0,
            };
            taken.polled = Poll::Ready(Ok(item));
            if is_told {
                taken.outer = self.outer.take();
            }
        } else if seat.has_ended {
            taken.polled = Poll::Ready(Err(Over::Ended));
        } else if let Some(over) = self.over {
            taken.polled = Poll::Ready(Err(over));
        } else if let Some(waker) = &mut seat.asks {
            if !waker.will_wake(task.waker()) {
                taken.replaced = Some(mem::replace(waker, task.waker().clone()));
            }
        } else {
            self.begin_to_ask(number, task);
            if self.heeds == Heeds::WhoAsks {
                taken.outer = self.outer.take();
            }
        }
        taken
    }

    /// A group whose stream is dropped leaves. Who hands out the items looks after those that it holds, if there is anybody; one of which
    /// nobody has wanted any takes them with it: opened again for those, it would be dropped again.
    fn leave(&mut self, number: usize) -> Gone<A> {
        let asked = self.asks_no_more(number);
        let items = if self.is_deserted {
            self.remove(number).items
        } else {
            self.left.push(number);
            let seat = &mut self.seats[number];
            if seat.was_pulled {
                VecDeque::new()
            } else {
                self.held -= seat.items.len();
                mem::take(&mut seat.items)
            }
        };
        Gone {
            outer: self.outer.take(),
            _asked: asked,
            _items: items,
        }
    }
}

/// What is left of a stream that was dropped. It goes when the lock is free.
struct Gone<A> {
    outer: Option<Waker>,
    _asked: Option<Waker>,
    _items: VecDeque<A>,
}

impl<A> Drop for GroupItems<A> {
    fn drop(&mut self) {
        let mut gone = self.seats.lock().leave(self.seat);
        // First: what is dropped may panic.
        wake(gone.outer.take());
    }
}

opaque_debug!(GroupBy<S, G>, GroupItems<A>);
