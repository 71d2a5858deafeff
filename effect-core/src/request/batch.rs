//! A batch: the requests that are collected for one call, the fiber that makes it, and those who wait for it.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::panic::Location;
use std::pin::pin;
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{Either, select};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{Answers, Call, OpenBatches, Request};
use crate::effect::creating::effect;
use crate::fiber::FiberState;
use crate::shared_run::{SharedRun, User};
use crate::{Cause, Cx, Defect, Env, Exit, Runtime, WaitsFor, yield_now};

/// How long a batch waits at most for the fiber that has begun it to let others run. It may never come back to it:
/// somebody's `select!` may have stopped polling the request.
const PATIENCE: Duration = Duration::from_millis(1);

/// How many turns a batch waits at most for those who ask still more.
const MOST_TURNS: u32 = 32;

/// The requests that are collected for one call, and that call.
pub(super) struct Batch<Q: Request> {
    call: Arc<SharedRun<Answers<Q>>>,
    asked: Mutex<Requests<Q>>,
    /// Tells whoever collects of what it may wait for.
    changed: Notify,
}

struct Requests<Q> {
    is_open: bool,
    /// Whether the fiber of whoever asked first has asked all that it does in one turn.
    first_has_yielded: bool,
    /// How often anybody has asked.
    times: u64,
    /// Each with how many have made it, in the order in which they came.
    in_order: BTreeMap<u64, (Q, usize)>,
    /// Their places in that order. Only looked at by request.
    places: HashMap<Q, u64>,
}

impl<Q: Request> Batch<Q> {
    /// A new batch, which is to be started, and its first request.
    pub(super) fn begin(fiber: &Arc<FiberState>, request: &Q) -> Asked<Q> {
        let (call, user) = SharedRun::new(fiber);
        let mut requests = Requests {
            is_open: true,
            first_has_yielded: false,
            times: 0,
            in_order: BTreeMap::new(),
            places: HashMap::new(),
        };
        requests.ask(request);
        let batch = Batch {
            call,
            asked: Mutex::new(requests),
            changed: Notify::new(),
        };
        Asked {
            batch: Arc::new(batch),
            request: request.clone(),
            is_first: true,
            user,
        }
    }

    /// Makes a request that others have made in this batch, even if the call has begun.
    pub(super) fn join_others(
        this: &Arc<Self>,
        fiber: &Arc<FiberState>,
        request: &Q,
    ) -> Option<Asked<Q>> {
        let mut requests = this.asked.lock();
        let is_there = requests.places.contains_key(request);
        is_there.then(|| Batch::enter(this, &mut requests, fiber, request))?
    }

    /// Makes a request in this batch, if that is open.
    pub(super) fn join_open(
        this: &Arc<Self>,
        fiber: &Arc<FiberState>,
        request: &Q,
    ) -> Option<Asked<Q>> {
        let mut requests = this.asked.lock();
        let is_open = requests.is_open;
        is_open.then(|| Batch::enter(this, &mut requests, fiber, request))?
    }

    fn enter(
        this: &Arc<Self>,
        requests: &mut Requests<Q>,
        fiber: &Arc<FiberState>,
        request: &Q,
    ) -> Option<Asked<Q>> {
        let user = this.call.enter(fiber)?;
        if requests.is_open {
            requests.ask(request);
        }
        Some(Asked {
            batch: Arc::clone(this),
            request: request.clone(),
            is_first: false,
            user,
        })
    }

    pub(super) fn is_full(&self, most: usize) -> bool {
        self.asked.lock().in_order.len() >= most
    }

    /// Lets nobody ask any more.
    pub(super) fn close(&self) {
        self.asked.lock().is_open = false;
        self.changed.notify_one();
    }

    /// Starts the fiber that collects the requests, makes the call, and says what it has answered.
    pub(super) fn start<R: Env>(
        self: &Arc<Self>,
        cx: &Cx<R>,
        place: &'static Location<'static>,
        listed: Listed<R, Q>,
        call: Arc<Call<R, Q>>,
        delay: Option<Duration>,
    ) {
        let batch = Arc::clone(self);
        let program = effect(async move |cx: Cx<R>| {
            match delay {
                Some(delay) => batch.until(cx.sleep(delay), |_| false).await,
                None => {
                    batch
                        .until(cx.sleep(PATIENCE), |asked| asked.first_has_yielded)
                        .await;
                    batch.quiet().await;
                }
            }
            drop(listed);
            batch.close();
            let asked = batch.take();
            drop(batch);
            let answers = call(cx.clone(), asked);
            cx.run(answers).await
        });
        Arc::clone(&self.call).start(&cx.bare(), place, program.program, |exit| exit);
    }

    /// Waits until something is so, the batch is closed, or the time is up.
    async fn until(&self, time: impl Future<Output = ()>, is_so: impl Fn(&Requests<Q>) -> bool) {
        let mut time = pin!(time);
        loop {
            {
                let requests = self.asked.lock();
                if !requests.is_open || is_so(&requests) {
                    return;
                }
            }
            let changed = pin!(self.changed.notified());
            if let Either::Right(_) = select(changed, time.as_mut()).await {
                return;
            }
        }
    }

    /// Waits until a turn has passed in which nobody has asked, or the batch is closed.
    async fn quiet(&self) {
        for _ in 0..MOST_TURNS {
            let before = self.asked.lock().times;
            yield_now().await;
            let requests = self.asked.lock();
            if requests.times == before || !requests.is_open {
                return;
            }
        }
    }

    fn first_has_yielded(&self) {
        self.asked.lock().first_has_yielded = true;
        self.changed.notify_one();
    }

    /// Takes the requests to be resolved.
    fn take(&self) -> Vec<Q> {
        let in_order = std::mem::take(&mut self.asked.lock().in_order);
        in_order.into_values().map(|(request, _)| request).collect()
    }

    /// What the answer to a request is, if there are answers.
    pub(super) fn answer(
        &self,
        request: &Q,
        place: &Location<'static>,
    ) -> Option<Exit<Q::Error, Q::Value>> {
        self.call.look(|answers| find(answers, request, place))
    }
}

fn find<Q: Request>(
    answers: &Answers<Q>,
    request: &Q,
    place: &Location<'static>,
) -> Exit<Q::Error, Q::Value> {
    match answers {
        Exit::Success(answers) => match answers.get(request) {
            Some(answer) => Exit::from(answer.clone()),
            None => {
                let what = format!("the resolver has no answer to {request:?}");
                Exit::Failure(Cause::die(Defect::at(place, what)))
            }
        },
        Exit::Failure(cause) => Exit::Failure(cause.clone()),
    }
}

impl<Q: Request> Requests<Q> {
    fn ask(&mut self, request: &Q) {
        self.times += 1;
        let place = *self.places.entry(request.clone()).or_insert(self.times);
        let (_, count) = self
            .in_order
            .entry(place)
            .or_insert_with(|| (request.clone(), 0));
        *count += 1;
    }

    /// Takes a request back, if it has not been put to the resolver.
    fn take_back(&mut self, request: &Q) {
        if !self.is_open {
            return;
        }
        let Some(place) = self.places.get(request) else {
            return;
        };
        let Some((_, count)) = self.in_order.get_mut(place) else {
            return;
        };
        *count -= 1;
        if *count == 0 {
            self.in_order.remove(place);
            self.places.remove(request);
        }
    }
}

/// One who has made a request and waits for the answer, until it is dropped.
// The request is taken back first, and then the batch is left.
pub(super) struct Asked<Q: Request> {
    batch: Arc<Batch<Q>>,
    request: Q,
    is_first: bool,
    user: User<Answers<Q>>,
}

impl<Q: Request> Asked<Q> {
    pub(super) fn batch(&self) -> &Arc<Batch<Q>> {
        &self.batch
    }

    /// Whether the batch was begun with this one.
    pub(super) fn is_first(&self) -> bool {
        self.is_first
    }

    /// Tells the batch that whoever has begun it has let others run.
    pub(super) fn has_yielded(&self) {
        self.batch.first_has_yielded();
    }

    pub(super) async fn wait(
        &self,
        waits_for: WaitsFor,
        place: &'static Location<'static>,
    ) -> Exit<Q::Error, Q::Value> {
        let answer = |answers: &Answers<Q>| find(answers, &self.request, place);
        self.user.hear(waits_for, answer).await
    }
}

impl<Q: Request> Drop for Asked<Q> {
    fn drop(&mut self) {
        self.batch.asked.lock().take_back(&self.request);
        if self.is_first {
            self.batch.first_has_yielded();
        }
    }
}

/// A batch that is being collected, and where: those who have another environment, or run elsewhere, have their own.
pub(super) struct Open<R, Q: Request> {
    env: Arc<R>,
    runtime: Arc<dyn Runtime>,
    batch: Arc<Batch<Q>>,
}

impl<R: Env, Q: Request> Open<R, Q> {
    pub(super) fn new(cx: &Cx<R>, batch: &Arc<Batch<Q>>) -> Self {
        Open {
            env: cx.share_env(),
            runtime: Arc::clone(cx.runtime()),
            batch: Arc::clone(batch),
        }
    }

    pub(super) fn batch(&self) -> &Arc<Batch<Q>> {
        &self.batch
    }

    pub(super) fn is_of(&self, cx: &Cx<R>) -> bool {
        // Environments of no size are all the same.
        let same_env = size_of::<R>() == 0 || ptr::eq(&*self.env, cx.env());
        same_env && ptr::addr_eq(Arc::as_ptr(&self.runtime), Arc::as_ptr(cx.runtime()))
    }
}

/// Keeps a batch on the list of open ones; dropped, it takes it off.
pub(super) struct Listed<R, Q: Request> {
    open: OpenBatches<R, Q>,
    batch: Arc<Batch<Q>>,
}

impl<R, Q: Request> Listed<R, Q> {
    pub(super) fn new(open: OpenBatches<R, Q>, batch: &Arc<Batch<Q>>) -> Self {
        Listed {
            open,
            batch: Arc::clone(batch),
        }
    }
}

impl<R, Q: Request> Drop for Listed<R, Q> {
    fn drop(&mut self) {
        // Dropped when the lock is free: an environment may go with it.
        let _closed = {
            let mut open = self.open.lock();
            let at = open
                .iter()
                .position(|open| Arc::ptr_eq(&open.batch, &self.batch));
            at.map(|at| open.remove(at))
        };
    }
}
