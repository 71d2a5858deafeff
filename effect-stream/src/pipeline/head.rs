//! What stands before the next stage while a pipeline is put together, and what becomes of it when all is known.

use std::sync::Arc;

use effect_core::{Cx, Env, Value};
use futures::future::BoxFuture;

use super::blueprint::{Blueprint, NodeId};
use super::board::Board;
use super::feed::{Feed, Spring};
use super::line::{Line, Root};
use super::origin::Origin;
use crate::Channel;

/// What stands before the next stage.
pub(super) enum Head<R, E, T, O> {
    /// The input channel itself.
    Input {
        id: NodeId,
        channel: Channel<T>,
        origin: fn(&T) -> O,
    },
    /// A stream.
    Stream {
        id: NodeId,
        stream: Box<dyn Spring<R, T>>,
        origin: fn(&T) -> O,
    },
    /// Stages, which are to be told what comes behind them.
    Stages(Box<dyn FnOnce(Arc<dyn Line<R, E, T, O>>, &mut Plan<R, E, O>) + Send>),
}

/// All that a run will be made of, from the end to the beginning.
pub(super) struct Plan<R, E, O> {
    pub(super) blueprint: Arc<Blueprint>,
    pub(super) board: Arc<Board>,
    pub(super) roots: Vec<Arc<dyn Root<R, E, O>>>,
    pub(super) feeds: Vec<FeedTask<R>>,
}

/// A stream and the line that it is moved into.
pub(super) type FeedTask<R> = Box<dyn for<'a> FnOnce(&'a Cx<R>) -> BoxFuture<'a, ()> + Send>;

impl<R: Env, E: Value, T: Value, O: Origin> Head<R, E, T, O> {
    /// Puts what leads to a line before it.
    pub(super) fn build(self, line: Arc<dyn Line<R, E, T, O>>, plan: &mut Plan<R, E, O>) {
        match self {
            Head::Input { .. } => unreachable!("a stage reads the input"),
            Head::Stream { id, stream, origin } => {
                let at = plan.blueprint.place(id);
                let entrance = Arc::clone(&line).entrance();
                let mut feed = Feed::new(at, &plan.board, origin, entrance);
                plan.feeds.push(Box::new(move |cx| {
                    Box::pin(async move { stream.pour(cx, &mut feed).await })
                }));
                plan.roots.push(line);
            }
            Head::Stages(build) => build(line, plan),
        }
    }
}
