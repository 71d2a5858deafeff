//! Where each item of a run is, until its end.

use std::collections::VecDeque;
use std::mem;
use std::time::Instant;

use effect_core::Cx;

use super::partial::{Partial, RunStatus, Tally};
use super::watch::{Watch, Watched};

/// Where each item of a run is. Dropped before it has given that away, it leaves it with whoever watches.
pub(super) struct Ledger<'cx, R, A, E, B> {
    cx: &'cx Cx<R>,
    begun: Instant,
    pulled: u64,
    delivered: u64,
    in_hand: Option<A>,
    buffered: VecDeque<A>,
    // How and when the run ended. What is interrupted with it may still clean up.
    status: Option<RunStatus<E>>,
    ended: Option<Instant>,
    // `None` once the partial result was given away.
    value: Option<B>,
    watch: Option<Watched<A, E, B>>,
}

impl<'cx, R, A, E, B> Ledger<'cx, R, A, E, B> {
    pub(super) fn begin(cx: &'cx Cx<R>, value: B, watch: Option<Watch<A, E, B>>) -> Self {
        Ledger {
            cx,
            begun: cx.now(),
            pulled: 0,
            delivered: 0,
            in_hand: None,
            buffered: VecDeque::new(),
            status: None,
            ended: None,
            value: Some(value),
            watch: watch.map(Watch::begin),
        }
    }

    /// An item has come out of the stream, to be worked on at once.
    pub(super) fn pull(&mut self, item: A) {
        self.pulled += 1;
        self.in_hand = Some(item);
        self.tell();
    }

    /// An item has come out of the stream, to be worked on later.
    pub(super) fn pull_ahead(&mut self, item: A) {
        self.pulled += 1;
        self.buffered.push_back(item);
        self.tell();
    }

    pub(super) fn buffered(&self) -> usize {
        self.buffered.len()
    }

    /// Takes the next of the buffered items in hand, if there is one.
    pub(super) fn take_buffered(&mut self) -> bool {
        self.in_hand = self.buffered.pop_front();
        if self.in_hand.is_some() {
            self.tell();
        }
        self.in_hand.is_some()
    }

    pub(super) fn in_hand(&self) -> &A {
        self.in_hand.as_ref().expect("an item was taken in hand")
    }

    /// The item in hand is done with.
    pub(super) fn deliver(&mut self, keep: &mut impl FnMut(&mut B, A)) {
        let item = self.in_hand.take();
        self.delivered += 1;
        self.tell();
        if let (Some(item), Some(value)) = (item, &mut self.value) {
            keep(value, item);
        }
    }

    fn tell(&self) {
        if let Some(watch) = &self.watch {
            watch.see(Tally {
                pulled: self.pulled,
                delivered: self.delivered,
                in_hand: u64::from(self.in_hand.is_some()),
                buffered: self.buffered.len() as u64,
            });
        }
    }

    /// The run has ended.
    pub(super) fn close(&mut self, status: RunStatus<E>) {
        self.status = Some(status);
        self.ended = Some(self.cx.now());
    }

    /// Gives all that there is away.
    ///
    /// # Panics
    ///
    /// If it has done so before.
    pub(super) fn take_partial(&mut self) -> Partial<A, E, B> {
        let ended = self.ended.unwrap_or_else(|| self.cx.now());
        Partial {
            status: self.status.take().unwrap_or(RunStatus::Interrupted),
            value: self.value.take().expect("it is given away once"),
            pulled: self.pulled,
            delivered: self.delivered,
            in_hand: self.in_hand.take(),
            buffered: mem::take(&mut self.buffered).into(),
            elapsed: ended - self.begun,
        }
    }
}

impl<R, A, E, B> Drop for Ledger<'_, R, A, E, B> {
    fn drop(&mut self) {
        if self.value.is_some()
            && let Some(watch) = self.watch.take()
        {
            watch.leave(self.take_partial());
        }
    }
}
