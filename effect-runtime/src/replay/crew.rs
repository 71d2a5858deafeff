//! The crew of a replay: a fiber for each part and each call, until all have ended or one has failed.

use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;

use effect_core::{Cx, Effect, Env, Fiber, Program, Value, WaitsFor, effect, sync};
use parking_lot::Mutex;

use super::CALLS;
use super::timeline::{Call, Timeline};
use crate::virtual_time::Shared;

/// The crew of a replay.
pub(super) struct Crew<R, E> {
    parts: Vec<Effect<R, E, ()>>,
    timeline: Timeline<R, E>,
    shared: Arc<Shared>,
}

impl<R: Env, E: Value + fmt::Debug> Crew<R, E> {
    pub(super) fn new(
        parts: Vec<Effect<R, E, ()>>,
        timeline: Timeline<R, E>,
        shared: Arc<Shared>,
    ) -> Self {
        Crew {
            parts,
            timeline,
            shared,
        }
    }

    /// All that the replay does, and the value of its main effect.
    pub(super) fn work<A, P>(self, main: Effect<R, E, A, P>) -> Effect<R, E, A>
    where
        A: Value,
        P: Program<R, Error = E, Value = A>,
    {
        effect(async move |cx: Cx<R>| {
            let Crew {
                parts,
                timeline,
                shared,
            } = self;
            let value = Arc::new(Mutex::new(None));
            let slot = Arc::clone(&value);
            let mut members = Members {
                cx: &cx,
                timeline: &timeline,
                hired: 0,
                fibers: BTreeMap::new(),
            };
            members.hire(
                "main",
                main.map(move |value| *slot.lock() = Some(value))
                    .erase_once(),
            );
            for part in parts {
                members.hire("events", part);
            }
            let waits_for = WaitsFor::here("the parts of a replay");
            loop {
                let waits = !members.fibers.is_empty();
                let news = poll_fn(|task| {
                    let news = timeline.poll_news(task, waits);
                    if news.is_pending() {
                        waits_for.note();
                    }
                    news
                });
                let Some(news) = news.await else {
                    break;
                };
                for call in news.calls {
                    members.hire("call", in_turn(call, &cx, &shared));
                }
                for member in news.ended {
                    if let Some(fiber) = members.fibers.remove(&member) {
                        cx.run(fiber.join()).await?;
                    }
                }
            }
            let value = value.lock().take();
            Ok(value.expect("the main effect has ended well"))
        })
        .erase_once()
    }
}

/// A call, when it is its turn.
fn in_turn<R: Env, E: Value>(
    call: Call<R, E>,
    cx: &Cx<R>,
    shared: &Arc<Shared>,
) -> Effect<R, E, ()> {
    // Fibers have their first turns in the order in which they are forked, so those of the same time keep it.
    let turn = shared.in_turn(call.when.after(cx.wall_now()), CALLS);
    effect(async move |cx: Cx<R>| {
        turn.await;
        cx.run(call.effect).await
    })
    .erase_once()
}

/// Who works, by number.
struct Members<'a, R, E> {
    cx: &'a Cx<R>,
    timeline: &'a Timeline<R, E>,
    hired: u64,
    fibers: BTreeMap<u64, Fiber<E, ()>>,
}

impl<R: Env, E: Value + fmt::Debug> Members<'_, R, E> {
    fn hire(&mut self, name: &'static str, work: Effect<R, E, ()>) {
        let member = self.hired;
        self.hired += 1;
        let timeline = self.timeline.clone();
        let work = work.ensuring(sync(move || timeline.tell_end(member)));
        self.fibers.insert(member, self.cx.fork_named(name, work));
    }
}
