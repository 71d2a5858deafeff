//! How many groups there are, and what becomes of those that are dropped.

use std::num::NonZeroUsize;

/// How many groups there are at once, how much they hold, and what becomes of the items of one that was dropped.
#[derive(Clone, Copy, Debug)]
#[must_use = "it is to be given to `group_by`"]
pub struct Groups {
    pub(super) at_most: NonZeroUsize,
    pub(super) holding: NonZeroUsize,
    pub(super) dropped: DroppedGroup,
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
    /// See [`Stream::group_by`](crate::Stream::group_by).
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
