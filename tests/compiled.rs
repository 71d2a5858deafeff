//! What the compiler accepts.

mod auto_traits;
mod coming_from;
mod long_chains;
