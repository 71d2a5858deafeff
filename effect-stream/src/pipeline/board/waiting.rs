//! Who waits at the board, and who is woken: runners that have nothing to do, and those who wait for room.

use std::task::{Poll, Waker};

use super::{Ask, State, Wakers};

impl State {
    /// The next runner that rests, for what this one would take if it had not its share already. The next in a ring: so all
    /// are asked until one takes it.
    pub(in crate::pipeline) fn pass_on(
        &mut self,
        at: usize,
        next: usize,
        ask: Ask,
        runner: usize,
    ) -> Option<Waker> {
        let (free, _) = self.free(at, next, ask.outside);
        if free == 0 || ask.ready == 0 || ask.pending < self.share(at) {
            return None;
        }
        let (before, after) = self.resting.split_at_mut(runner);
        after.iter_mut().chain(before).find_map(Option::take)
    }

    /// Who should be woken, besides the runner that asks, for what is left in a stage's queue.
    pub(in crate::pipeline) fn help_wanted(&mut self, at: usize) -> Option<Waker> {
        let stage = &self.stages[at];
        if stage.queued == 0 || stage.running >= stage.workers {
            return None;
        }
        let worth = stage.service().is_none() || stage.lasts(stage.queued, self.worth_a_wake());
        if worth { self.wake_one() } else { None }
    }

    /// Wakes a runner if none is at work: for those who are no runners and have put something in a queue.
    pub(in crate::pipeline) fn somebody(&mut self, at: usize) -> Option<Waker> {
        if self.resting.iter().all(Option::is_some) {
            self.wake_one()
        } else {
            self.help_wanted(at)
        }
    }

    pub(super) fn wake_one(&mut self) -> Option<Waker> {
        self.resting.iter_mut().find_map(Option::take)
    }

    /// All who wait for something.
    pub(super) fn everybody(&mut self) -> Wakers {
        self.version += 1;
        let mut wakers: Wakers = self.resting.iter_mut().filter_map(Option::take).collect();
        for stage in &mut self.stages {
            wakers.extend(stage.feeders.drain(..));
            wakers.extend(stage.source.take());
        }
        wakers
    }

    /// All who wait, if the run is finished: they have to know.
    pub(in crate::pipeline) fn last_word(&mut self) -> Wakers {
        if self.is_finished() {
            self.everybody()
        } else {
            Wakers::new()
        }
    }

    /// A runner more.
    pub(in crate::pipeline) fn enlist(&mut self) -> usize {
        self.resting.push(None);
        self.resting.len() - 1
    }

    /// A runner has found nothing to do since the board had this version. False if there may be something now.
    pub(in crate::pipeline) fn rest(&mut self, runner: usize, version: u64, waker: &Waker) -> bool {
        if self.version != version {
            return false;
        }
        self.resting[runner] = Some(waker.clone());
        true
    }

    /// A runner is at work.
    pub(in crate::pipeline) fn rise(&mut self, runner: usize) {
        self.resting[runner] = None;
    }

    /// Whether [`reserve`](Self::reserve) would find a place. If not, the waker is woken when it may.
    pub(in crate::pipeline) fn has_place(
        &mut self,
        at: usize,
        outside: usize,
        waker: &Waker,
    ) -> bool {
        if self.stages[at].inside() <= self.stages[at].buffer + outside {
            return true;
        }
        self.wait_for_room(at, waker);
        false
    }

    /// How much room a source finds before a stage, once there is any.
    pub(in crate::pipeline) fn poll_room(&mut self, at: usize, waker: &Waker) -> Poll<usize> {
        // Where there is no buffer, the source holds an item until a worker takes it.
        let hand = usize::from(self.stages[at].buffer == 0);
        match self.room(at, hand) {
            room if room > 0 && !self.is_paused() => Poll::Ready(room),
            _ => {
                self.wait_for_room(at, waker);
                Poll::Pending
            }
        }
    }

    /// Whom to wake when a source is to stop.
    pub(in crate::pipeline) fn listen(&mut self, at: usize, waker: &Waker) {
        match &self.stages[at].source {
            Some(known) if known.will_wake(waker) => {}
            _ => self.stages[at].source = Some(waker.clone()),
        }
    }

    /// Whom to wake when there is room before a stage.
    pub(super) fn wait_for_room(&mut self, at: usize, waker: &Waker) {
        let feeders = &mut self.stages[at].feeders;
        if !feeders.iter().any(|known| known.will_wake(waker)) {
            feeders.push(waker.clone());
        }
    }

    /// Those who wait for room before a stage, if there is enough to be worth a wake: half of it, so that a source comes
    /// once for many items.
    pub(in crate::pipeline) fn feeders(&mut self, at: usize, wakers: &mut Wakers) {
        let stage = &mut self.stages[at];
        if !stage.feeders.is_empty() && stage.inside() <= stage.buffer / 2 {
            wakers.extend(stage.feeders.drain(..));
        }
    }
}
