//! A sliding window: statistics over the last two seconds of a stream of metrics.
//!
//! Run it: `cargo run --example sliding_window`
//!
//! Each of fifty metrics, 200 ms apart, ends a window. Those whose average is high raise an alert.

use std::collections::VecDeque;
use std::process::ExitCode;

use effect::prelude::*;

const WINDOW_MS: u64 = 2_000;

struct Metric {
    time_ms: u64,
    load: u32,
}

struct Window {
    end_ms: u64,
    count: usize,
    average: f64,
    peak: u32,
}

fn main() -> ExitCode {
    run_main(effect(program))
}

async fn program(cx: Cx<()>) -> Result<(), PipelineError<Never>> {
    // An operator may have state of its own: here, the metrics of the current window.
    let mut recent = VecDeque::new();
    let windows = Stream::from_iter(metrics()).map(move |metric| slide(&mut recent, metric));

    let output = Channel::bounded(10);
    let pipeline = Pipeline::from_stream(windows)
        .via(stage("judge", async |window: Window| {
            let alert = window.average > 75.0 && window.count >= 5;
            Ok((window, alert))
        }))
        .to_channel(output.clone());
    let judged = cx.fork(Stream::from_channel(output).run_collect());
    cx.run(pipeline.run()).await?;

    // One worker keeps the order, so nothing needs to be sorted here.
    let Ok(judged) = cx.run(judged.join()).await;
    for (window, alert) in judged.iter().step_by(7) {
        let alert = if *alert { "  ALERT" } else { "" };
        print!("until {:4} ms: {:2} metrics, ", window.end_ms, window.count);
        println!("load {:4.1}, peak {:3}{alert}", window.average, window.peak);
    }
    let alerts = judged.iter().filter(|(_, alert)| *alert).count();
    println!("{} windows, {alerts} alerts", judged.len());
    assert_eq!((judged.len(), judged[49].0.count, alerts), (50, 11, 10));
    Ok(())
}

/// A load that rises from 20 to 100 in sixteen steps, falls in as many, and rises again.
fn metrics() -> impl Iterator<Item = Metric> + Send {
    (0..50).map(|i| Metric {
        time_ms: u64::from(i) * 200,
        load: 20 + 5 * (i % 32).min(32 - i % 32),
    })
}

fn slide(recent: &mut VecDeque<Metric>, metric: Metric) -> Window {
    let end_ms = metric.time_ms;
    recent.push_back(metric);
    recent.retain(|metric| metric.time_ms + WINDOW_MS >= end_ms);
    let loads = recent.iter().map(|metric| metric.load);
    Window {
        end_ms,
        count: recent.len(),
        average: f64::from(loads.clone().sum::<u32>()) / recent.len() as f64,
        peak: loads.max().unwrap_or_default(),
    }
}
