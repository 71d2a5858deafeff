//! State and coordination: values that fibers share, and what they wait for of each other.
//!
//! Read it in this order: [`Ref`] and [`SubscriptionRef`], values; [`Deferred`], [`Latch`], [`Gate`] and [`Barrier`],
//! moments; [`Semaphore`], [`KeyedSemaphore`] and [`Mutex`], turns; [`Channel`], [`Queue`] and [`Hub`], items. Most
//! methods that wait return plain futures of a result: `.await` them, or use them wherever an effect is wanted.

mod waiters;
mod wakers;
mod watched;
mod reference;
mod subscription_ref;
mod deferred;
mod latch;
mod gate;
mod barrier;
mod section;
pub(crate) mod permits;
pub(crate) mod semaphore;
pub(crate) mod keyed_semaphore;
pub(crate) mod mutex;
mod turns;
mod ending;
mod ring;
mod channel;
mod queue;
mod hub;

pub use barrier::{Barrier, WaitBarrier};
pub use channel::{
    AwaitChannelClosed, Channel, ChannelClosed, ChannelSink, ChannelStream, CloseReason, Permit,
    Permits, Receive, ReceiveMany, Reserve, ReserveMany, SendError, SendItem, SendMany,
    TryReceiveError, TrySendError, WaitingSender, WeakChannel,
};
pub use deferred::{Deferred, WaitDeferred};
pub use gate::{Gate, WaitGate};
pub use hub::{
    AwaitHubClosed, Hub, Publish, PublishAll, PublishError, ReceiveError, ReceiveMessage,
    Subscription,
};
pub use keyed_semaphore::KeyedSemaphore;
pub use latch::{Latch, WaitLatch};
pub use mutex::Mutex;
pub use queue::{AwaitClosed, Offer, OfferAll, OfferError, Queue, Take, TakeError, TakeMany};
pub use reference::Ref;
pub use ring::Supply;
pub use semaphore::Semaphore;
pub use subscription_ref::{Changes, NextChange, SubscriptionRef, WaitUntil};
