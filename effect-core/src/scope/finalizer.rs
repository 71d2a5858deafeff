//! A finalizer in a scope: it is told when it begins who runs it, and how that ended which the scope was for.

use std::future::{Future, poll_fn};
use std::panic::Location;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;

use crate::fiber::FiberState;
use crate::frame::Frame;
use crate::local::Locals;
use crate::program;
use crate::{Cx, Env, Exit, FiberLocal, IntoEffect, Never, Report, Value};

/// How long a finalizer that is promised here may take until it is reported.
pub(crate) static BUDGET: FiberLocal<Option<Duration>> = FiberLocal::new(|| None);

/// A closing scope, as its finalizers see it.
pub(crate) struct Closer<'a> {
    /// Who runs the finalizers.
    pub(crate) fiber: &'a Arc<FiberState>,
    /// What holds for those who have no locals of their own.
    pub(crate) frame: Option<&'a Arc<Frame>>,
    pub(crate) exit: &'a Exit<(), ()>,
}

/// A finalizer that has not begun, or runs. It begins once, before its first poll.
pub(crate) trait Finalizing: Future<Output = ()> {
    fn begin(self: Pin<&mut Self>, closer: &Closer<'_>);
}

pin_project! {
    /// A finalizer in one box, before and after it begins.
    #[project = DeferredProj]
    enum Deferred<F, Fut> {
        NotBegun { f: Option<F> },
        Running { #[pin] future: Fut },
    }
}

impl<F, Fut> Finalizing for Deferred<F, Fut>
where
    F: FnOnce(&Closer<'_>) -> Fut + Send,
    Fut: Future<Output = ()> + Send,
{
    fn begin(mut self: Pin<&mut Self>, closer: &Closer<'_>) {
        if let DeferredProj::NotBegun { f } = self.as_mut().project() {
            let f = f.take().expect("it begins once");
            self.set(Deferred::Running { future: f(closer) });
        }
    }
}

impl<F, Fut: Future<Output = ()>> Future for Deferred<F, Fut> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        match self.project() {
            DeferredProj::NotBegun { .. } => unreachable!("it has begun before it is polled"),
            DeferredProj::Running { future } => future.poll(task),
        }
    }
}

/// Makes a finalizer of a function from the exit of a scope to an effect. It sees the environment and the locals of here.
pub(crate) fn finalizer<R, J, F>(
    cx: &Cx<R>,
    place: &'static Location<'static>,
    f: F,
) -> Pin<Box<dyn Finalizing + Send>>
where
    R: Env,
    J: IntoEffect<R, Error = Never>,
    F: FnOnce(Exit<(), ()>) -> J + Value,
{
    let env = cx.share_env();
    let locals = cx.locals().filter(|locals| !locals.is_empty()).cloned();
    let begin = move |closer: &Closer<'_>| {
        let cx = context(env, closer, locals);
        let exit = closer.exit.clone();
        async move {
            // Called only now: it may panic, as the effect may.
            let body = async {
                let program = f(exit).into_effect().program;
                let _ = program::run(program, &cx).await;
            };
            match cx.local(&BUDGET) {
                None => body.await,
                Some(budget) => in_time(&cx, budget, place, body).await,
            }
        }
    };
    Box::pin(Deferred::NotBegun { f: Some(begin) })
}

/// The context of a finalizer: what it acquires is of the scope that closes, and no mask around it means it.
fn context<R>(env: Arc<R>, closer: &Closer<'_>, locals: Option<Locals>) -> Cx<R> {
    let cx = Cx::new(env, Arc::clone(closer.fiber));
    match (locals, closer.frame) {
        (None, None) => cx,
        (None, Some(frame)) => cx.in_frame(Arc::clone(frame)),
        (Some(locals), frame) => cx.with_frame(Frame {
            locals,
            scope: frame.and_then(|frame| frame.scope.clone()),
            ..Frame::default()
        }),
    }
}

/// Runs a finalizer, and reports it if it takes longer than it may.
async fn in_time<R: Env>(
    cx: &Cx<R>,
    budget: Duration,
    place: &'static Location<'static>,
    body: impl Future<Output = ()> + Send,
) {
    let mut body = pin!(body);
    // Boxed, because it is seldom there. Gone once it is late.
    let mut limit = Some(Box::pin(cx.sleep(budget)));
    poll_fn(|task| {
        if body.as_mut().poll(task).is_ready() {
            return Poll::Ready(());
        }
        if let Some(timer) = &mut limit
            && timer.as_mut().poll(task).is_ready()
        {
            limit = None;
            cx.runtime().report(&Report::LateFinalizer {
                fiber: cx.fiber_id(),
                place,
                budget,
            });
        }
        Poll::Pending
    })
    .await;
}
