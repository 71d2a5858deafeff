//! Reads a web server's access log through a typed pipeline: read → parse → enrich → aggregate.
//!
//!     cargo run --release --example access_log                        # the sample in this repository
//!     cargo run --release --example access_log -- /var/log/apache2/access.log --errors bad.jsonl
//!     zcat access.log.gz | cargo run --release --example access_log -- - --json --progress
//!     cargo run --release --example access_log -- --replay bad.jsonl  # what failed, through the same pipeline
//!     cargo run --release --example access_log -- --graph             # the pipeline as a mermaid graph
//!
//! Lines that cannot be parsed go to an error channel, with a typed reason and the line that each came of, and
//! from there to the dead-letter file. A look-up that has no answer is made again: `--flaky 10` shows it. Ctrl-C stops the reading only: the lines read so far run to their end,
//! and are accounted for. A line is read when the line reader has handed it out: the beginning of a line whose
//! end has not come is not, and neither is what comes when the reader has stopped.
//!
//! The exit code is 1 if the log cannot be read to its end, and what was read until then is reported all the same,
//! unless it is nothing; it is 1 as well if something cannot be written. It is 2 if the arguments make no sense,
//! 130 after Ctrl-C, and 0 however many lines failed.

use std::io::Write;
use std::process::ExitCode;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use effect::prelude::*;
use effect::{Kept, stage_sync};

#[path = "access_log/options.rs"]
mod options;
#[path = "access_log/console.rs"]
mod console;
#[path = "access_log/same_file.rs"]
mod same_file;
#[path = "access_log/lines.rs"]
mod lines;
#[path = "access_log/entry.rs"]
mod entry;
#[path = "access_log/frequent.rs"]
mod frequent;
#[path = "access_log/totals.rs"]
mod totals;
#[path = "access_log/dead_letters.rs"]
mod dead_letters;
#[path = "access_log/progress.rs"]
mod progress;

use dead_letters::DeadLetters;
use entry::{Reason, Visit, again, look_up, parse};
use lines::{Lines, RawLine};
use options::Options;
use progress::ReadProgress;
use totals::Totals;

/// How long a read may go on after Ctrl-C. What is in the pipe already takes no time at all.
const LAST_READ: Duration = Duration::from_millis(250);

/// What each item remembers: the line that it came of.
type Source = Kept<Arc<RawLine>>;

fn main() -> ExitCode {
    match Options::parse(std::env::args_os().skip(1)) {
        Ok(Some(options)) if options.graph => {
            let pipeline = pipeline(Channel::bounded(1), None)
                .to_channel(Channel::bounded(1))
                .with_error_channel(Channel::bounded(1));
            let graph = pipeline.blueprint().to_mermaid();
            printed(console::print(|out| write!(out, "{graph}")), "graph")
        }
        Ok(Some(options)) => run_main(analyze(options)),
        Ok(None) => {
            let help = console::print(|out| writeln!(out, "{}", options::USAGE));
            printed(help, "help")
        }
        Err(error) => {
            console::tell(format_args!("error: {error}\n\n{}", options::USAGE));
            ExitCode::from(2)
        }
    }
}

fn printed(printed: std::io::Result<()>, what: &str) -> ExitCode {
    match printed {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            console::tell(format_args!("error: cannot write the {what}: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// What becomes of a line, wherever it comes from.
///
/// In order, because the counts of paths depend on it when there are too many to count: the same log gives the same report.
fn pipeline(raw: Channel<Arc<RawLine>>, flaky: Option<u64>) -> Pipeline<(), Reason, Visit, Source> {
    Pipeline::from_channel(raw)
        .keep_source()
        .via(stage_sync("parse", parse).workers(2).ordered())
        .via(
            stage_sync("enrich", look_up(flaky))
                .retry(again())
                .workers(3)
                .ordered(),
        )
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
    #[error("{name} is the log itself: dead letters would overwrite it")]
    SameFile { name: String },
    #[error("cannot write the report: {0}")]
    Report(std::io::Error),
    #[error(transparent)]
    Pipeline(#[from] PipelineError<Reason, Source>),
}

fn analyze(options: Options) -> Effect<(), LogError, ()> {
    effect(async move |cx: Cx<()>| {
        let Options {
            input,
            errors,
            json,
            progress: tells_stages,
            flaky,
            graph: _,
        } = options;
        let open = blocking(move || {
            let lines = Lines::open(input)?;
            let letters = DeadLetters::create(errors, lines.file())?;
            Ok::<_, LogError>((lines, letters))
        });
        let (lines, letters) = cx.run(open).await?;

        let raw = Channel::bounded(1024);
        let (entries, errors) = (Channel::bounded(1024), Channel::bounded(256));
        let pipeline = pipeline(raw.clone(), flaky)
            .to_channel(entries.clone())
            .with_error_channel(errors.clone());

        let progress = ReadProgress::new(lines.size(), pipeline.handle(), cx.now());
        let pipeline = cx.fork_named("pipeline", pipeline.run());
        let counting = Stream::from_channel(entries).run_fold(Totals::default(), Totals::add);
        let totals = cx.fork_named("aggregate", counting);
        let letters = cx.fork_named("dead letters", letters.write_all(errors));

        // Nothing is ever sent on it. It is open while lines are read; the reader closes it at its end, and
        // whoever closes it earlier stops the reader.
        let reading = Channel::<Never>::bounded(1);
        let (input, ended) = (raw.clone(), reading.clone());
        let reader = read_all(lines, raw, reading.clone(), progress).ensuring(sync(move || {
            input.close();
            ended.close();
        }));
        let reader = cx.fork_named("reader", reader);

        // The finalizer is all the rest, so what was read is accounted for whether the log was read to its end,
        // the disk failed, or somebody pressed Ctrl-C. Only this fiber is interrupted by that: the reader is
        // told to stop, hands on what it holds, and closes the input, which drains the pipeline.
        let (reported, outcome) = mpsc::channel();
        let stop = reading.clone();
        let finish = effect(async move |cx: Cx<()>| {
            stop.close();
            let report = effect(async move |cx: Cx<()>| {
                let read = cx.run(reader.join()).await;
                let report = cx.run(pipeline.join()).await?;
                let Ok(totals) = cx.run(totals.join()).await;
                let letters = cx.run(letters.join()).await?;
                if tells_stages {
                    progress::tell_stages(&report);
                }
                // Of a log that cannot be read at all there is nothing to report but that.
                if read.is_ok() || report.received > 0 {
                    cx.run(blocking(move || totals.print(report, &letters, json)))
                        .await?;
                }
                read
            });
            // After Ctrl-C nobody waits for the outcome, but a report that failed is not passed over.
            if let Err(mpsc::SendError(Err(error))) = reported.send(cx.run(report).await) {
                console::tell(format_args!("error: {error}"));
            }
            Ok(())
        });
        let wait = effect(async move |_: Cx<()>| {
            let _ = reading.receive().await;
            Ok::<_, Never>(())
        });
        let Ok(()) = cx.run(wait.ensuring(finish)).await;
        outcome.recv().unwrap_or(Ok(()))
    })
    .erase_once()
}

/// Reads the log in batches, on a thread that may block, into the channel, until `reading` is closed.
///
/// A batch that was read is sent, however full the channel: the pipeline goes on until the channel is closed. A
/// read that waits for input cannot be stopped. It has [`LAST_READ`] to end; then it is left behind, and what it
/// would still find does not count as read.
fn read_all(
    lines: Lines,
    raw: Channel<Arc<RawLine>>,
    reading: Channel<Never>,
    mut progress: ReadProgress,
) -> Effect<(), LogError, ()> {
    effect(async move |cx: Cx<()>| {
        let mut lines = lines;
        while !reading.is_closed() {
            let stopped = reading.clone();
            let given_up = effect(async move |cx: Cx<()>| {
                let _ = stopped.receive().await;
                cx.sleep(LAST_READ).await;
                Ok(None)
            });
            let read = blocking(move || lines.read_batch()).map(Some);
            let Some((rest, batch)) = cx.run(read.race_first(given_up)).await? else {
                break;
            };
            if batch.is_empty() {
                break;
            }
            lines = rest;
            progress.show(lines.bytes_read(), cx.now());
            // Nobody closes the channel before its reader has ended.
            let _ = raw.send_many(batch.into_iter().map(Arc::new)).await;
        }
        Ok(())
    })
    .erase_once()
}
