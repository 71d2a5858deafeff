//! A scope in a scope, in two fibers, one of whose finalizers has a scope of its own.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use effect::prelude::*;
use effect::simulation::{Case, Finalizers, Probe, Trial};
use effect::yield_now;
use futures::future::FutureExt;
use parking_lot::Mutex;

use super::{Bug, Finalizer, Owed, Scope, Scoped, drive};

pub(in crate::planted) fn nested(trial: &Trial, bug: Option<Bug>) -> Case<Never, ()> {
    let wrong = Wrong::default();
    let seen = wrong.clone();
    let trial = trial.clone();
    let program = effect(async move |cx: Cx<()>| {
        let fibers = ["left", "right"].map(|name| {
            let house = House::new(&trial, &cx, bug, &wrong);
            let wrong = wrong.clone();
            let fiber = effect(async move |cx: Cx<()>| {
                let owed = house.owed.clone();
                drive(&cx, &owed, house.body(&cx)).await;
                if house.held() > 0 {
                    wrong.say("it has ended, and holds something");
                }
                Ok::<_, Never>(())
            });
            cx.fork_named(name, fiber)
        });
        for fiber in fibers {
            let _ = cx.run(fiber.exit()).await;
        }
        Ok(())
    });
    Case::new(program).check(move |_| {
        if let Some(wrong) = *seen.0.lock() {
            panic!("{wrong}");
        }
    })
}

/// What was seen to be wrong first.
#[derive(Clone, Default)]
struct Wrong(Arc<Mutex<Option<&'static str>>>);

impl Wrong {
    fn say(&self, what: &'static str) {
        self.0.lock().get_or_insert(what);
    }
}

/// What one fiber acquires and releases.
#[derive(Clone)]
struct House {
    trial: Trial,
    cx: Cx<()>,
    owed: Owed,
    wrong: Wrong,
    outer: Room,
    inner: Room,
}

/// What one scope acquires and releases.
#[derive(Clone)]
struct Room {
    books: Finalizers,
    /// How much is held, and how many bodies use it.
    held: Arc<Mutex<(usize, usize)>>,
}

impl Room {
    fn new(trial: &Trial) -> Self {
        Room {
            books: trial.finalizers(),
            held: Arc::default(),
        }
    }
}

impl House {
    fn new(trial: &Trial, cx: &Cx<()>, bug: Option<Bug>, wrong: &Wrong) -> Self {
        House {
            trial: trial.clone(),
            cx: cx.clone(),
            owed: Owed::new(bug),
            wrong: wrong.clone(),
            outer: Room::new(trial),
            inner: Room::new(trial),
        }
    }

    fn held(&self) -> usize {
        self.outer.held.lock().0 + self.inner.held.lock().0
    }

    async fn body(&self, cx: &Cx<()>) {
        let scoped = Scoped::new(&self.owed, |scope| {
            let body = async move {
                self.hold(&scope, &self.outer, 1).await;
                self.hold(&scope, &self.outer, 2).await;
                let inner = Scoped::new(&self.owed, |scope| {
                    let body = async move {
                        self.hold(&scope, &self.inner, 3).await;
                        self.hold(&scope, &self.inner, 4).await;
                        cx.sleep(Duration::from_micros(cx.random() % 3)).await;
                        self.trial.fault_point();
                    };
                    Using::new(&self.inner, body)
                });
                inner.await;
                self.trial.fault_point();
                yield_now().await;
            };
            Using::new(&self.outer, body)
        });
        self.trial.droppable(scoped).await;
    }

    /// Acquires something, and takes its time for that.
    async fn hold(&self, scope: &Scope, room: &Room, what: u64) {
        let (trial, taken) = (self.trial.clone(), room.clone());
        let acquire = async move {
            yield_now().await;
            taken.books.acquired(what);
            taken.held.lock().0 += 1;
            // It is there, and whoever has it does not know yet.
            yield_now().await;
        };
        scope.acquire(acquire, self.releasing(room, what)).await;
        trial.fault_point();
    }

    fn releasing(&self, room: &Room, what: u64) -> Finalizer {
        let (house, room, probe) = (self.clone(), room.clone(), self.trial.probe());
        Arc::new(move || {
            house
                .clone()
                .release(room.clone(), what, probe.clone())
                .boxed()
        })
    }

    async fn release(self, room: Room, what: u64, _probe: Probe) {
        if room.held.lock().1 > 0 {
            self.wrong
                .say("a finalizer runs, and the body is still there");
        }
        yield_now().await;
        room.books.released(what);
        room.held.lock().0 -= 1;
        if what == 2 {
            // Whatever becomes of this scope, it is left before 1 is released.
            let inner = Scoped::new(&self.owed, |scope| {
                let (house, room) = (&self, &room);
                async move { house.hold(&scope, room, 5).await }
            });
            let inner: Pin<Box<dyn Future<Output = ()> + Send + '_>> = Box::pin(inner);
            self.trial.droppable(inner).await;
        }
        self.cx.sleep(Duration::from_micros(2)).await;
        self.trial.fault_point();
    }
}

/// A body that uses what its scope holds, as long as it is there.
struct Using<F> {
    room: Room,
    body: Pin<Box<F>>,
}

impl<F> Using<F> {
    fn new(room: &Room, body: F) -> Self {
        room.held.lock().1 += 1;
        Using {
            room: room.clone(),
            body: Box::pin(body),
        }
    }
}

impl<F: Future<Output = ()>> Future for Using<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        self.body.as_mut().poll(task)
    }
}

impl<F> Drop for Using<F> {
    fn drop(&mut self) {
        self.room.held.lock().1 -= 1;
    }
}
