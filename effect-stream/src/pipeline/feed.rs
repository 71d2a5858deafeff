//! The source of a pipeline that reads a stream: a fiber that moves what the stream emits into the first queue.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use effect_core::{Budget, Cx, Env, Value};
use futures::Stream as _;

use super::inlet::BATCH;
use super::outlet::Outlet;
use super::ticket::{Envelope, Ledger, Ticket};
use super::worker::ITEMS_PER_TURN;
use crate::ChannelClosed;
use crate::source::{Source, beside};

/// Moves what a stream emits into an outlet: what is ready in batches, and what has begun goes on meanwhile.
pub(super) async fn feed<R, T, S>(
    source: S,
    cx: &Cx<R>,
    ledger: &Arc<Ledger>,
    outlet: Outlet<T>,
) -> Result<(), ChannelClosed>
where
    R: Env,
    T: Value,
    S: Source<R, Item = T>,
{
    let mut source = pin!(source.open(cx));
    let mut done = VecDeque::with_capacity(BATCH);
    let mut budget = Budget::of(ITEMS_PER_TURN / BATCH as u32);
    loop {
        let goes_on = poll_fn(|task| {
            while done.len() < BATCH {
                match source.as_mut().poll_next(task) {
                    Poll::Ready(Some(value)) => done.push_back(Envelope {
                        ticket: Ticket::issue(ledger),
                        value,
                    }),
                    Poll::Ready(None) => return Poll::Ready(false),
                    Poll::Pending if done.is_empty() => return Poll::Pending,
                    Poll::Pending => break,
                }
            }
            Poll::Ready(true)
        })
        .await;
        beside(source.as_mut(), outlet.flush(&mut done)).await?;
        if !goes_on {
            return Ok(());
        }
        budget.spend().await;
    }
}
