//! The channels that workers by hand are wired with, behind the same few words.

use std::sync::Arc;

use tokio::sync::{Mutex, mpsc};

/// A kind of bounded channel.
pub(crate) trait Wire: 'static {
    type Sender<T: Send + Unpin + 'static>: Clone + Send + Sync + 'static;
    /// The end of somebody who is alone there.
    type Receiver<T: Send + Unpin + 'static>: Send + 'static;
    /// The end that several workers share.
    type Shared<T: Send + Unpin + 'static>: Clone + Send + Sync + 'static;

    fn bounded<T>(capacity: usize) -> (Self::Sender<T>, Self::Receiver<T>)
    where
        T: Send + Unpin + 'static;

    fn share<T>(receiver: Self::Receiver<T>) -> Self::Shared<T>
    where
        T: Send + Unpin + 'static;

    /// Sends an item. False if nobody will receive it.
    fn send<T>(sender: &Self::Sender<T>, item: T) -> impl Future<Output = bool> + Send
    where
        T: Send + Unpin + 'static;

    fn receive<T>(receiver: &mut Self::Receiver<T>) -> impl Future<Output = Option<T>> + Send
    where
        T: Send + Unpin + 'static;

    fn take<T>(shared: &Self::Shared<T>) -> impl Future<Output = Option<T>> + Send
    where
        T: Send + Unpin + 'static;
}

/// `tokio::sync::mpsc`: workers share the receiver by a mutex.
pub(crate) enum Mpsc {}

impl Wire for Mpsc {
    type Sender<T: Send + Unpin + 'static> = mpsc::Sender<T>;
    type Receiver<T: Send + Unpin + 'static> = mpsc::Receiver<T>;
    type Shared<T: Send + Unpin + 'static> = Arc<Mutex<mpsc::Receiver<T>>>;

    fn bounded<T>(capacity: usize) -> (Self::Sender<T>, Self::Receiver<T>)
    where
        T: Send + Unpin + 'static,
    {
        mpsc::channel(capacity)
    }

    fn share<T>(receiver: Self::Receiver<T>) -> Self::Shared<T>
    where
        T: Send + Unpin + 'static,
    {
        Arc::new(Mutex::new(receiver))
    }

    async fn send<T>(sender: &Self::Sender<T>, item: T) -> bool
    where
        T: Send + Unpin + 'static,
    {
        sender.send(item).await.is_ok()
    }

    async fn receive<T>(receiver: &mut Self::Receiver<T>) -> Option<T>
    where
        T: Send + Unpin + 'static,
    {
        receiver.recv().await
    }

    async fn take<T>(shared: &Self::Shared<T>) -> Option<T>
    where
        T: Send + Unpin + 'static,
    {
        shared.lock().await.recv().await
    }
}

/// A channel whose receivers can be cloned: what several share is what one alone has.
macro_rules! wire_of_many_receivers {
    ($(#[$doc:meta])* $wire:ident: $sender:ty, $receiver:ty, $bounded:path, $send:ident, $receive:ident) => {
        $(#[$doc])*
        pub(crate) enum $wire {}

        impl Wire for $wire {
            type Sender<T: Send + Unpin + 'static> = $sender;
            type Receiver<T: Send + Unpin + 'static> = $receiver;
            type Shared<T: Send + Unpin + 'static> = $receiver;

            fn bounded<T>(capacity: usize) -> (Self::Sender<T>, Self::Receiver<T>)
            where
                T: Send + Unpin + 'static,
            {
                $bounded(capacity)
            }

            fn share<T>(receiver: Self::Receiver<T>) -> Self::Shared<T>
            where
                T: Send + Unpin + 'static,
            {
                receiver
            }

            async fn send<T>(sender: &Self::Sender<T>, item: T) -> bool
            where
                T: Send + Unpin + 'static,
            {
                sender.$send(item).await.is_ok()
            }

            async fn receive<T>(receiver: &mut Self::Receiver<T>) -> Option<T>
            where
                T: Send + Unpin + 'static,
            {
                receiver.$receive().await.ok()
            }

            async fn take<T>(shared: &Self::Shared<T>) -> Option<T>
            where
                T: Send + Unpin + 'static,
            {
                shared.$receive().await.ok()
            }
        }
    };
}

wire_of_many_receivers! {
    Flume: flume::Sender<T>, flume::Receiver<T>, flume::bounded, send_async, recv_async
}

wire_of_many_receivers! {
    Kanal: kanal::AsyncSender<T>, kanal::AsyncReceiver<T>, kanal::bounded_async, send, recv
}

wire_of_many_receivers! {
    AsyncChannel: async_channel::Sender<T>, async_channel::Receiver<T>, async_channel::bounded, send, recv
}

wire_of_many_receivers! {
    Crossfire: crossfire::MAsyncTx<crossfire::mpmc::Array<T>>, crossfire::MAsyncRx<crossfire::mpmc::Array<T>>,
    crossfire::mpmc::bounded_async, send, recv
}
