//! The workloads, one a file, with their contenders side by side. Where it matters whether anybody waits, there are two of one.

use std::hint::black_box;

use effect::yield_now;

use crate::drive::Failed;
use crate::workload::Workload;

mod chain;
mod bind_erased;
mod bind_async;
mod fork_join;
mod race;
mod timeout;
mod zip_par;
mod for_each_par16;
mod retry;
mod ensuring;
mod acquire_release;
mod stream_map_filter_fold;
mod stream_erased;
mod stream_erased_pulled;
mod map_effect;
mod map_effect_par16;
mod map_effect_par16_unordered;
mod merge;
mod chunks_within;
mod windowed;
mod group_by;
mod map_effect_par_by_key;
mod broadcast_4;
mod pipeline;
mod pipeline_cpu;
mod pipeline_sleep;
mod pipeline_skew;
mod pipeline_ordered;
mod pipeline_growth;
mod pipeline_memory;
mod channel;
mod queue_1_1;
mod hub_1_4;
mod semaphore;
mod semaphore_contended;

/// Every workload.
pub(crate) fn all() -> impl Iterator<Item = &'static Workload> {
    LONE.iter().chain(channel::ALL)
}

/// Those that are not one of a family.
const LONE: &[Workload] = &[
    chain::WORKLOAD,
    bind_erased::WORKLOAD,
    bind_async::WORKLOAD,
    fork_join::WORKLOAD,
    race::WORKLOAD,
    timeout::WORKLOAD,
    zip_par::WORKLOAD,
    for_each_par16::WORKLOAD,
    retry::WORKLOAD,
    ensuring::WORKLOAD,
    acquire_release::WORKLOAD,
    stream_map_filter_fold::WORKLOAD,
    stream_erased::WORKLOAD,
    stream_erased_pulled::WORKLOAD,
    map_effect::WORKLOAD,
    map_effect_par16::WORKLOAD,
    map_effect_par16::YIELDING,
    map_effect_par16_unordered::WORKLOAD,
    map_effect_par16_unordered::YIELDING,
    merge::WORKLOAD,
    chunks_within::WORKLOAD,
    chunks_within::YIELDING,
    windowed::WORKLOAD,
    windowed::BY_KEY,
    group_by::WORKLOAD,
    map_effect_par_by_key::WORKLOAD,
    map_effect_par_by_key::YIELDING,
    broadcast_4::WORKLOAD,
    pipeline::WORKLOAD,
    pipeline_cpu::WORKLOAD,
    pipeline_sleep::WORKLOAD,
    pipeline_skew::WORKLOAD,
    pipeline_ordered::WORKLOAD,
    pipeline_ordered::SLEEPING,
    pipeline_growth::STAGES,
    pipeline_growth::WORKERS,
    pipeline_growth::CAPACITY,
    pipeline_memory::RECORDS,
    pipeline_memory::DOCUMENTS,
    queue_1_1::WORKLOAD,
    hub_1_4::WORKLOAD,
    semaphore::WORKLOAD,
    semaphore_contended::WORKLOAD,
];

/// What a job does with a value: nothing that the compiler could leave out.
fn work(value: u64) -> u64 {
    black_box(value.wrapping_add(1))
}

/// Works, in a future that is ready at once.
async fn ready_at_once(value: u64) -> Result<u64, Failed> {
    Ok(work(value))
}

/// Works, after it has let others run.
async fn yielded(value: u64) -> Result<u64, Failed> {
    yield_now().await;
    Ok(work(value))
}
