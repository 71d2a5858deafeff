//! Items by the time that they tell: windows, each emitted when nothing is expected to come into it.

use std::hash::Hash;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::SystemTime;

use effect_core::{Cx, Env, Value};
use futures::Stream as FuturesStream;
use pin_project_lite::pin_project;

mod nanos;
mod open;
pub(crate) mod windows;

use self::nanos::nanos;
use self::open::OpenWindows;
pub use self::open::Summary;
use self::windows::{EventTime, Late, Window, Windows};
use super::stopping::{Succeeding, succeeding};
use crate::opaque_debug::opaque_debug;
use crate::source::{Pull, Source};
use crate::stream::Stream;
use crate::stream_e::StreamE;

/// # Windows
impl<R: Env, A: Value, S> Stream<R, A, S> {
    /// Gathers items in windows, by the time that a closure tells of each: minutes, overlapping hours, or visits. If it tells a key as well, each key has windows of its own.
    ///
    /// A window is emitted when it is closed, which [`Windows`] explains, and so windows come in the order of their ends; those
    /// with the same end by their starts, and then as they were opened. An item is in all of its windows that are open. If none
    /// is, it is [late](Late): a failed element, in its place. [`route_errors`](StreamE::route_errors) gives those an output
    /// of their own.
    ///
    /// Time goes by the items alone: while none comes, no window is closed, and one item from the future closes them all. Only what
    /// is in open windows is kept. An item costs the logarithm of their number, for each that it is in.
    ///
    /// - **Pulls** items until a window is closed, or an item is late.
    /// - **Fails** never: a late item is a failed element. A panic of the closure is a defect of the run.
    /// - **Completes** when the source does, and all windows that were open are emitted.
    /// - **When interrupted**, interrupts the source; open windows are dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::{Late, Stream, Windows};
    /// use std::time::{Duration, SystemTime};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let at = |second| SystemTime::UNIX_EPOCH + Duration::from_secs(second);
    /// let ten = Windows::tumbling(Duration::from_secs(10)).lateness(Duration::from_secs(3));
    /// let seconds = Stream::from_iter([1, 12, 8, 14, 9, 31]);
    /// let windows = seconds.windowed(ten, move |second| at(*second));
    /// let Ok(all) = windows.map(|window| window.value).run_collect().await;
    /// // When the one of 14 has come, none is expected from before 11.
    /// let late = Late { item: 9, behind: Duration::from_secs(2) };
    /// assert_eq!(all, [Ok(vec![1, 8]), Err(late), Ok(vec![12, 14]), Ok(vec![31])]);
    /// # }
    /// ```
    #[doc(alias = "group_by_time")]
    pub fn windowed<T, F>(
        self,
        windows: Windows,
        at: F,
    ) -> StreamE<
        R,
        Late<A>,
        Window<Vec<A>, T::Key>,
        Windowed<Succeeding<S, A, Late<A>>, F, T, Together>,
    >
    where
        A: Clone,
        T: EventTime,
        F: FnMut(&A) -> T + Value,
    {
        let source = succeeding(self.source);
        StreamE::of(Windowed::new(source, windows, at, Together))
    }

    /// Folds the items of each window as they come, so that a window costs what its fold does. See [`windowed`](Stream::windowed).
    ///
    /// What the items of two sessions came to, which become one, is joined by the second closure: of the earlier, and of the later
    /// one. Other windows have no use for it.
    ///
    /// - **Pulls** items until a window is closed, or an item is late.
    /// - **Fails** never: a late item is a failed element. A panic of a closure is a defect of the run.
    /// - **Completes** when the source does, and all windows that were open are emitted.
    /// - **When interrupted**, interrupts the source; open windows are dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::{Stream, Windows};
    /// use std::time::{Duration, SystemTime};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let minute = Duration::from_secs(60);
    /// let at = move |n| SystemTime::UNIX_EPOCH + n * minute;
    /// let visits = Windows::sessions(30 * minute).lateness(minute);
    /// let pages = Stream::from_iter([(0, "ann"), (10, "bob"), (25, "ann"), (90, "ann")]);
    /// let counted = pages.windowed_fold(
    ///     visits,
    ///     move |(minute, client)| (at(*minute), *client),
    ///     0,
    ///     |pages, _| pages + 1,
    ///     |earlier, later| earlier + later,
    /// );
    /// let Ok((all, late)) = counted.map(|visit| (visit.key, visit.start, visit.value)).partition().await;
    /// assert_eq!(all, [("bob", at(10), 1), ("ann", at(0), 2), ("ann", at(90), 1)]);
    /// assert_eq!(late, []);
    /// # }
    /// ```
    #[doc(alias = "aggregate")]
    pub fn windowed_fold<T, B, F, G, H>(
        self,
        windows: Windows,
        at: F,
        init: B,
        f: G,
        join: H,
    ) -> StreamE<
        R,
        Late<A>,
        Window<B, T::Key>,
        Windowed<Succeeding<S, A, Late<A>>, F, T, Folded<B, G, H>>,
    >
    where
        T: EventTime,
        B: Value + Clone,
        F: FnMut(&A) -> T + Value,
        G: FnMut(B, &A) -> B + Value,
        H: FnMut(B, B) -> B + Value,
    {
        let source = succeeding(self.source);
        let folded = Folded { init, f, join };
        StreamE::of(Windowed::new(source, windows, at, folded))
    }
}

/// # Windows
impl<R: Env, E: Value, A: Value, S> StreamE<R, E, A, S> {
    /// Gathers values in windows, as [`Stream::windowed`] does items. Touches successes only: failures flow on, and no time goes by them.
    ///
    /// What fails because it is late, fails as the stream's error: that has to be made of a [`Late`].
    ///
    /// - **Pulls** elements until a window is closed, or one has failed or is late.
    /// - **Fails** never: a late value is a failed element. A panic of the closure is a defect of the run.
    /// - **Completes** when the source does, and all windows that were open are emitted.
    /// - **When interrupted**, interrupts the source; open windows are dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::{Late, StreamE, Windows};
    /// use std::time::{Duration, SystemTime};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// #[derive(Debug, PartialEq)]
    /// enum Bad {
    ///     Line(&'static str),
    ///     Late(u64),
    /// }
    /// impl From<Late<u64>> for Bad {
    ///     fn from(late: Late<u64>) -> Self {
    ///         Bad::Late(late.item)
    ///     }
    /// }
    /// let at = |second| SystemTime::UNIX_EPOCH + Duration::from_secs(second);
    /// let ten = Windows::tumbling(Duration::from_secs(10));
    /// let seconds = StreamE::from_results([Ok(1), Err(Bad::Line("x")), Ok(2), Ok(10), Ok(9)]);
    /// let windows = seconds.windowed(ten, move |second| at(*second));
    /// let Ok((good, bad)) = windows.map(|window| window.value).partition().await;
    /// assert_eq!(good, [vec![1, 2], vec![10]]);
    /// assert_eq!(bad, [Bad::Line("x"), Bad::Late(9)]);
    /// # }
    /// ```
    pub fn windowed<T, F>(
        self,
        windows: Windows,
        at: F,
    ) -> StreamE<R, E, Window<Vec<A>, T::Key>, Windowed<S, F, T, Together>>
    where
        E: From<Late<A>>,
        A: Clone,
        T: EventTime,
        F: FnMut(&A) -> T + Value,
    {
        StreamE::of(Windowed::new(self.source, windows, at, Together))
    }

    /// Folds the values of each window as they come, as [`Stream::windowed_fold`] does items. Touches successes only: failures flow on, and no time goes by them.
    ///
    /// - **Pulls** elements until a window is closed, or one has failed or is late.
    /// - **Fails** never: a late value is a failed element. A panic of a closure is a defect of the run.
    /// - **Completes** when the source does, and all windows that were open are emitted.
    /// - **When interrupted**, interrupts the source; open windows are dropped.
    ///
    /// # Examples
    ///
    /// See [`Stream::windowed_fold`] and [`StreamE::windowed`].
    pub fn windowed_fold<T, B, F, G, H>(
        self,
        windows: Windows,
        at: F,
        init: B,
        f: G,
        join: H,
    ) -> StreamE<R, E, Window<B, T::Key>, Windowed<S, F, T, Folded<B, G, H>>>
    where
        E: From<Late<A>>,
        T: EventTime,
        B: Value + Clone,
        F: FnMut(&A) -> T + Value,
        G: FnMut(B, &A) -> B + Value,
        H: FnMut(B, B) -> B + Value,
    {
        let folded = Folded { init, f, join };
        StreamE::of(Windowed::new(self.source, windows, at, folded))
    }
}

/// Of `windowed`: the items themselves.
#[derive(Clone, Copy, Debug)]
pub struct Together;

impl<A: Value + Clone> Summary<A> for Together {
    type Value = Vec<A>;

    fn empty(&mut self) -> Vec<A> {
        Vec::new()
    }

    fn add(&mut self, items: Vec<A>, item: &A) -> Vec<A> {
        self.add_last(items, item.clone())
    }

    fn add_last(&mut self, mut items: Vec<A>, item: A) -> Vec<A> {
        items.push(item);
        items
    }

    fn join(&mut self, mut earlier: Vec<A>, mut later: Vec<A>) -> Vec<A> {
        earlier.append(&mut later);
        earlier
    }
}

/// Of `windowed_fold`: what closures make of the items.
#[derive(Clone)]
pub struct Folded<B, G, H> {
    init: B,
    f: G,
    join: H,
}

impl<A, B, G, H> Summary<A> for Folded<B, G, H>
where
    A: Value,
    B: Value + Clone,
    G: FnMut(B, &A) -> B + Value,
    H: FnMut(B, B) -> B + Value,
{
    type Value = B;

    fn empty(&mut self) -> B {
        self.init.clone()
    }

    fn add(&mut self, so_far: B, item: &A) -> B {
        (self.f)(so_far, item)
    }

    fn join(&mut self, earlier: B, later: B) -> B {
        (self.join)(earlier, later)
    }
}

/// The source of [`Stream::windowed`] and [`Stream::windowed_fold`].
pub struct Windowed<S, F, T, W> {
    source: S,
    windows: Windows,
    at: F,
    summary: W,
    time: PhantomData<fn() -> T>,
}

impl<S, F, T, W> Windowed<S, F, T, W> {
    const fn new(source: S, windows: Windows, at: F, summary: W) -> Self {
        Windowed {
            source,
            windows,
            at,
            summary,
            time: PhantomData,
        }
    }
}

impl<S: Clone, F: Clone, T, W: Clone> Clone for Windowed<S, F, T, W> {
    fn clone(&self) -> Self {
        let Windowed {
            source,
            windows,
            at,
            summary,
            ..
        } = self;
        Windowed::new(source.clone(), *windows, at.clone(), summary.clone())
    }
}

impl<R, A, E, S, F, T, W> Source<R> for Windowed<S, F, T, W>
where
    R: Env,
    A: Value,
    E: Value + From<Late<A>>,
    S: Source<R, Item = Result<A, E>>,
    F: FnMut(&A) -> T + Value,
    T: EventTime + 'static,
    W: Summary<A>,
{
    type Item = Result<Window<W::Value, T::Key>, E>;

    fn open(mut self, cx: &Cx<R>) -> impl Pull<Item = Self::Item> + Send {
        Windowing {
            source: self.source.open(cx),
            at: move |item: &A| (self.at)(item).into_parts(),
            added_per_poll: (ADDED_PER_POLL / self.windows.overlap()).max(1),
            open: OpenWindows::new(self.windows),
            summary: self.summary,
            ended: false,
        }
    }
}

pin_project! {
    struct Windowing<S, F, K, W, B> {
        #[pin]
        source: S,
        at: F,
        // How many items may come in one poll: each is added to all windows that it is in.
        added_per_poll: usize,
        open: OpenWindows<K, B>,
        summary: W,
        // What is open then follows the end: a source is not asked again after it.
        ended: bool,
    }
}

/// How many times an item may be added to a window in one poll before others have a turn.
const ADDED_PER_POLL: usize = 1024;

impl<A, E, S, F, K, W> FuturesStream for Windowing<S, F, K, W, W::Value>
where
    A: Value,
    E: From<Late<A>>,
    S: FuturesStream<Item = Result<A, E>>,
    F: FnMut(&A) -> (SystemTime, K),
    K: Value + Clone + Eq + Hash,
    W: Summary<A>,
{
    type Item = Result<Window<W::Value, K>, E>;

    fn poll_next(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        for _ in 0..*this.added_per_poll {
            if let Some(window) = this.open.next_closed() {
                return Poll::Ready(Some(Ok(window)));
            }
            if *this.ended {
                return Poll::Ready(None);
            }
            match ready!(this.source.as_mut().poll_next(task)) {
                Some(Ok(item)) => {
                    let (time, key) = (this.at)(&item);
                    if let Err(late) = this.open.add(item, nanos(time), key, this.summary) {
                        return Poll::Ready(Some(Err(late.into())));
                    }
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => {
                    *this.ended = true;
                    this.open.close_all();
                }
            }
        }
        task.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<A, E, S, F, K, W> Pull for Windowing<S, F, K, W, W::Value>
where
    A: Value,
    E: From<Late<A>>,
    S: Pull<Item = Result<A, E>>,
    F: FnMut(&A) -> (SystemTime, K),
    K: Value + Clone + Eq + Hash,
    W: Summary<A>,
{
    fn poll_progress(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        self.project().source.poll_progress(task)
    }
}

opaque_debug!(Folded<B, G, H>, Windowed<S, F, T, W>);
