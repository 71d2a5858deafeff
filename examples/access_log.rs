//! Reads a web server's access log through a typed pipeline: read → parse → enrich → aggregate.
//!
//!     cargo run --release --example access_log                        # the sample in this repository
//!     cargo run --release --example access_log -- /var/log/apache2/access.log --errors bad.jsonl
//!     zcat access.log.gz | cargo run --release --example access_log -- - --json
//!
//! Lines that cannot be parsed go to an error channel, with their number, their text and a typed reason, and
//! from there to the dead-letter file. Ctrl-C stops the reading only: the lines read so far run to their end,
//! and are accounted for.

use std::process::ExitCode;
use std::sync::mpsc;

use effect::prelude::*;

#[path = "access_log/options.rs"]
mod options;
#[path = "access_log/lines.rs"]
mod lines;
#[path = "access_log/entry.rs"]
mod entry;
#[path = "access_log/totals.rs"]
mod totals;
#[path = "access_log/dead_letters.rs"]
mod dead_letters;
#[path = "access_log/progress.rs"]
mod progress;

use dead_letters::DeadLetters;
use entry::{Rejected, enrich, parse};
use lines::{Lines, RawLine};
use options::Options;
use progress::ReadProgress;
use totals::Totals;

fn main() -> ExitCode {
    match Options::parse(std::env::args_os().skip(1)) {
        Ok(Some(options)) => run_main(analyze(options)),
        Ok(None) => {
            println!("{}", options::USAGE);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}\n\n{}", options::USAGE);
            ExitCode::from(2)
        }
    }
}

/// What can end the program early. A line that is not well formed is not among it.
#[derive(Debug, thiserror::Error)]
enum LogError {
    #[error("cannot read {name}: {source}")]
    Read {
        name: String,
        source: std::io::Error,
    },
    #[error("cannot write dead letters to {name}: {source}")]
    DeadLetters {
        name: String,
        source: std::io::Error,
    },
    #[error("cannot write the report: {0}")]
    Report(std::io::Error),
    #[error(transparent)]
    Pipeline(#[from] PipelineError<Rejected>),
}

fn analyze(options: Options) -> Effect<(), LogError, ()> {
    effect(async move |cx: Cx<()>| {
        let Options {
            input,
            errors,
            json,
        } = options;
        let lines = cx.run(blocking(move || Lines::open(input))).await?;
        let letters = cx
            .run(blocking(move || DeadLetters::create(errors)))
            .await?;

        let raw = Channel::bounded(1024);
        let (entries, errors) = (Channel::bounded(1024), Channel::bounded(256));
        let pipeline = Pipeline::from_channel(raw.clone())
            .via(stage("parse", |line: RawLine| async move { parse(line) }).workers(2))
            .via(stage("enrich", |entry| async move { Ok(enrich(entry)) }).workers(3))
            .to_channel(entries.clone())
            .with_error_channel(errors.clone());

        let progress = ReadProgress::new(lines.size(), pipeline.progress(), cx.now());
        let pipeline = cx.fork_named("pipeline", pipeline.run());
        let counting = Stream::from_channel(entries).run_fold(Totals::default(), Totals::add);
        let totals = cx.fork_named("aggregate", counting);
        let letters = cx.fork_named("dead letters", letters.write_all(errors));

        // A signal interrupts the reading. Its finalizer is all the rest, so what was read is accounted for
        // whether the log was read to its end, the disk failed, or somebody pressed Ctrl-C.
        let (reported, outcome) = mpsc::channel();
        let input = raw.clone();
        let finish = effect(async move |cx: Cx<()>| {
            input.close();
            let report = effect(async move |cx: Cx<()>| {
                let report = cx.run(pipeline.join()).await?;
                let Ok(totals) = cx.run(totals.join()).await;
                let letters = cx.run(letters.join()).await?;
                cx.run(blocking(move || totals.print(report, &letters, json)))
                    .await
            });
            let _ = reported.send(cx.run(report).await);
            Ok(())
        });
        cx.run(read_all(lines, raw, progress).ensuring(finish))
            .await?;
        outcome.recv().unwrap_or(Ok(()))
    })
    .erase_once()
}

/// Reads the log in batches, on a thread that may block, into the channel.
fn read_all(
    lines: Lines,
    raw: Channel<RawLine>,
    mut progress: ReadProgress,
) -> Effect<(), LogError, ()> {
    effect(async move |cx: Cx<()>| {
        let mut lines = lines;
        loop {
            let (rest, batch) = cx.run(blocking(move || lines.read_batch())).await?;
            if batch.is_empty() {
                return Ok(());
            }
            lines = rest;
            progress.show(lines.bytes_read(), cx.now());
            // Nobody closes the channel before its reader has ended.
            let _ = raw.send_many(batch).await;
        }
    })
    .erase_once()
}
