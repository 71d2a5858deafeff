//! A bounded channel, many to many: a ring under a short lock, with waiters on both sides.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

use waiters::{Place, Waiters};

mod waiters;

/// A bounded channel between any number of senders and receivers.
///
/// A handle is both ends; clone it to share it. Items come out in the order in which they went in, each to one
/// receiver. A full channel makes its senders wait, in turn.
///
/// - **A capacity of 0** is a rendezvous: a send ends when a receiver waits for the item.
/// - **[`close`](Channel::close)** lets what is inside be received, and then tells every receiver. A send after
///   it hands the item back.
/// - **Nobody closes it but you.** It stays open when all of its senders are gone, and a receiver waits on. Where one
///   producer feeds it, let that close it however it ends: `produce.ensuring(sync(move || channel.close()))`.
///
/// # Examples
///
/// ```
/// use effect_stream::{Channel, ChannelClosed};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let channel = Channel::bounded(2);
/// channel.send("a").await.unwrap();
/// channel.close();
/// assert_eq!(channel.send("b").await.unwrap_err().0, "b");
/// assert_eq!(channel.receive().await, Ok("a"));
/// assert_eq!(channel.receive().await, Err(ChannelClosed));
/// # }
/// ```
pub struct Channel<T> {
    shared: Arc<Shared<T>>,
}

/// The channel was closed, and nothing is left in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the channel is closed")]
pub struct ChannelClosed;

/// The channel was closed; here is what could not be sent.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the channel is closed")]
pub struct SendError<T>(pub T);

impl<T> fmt::Debug for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SendError(..)")
    }
}

impl<T> Channel<T> {
    /// Creates a channel that holds at most `capacity` items.
    pub fn bounded(capacity: usize) -> Self {
        Channel {
            shared: Arc::new(Shared {
                capacity,
                state: Mutex::new(State::new()),
            }),
        }
    }

    /// Sends an item, waiting while the channel is full.
    ///
    /// # Errors
    ///
    /// The item itself, if the channel is closed.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it ends, nothing was sent, and the item is dropped with it.
    pub fn send(&self, item: T) -> SendItem<T> {
        SendItem {
            channel: self.clone(),
            item: Some(item),
            waiting: None,
        }
    }

    /// Sends many items in their order, as many at once as there is room for.
    ///
    /// # Errors
    ///
    /// Those items that were not sent, if the channel is closed.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it ends, the first items may have been sent; the rest is dropped with it.
    pub fn send_many(&self, items: impl IntoIterator<Item = T>) -> SendMany<T> {
        SendMany {
            channel: self.clone(),
            items: items.into_iter().collect(),
            waiting: None,
        }
    }

    /// Receives the next item, waiting while there is none.
    ///
    /// # Errors
    ///
    /// [`ChannelClosed`] when the channel is closed and empty.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it ends, nothing was received, and no item is lost.
    pub fn receive(&self) -> Receive<T> {
        Receive {
            channel: self.clone(),
            waiting: None,
        }
    }

    /// Receives what is there, at least one item and at most `max`, waiting while there is none.
    ///
    /// # Errors
    ///
    /// [`ChannelClosed`] when the channel is closed and empty.
    ///
    /// # Panics
    ///
    /// If `max` is 0.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it ends, nothing was received, and no item is lost.
    #[track_caller]
    pub fn receive_many(&self, max: usize) -> ReceiveMany<T> {
        assert!(max > 0, "receive_many takes at least one item");
        ReceiveMany {
            receive: self.receive(),
            max,
        }
    }

    /// Closes the channel: what is inside can still be received. Closing it again changes nothing.
    pub fn close(&self) {
        let wakers = {
            let mut state = self.shared.state.lock();
            state.closed = true;
            state.granted = 0;
            let mut wakers = Wakers::default();
            wakers.extend(state.senders.drain());
            state.notified += state.receivers.len();
            wakers.extend(state.receivers.drain());
            wakers
        };
        wakers.wake();
    }

    /// Whether the channel was closed. Items may still be inside.
    pub fn is_closed(&self) -> bool {
        self.shared.state.lock().closed
    }

    /// How many items are inside.
    pub fn len(&self) -> usize {
        self.shared.state.lock().buffer.len()
    }

    /// Whether no item is inside.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many items it holds at most.
    pub fn capacity(&self) -> usize {
        self.shared.capacity
    }

    /// Gives up a claim on `count` items, and puts `items`, the ones that were not used, back ahead of all
    /// others, in their order. The channel may hold more than its capacity for that time.
    pub(crate) fn release(&self, count: usize, items: impl DoubleEndedIterator<Item = T>) {
        let mut wakers = Wakers::default();
        {
            let mut state = self.shared.state.lock();
            for item in items.rev() {
                state.buffer.push_front(item);
                state.notify_receivers(1, &mut wakers);
            }
            state.claimed -= count;
            if state.has_ended() {
                state.notified += state.receivers.len();
                wakers.extend(state.receivers.drain());
            }
        }
        wakers.wake();
    }

    /// Moves items out of `supply` while there is room. Ready when none is left there.
    ///
    /// `waiting` is the caller's place in the queue of senders; it belongs to [`forget_sender`].
    ///
    /// [`forget_sender`]: Channel::forget_sender
    pub(crate) fn poll_push<S: Supply<T>>(
        &self,
        task: &mut Context<'_>,
        waiting: &mut Option<Place>,
        supply: &mut S,
    ) -> Poll<Result<(), ChannelClosed>> {
        let mut wakers = Wakers::default();
        let pushed = {
            let mut state = self.shared.state.lock();
            if state.closed {
                *waiting = None;
                return Poll::Ready(Err(ChannelClosed));
            }
            // Senders are served in turn: who comes later waits behind those who wait already.
            let room = match waiting.take() {
                Some(place) if state.senders.contains(place) => {
                    wakers.discard(state.senders.update(place, task.waker()));
                    *waiting = Some(place);
                    return Poll::Pending;
                }
                Some(place) => {
                    state.granted -= 1;
                    let room = state.room(self.shared.capacity);
                    if room == 0 && self.shared.capacity == 0 {
                        // The receiver that it was promised to has left. The sender keeps its place.
                        state.senders.rejoin(place, task.waker());
                        *waiting = Some(place);
                        return Poll::Pending;
                    }
                    room.max(1)
                }
                None if state.senders.is_empty() => state.room(self.shared.capacity),
                None => 0,
            };
            let mut pushed = 0;
            while pushed < room
                && let Some(item) = supply.take()
            {
                state.buffer.push_back(item);
                pushed += 1;
            }
            state.notify_receivers(pushed, &mut wakers);
            if supply.is_empty() {
                state.grant(self.shared.capacity, &mut wakers);
                Poll::Ready(Ok(()))
            } else {
                *waiting = Some(state.senders.join(task.waker()));
                Poll::Pending
            }
        };
        wakers.wake();
        pushed
    }

    /// Gives up a sender's place, and passes on the room that it may have been granted.
    pub(crate) fn forget_sender(&self, waiting: &mut Option<Place>) {
        let Some(place) = waiting.take() else { return };
        let mut wakers = Wakers::default();
        {
            let mut state = self.shared.state.lock();
            let left = state.senders.leave(place);
            if left.is_none() && !state.closed {
                state.granted -= 1;
                state.grant(self.shared.capacity, &mut wakers);
            }
            wakers.discard(left);
        }
        wakers.wake();
    }

    /// Hands at most `max` items to `take`. Ready when there was at least one.
    ///
    /// With `claim`, the items may come back by [`release`](Channel::release); until then a closed channel has
    /// not ended, even when it is empty.
    pub(crate) fn poll_pull(
        &self,
        task: &mut Context<'_>,
        waiting: &mut Option<Place>,
        max: usize,
        claim: bool,
        mut take: impl FnMut(T),
    ) -> Poll<Result<(), ChannelClosed>> {
        let mut wakers = Wakers::default();
        let pulled = {
            let mut state = self.shared.state.lock();
            if state.buffer.is_empty() && !state.has_ended() {
                match *waiting {
                    Some(place) if state.receivers.contains(place) => {
                        wakers.discard(state.receivers.update(place, task.waker()));
                    }
                    notified => {
                        state.notified -= usize::from(notified.is_some());
                        *waiting = Some(state.receivers.join(task.waker()));
                        // A receiver that waits is what a rendezvous waits for.
                        state.grant(self.shared.capacity, &mut wakers);
                    }
                }
                Poll::Pending
            } else {
                if let Some(place) = waiting.take() {
                    let left = state.receivers.leave(place);
                    state.notified -= usize::from(left.is_none());
                    wakers.discard(left);
                }
                let count = state.buffer.len().min(max);
                state.buffer.drain(..count).for_each(&mut take);
                state.claimed += if claim { count } else { 0 };
                state.grant(self.shared.capacity, &mut wakers);
                Poll::Ready(if count > 0 {
                    Ok(())
                } else {
                    Err(ChannelClosed)
                })
            }
        };
        wakers.wake();
        pulled
    }

    /// Gives up a receiver's place, and passes on the item that it may have been woken for.
    pub(crate) fn forget_receiver(&self, waiting: &mut Option<Place>) {
        let Some(place) = waiting.take() else { return };
        let mut wakers = Wakers::default();
        {
            let mut state = self.shared.state.lock();
            let left = state.receivers.leave(place);
            if left.is_none() {
                state.notified -= 1;
                if !state.buffer.is_empty() {
                    state.notify_receivers(1, &mut wakers);
                }
            }
            wakers.discard(left);
        }
        wakers.wake();
    }
}

impl<T> Clone for Channel<T> {
    fn clone(&self) -> Self {
        Channel {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<T> fmt::Debug for Channel<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .field("closed", &self.is_closed())
            .finish()
    }
}

struct Shared<T> {
    capacity: usize,
    state: Mutex<State<T>>,
}

/// Wakers, to be called after the lock is released: a task that is woken may want it at once. There is seldom
/// more than one.
#[derive(Default)]
struct Wakers {
    first: Option<Waker>,
    others: Vec<Waker>,
    discarded: Option<Waker>,
}

impl Wakers {
    fn push(&mut self, waker: Waker) {
        match &self.first {
            None => self.first = Some(waker),
            Some(_) => self.others.push(waker),
        }
    }

    fn extend(&mut self, wakers: impl Iterator<Item = Waker>) {
        wakers.for_each(|waker| self.push(waker));
    }

    /// Keeps a waker that is not needed any more: a task may be dropped with it, and want the lock as well.
    fn discard(&mut self, waker: Option<Waker>) {
        self.discarded = waker;
    }

    fn wake(self) {
        if let Some(first) = self.first {
            first.wake();
            self.others.into_iter().for_each(Waker::wake);
        }
    }
}

struct State<T> {
    buffer: VecDeque<T>,
    closed: bool,
    senders: Waiters,
    receivers: Waiters,
    /// Room that was promised to senders who were woken and have not pushed yet.
    granted: usize,
    /// Receivers who were woken and have not come yet.
    notified: usize,
    /// Items that were pulled and may come back.
    claimed: usize,
}

impl<T> State<T> {
    fn new() -> Self {
        State {
            buffer: VecDeque::new(),
            closed: false,
            senders: Waiters::new(),
            receivers: Waiters::new(),
            granted: 0,
            notified: 0,
            claimed: 0,
        }
    }

    /// Whether nothing will ever come out again.
    fn has_ended(&self) -> bool {
        self.closed && self.buffer.is_empty() && self.claimed == 0
    }

    /// How many items may be pushed: up to the capacity, or, in a rendezvous, one for each receiver that waits.
    fn room(&self, capacity: usize) -> usize {
        let places = if capacity == 0 {
            self.receivers.len() + self.notified
        } else {
            capacity
        };
        places.saturating_sub(self.buffer.len() + self.granted)
    }

    /// Promises what room there is to the senders who have waited longest.
    fn grant(&mut self, capacity: usize, wakers: &mut Wakers) {
        while self.room(capacity) > 0
            && let Some(waker) = self.senders.pop()
        {
            self.granted += 1;
            wakers.push(waker);
        }
    }

    /// Wakes the receivers who have waited longest, one for each of `count` items.
    fn notify_receivers(&mut self, count: usize, wakers: &mut Wakers) {
        for _ in 0..count {
            let Some(waker) = self.receivers.pop() else {
                return;
            };
            self.notified += 1;
            wakers.push(waker);
        }
    }
}

/// A sender's place in the queue, given up when it is dropped.
pub(crate) struct WaitingSender<'a, T> {
    channel: &'a Channel<T>,
    waiting: Option<Place>,
}

impl<'a, T> WaitingSender<'a, T> {
    pub(crate) fn new(channel: &'a Channel<T>) -> Self {
        WaitingSender {
            channel,
            waiting: None,
        }
    }

    pub(crate) fn poll_push<S: Supply<T>>(
        &mut self,
        task: &mut Context<'_>,
        supply: &mut S,
    ) -> Poll<Result<(), ChannelClosed>> {
        self.channel.poll_push(task, &mut self.waiting, supply)
    }
}

impl<T> Drop for WaitingSender<'_, T> {
    fn drop(&mut self) {
        self.channel.forget_sender(&mut self.waiting);
    }
}

/// Where a sender takes its items from, one by one, as each finds room.
pub(crate) trait Supply<T> {
    fn is_empty(&self) -> bool;
    fn take(&mut self) -> Option<T>;
}

impl<T> Supply<T> for Option<T> {
    fn is_empty(&self) -> bool {
        self.is_none()
    }

    fn take(&mut self) -> Option<T> {
        Option::take(self)
    }
}

impl<T> Supply<T> for VecDeque<T> {
    fn is_empty(&self) -> bool {
        VecDeque::is_empty(self)
    }

    fn take(&mut self) -> Option<T> {
        self.pop_front()
    }
}

/// The future of [`Channel::send`].
#[must_use = "futures do nothing unless they are polled"]
pub struct SendItem<T> {
    channel: Channel<T>,
    item: Option<T>,
    waiting: Option<Place>,
}

// Nothing is pinned to its place: the item is moved out when there is room.
impl<T> Unpin for SendItem<T> {}

impl<T> Future for SendItem<T> {
    type Output = Result<(), SendError<T>>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let pushed = this
            .channel
            .poll_push(task, &mut this.waiting, &mut this.item);
        pushed
            .map_err(|ChannelClosed| SendError(this.item.take().expect("polled after completion")))
    }
}

impl<T> Drop for SendItem<T> {
    fn drop(&mut self) {
        self.channel.forget_sender(&mut self.waiting);
    }
}

/// The future of [`Channel::send_many`].
#[must_use = "futures do nothing unless they are polled"]
pub struct SendMany<T> {
    channel: Channel<T>,
    items: VecDeque<T>,
    waiting: Option<Place>,
}

impl<T> Unpin for SendMany<T> {}

impl<T> Future for SendMany<T> {
    type Output = Result<(), SendError<Vec<T>>>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let pushed = this
            .channel
            .poll_push(task, &mut this.waiting, &mut this.items);
        pushed.map_err(|ChannelClosed| SendError(this.items.drain(..).collect()))
    }
}

impl<T> Drop for SendMany<T> {
    fn drop(&mut self) {
        self.channel.forget_sender(&mut self.waiting);
    }
}

/// The future of [`Channel::receive`].
#[must_use = "futures do nothing unless they are polled"]
pub struct Receive<T> {
    channel: Channel<T>,
    waiting: Option<Place>,
}

impl<T> Receive<T> {
    pub(crate) fn poll_many(
        &mut self,
        task: &mut Context<'_>,
        max: usize,
        claim: bool,
        take: impl FnMut(T),
    ) -> Poll<Result<(), ChannelClosed>> {
        self.channel
            .poll_pull(task, &mut self.waiting, max, claim, take)
    }
}

impl<T> Future for Receive<T> {
    type Output = Result<T, ChannelClosed>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let mut received = None;
        self.poll_many(task, 1, false, |item| received = Some(item))
            .map_ok(|()| received.expect("at least one item was pulled"))
    }
}

impl<T> Drop for Receive<T> {
    fn drop(&mut self) {
        self.channel.forget_receiver(&mut self.waiting);
    }
}

/// The future of [`Channel::receive_many`].
#[must_use = "futures do nothing unless they are polled"]
pub struct ReceiveMany<T> {
    receive: Receive<T>,
    max: usize,
}

impl<T> Future for ReceiveMany<T> {
    type Output = Result<Vec<T>, ChannelClosed>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let mut received = Vec::new();
        this.receive
            .poll_many(task, this.max, false, |item| received.push(item))
            .map_ok(|()| received)
    }
}

macro_rules! opaque_debug {
    ($($name:ident),*) => {$(
        impl<T> fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )*};
}

opaque_debug!(SendItem, SendMany, Receive, ReceiveMany);
