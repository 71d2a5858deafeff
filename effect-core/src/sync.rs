//! State and coordination between fibers.

mod waiters;
mod wakers;
mod watched;
mod reference;
mod subscription_ref;
mod deferred;
mod latch;
mod gate;
mod barrier;
mod turns;
mod ring;
mod channel;
mod queue;
mod hub;

pub use barrier::{Barrier, WaitBarrier};
pub use channel::{
    Channel, ChannelClosed, Receive, ReceiveMany, SendError, SendItem, SendMany, WaitingSender,
};
pub use deferred::{Deferred, WaitDeferred};
pub use gate::{Gate, WaitGate};
pub use hub::{Hub, HubClosed, Publish, PublishError, ReceiveMessage, Subscription};
pub use latch::{Latch, WaitLatch};
pub use queue::{AwaitClosed, Offer, OfferAll, OfferError, Queue, Take, TakeError, TakeMany};
pub use reference::Ref;
pub use ring::Supply;
pub use subscription_ref::{Changes, NextChange, SubscriptionRef, WaitUntil};
