//! State and coordination between fibers.

mod channel;

pub use channel::{
    Channel, ChannelClosed, Receive, ReceiveMany, SendError, SendItem, SendMany, Supply,
    WaitingSender,
};
