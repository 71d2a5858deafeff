//! State and coordination between fibers.

mod waiters;
mod wakers;
mod turns;
mod ring;
mod channel;
mod queue;
mod hub;

pub use channel::{
    Channel, ChannelClosed, Receive, ReceiveMany, SendError, SendItem, SendMany, WaitingSender,
};
pub use hub::{Hub, HubClosed, Publish, PublishError, ReceiveMessage, Subscription};
pub use queue::{AwaitClosed, Offer, OfferAll, OfferError, Queue, Take, TakeError, TakeMany};
pub use ring::Supply;
