//! Items in groups: in chunks, in windows that slide, by what they share with their neighbours.

use std::collections::VecDeque;
use std::mem;

use effect_core::{Env, Value};

use super::gather::{Gather, Gathered, GatheredE};
use crate::opaque_debug::opaque_debug;
use crate::stream::Stream;
use crate::stream_e::StreamE;

/// # Gathering
impl<R: Env, A: Value, S> Stream<R, A, S> {
    /// Emits items in groups of `size`; the last may be smaller.
    ///
    /// - **Pulls** `size` items for a group.
    /// - **Completes** when the source does, with what is left as a last group.
    /// - **When interrupted**, interrupts the source; an open group is dropped.
    ///
    /// # Panics
    ///
    /// If `size` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let Ok(all) = Stream::range(0..5).chunks(2).run_collect().await;
    /// assert_eq!(all, [vec![0, 1], vec![2, 3], vec![4]]);
    /// # }
    /// ```
    #[doc(alias = "grouped")]
    #[track_caller]
    pub fn chunks(self, size: usize) -> Stream<R, Vec<A>, Gathered<S, Chunks<A>>> {
        Stream::of(Gathered {
            source: self.source,
            gather: Chunks::of(size),
        })
    }

    /// Emits windows of `size` neighbours, each of which begins `step` items after the one before.
    ///
    /// The last may be smaller: it is there if it shows an item that no window has shown. With a `step` greater than
    /// `size`, the items between two windows are dropped.
    ///
    /// - **Pulls** `step` items for a window, and `size` for the first.
    /// - **Completes** when the source does, with what is left as a last window.
    /// - **When interrupted**, interrupts the source.
    ///
    /// # Panics
    ///
    /// If `size` or `step` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let Ok(all) = Stream::range(0..4).sliding(2, 1).run_collect().await;
    /// assert_eq!(all, [[0, 1], [1, 2], [2, 3]]);
    /// let Ok(all) = Stream::range(0..6).sliding(3, 2).run_collect().await;
    /// assert_eq!(all, [vec![0, 1, 2], vec![2, 3, 4], vec![4, 5]]);
    /// # }
    /// ```
    #[doc(alias = "windows")]
    #[track_caller]
    pub fn sliding(self, size: usize, step: usize) -> Stream<R, Vec<A>, Gathered<S, Sliding<A>>>
    where
        A: Clone,
    {
        Stream::of(Gathered {
            source: self.source,
            gather: Sliding::of(size, step),
        })
    }

    /// Emits neighbours that have the same key as one group, with that key.
    ///
    /// - **Pulls** until an item has another key.
    /// - **Fails** never; a panic of the closure is a defect of the run.
    /// - **Completes** when the source does, with what is left as a last group.
    /// - **When interrupted**, interrupts the source; an open group is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let Ok(all) = Stream::from_iter([1, 3, 4, 5]).group_adjacent_by(|n| n % 2).run_collect().await;
    /// assert_eq!(all, [(1, vec![1, 3]), (0, vec![4]), (1, vec![5])]);
    /// # }
    /// ```
    #[doc(alias = "chunk_by")]
    pub fn group_adjacent_by<K, F>(
        self,
        key: F,
    ) -> Stream<R, (K, Vec<A>), Gathered<S, Adjacent<A, K, F>>>
    where
        K: Value + PartialEq,
        F: FnMut(&A) -> K + Value,
    {
        Stream::of(Gathered {
            source: self.source,
            gather: Adjacent::by(key),
        })
    }

    /// Emits what is between separators, which are dropped. Between two that are neighbours is nothing: an empty group.
    ///
    /// - **Pulls** until an item is a separator.
    /// - **Fails** never; a panic of the predicate is a defect of the run.
    /// - **Completes** when the source does, with what is left, if anything is.
    /// - **When interrupted**, interrupts the source; an open group is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let Ok(all) = Stream::from_iter([1, 0, 0, 2, 3]).split_on(|n| *n == 0).run_collect().await;
    /// assert_eq!(all, [vec![1], vec![], vec![2, 3]]);
    /// # }
    /// ```
    pub fn split_on<F>(self, is_separator: F) -> Stream<R, Vec<A>, Gathered<S, Split<A, F>>>
    where
        F: FnMut(&A) -> bool + Value,
    {
        Stream::of(Gathered {
            source: self.source,
            gather: Split::on(is_separator),
        })
    }

    /// Emits each item with the one behind it.
    ///
    /// - **Pulls** one item ahead: an item is emitted when the next one is there.
    /// - **Completes** when the source does, with the last item.
    /// - **When interrupted**, interrupts the source; the item that is held is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let Ok(all) = Stream::from_iter(["a", "b"]).zip_with_next().run_collect().await;
    /// assert_eq!(all, [("a", Some("b")), ("b", None)]);
    /// # }
    /// ```
    pub fn zip_with_next(self) -> Stream<R, (A, Option<A>), Gathered<S, WithNext<A>>>
    where
        A: Clone,
    {
        Stream::of(Gathered {
            source: self.source,
            gather: WithNext { held: None },
        })
    }
}

/// # Gathering
impl<R: Env, E: Value, A: Value, S> StreamE<R, E, A, S> {
    /// Emits values in groups of `size`. Touches successes only: a failure closes an open group, which may then be smaller, and follows it.
    ///
    /// - **Pulls** up to `size` elements for a group.
    /// - **Completes** when the source does, with what is left as a last group.
    /// - **When interrupted**, interrupts the source; an open group is dropped.
    ///
    /// # Panics
    ///
    /// If `size` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let results = StreamE::from_results([Ok(1), Err("two"), Ok(3), Ok(4)]);
    /// let Ok(all) = results.chunks(2).run_collect().await;
    /// assert_eq!(all, [Ok(vec![1]), Err("two"), Ok(vec![3, 4])]);
    /// # }
    /// ```
    #[doc(alias = "grouped")]
    #[track_caller]
    pub fn chunks(self, size: usize) -> StreamE<R, E, Vec<A>, GatheredE<S, Chunks<A>>> {
        StreamE::of(GatheredE {
            source: self.source,
            gather: Chunks::of(size),
        })
    }

    /// Emits windows of `size` neighbours, each of which begins `step` values after the one before. Touches successes only: no window goes over a failure, which follows what is left of the last one.
    ///
    /// - **Pulls** up to `size` elements for a window.
    /// - **Completes** when the source does, with what is left as a last window.
    /// - **When interrupted**, interrupts the source.
    ///
    /// # Panics
    ///
    /// If `size` or `step` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let results = StreamE::from_results([Ok(1), Ok(2), Ok(3), Err("four")]);
    /// let Ok(all) = results.sliding(2, 1).run_collect().await;
    /// assert_eq!(all, [Ok(vec![1, 2]), Ok(vec![2, 3]), Err("four")]);
    /// # }
    /// ```
    #[doc(alias = "windows")]
    #[track_caller]
    pub fn sliding(
        self,
        size: usize,
        step: usize,
    ) -> StreamE<R, E, Vec<A>, GatheredE<S, Sliding<A>>>
    where
        A: Clone,
    {
        StreamE::of(GatheredE {
            source: self.source,
            gather: Sliding::of(size, step),
        })
    }

    /// Emits neighbours that have the same key as one group, with that key. Touches successes only: a failure closes an open group, and follows it.
    ///
    /// - **Pulls** until a value has another key, or an element has failed.
    /// - **Fails** never; a panic of the closure is a defect of the run.
    /// - **Completes** when the source does, with what is left as a last group.
    /// - **When interrupted**, interrupts the source; an open group is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let results = StreamE::from_results([Ok(1), Ok(3), Err("four"), Ok(5)]);
    /// let Ok(all) = results.group_adjacent_by(|n| n % 2).run_collect().await;
    /// assert_eq!(all, [Ok((1, vec![1, 3])), Err("four"), Ok((1, vec![5]))]);
    /// # }
    /// ```
    #[doc(alias = "chunk_by")]
    pub fn group_adjacent_by<K, F>(
        self,
        key: F,
    ) -> StreamE<R, E, (K, Vec<A>), GatheredE<S, Adjacent<A, K, F>>>
    where
        K: Value + PartialEq,
        F: FnMut(&A) -> K + Value,
    {
        StreamE::of(GatheredE {
            source: self.source,
            gather: Adjacent::by(key),
        })
    }
}

/// Of `chunks`: so many at a time.
#[derive(Clone)]
pub struct Chunks<A> {
    size: usize,
    chunk: Vec<A>,
}

impl<A> Chunks<A> {
    #[track_caller]
    const fn of(size: usize) -> Self {
        assert!(size > 0, "a chunk has at least one item");
        Chunks {
            size,
            chunk: Vec::new(),
        }
    }
}

impl<A: Value> Gather<A> for Chunks<A> {
    type Output = Vec<A>;

    fn add(&mut self, item: A) -> Option<Vec<A>> {
        self.chunk.push(item);
        if self.chunk.len() < self.size {
            return None;
        }
        self.rest()
    }

    fn rest(&mut self) -> Option<Vec<A>> {
        let chunk = mem::take(&mut self.chunk);
        (!chunk.is_empty()).then_some(chunk)
    }
}

/// Of `sliding`: windows over so many neighbours, each so many further than the last.
#[derive(Clone)]
pub struct Sliding<A> {
    size: usize,
    step: usize,
    window: VecDeque<A>,
    /// How many of those in the window no window that was emitted has shown.
    unseen: usize,
    /// How many come before the next window begins.
    gap: usize,
}

impl<A> Sliding<A> {
    #[track_caller]
    const fn of(size: usize, step: usize) -> Self {
        assert!(size > 0, "a window has at least one item");
        assert!(
            step > 0,
            "a window that slides goes on by at least one item"
        );
        Sliding {
            size,
            step,
            window: VecDeque::new(),
            unseen: 0,
            gap: 0,
        }
    }
}

impl<A: Value + Clone> Gather<A> for Sliding<A> {
    type Output = Vec<A>;

    fn add(&mut self, item: A) -> Option<Vec<A>> {
        if self.gap > 0 {
            self.gap -= 1;
            return None;
        }
        self.window.push_back(item);
        self.unseen += 1;
        if self.window.len() < self.size {
            return None;
        }
        self.unseen = 0;
        if self.step < self.size {
            let window = self.window.iter().cloned().collect();
            self.window.drain(..self.step);
            Some(window)
        } else {
            // Nothing of it is in the next one.
            self.gap = self.step - self.size;
            Some(self.window.drain(..).collect())
        }
    }

    fn rest(&mut self) -> Option<Vec<A>> {
        let rest = mem::take(&mut self.window);
        self.gap = 0;
        (mem::take(&mut self.unseen) > 0).then(|| rest.into())
    }
}

/// Of `group_adjacent_by`: neighbours that have the same key, with that.
#[derive(Clone)]
pub struct Adjacent<A, K, F> {
    key: F,
    group: Option<(K, Vec<A>)>,
}

impl<A, K, F> Adjacent<A, K, F> {
    const fn by(key: F) -> Self {
        Adjacent { key, group: None }
    }
}

impl<A, K, F> Gather<A> for Adjacent<A, K, F>
where
    A: Value,
    K: Value + PartialEq,
    F: FnMut(&A) -> K + Value,
{
    type Output = (K, Vec<A>);

    fn add(&mut self, item: A) -> Option<(K, Vec<A>)> {
        let key = (self.key)(&item);
        match &mut self.group {
            Some((open, group)) if *open == key => {
                group.push(item);
                None
            }
            _ => self.group.replace((key, vec![item])),
        }
    }

    fn rest(&mut self) -> Option<(K, Vec<A>)> {
        self.group.take()
    }
}

/// Of `split_on`: what is between separators.
#[derive(Clone)]
pub struct Split<A, F> {
    is_separator: F,
    part: Vec<A>,
}

impl<A, F> Split<A, F> {
    const fn on(is_separator: F) -> Self {
        Split {
            is_separator,
            part: Vec::new(),
        }
    }
}

impl<A: Value, F: FnMut(&A) -> bool + Value> Gather<A> for Split<A, F> {
    type Output = Vec<A>;

    fn add(&mut self, item: A) -> Option<Vec<A>> {
        if (self.is_separator)(&item) {
            return Some(mem::take(&mut self.part));
        }
        self.part.push(item);
        None
    }

    fn rest(&mut self) -> Option<Vec<A>> {
        let rest = mem::take(&mut self.part);
        (!rest.is_empty()).then_some(rest)
    }
}

/// Of `zip_with_next`: an item, and the one behind it.
#[derive(Clone)]
pub struct WithNext<A> {
    held: Option<A>,
}

impl<A: Value + Clone> Gather<A> for WithNext<A> {
    type Output = (A, Option<A>);

    fn add(&mut self, item: A) -> Option<(A, Option<A>)> {
        let held = self.held.replace(item.clone())?;
        Some((held, Some(item)))
    }

    fn rest(&mut self) -> Option<(A, Option<A>)> {
        self.held.take().map(|last| (last, None))
    }
}

opaque_debug!(Chunks<A>, Sliding<A>, Adjacent<A, K, F>, Split<A, F>, WithNext<A>);
