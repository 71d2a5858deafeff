//! A runner: it can work at every stage, and does wherever there is something to do, the last stages first.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use effect_core::sync::WaitingSender;
use effect_core::{Cx, Env, Value};

use super::board::Board;
use super::desk::{Desk, Routes};
use super::line::{Root, Round, Stand};
use super::origin::Origin;

/// How many items may begin in one poll before others have a turn. What a stage does with one may take a millisecond.
const ITEMS_PER_POLL: usize = 512;

/// And how long it may take, about: a batch of each stage more at most. Whom a runner wakes may have to wait for the end of its poll.
const LONGEST_POLL: Duration = Duration::from_micros(100);

/// What all runners of a run share.
pub(super) struct Crew<R, E, O> {
    pub(super) board: Arc<Board>,
    pub(super) routes: Arc<Routes<E, O>>,
    pub(super) roots: Vec<Arc<dyn Root<R, E, O>>>,
}

impl<R: Env, E: Value, O: Origin> Crew<R, E, O> {
    /// Works until everything that will ever come has found its end.
    pub(super) async fn run(&self, cx: &Cx<R>) {
        let board = &self.board;
        let me = board.lock().enlist();
        let mut desk = Desk::new(Arc::clone(&self.routes), board);
        let mut sender: Option<WaitingSender<'_, _>> = None;
        let mut stands: Vec<Box<dyn Stand<E, O> + Send + '_>> =
            self.roots.iter().map(|root| root.stand(cx)).collect();
        poll_fn(|task| {
            board.lock().rise(me);
            let mut round = Round {
                now: cx.now(),
                task,
                desk: &mut desk,
                runner: me,
                budget: ITEMS_PER_POLL,
                gives_way: false,
            };
            let begun = round.now;
            for stand in &mut stands {
                stand.go_on(&mut round);
            }
            loop {
                let version = {
                    let board = board.lock();
                    if board.is_finished() {
                        return Poll::Ready(());
                    }
                    board.version()
                };
                let mut progress = round.desk.flush();
                for stand in &mut stands {
                    progress |= stand.turn(&mut round);
                }
                if round.desk.routes.is_halted() {
                    // Whoever hears of it interrupts this.
                    return Poll::Pending;
                }
                let took = round.now.saturating_duration_since(begun);
                let is_over = round.budget == 0 || (progress && took >= LONGEST_POLL);
                if is_over || round.gives_way {
                    round.task.waker().wake_by_ref();
                    return Poll::Pending;
                }
                if progress {
                    continue;
                }
                let errors = self.routes.errors.as_ref();
                let mut ready = round.desk.leave_word(round.task, &mut sender, errors);
                for stand in &mut stands {
                    ready |= stand.leave_word(&mut round);
                }
                if !ready && board.lock().rest(me, version, round.task.waker()) {
                    return Poll::Pending;
                }
            }
        })
        .await;
    }
}
