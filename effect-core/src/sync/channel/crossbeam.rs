//! From crossbeam's channels into ours, and back. The other end blocks, so each has a thread for as long as it runs.

use std::collections::VecDeque;
use std::future::{Future, pending, poll_fn};
use std::pin::pin;

use crossbeam_channel::{Receiver, SendError, Sender, bounded, select};
use futures::StreamExt;
use futures::channel::mpsc::{UnboundedSender, unbounded};
use futures::future::{self, Either};

use super::{Channel, ChannelClosed, Permit, TrySendError};
use crate::sync::ring::Closing;
use crate::{Cx, Effect, Env, Never, Value, blocking_cancelable, effect};

/// How many items a thread is handed at once.
const AT_ONCE: usize = 32;

/// # Other crates
impl<T: Value> Channel<T> {
    /// Sends what comes from a channel of crossbeam, until all of its senders are gone. The channel stays open.
    ///
    /// It has a thread that may block, for as long as it runs.
    ///
    /// # Errors
    ///
    /// [`ChannelClosed`], as soon as the channel is closed.
    ///
    /// # Cancel safety
    ///
    /// It has room before it takes an item. Interrupted, it waits for its thread, which stops at once: what was not moved is in
    /// crossbeam's channel.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Channel;
    ///
    /// # #[tokio::main]
    /// # async fn main() {
    /// let (sender, receiver) = crossbeam_channel::bounded(1);
    /// let channel = Channel::bounded(8);
    /// let thread = std::thread::spawn(move || (0..3).try_for_each(|n| sender.send(n)));
    /// channel.fill_from_crossbeam::<()>(receiver).await.unwrap();
    /// assert_eq!(channel.receive_many(8).await, Ok(vec![0, 1, 2]));
    /// thread.join().unwrap().unwrap();
    /// # }
    /// ```
    pub fn fill_from_crossbeam<R: Env>(
        &self,
        receiver: Receiver<T>,
    ) -> Effect<R, ChannelClosed, ()> {
        let channel = self.clone();
        let fill = effect(async move |cx: Cx<R>| {
            let (stop, stopped) = bounded(0);
            let (ask, mut asked) = unbounded();
            let (give, given) = bounded(1);
            let thread = Filling {
                channel: channel.clone(),
                receiver,
                stopped,
                ask,
                given,
            };
            let job = cx.run(blocking_cancelable(move |_| thread.run()));
            let giving = async {
                while asked.next().await.is_some() {
                    let Ok(permit) = channel.reserve().await else {
                        return;
                    };
                    // A thread that has ended wants none.
                    let _ = give.send(permit);
                }
                pending().await
            };
            let helping = async {
                // Closed, the channel is not to wait for the room that the thread has.
                future::select(pin!(giving), pin!(Closing::new(&channel.shared.ring))).await;
                drop(stop);
                pending().await
            };
            with_help(job, helping).await
        });
        fill.erase_once()
    }

    /// Moves what is received into a channel of crossbeam, until this one is closed and empty.
    ///
    /// It has a thread that may block, for as long as it runs.
    ///
    /// # Errors
    ///
    /// When crossbeam's receivers are gone, and an item is to be moved: they do not tell before. It stays in the channel, as what
    /// comes after it.
    ///
    /// # Cancel safety
    ///
    /// Interrupted, it waits for its thread, which stops at once, and puts what was not moved back, ahead of all others.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Channel;
    ///
    /// # #[tokio::main]
    /// # async fn main() {
    /// let (sender, receiver) = crossbeam_channel::bounded(1);
    /// let channel = Channel::bounded(8);
    /// channel.send_many([1, 2, 3]).await.unwrap();
    /// channel.close();
    /// let thread = std::thread::spawn(move || receiver.into_iter().sum::<i32>());
    /// channel.drain_into_crossbeam::<()>(sender).await.unwrap();
    /// assert_eq!(thread.join().unwrap(), 6);
    /// # }
    /// ```
    pub fn drain_into_crossbeam<R: Env>(&self, sender: Sender<T>) -> Effect<R, SendError<()>, ()> {
        let channel = self.clone();
        let drain = effect(async move |cx: Cx<R>| {
            let (stop, stopped) = bounded(0);
            let (ask, mut asked) = unbounded();
            let (give, given) = bounded(1);
            let thread = Draining {
                sender,
                stopped,
                ask,
                given,
            };
            let job = cx.run(blocking_cancelable(move |_| thread.run()));
            let helping = async {
                // Dropped only when all of this is.
                let _stop = stop;
                while asked.next().await.is_some() {
                    let Ok(batch) = Batch::claim(&channel).await else {
                        break;
                    };
                    // One that was not taken goes back.
                    let _ = give.send(batch);
                }
                drop(give);
                pending().await
            };
            with_help(job, helping).await
        });
        drain.erase_once()
    }
}

/// What a thread comes to, with somebody at its side who waits where it cannot.
async fn with_help<A>(job: impl Future<Output = A>, helping: impl Future<Output = Never>) -> A {
    match future::select(pin!(job), pin!(helping)).await {
        Either::Left((ended, _)) => ended,
        Either::Right((never, _)) => match never {},
    }
}

/// The thread that takes from crossbeam.
struct Filling<T> {
    channel: Channel<T>,
    receiver: Receiver<T>,
    /// Disconnected when it is to stop.
    stopped: Receiver<Never>,
    /// Where it asks for a permit, when it would have to wait for one.
    ask: UnboundedSender<()>,
    given: Receiver<Permit<T>>,
}

impl<T> Filling<T> {
    fn run(self) -> Result<(), ChannelClosed> {
        loop {
            let permit = self.permit()?;
            select! {
                recv(self.receiver) -> item => match item {
                    Ok(item) => permit.send(item),
                    Err(_) => return Ok(()),
                },
                recv(self.stopped) -> _ => return Err(ChannelClosed),
            }
        }
    }

    fn permit(&self) -> Result<Permit<T>, ChannelClosed> {
        match self.channel.try_reserve() {
            Ok(permit) => Ok(permit),
            Err(TrySendError::Closed(())) => Err(ChannelClosed),
            Err(TrySendError::Full(())) => {
                // Where nobody listens, it is to stop.
                let _ = self.ask.unbounded_send(());
                select! {
                    recv(self.given) -> permit => permit.map_err(|_| ChannelClosed),
                    recv(self.stopped) -> _ => Err(ChannelClosed),
                }
            }
        }
    }
}

/// The thread that gives to crossbeam.
struct Draining<T> {
    sender: Sender<T>,
    /// Disconnected when it is to stop.
    stopped: Receiver<Never>,
    /// Where it asks for items.
    ask: UnboundedSender<()>,
    /// Disconnected when there are no more.
    given: Receiver<Batch<T>>,
}

impl<T> Draining<T> {
    fn run(self) -> Result<(), SendError<()>> {
        while self.ask.unbounded_send(()).is_ok()
            && let Ok(mut batch) = self.given.recv()
        {
            while let Some(item) = batch.items.pop_front() {
                let mut item = Some(item);
                let mut sent = Ok(());
                select! {
                    // Only where there is room is the item taken.
                    send(self.sender, item.take().expect("it is sent once")) -> ended => sent = ended,
                    recv(self.stopped) -> _ => (),
                }
                let (failed, left) = match sent {
                    Ok(()) => (false, item),
                    Err(SendError(item)) => (true, Some(item)),
                };
                if let Some(item) = left {
                    batch.items.push_front(item);
                    return if failed { Err(SendError(())) } else { Ok(()) };
                }
            }
        }
        Ok(())
    }
}

/// Items that are claimed. Those that are left when it is dropped go back.
struct Batch<T> {
    channel: Channel<T>,
    items: VecDeque<T>,
    claimed: usize,
}

impl<T> Batch<T> {
    async fn claim(channel: &Channel<T>) -> Result<Self, ChannelClosed> {
        let (mut receive, mut items) = (channel.receive(), VecDeque::new());
        poll_fn(|task| receive.poll_claim(task, AT_ONCE, |item| items.push_back(item))).await?;
        Ok(Batch {
            channel: channel.clone(),
            claimed: items.len(),
            items,
        })
    }
}

impl<T> Drop for Batch<T> {
    fn drop(&mut self) {
        self.channel.release(self.claimed, self.items.drain(..));
    }
}
