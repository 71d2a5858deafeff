//! A channel between many: what was sent is received once, in its sender's order, whoever comes and goes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use effect::prelude::*;
use effect::simulation::{Case, Tickets, Trial};
use effect::yield_now;
use futures::FutureExt;
use parking_lot::Mutex;

const SENDERS: u64 = 3;
const ITEMS: u64 = 4;

/// An item: its ticket, whose it is, and its number there.
type Item = (u64, u64, u64);

/// What both sides share.
#[derive(Clone)]
struct Between {
    trial: Trial,
    channel: Channel<Item>,
    tickets: Tickets,
    /// The items of which the channel has said that they were sent.
    sent: Arc<Mutex<BTreeSet<u64>>>,
    /// How many items may be inside. At a rendezvous, one stays there if its receiver goes in just this moment.
    bound: usize,
    /// How many send, and how many receive.
    senders: Arc<AtomicUsize>,
    receivers: Arc<AtomicUsize>,
}

/// One of those who wait, as long as it is alive.
struct Waiting(Arc<AtomicUsize>);

impl Waiting {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Waiting(Arc::clone(count))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Between {
    /// When nobody can go on, nobody waits for what is there: a wake-up would have been lost.
    fn look_when_idle(&self) {
        let between = self.clone();
        self.trial.when_idle(move || {
            let (len, capacity) = (between.channel.len(), between.channel.capacity());
            let wait = |count: &AtomicUsize| count.load(Ordering::Relaxed) > 0;
            let (send, receive) = (wait(&between.senders), wait(&between.receivers));
            let expect = |holds, what| between.trial.expect(holds, what);
            expect(
                !receive || len == 0,
                "a receiver waits for an item that is there",
            );
            expect(
                !send || len >= capacity,
                "a sender waits for room that is there",
            );
            expect(
                !(send && receive),
                "a sender and a receiver wait for each other",
            );
        });
    }

    /// Sends some items, one by one or together.
    async fn send(self, cx: Cx<()>, me: u64) {
        let mut items: Vec<Item> = (0..ITEMS).map(|n| (self.tickets.issue(), me, n)).collect();
        let tickets = |items: &[Item]| items.iter().map(|item| item.0).collect::<Vec<_>>();
        if me == 0 {
            let all = tickets(&items);
            let waiting = Waiting::new(&self.senders);
            let ended = self.trial.droppable(self.channel.send_many(items)).await;
            drop(waiting);
            if let Some(Ok(())) = ended {
                self.sent.lock().extend(all);
            }
            return;
        }
        for item in items.drain(..) {
            let waiting = Waiting::new(&self.senders);
            let ended = self.trial.droppable(self.channel.send(item)).await;
            drop(waiting);
            match ended {
                Some(Ok(())) => self.sent.lock().insert(item.0),
                Some(Err(_)) | None => return,
            };
            if cx.random().is_multiple_of(2) {
                yield_now().await;
            }
        }
    }

    /// Receives many at once, or one by one, until the channel has ended.
    async fn receive(self, at_once: usize) {
        let mut latest = BTreeMap::new();
        loop {
            let waiting = Waiting::new(&self.receivers);
            let received = if at_once == 1 {
                let one = self.trial.droppable(self.channel.receive()).await;
                one.map(|received| received.map(|item| vec![item]))
            } else {
                self.trial
                    .droppable(self.channel.receive_many(at_once))
                    .await
            };
            drop(waiting);
            let Some(Ok(items)) = received else {
                return;
            };
            let inside = self.channel.len();
            self.trial.expect(
                inside <= self.bound,
                "more is inside than the channel has room for",
            );
            for (ticket, sender, n) in items {
                self.tickets.settle(ticket, "received");
                let before = latest.insert(sender, n);
                self.trial.expect(
                    before.is_none_or(|before| before < n),
                    "an item was overtaken",
                );
            }
        }
    }
}

/// Senders and receivers, who take so many at once each, around a channel of this capacity.
fn crowd(trial: &Trial, capacity: usize, at_once: &[usize]) -> Case<Never, ()> {
    let between = Between {
        trial: trial.clone(),
        channel: Channel::bounded(capacity),
        tickets: trial.tickets(),
        sent: Arc::default(),
        // One more for each receiver that was woken for it and has not come.
        bound: capacity + at_once.len(),
        senders: Arc::default(),
        receivers: Arc::default(),
    };
    between.look_when_idle();
    let (after, at_once) = (between.clone(), at_once.to_vec());
    let program = effect(async move |cx: Cx<()>| {
        let senders = (0..SENDERS).map(|me| {
            let between = between.clone();
            let sending = effect(move |cx| between.send(cx, me).map(Ok::<_, Never>));
            cx.fork_named("sender", sending)
        });
        let senders: Vec<_> = senders.collect();
        let receivers = at_once.into_iter().map(|at_once| {
            let receiving = between.clone().receive(at_once);
            cx.fork_named("receiver", receiving.map(Ok::<_, Never>).into_effect())
        });
        let receivers: Vec<_> = receivers.collect();
        // Senders may wait for receivers who have gone: then it is closed on them.
        cx.sleep(Duration::from_secs(1)).await;
        between.channel.close();
        for fiber in senders.into_iter().chain(receivers) {
            drop(cx.run(fiber.exit()).await);
        }
        Ok(())
    });
    Case::new(program).check(move |_| {
        after.channel.close();
        let mut left = 0;
        while let Some(Ok((ticket, ..))) = after.channel.receive().now_or_never() {
            after.tickets.settle(ticket, "left");
            left += 1;
        }
        assert!(left <= after.bound, "{left} items in the channel");
        let open = after.tickets.open();
        let lost: Vec<_> = open
            .iter()
            .filter(|ticket| after.sent.lock().contains(ticket))
            .collect();
        assert!(lost.is_empty(), "{lost:?} were sent, and never received");
    })
}

/// A queue, and one receiver who takes many.
pub(super) mod queue {
    use super::{Case, Never, Trial, crowd};

    pub(crate) fn case(trial: &Trial) -> Case<Never, ()> {
        crowd(trial, trial.capacity(2), &[3])
    }
}

/// A rendezvous, and two receivers.
pub(super) mod rendezvous {
    use super::{Case, Never, Trial, crowd};

    pub(crate) fn case(trial: &Trial) -> Case<Never, ()> {
        crowd(trial, 0, &[1, 2])
    }
}
