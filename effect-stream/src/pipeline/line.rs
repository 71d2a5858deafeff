//! A line: all that comes after a place in the pipeline, as seen from there; and the benches at which a runner works along it.

use std::sync::Arc;
use std::task::Context;
use std::time::Instant;

use effect_core::Cx;
use futures::future::BoxFuture;

use super::board::Done;
use super::desk::Desk;
use super::item::{Batch, Item};
use super::work::Failure;

/// What takes items of one type: a stage and all that follows. Shared by all runners.
pub(super) trait Line<R, E, T, O>: Root<R, E, O> {
    /// A runner's own place at it.
    fn bench<'r>(&'r self, cx: &'r Cx<R>) -> BoxBench<'r, E, T, O>;

    /// Its entrance, for those who are not before it in a row: a source, or another branch.
    fn entrance(self: Arc<Self>) -> Arc<dyn Entrance<T, O>>;
}

/// A line that nothing is before.
pub(super) trait Root<R, E, O>: Send + Sync {
    /// Makes ready what the stages need before there is an item.
    fn prepare<'a>(&'a self, cx: &'a Cx<R>) -> BoxFuture<'a, Result<(), NotReady<E>>>;

    /// As [`Line::bench`], for those who hand nothing over.
    fn stand<'r>(&'r self, cx: &'r Cx<R>) -> Box<dyn Stand<E, O> + Send + 'r>;
}

/// A stage's workers have not got what they need.
pub(super) struct NotReady<E> {
    pub(super) stage: Arc<str>,
    pub(super) failure: Box<Failure<E>>,
}

/// Where items wait to be taken on, by whoever comes.
pub(super) trait Entrance<T, O>: Send + Sync {
    /// The place on the board.
    fn at(&self) -> usize;

    /// Puts items in the queue, and tells the board of it and of what the stage before is done with.
    fn put(&self, items: &mut Batch<Item<T, O>>, from: &From);

    /// How much somebody behind the pipeline has room for.
    fn outside(&self) -> usize {
        0
    }
}

/// A runner's place at a line.
pub(super) type BoxBench<'r, E, T, O> = Box<dyn Bench<E, T, O> + Send + 'r>;

/// A runner's place at a stage: what it holds there, and what it can do.
pub(super) trait Bench<E, T, O>: Stand<E, O> {
    /// Takes items on: works at them at once if there is a worker for them and nobody waits, or else puts them in the
    /// queue. What the stage before is done with is told in one go.
    fn take_in(
        &mut self,
        items: &mut Batch<Item<T, O>>,
        from: &From,
        round: &mut Round<'_, '_, E, O>,
    );

    /// How much somebody behind the pipeline has room for.
    fn outside(&self) -> usize;
}

/// What can be done at a stage without being handed anything.
pub(super) trait Stand<E, O> {
    /// Goes on with what has begun and was woken, here and behind.
    fn go_on(&mut self, round: &mut Round<'_, '_, E, O>);

    /// Does one batch of what there is to do, the last stages first. False if there is nothing.
    fn turn(&mut self, round: &mut Round<'_, '_, E, O>) -> bool;

    /// Leaves word with all that may have something to do for it later. True if there is something already.
    fn leave_word(&mut self, round: &mut Round<'_, '_, E, O>) -> bool;
}

/// A stage's place on the board, and what a runner is done with there.
#[derive(Clone, Debug)]
pub(super) struct From {
    pub(super) at: usize,
    pub(super) next: usize,
    pub(super) done: Done,
}

/// One poll of a runner.
pub(super) struct Round<'a, 't, E, O> {
    pub(super) task: &'a mut Context<'t>,
    pub(super) desk: &'a mut Desk<E, O>,
    /// Whose poll it is.
    pub(super) runner: usize,
    /// The time when the last batch ended.
    pub(super) now: Instant,
    /// Items that may begin before others have a turn.
    pub(super) budget: usize,
    /// Whether others are to have a turn at once.
    pub(super) gives_way: bool,
}
