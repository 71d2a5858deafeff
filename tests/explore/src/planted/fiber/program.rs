//! A family of fibers that is interrupted by several and joined by several.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use effect::prelude::{Cx, Effect, Never, effect};
use effect::simulation::{Case, Probe, Trial};
use effect::yield_now;

use super::{Bug, Fiber};

pub(in crate::planted) fn family(trial: &Trial, bug: Option<Bug>) -> Case<Never, ()> {
    let seen = Seen::default();
    let last = seen.clone();
    let trial = trial.clone();
    let program = effect(async move |cx: Cx<()>| {
        let fiber = Fiber::spawn(cx.runtime(), bug, |me| parent(&trial, &cx, &seen, me));
        let supervised = Supervised(fiber.clone());
        let joiners = ["hasty", "slow"].map(|name| {
            let yields = if name == "slow" { cx.random() % 8 } else { 0 };
            cx.fork_named(name, join(&trial, &seen, &fiber, yields))
        });
        let interrupter = cx.fork_named("interrupter", interrupt(&fiber));
        let early = cx.fork_named("early", early(&cx, bug));
        yield_now().await;
        let _ = cx.run(interrupter.exit()).await;
        fiber.interrupt();
        for joiner in joiners {
            let _ = cx.run(joiner.exit()).await;
        }
        let _ = cx.run(early.exit()).await;
        drop(supervised);
        Ok(())
    });
    Case::new(program).check(move |_| {
        assert!(
            !last.early.load(Ordering::Relaxed),
            "joined, and a body of the family is alive"
        );
    })
}

/// What is alive, and whether somebody has joined the family while it was.
#[derive(Clone, Default)]
struct Seen {
    alive: Arc<AtomicUsize>,
    early: Arc<AtomicBool>,
}

/// A body that is alive.
struct Alive {
    seen: Seen,
    _probe: Probe,
}

impl Alive {
    fn new(seen: &Seen, trial: &Trial) -> Self {
        seen.alive.fetch_add(1, Ordering::Relaxed);
        Alive {
            seen: seen.clone(),
            _probe: trial.probe(),
        }
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.seen.alive.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Interrupts a fiber when it is dropped: nobody will join it any more.
struct Supervised(Fiber);

impl Drop for Supervised {
    fn drop(&mut self) {
        self.0.interrupt();
    }
}

/// Forks a child when it is dropped, as a finalizer may.
struct ForksLate {
    parent: Fiber,
    seen: Seen,
    trial: Trial,
}

impl Drop for ForksLate {
    fn drop(&mut self) {
        let alive = Alive::new(&self.seen, &self.trial);
        self.parent.fork(|_| async move {
            pending::<()>().await;
            drop(alive);
        });
    }
}

/// A parent of one who waits for ever and one who has a child as well.
fn parent(
    trial: &Trial,
    cx: &Cx<()>,
    seen: &Seen,
    me: Fiber,
) -> impl Future<Output = ()> + Send + 'static {
    let (trial, cx, seen) = (trial.clone(), cx.clone(), seen.clone());
    let alive = Alive::new(&seen, &trial);
    async move {
        let idle = Alive::new(&seen, &trial);
        me.fork(|_| async move {
            pending::<()>().await;
            drop(idle);
        });
        let busy = Alive::new(&seen, &trial);
        let late = ForksLate {
            parent: me.clone(),
            seen,
            trial: trial.clone(),
        };
        let millis = cx.random() % 3;
        let sleeping = cx.clone();
        me.fork(|_| async move {
            yield_now().await;
            sleeping.sleep(Duration::from_millis(millis)).await;
            drop((late, busy));
        });
        trial.fault_point();
        cx.sleep(Duration::from_millis(cx.random() % 3)).await;
        if cx.random().is_multiple_of(2) {
            pending::<()>().await;
        }
        trial.fault_point();
        drop(alive);
    }
}

fn join(trial: &Trial, seen: &Seen, fiber: &Fiber, yields: u64) -> Effect<(), Never, ()> {
    let (trial, seen, fiber) = (trial.clone(), seen.clone(), fiber.clone());
    effect(async move |_: Cx<()>| {
        let join = fiber.join();
        for _ in 0..yields {
            yield_now().await;
        }
        if trial.droppable(join).await.is_some() && seen.alive.load(Ordering::Relaxed) > 0 {
            seen.early.store(true, Ordering::Relaxed);
        }
        Ok(())
    })
    .erase_once()
}

fn interrupt(fiber: &Fiber) -> Effect<(), Never, ()> {
    let fiber = fiber.clone();
    effect(async move |cx: Cx<()>| {
        cx.sleep(Duration::from_millis(cx.random() % 4)).await;
        fiber.interrupt();
        Ok(())
    })
    .erase_once()
}

/// Interrupts a fiber that has perhaps not begun.
fn early(cx: &Cx<()>, bug: Option<Bug>) -> Effect<(), Never, ()> {
    let runtime = Arc::clone(cx.runtime());
    effect(async move |_: Cx<()>| {
        let fiber = Supervised(Fiber::spawn(&runtime, bug, |_| pending()));
        yield_now().await;
        fiber.0.interrupt();
        fiber.0.join().await;
        Ok(())
    })
    .erase_once()
}
