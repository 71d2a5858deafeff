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
mod merge_hub;
mod bounded_run;
mod pipeline;

pub use bounded_run::BoundedRun;
pub use bounded_run::partial::{Partial, RunStatus, Tally};
pub use bounded_run::watch::Watch;
pub use effect_core::{
    Channel, ChannelClosed, Receive, ReceiveMany, SendError, SendItem, SendMany,
};
pub use erased::{ErasedSource, Link};
/// One of two: what [`Stream::partition_either`] asks for.
pub use futures::future::Either;
pub use merge_hub::{MergeHub, MergeHubDrained};
pub use pipeline::Pipeline;
pub use pipeline::blueprint::{Blueprint, BlueprintNode, NodeKind};
pub use pipeline::connected::Connected;
pub use pipeline::desk::ErrorsFull;
pub use pipeline::explain::Explanation;
pub use pipeline::handle::PipelineHandle;
pub use pipeline::latency::Latency;
#[cfg(feature = "metrics")]
pub use pipeline::metering::describe_pipeline_metrics;
pub use pipeline::origin::{Kept, Origin};
pub use pipeline::report::{Failed, Fault, PipelineError, PipelineReport, StageReport};
#[cfg(feature = "tower")]
pub use pipeline::stage::stage_service;
pub use pipeline::stage::{Stage, stage, stage_state, stage_sync, stage_with};
pub use source::{Pull, Source};
pub use stream::Stream;
pub use stream::bounding::StopError;
pub use stream::callback::Inlet;
pub use stream::generate::Emitter;
pub use stream::group_by::groups::{DroppedGroup, Groups};
pub use stream::group_by::items::Group;
pub use stream::into_stream::IntoStream;
pub use stream::lines::LineError;
pub use stream::merge::MergeEnd;
pub use stream::reporting::StreamProgress;
pub use stream::windowed::windows::{EventTime, Late, Window, Windows};
pub use stream_e::StreamE;
pub use stream_e::each::DeadLetter;

/// What the stages of pipelines are made of. One seldom needs to name them.
pub mod works {
    pub use crate::pipeline::stage::{Keyed, Keys, Unkeyed};
    pub use crate::pipeline::tap::Observed;
    pub use crate::pipeline::work::call::{Call, CallSync};
    pub use crate::pipeline::work::equipped::{CallState, CallWith};
    pub use crate::pipeline::work::fallback::Fallback;
    pub use crate::pipeline::work::guarding::{Guarded, Limited};
    pub use crate::pipeline::work::retry::Retry;
    #[cfg(feature = "tower")]
    pub use crate::pipeline::work::service::CallService;
    pub use crate::pipeline::work::timeout::Timeout;
    pub use crate::pipeline::work::{Failure, StageError, Work, Worker};
}

/// The sources and programs that operators are made of. One seldom needs to name them.
pub mod sources {
    pub use crate::bounded_run::running::{Body, ForEachBounded, NoBody, RunBounded};
    pub use crate::bounded_run::{Items, Values};
    pub use crate::merge_hub::RunInHub;
    pub use crate::pipeline::tap::Tapped;
    pub use crate::pipeline::watching::Reports;
    pub use crate::stream::accumulating::*;
    pub use crate::stream::again::{Repeat, Retry};
    pub use crate::stream::begin::*;
    pub use crate::stream::bounding::{BoundedElements, BoundedItems};
    pub use crate::stream::broadcast::{Broadcast, BroadcastE, Broadcasted};
    pub use crate::stream::buffer::Buffer;
    pub use crate::stream::callback::Callback;
    pub use crate::stream::choose::{Choice, Choose, Chosen, OfErrors, OfValues, Present};
    pub use crate::stream::chunks_within::ChunksWithin;
    pub use crate::stream::concat::{Concat, Suspend};
    pub use crate::stream::conflate::Conflate;
    pub use crate::stream::creating::{Iterate, Unfold};
    pub use crate::stream::debounce::Debounce;
    pub use crate::stream::expand::{
        EachOf, Expand, ExpandValues, Expanded, Expansion, Interspersed,
    };
    pub use crate::stream::flat_map::FlatMap;
    pub use crate::stream::flat_map_par::FlatMapPar;
    pub use crate::stream::flat_map_switch::FlatMapSwitch;
    pub use crate::stream::from::{FromChannel, FromIter, FromQueue, FromStream, Never};
    pub use crate::stream::from_effect::*;
    pub use crate::stream::from_hub::FromHub;
    pub use crate::stream::from_reader::FromReader;
    pub use crate::stream::gather::{Gather, Gathered, GatheredE};
    pub use crate::stream::gathering::*;
    pub use crate::stream::generate::{Ended, Generate};
    pub use crate::stream::group_by::GroupBy;
    pub use crate::stream::group_by::items::GroupItems;
    pub use crate::stream::infallible::*;
    pub use crate::stream::inner::*;
    pub use crate::stream::interleave::Interleave;
    pub use crate::stream::judging::*;
    pub use crate::stream::key::*;
    pub use crate::stream::limiting::*;
    pub use crate::stream::lines::Lines;
    pub use crate::stream::map_effect::MapEffect;
    pub use crate::stream::map_effect_par::*;
    pub use crate::stream::map_effect_par_by_key::MapEffectParByKey;
    pub use crate::stream::merge::Merge;
    pub use crate::stream::merge_sorted::MergeSorted;
    pub use crate::stream::partition::*;
    pub use crate::stream::passing::{Ensuring, OnExit, Provide};
    pub use crate::stream::pump::{OwnQueue, Pumped, TakeNext};
    pub use crate::stream::reporting::{ReportEach, ReportEachOk, ReportEvery};
    pub use crate::stream::run::{
        Collect, CollectInto, CollectResults, CollectResultsInto, Count, Drain, DrainOk, Fold,
        FoldOk, ForEach, Last, Partition,
    };
    pub use crate::stream::run_into::{
        Destination, RunInto, RunIntoOk, ToChannel, ToSink, ToWriter,
    };
    pub use crate::stream::share::{Listened, Share, ShareE};
    pub use crate::stream::stepping::{MapAccumEffect, ScanEffect};
    pub use crate::stream::stopping::{StopWhen, Succeeding};
    pub use crate::stream::take::Take;
    pub use crate::stream::tapping::*;
    pub use crate::stream::throttle::*;
    pub use crate::stream::through::{Echo, Through};
    pub use crate::stream::ticking::{FromSchedule, Ticks};
    pub use crate::stream::timing_out::{Timeout, TimeoutTo};
    pub use crate::stream::transforming::*;
    pub use crate::stream::windowed::{Folded, Summary, Together, Windowed};
    pub use crate::stream::zip::{Each, EachOk, Pairing, Zip, ZipLatest};
    pub use crate::stream_e::each::*;
}
