//! Closing: releases what a scope holds, each entry with all that it owes, so that none stops the next.

use std::future::Future;
use std::sync::Arc;

use futures::StreamExt;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::FuturesUnordered;

use super::finalizer::Closer;
use super::state::{Begin, Entry, Order, ScopeState};
use crate::cleanup::Finalizer;
use crate::driver;
use crate::fiber::FiberState;
use crate::frame::Frame;
use crate::joiners::joining;
use crate::net::{caught, net};
use crate::settled::settled;
use crate::stack::Nested;
use crate::{Cause, Exit, Never, Runtime, WaitsFor};

/// Closes a scope, or waits until whoever closes it has done so.
pub(crate) fn close(
    fiber: &Arc<FiberState>,
    scope: &Arc<ScopeState>,
    exit: Exit<(), ()>,
) -> BoxFuture<'static, ()> {
    let (fiber, scope) = (Arc::clone(fiber), Arc::clone(scope));
    async move {
        match scope.begin(fiber.id()) {
            Begin::Close => release_all(&fiber, ToClose(Some(scope)), exit).await,
            Begin::Wait => closed_for(&fiber, scope).await,
            Begin::Nothing => {}
        }
    }
    .boxed()
}

/// Closes a scope that nobody else knows how to close: where this is dropped, what the scope holds is lost.
pub(crate) fn close_owed(
    fiber: Arc<FiberState>,
    scope: Arc<ScopeState>,
    exit: Exit<(), ()>,
) -> impl Future<Output = ()> + Send {
    let mut to_close = ToClose(Some(scope));
    async move {
        let Some(scope) = &to_close.0 else { return };
        match scope.begin(fiber.id()) {
            Begin::Close => release_all(&fiber, to_close, exit).await,
            Begin::Wait => {
                let scope = to_close.0.take();
                closed_for(&fiber, scope.expect("it was there")).await;
            }
            Begin::Nothing => {}
        }
    }
}

/// Waits until somebody else has closed a scope, unless that waits for this fiber.
async fn closed_for(fiber: &Arc<FiberState>, scope: Arc<ScopeState>) {
    if !fiber.is_inside(&scope) {
        closed(scope).await;
    }
}

/// Waits until a scope is closed.
async fn closed(scope: Arc<ScopeState>) {
    let waits_for = WaitsFor::here("a scope to be closed");
    waits_for.told_by(joining(&*scope)).await;
}

/// A scope that is to be closed. If nobody can, it is emptied: what it holds may hold on to it.
struct ToClose(Option<Arc<ScopeState>>);

impl Drop for ToClose {
    fn drop(&mut self) {
        if let Some(scope) = self.0.take()
            && !scope.is_closed()
        {
            scope.abandon();
        }
    }
}

async fn release_all(fiber: &Arc<FiberState>, scope: ToClose, exit: Exit<(), ()>) {
    let Some(scope) = &scope.0 else { return };
    let frame = Arc::new(Frame {
        scope: Some(Arc::clone(scope)),
        ..Frame::default()
    });
    let closer = Closer {
        fiber,
        frame: Some(&frame),
        exit: &exit,
    };
    match scope.order() {
        Order::Reverse => {
            // Each has ended, with all that it owes, before the next begins.
            while let Some(entry) = scope.pop() {
                released(fiber, release(entry, &closer)).await;
            }
        }
        Order::Parallel => {
            let mut running = FuturesUnordered::new();
            loop {
                let next = if running.is_empty() {
                    scope.pop()
                } else {
                    scope.take()
                };
                match next {
                    Some(entry) => running.push(released(fiber, release(entry, &closer))),
                    None if running.is_empty() => break,
                    None => {
                        running.next().await;
                    }
                }
            }
        }
    }
}

/// Runs a finalizer, and then what it owes. Its panic is a defect of the fiber.
async fn released(fiber: &Arc<FiberState>, finalizer: Finalizer) {
    if let Err(defect) = settled(fiber, caught(fiber, finalizer)).await {
        fiber.record_defect(defect);
    }
}

/// How an entry is released.
fn release(entry: Entry, closer: &Closer<'_>) -> Finalizer {
    match entry {
        Entry::Finalizer(mut finalizer) => {
            finalizer.as_mut().begin(closer);
            finalizer
        }
        // A scope may be in the next a million times.
        Entry::Scope(scope) => {
            Nested::new(close(closer.fiber, &scope, closer.exit.clone())).boxed()
        }
        Entry::Fiber(fiber) => {
            fiber.interrupt(Some(closer.fiber.id()));
            // Nobody waits for oneself, or for a fiber that waits for oneself.
            if closer.fiber.is_part_of(fiber.id()) {
                return std::future::ready(()).boxed();
            }
            let waits_for = WaitsFor::here("a fiber of a scope that closes");
            async move { fiber.ended(waits_for).await }.boxed()
        }
    }
}

/// The next work that a fiber whose body has ended owes to its own scope, if there is any.
pub(crate) fn next_of_own(fiber: &Arc<FiberState>) -> Option<Finalizer> {
    let scope = fiber.own_scope()?;
    if scope.is_closing() {
        return Some(closed(Arc::clone(scope)).boxed());
    }
    let entry = scope.take()?;
    // Where nobody has left it, the scope is newer than the body's end, or the driver was dropped.
    let exit = scope
        .exit()
        .unwrap_or_else(|| match fiber.is_interrupted() {
            false => Exit::Success(()),
            true => Exit::Failure(Cause::interrupts(fiber.interrupters())),
        });
    let closer = Closer {
        fiber,
        frame: None,
        exit: &exit,
    };
    Some(release(entry, &closer))
}

/// Has the runtime close a scope that has no fiber left to close it.
pub(super) fn close_as_orphan(
    runtime: Arc<dyn Runtime>,
    scope: Arc<ScopeState>,
    exit: Exit<(), ()>,
) {
    let fiber = FiberState::root(runtime, None);
    let closing = close_owed(Arc::clone(&fiber), scope, exit);
    let of_work = Arc::clone(&fiber);
    let work = async move {
        let ((), defects) = net(&of_work, closing).await;
        // Nobody else hears of these.
        for defect in defects {
            of_work.report_unobserved(&Cause::<Never>::die(defect));
        }
    };
    fiber.owe(work.boxed());
    driver::leave(&fiber);
}
