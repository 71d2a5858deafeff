//! Bodies that take too long, just long enough, for ever, and no time at all.

use std::future::{Future, pending};
use std::sync::Arc;
use std::time::Duration;

use effect::prelude::{Cx, Effect, Never, effect};
use effect::simulation::{Case, Finalizers, Trial};
use effect::yield_now;
use futures::future::FutureExt;
use parking_lot::Mutex;

use super::super::scope::{Finalizer, Owed, Scoped, drive};
use super::{Bug, Limited, TimedOut, timeout};

/// A limit, and how many steps of how many milliseconds its body has; none if it never ends.
const LIMITS: [(Duration, Option<u64>, u64); 4] = [
    (Duration::from_millis(5), Some(20), 1),
    (Duration::from_millis(5), Some(2), 2),
    (Duration::from_millis(5), None, 0),
    (Duration::from_secs(3600), Some(1), 1),
];

pub(in crate::planted) fn limits(trial: &Trial, bug: Option<Bug>) -> Case<Never, ()> {
    let wrong = Wrong::default();
    let last = Arc::clone(&wrong);
    let trial = trial.clone();
    let program = effect(async move |cx: Cx<()>| {
        let fibers = LIMITS.map(|limit| {
            let limited = limited(&trial, bug, &wrong, limit);
            cx.fork_named("limited", limited)
        });
        for fiber in fibers {
            let _ = cx.run(fiber.exit()).await;
        }
        Ok(())
    });
    Case::new(program).check(move |_| {
        if let Some(wrong) = *last.lock() {
            panic!("{wrong}");
        }
    })
}

/// What was seen to be wrong first.
type Wrong = Arc<Mutex<Option<&'static str>>>;

fn limited(
    trial: &Trial,
    bug: Option<Bug>,
    wrong: &Wrong,
    (limit, steps, millis): (Duration, Option<u64>, u64),
) -> Effect<(), Never, ()> {
    let (trial, wrong) = (trial.clone(), Arc::clone(wrong));
    effect(async move |cx: Cx<()>| {
        let owed = Owed::new(None);
        let seen = Arc::new(Mutex::new(Seen::default()));
        let body = work(&cx, &trial, &owed, &seen, (steps, millis));
        let limited = Limited::new(&cx, bug, limit, body);
        let say = |what| {
            wrong.lock().get_or_insert(what);
        };
        let watched = async {
            yield_now().await;
            let begin = cx.now();
            let ended = timeout(&owed, limited).await;
            let took = cx.now() - begin;
            let seen = seen.lock();
            match ended {
                Ok(()) if steps == Some(20) => say("it went on when its time was up"),
                Err(TimedOut) if took < limit => say("its time was not up yet"),
                Err(TimedOut) if seen.done => say("it was done, and that is lost"),
                _ if seen.held => say("it has ended, and holds something"),
                _ => {}
            }
        };
        drive(&cx, &owed, watched).await;
        Ok(())
    })
    .erase_once()
}

#[derive(Default)]
struct Seen {
    held: bool,
    done: bool,
}

/// Holds something while it works.
fn work<'a>(
    cx: &'a Cx<()>,
    trial: &'a Trial,
    owed: &'a Owed,
    seen: &'a Arc<Mutex<Seen>>,
    (steps, millis): (Option<u64>, u64),
) -> impl Future<Output = ()> + Send + 'a {
    let books = trial.finalizers();
    let scoped = Scoped::new(owed, move |scope| async move {
        let release = releasing(&books, seen);
        let acquired = Arc::clone(seen);
        let acquire = async move {
            yield_now().await;
            books.acquired(1);
            acquired.lock().held = true;
        };
        scope.acquire(acquire, release).await;
        let Some(steps) = steps else {
            pending::<()>().await;
            return;
        };
        for _ in 0..steps {
            cx.sleep(Duration::from_millis(millis)).await;
            trial.fault_point();
        }
    });
    async move {
        scoped.await;
        // Not before: the time that finalizers take counts as well.
        seen.lock().done = true;
    }
}

fn releasing(books: &Finalizers, seen: &Arc<Mutex<Seen>>) -> Finalizer {
    let (books, seen) = (books.clone(), Arc::clone(seen));
    Arc::new(move || {
        let (books, seen) = (books.clone(), Arc::clone(&seen));
        async move {
            yield_now().await;
            books.released(1);
            seen.lock().held = false;
        }
        .boxed()
    })
}
