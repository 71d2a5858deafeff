//! State and coordination between fibers.

mod waiters;
mod wakers;
mod turns;
mod ring;
mod channel;
mod queue;

pub use channel::{
    Channel, ChannelClosed, Receive, ReceiveMany, SendError, SendItem, SendMany, WaitingSender,
};
pub use queue::{AwaitClosed, Offer, OfferAll, OfferError, Queue, Take, TakeError, TakeMany};
pub use ring::Supply;
