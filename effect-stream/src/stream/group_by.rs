//! One stream for each key.
//!
//! Whoever pulls the stream of groups hands out the items, in place: no fiber runs, and nothing is pulled that neither a group
//! nor that stream waits for. What is found meanwhile for other groups waits in theirs.

pub(crate) mod groups;
pub(crate) mod items;
mod hall;
mod seats;

use std::hash::Hash;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use effect_core::{Cx, Env, Value};
use futures::Stream as FuturesStream;
use pin_project_lite::pin_project;

use self::groups::Groups;
use self::hall::{Hall, ToEmit};
use self::items::Group;
use self::seats::{Heeds, Over};
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

opaque_debug!(GroupBy<S, G>);
