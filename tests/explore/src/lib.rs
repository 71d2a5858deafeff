//! Reference programs, which use all that the library promises something of; and planted bugs, which the simulator
//! has to find: a net that catches nothing proves nothing.

#![forbid(unsafe_code)]

pub mod planted;
pub mod programs;
