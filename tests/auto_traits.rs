//! What can move to another thread, and what can be shared between threads.

use std::cell::Cell;
use std::sync::Arc;

use effect::prelude::*;
use effect::{
    Budget, Cached, Cancel, CancelToken, Driver, Erased, FiberId, FiberRef, Partial, Phase, Reason,
    Report, Resume, Runtime, ScheduleFor, Stop, StopReason, TokioRuntime, Trace, Watch,
};

fn is_send<T: Send>() {}
fn is_sync<T: Sync>() {}
fn is_send_and_sync<T: Send + Sync>() {
    is_send::<T>();
    is_sync::<T>();
}
fn is_unpin<T: Unpin>() {}
fn is_clone<T: Clone>(_: &T) {}
fn value_is_send<T: Send>(_: &T) {}

/// Sendable, not shareable: most values and errors need no more.
type Local = Cell<u8>;

#[test]
fn effects_move_between_threads() {
    is_send::<Effect<(), String, u8>>();
    is_send::<Effect<(), Local, Local>>();
    is_send::<Erased<(), Local, Local>>();
    is_unpin::<Effect<(), Local, Local>>();
    is_clone(&succeed::<(), Never, _>(1).map(|n| n + 1).erase());
}

#[test]
fn what_a_running_effect_has_is_shared() {
    is_send_and_sync::<Cx<()>>();
    is_send_and_sync::<Cx<String>>();
    is_send_and_sync::<Fiber<String, u8>>();
    is_send_and_sync::<Fiber<Local, Local>>();
    is_send_and_sync::<FiberRef>();
    is_send_and_sync::<FiberId>();
    is_send_and_sync::<Arc<dyn Runtime>>();
    is_send_and_sync::<TokioRuntime>();
    is_send_and_sync::<Resume<Local, Local>>();
    is_send_and_sync::<Cancel>();
    is_send_and_sync::<CancelToken>();
    is_send_and_sync::<StopReason>();
    is_send::<Stop<Local>>();
    is_send::<Partial<Local, Local, Local>>();
    is_send_and_sync::<Watch<Local, Local, Local>>();
    is_send_and_sync::<Cached<(), Local, Local, Erased<(), Local, Local>>>();
}

#[test]
fn how_an_effect_ended_is_as_shareable_as_its_values() {
    is_send_and_sync::<Exit<String, u8>>();
    is_send_and_sync::<Cause<String>>();
    is_send_and_sync::<Reason<String>>();
    is_send_and_sync::<Phase>();
    is_send_and_sync::<Trace>();
    is_send::<Exit<Local, Local>>();
    is_send::<Cause<Local>>();
    is_send_and_sync::<Defect>();
    is_send_and_sync::<Report>();
    is_send_and_sync::<Schedule>();
    is_send_and_sync::<ScheduleFor<Local>>();
    is_send_and_sync::<Driver>();
    is_send_and_sync::<Budget>();
    is_send_and_sync::<TimeoutError<String>>();
}

#[test]
fn running_effects_move_between_threads() {
    let chain = || {
        succeed::<(), &str, _>(Cell::new(1))
            .flat_map(|cell| effect(async move |_: Cx<()>| Ok(cell.get())))
            .race_first(never())
            .ensuring(sync(|| ()))
            .scoped()
            .uninterruptible()
    };
    value_is_send(&chain());
    value_is_send(&chain().run_exit());
    value_is_send(&chain().into_future());
    value_is_send(&effect(async move |cx: Cx<()>| {
        let running = cx.run(chain());
        value_is_send(&running);
        running.await
    }));
}
