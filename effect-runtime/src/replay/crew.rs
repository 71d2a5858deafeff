//! The crew of a replay: a fiber for each part and each call, until all have ended or one has failed.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use effect_core::{Cx, Effect, Env, Program, Value, WaitsFor, effect};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use parking_lot::Mutex;

use super::CALLS;
use super::timeline::{Call, Owner};
use crate::virtual_time::Shared;

/// The crew of a replay.
pub(super) struct Crew<R, E> {
    pub(super) parts: Vec<Effect<R, E, ()>>,
    pub(super) calls: Owner<R, E>,
    pub(super) shared: Arc<Shared>,
}

impl<R: Env, E: Value + fmt::Debug> Crew<R, E> {
    /// All that the replay does, and the value of its main effect.
    pub(super) fn work<A, P>(self, main: Effect<R, E, A, P>) -> Effect<R, E, A>
    where
        A: Value,
        P: Program<R, Error = E, Value = A>,
    {
        effect(async move |cx: Cx<R>| {
            let Crew {
                parts,
                calls,
                shared,
            } = self;
            calls.timeline.begin(&shared);
            let value = Arc::new(Mutex::new(None));
            let slot = Arc::clone(&value);
            let mut members = FuturesUnordered::new();
            let main = main
                .map(move |value| *slot.lock() = Some(value))
                .erase_once();
            members.push(hire(&cx, "main", main));
            members.extend(parts.into_iter().map(|part| hire(&cx, "events", part)));
            let mut members = pin!(members);
            let waits_for = WaitsFor::here("the parts of a replay");
            // Until there are none, or one has failed.
            poll_fn(|task| {
                loop {
                    if let Poll::Ready(asked) = calls.timeline.poll_asked(task) {
                        let called = asked
                            .into_iter()
                            .filter_map(|call| in_turn(call, &cx, &shared));
                        members.extend(called.map(|call| hire(&cx, "call", call)));
                        continue;
                    }
                    match members.poll_next_unpin(task) {
                        Poll::Ready(Some(Ok(()))) => {}
                        Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
                        Poll::Ready(None) => return Poll::Ready(Ok(())),
                        Poll::Pending => {
                            waits_for.note();
                            return Poll::Pending;
                        }
                    }
                }
            })
            .await?;
            let value = value.lock().take();
            Ok(value.expect("the main effect has ended well"))
        })
        .erase_once()
    }
}

/// Has a fiber do some work, and waits for its end.
fn hire<'cx, R: Env, E: Value + fmt::Debug>(
    cx: &'cx Cx<R>,
    name: &'static str,
    work: Effect<R, E, ()>,
) -> impl Future<Output = Result<(), E>> + Send + use<'cx, R, E> {
    cx.run(cx.fork_named(name, work).join())
}

/// A call, when it is its turn. None, if that is beyond all time.
fn in_turn<R: Env, E: Value>(
    call: Call<R, E>,
    cx: &Cx<R>,
    shared: &Arc<Shared>,
) -> Option<Effect<R, E, ()>> {
    // Fibers have their first turns in the order in which they are forked, so those of the same time keep it.
    let turn = shared.in_turn(call.when.time(cx.wall_now())?, CALLS);
    let called = effect(async move |cx: Cx<R>| {
        turn.await;
        cx.run(call.effect).await
    });
    Some(called.erase_once())
}
