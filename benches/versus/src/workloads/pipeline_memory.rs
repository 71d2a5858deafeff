//! Pipelines whose source is far faster than whoever reads them: what is inside has to be bounded.

use std::time::Duration;

use effect::{Channel, Cx, Pipeline, Stream, VirtualTime, effect, stage, yield_now};

use super::work;
use crate::drive::{Failed, in_two_threads};
use crate::workload::{Contender, Workload};

pub(crate) const RECORDS: Workload = Workload {
    name: "pipeline_records",
    about: "256 bytes through 2, 3 and 2 workers to a sink that takes a virtual millisecond for each; an operation is one item",
    timed: 10_000,
    counted: 2_000,
    targets: &[],
    contenders: &[Contender {
        name: "ours",
        about: "Pipeline in virtual time",
        run: records,
    }],
};

pub(crate) const DOCUMENTS: Workload = Workload {
    name: "pipeline_documents",
    about: "1 KiB on the heap through three default stages to a sink that yields 16 times for each, two threads; an operation is one item",
    timed: 10_000,
    counted: 2_000,
    targets: &[],
    contenders: &[Contender {
        name: "ours",
        about: "Pipeline with an error channel",
        run: documents,
    }],
};

/// 256 bytes.
type Record = [u64; 32];

async fn pass<T>(item: T) -> Result<T, Failed> {
    Ok(item)
}

fn records(n: u64) -> u64 {
    let program = effect(async move |cx: Cx<()>| {
        let (output, errors) = (Channel::bounded(64), Channel::bounded(64));
        let records = Stream::range(0..n).map(|i| -> Record { [i; 32] });
        let run = Pipeline::from_stream(records)
            .via(stage("first", pass).workers(2))
            .via(stage("second", pass).workers(3))
            .via(stage("third", pass).workers(2))
            .to_channel(output.clone())
            .with_error_channel(errors.clone())
            .run();
        let pipeline = cx.fork(run);
        let errors = cx.fork(Stream::from_channel(errors).run_drain());
        let mut sum = 0_u64;
        while let Ok(record) = output.receive().await {
            // The source could have given any number of others meanwhile.
            cx.sleep(Duration::from_millis(1)).await;
            sum = sum.wrapping_add(work(record[0]));
        }
        let Ok(()) = cx.run(errors.join()).await;
        cx.run(pipeline.join()).await.map_err(|_| Failed)?;
        Ok::<_, Failed>(sum)
    });
    let exit = VirtualTime::new().run(program).expect("no deadlock");
    *exit.value().expect("no contender fails")
}

fn documents(n: u64) -> u64 {
    let program = effect(async move |cx: Cx<()>| {
        let (output, errors) = (Channel::bounded(64), Channel::bounded(64));
        let documents = Stream::range(0..n).map(|i| vec![i as u8; 1024]);
        let run = Pipeline::from_stream(documents)
            .via(stage("first", pass))
            .via(stage("second", pass))
            .via(stage("third", pass))
            .to_channel(output.clone())
            .with_error_channel(errors.clone())
            .run();
        let pipeline = cx.fork(run);
        let errors = cx.fork(Stream::from_channel(errors).run_drain());
        let mut sum = 0_u64;
        while let Ok(document) = output.receive().await {
            for _ in 0..16 {
                yield_now().await;
            }
            sum = sum.wrapping_add(document[0].into());
        }
        let Ok(()) = cx.run(errors.join()).await;
        cx.run(pipeline.join()).await.map_err(|_| Failed)?;
        Ok::<_, Failed>(sum)
    });
    in_two_threads(async { program.await }).expect("no contender fails")
}
