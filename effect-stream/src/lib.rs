//! Many values: streams, error-aware streams and pipelines.
//!
//! Read it in this order: [`Source`], the one idea; [`Stream`] and [`StreamE`], the types, with a stateful
//! operator a file; then [`Pipeline`], whose stages have workers and route failures to a channel
//! of their own.

#![forbid(unsafe_code)]

mod opaque_debug;
mod source;
mod stream;
mod stream_e;
mod erased;
mod pipeline;

pub use effect_core::{
    Channel, ChannelClosed, Receive, ReceiveMany, SendError, SendItem, SendMany,
};
pub use erased::ErasedSource;
pub use pipeline::report::{Failed, Fault, PipelineError, PipelineReport};
pub use pipeline::stage::{Stage, StageError, stage};
pub use pipeline::{Connected, Pipeline, Progress};
pub use source::{Pull, Source};
pub use stream::Stream;
pub use stream::into_stream::IntoStream;
pub use stream_e::StreamE;

/// The sources and programs that operators are made of. One seldom needs to name them.
pub mod sources {
    pub use crate::stream::chunks::{Chunks, ChunksE};
    pub use crate::stream::filter_map::{
        Choice, Filter, FilterMap, FilterOk, Map, MapError, MapOk,
    };
    pub use crate::stream::filter_map::{Kept, KeptOk, Mapped, MappedError, MappedOk};
    pub use crate::stream::from::{FromChannel, FromIter, FromStream};
    pub use crate::stream::map_effect::{MapEffect, MapEffectE, RecoverE};
    pub use crate::stream::merge::Merge;
    pub use crate::stream::run::{Collect, Fold, ForEach, Partition};
    pub use crate::stream::take::Take;
}
