//! Producers and consumers around a channel, who give up now and then, and what they may rely on.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use effect::prelude::*;
use effect::simulation::{Case, Tickets, Trial};
use parking_lot::Mutex;

use super::{Bug, Channel};

/// A buffer of two, two consumers: what each of them has to do when the other gives up.
pub(in crate::planted) fn wide(trial: &Trial, bug: Option<Bug>) -> Case<Never, ()> {
    case(trial, 2, 2, bug, Closer::None)
}

/// The same, closed half-way.
///
/// Apart, because whoever is woken by the close is not missed any more, however long nobody had woken him.
pub(in crate::planted) fn closing(trial: &Trial, bug: Option<Bug>) -> Case<Never, ()> {
    case(trial, 2, 2, bug, Closer::Early)
}

/// A buffer of one, one consumer: items come out in the order in which their senders came.
pub(in crate::planted) fn narrow(trial: &Trial, bug: Option<Bug>) -> Case<Never, ()> {
    case(trial, 1, 1, bug, Closer::None)
}

/// No buffer at all: a send ends when a receiver waits.
pub(in crate::planted) fn rendezvous(trial: &Trial, bug: Option<Bug>) -> Case<Never, ()> {
    case(trial, 0, 1, bug, Closer::None)
}

const PRODUCERS: usize = 3;
const ITEMS_EACH: usize = 3;

/// Whether somebody closes the channel while it is used.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Closer {
    None,
    Early,
}

fn case(
    trial: &Trial,
    capacity: usize,
    consumers: usize,
    bug: Option<Bug>,
    closer: Closer,
) -> Case<Never, ()> {
    let capacity = match capacity {
        0 => 0,
        usual => trial.capacity(usual),
    };
    let channel = Channel::bounded(capacity, bug);
    let log = Log::new(trial.tickets(), capacity);
    let left = (channel.clone(), log.clone());
    let trial = trial.clone();
    let program = effect(async move |cx: Cx<()>| {
        let last = Arc::new(Leaving(channel.clone(), None));
        let mut fibers: Vec<_> = (0..PRODUCERS)
            .map(|number| produce(number, &trial, &channel, &log, &last))
            .map(|producer| cx.fork_named("producer", producer))
            .collect();
        drop(last);
        // Producers may not wait for consumers who have gone.
        let last = Arc::new(Leaving(channel.clone(), Some(log.clone())));
        fibers.extend(
            (0..consumers)
                .map(|_| consume(consumers > 1, &trial, &channel, &log, &last))
                .map(|consumer| cx.fork_named("consumer", consumer)),
        );
        drop(last);
        if closer == Closer::Early {
            let millis = cx.random() % 8;
            fibers.push(cx.fork_named("closer", close_after(&channel, millis)));
        }
        for fiber in fibers {
            let _ = cx.run(fiber.exit()).await;
        }
        Ok(())
    });
    let in_turn = consumers == 1 && capacity <= 1;
    Case::new(program).check(move |_| {
        let (channel, log) = left;
        log.check(channel.drain(), in_turn);
    })
}

fn produce(
    number: usize,
    trial: &Trial,
    channel: &Channel<u64>,
    log: &Log,
    last: &Arc<Leaving>,
) -> Effect<(), Never, ()> {
    let (trial, channel, log, last) = (
        trial.clone(),
        channel.clone(),
        log.clone(),
        Arc::clone(last),
    );
    effect(async move |_: Cx<()>| {
        for _ in 0..ITEMS_EACH {
            let item = log.tickets.issue();
            let (arriving, send) = (log.clone(), channel.send(item));
            let send = async move {
                arriving.books.lock().arrived.push((number, item));
                send.await
            };
            match nosy(&channel, &log, trial.droppable(send)).await {
                Some(Ok(())) => log.sent(item),
                Some(Err(_)) => log.tickets.settle(item, "refused"),
                None => log.tickets.settle(item, "given up"),
            }
            trial.fault_point();
        }
        // The close wakes everybody, so whom nobody has woken before is missed only if it does not come before.
        poll_fn(|task| log.poll_all_received(task)).await;
        drop(last);
        Ok(())
    })
    .erase_once()
}

fn consume(
    several: bool,
    trial: &Trial,
    channel: &Channel<u64>,
    log: &Log,
    last: &Arc<Leaving>,
) -> Effect<(), Never, ()> {
    let (trial, channel, log, last) = (
        trial.clone(),
        channel.clone(),
        log.clone(),
        Arc::clone(last),
    );
    effect(async move |cx: Cx<()>| {
        loop {
            let receive = trial.droppable(channel.receive());
            let received = {
                let _calling = Calling::new(&log);
                nosy(&channel, &log, receive).await
            };
            match received {
                Some(Ok(item)) => log.received(item),
                Some(Err(_)) => break,
                // One of several leaves for good, so that the others are on their own.
                None if several => break,
                None => {}
            }
            trial.fault_point();
            cx.sleep(Duration::from_millis(cx.random() % 2)).await;
        }
        drop(last);
        Ok(())
    })
    .erase_once()
}

fn close_after(channel: &Channel<u64>, millis: u64) -> Effect<(), Never, ()> {
    let channel = channel.clone();
    effect(async move |cx: Cx<()>| {
        cx.sleep(Duration::from_millis(millis)).await;
        channel.close();
        Ok(())
    })
    .erase_once()
}

/// The last of those who share it closes the channel, however it ends. If these are the consumers, nothing will be
/// received from then on.
struct Leaving(Channel<u64>, Option<Log>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.close();
        if let Some(log) = &self.1 {
            log.end();
        }
    }
}

/// Polls a future with wakers that look at the channel when they are woken, as another executor's may.
async fn nosy<F: Future>(channel: &Channel<u64>, log: &Log, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|task| {
        let nosy = Arc::new(Nosy {
            waker: task.waker().clone(),
            channel: channel.clone(),
            log: log.clone(),
        });
        let waker = Waker::from(nosy);
        future.as_mut().poll(&mut Context::from_waker(&waker))
    })
    .await
}

struct Nosy {
    waker: Waker,
    channel: Channel<u64>,
    log: Log,
}

impl Wake for Nosy {
    fn wake(self: Arc<Self>) {
        if self.channel.is_locked() {
            self.log.wrong("somebody is woken under the lock".into());
        }
        self.waker.wake_by_ref();
    }
}

/// What producers and consumers have seen.
#[derive(Clone)]
struct Log {
    tickets: Tickets,
    capacity: usize,
    books: Arc<Mutex<Books>>,
}

#[derive(Default)]
struct Books {
    /// By which producer, and what, in the order in which the sends began.
    arrived: Vec<(usize, u64)>,
    sent: Vec<u64>,
    received: Vec<u64>,
    /// How many receivers call.
    calling: usize,
    /// Nobody will receive any more.
    ended: bool,
    /// Who waits until all is received that was sent.
    waiting: Vec<Waker>,
    wrong: Option<String>,
}

impl Log {
    fn new(tickets: Tickets, capacity: usize) -> Self {
        Log {
            tickets,
            capacity,
            books: Arc::default(),
        }
    }

    fn sent(&self, item: u64) {
        let (inside, places) = {
            let mut books = self.books.lock();
            books.sent.push(item);
            let waiting = if self.capacity == 0 { books.calling } else { 0 };
            let inside = books.sent.len() - books.received.len().min(books.sent.len());
            (inside, self.capacity + waiting)
        };
        if inside > places {
            self.wrong(format!(
                "{inside} are inside, and there is room for {places}"
            ));
        }
    }

    fn received(&self, item: u64) {
        self.tickets.settle(item, "received");
        self.books.lock().received.push(item);
        self.tell();
    }

    fn end(&self) {
        self.books.lock().ended = true;
        self.tell();
    }

    fn tell(&self) {
        let waiting = std::mem::take(&mut self.books.lock().waiting);
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Ready when all is received that was sent, or nothing will be any more.
    fn poll_all_received(&self, task: &Context<'_>) -> Poll<()> {
        let mut books = self.books.lock();
        if books.ended || books.received.len() >= books.sent.len() {
            return Poll::Ready(());
        }
        books.waiting.push(task.waker().clone());
        Poll::Pending
    }

    fn wrong(&self, what: String) {
        self.books.lock().wrong.get_or_insert(what);
    }

    /// What has to hold when everybody has left; `left` is still in the channel.
    fn check(&self, left: Vec<u64>, in_turn: bool) {
        let books = self.books.lock();
        if let Some(wrong) = &books.wrong {
            panic!("{wrong}");
        }
        let out: Vec<u64> = books.received.iter().copied().chain(left).collect();
        for item in &books.sent {
            assert!(out.contains(item), "item {item} was sent, and is lost");
        }
        for item in &out {
            assert!(books.sent.contains(item), "item {item} was never sent");
        }
        let arrived = books.arrived.iter();
        let came = arrived.filter(|(_, item)| out.contains(item));
        if in_turn {
            let came: Vec<u64> = came.map(|(_, item)| *item).collect();
            assert!(out == came, "{came:?} came out as {out:?}");
            return;
        }
        for producer in 0..PRODUCERS {
            let came = came.clone().filter(|(number, _)| *number == producer);
            let came: Vec<u64> = came.map(|(_, item)| *item).collect();
            let his = out.iter().copied().filter(|item| came.contains(item));
            let his: Vec<u64> = his.collect();
            assert!(his == came, "{came:?} of one producer came out as {his:?}");
        }
    }
}

/// A receiver calls as long as this is alive.
struct Calling(Log);

impl Calling {
    fn new(log: &Log) -> Self {
        log.books.lock().calling += 1;
        Calling(log.clone())
    }
}

impl Drop for Calling {
    fn drop(&mut self) {
        self.0.books.lock().calling -= 1;
    }
}
