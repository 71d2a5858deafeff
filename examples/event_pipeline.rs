//! Four stages turn raw JSON into enriched events: parse, validate, enrich, transform.
//!
//! Run it: `cargo run --example event_pipeline`
//!
//! Five events come out as the workers finish them, and are sorted before they are printed.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use effect::prelude::*;
use serde::Deserialize;

const RAW: &str = r#"{"time": 1634567890, "user": "user1", "kind": "click", "data": {"page": "home"}}
{"time": 1634567891, "user": "user2", "kind": "purchase", "data": {"amount": 29.99}}
{"time": 1634567892, "user": "user1", "kind": "view", "data": {"page": "products"}}
{"time": 1634567893, "user": "user3", "kind": "click", "data": {"page": "about"}}
{"time": 1634567894, "user": "user2", "kind": "purchase", "data": {"amount": 15.99}}"#;

#[derive(Clone, Deserialize)]
struct WebEvent {
    time: u64,
    user: String,
    kind: String,
    data: serde_json::Value,
}

struct ProcessedEvent {
    line: String,
    kind: String,
}

fn main() -> ExitCode {
    run_main(effect(program))
}

async fn program(cx: Cx<()>) -> Result<(), PipelineError<String>> {
    let output = Channel::bounded(10);
    let pipeline = Pipeline::from_stream(Stream::from_iter(RAW.lines()))
        .via(stage("parse", parse).workers(2))
        .via(stage("validate", validate))
        .via(stage("enrich", enrich).workers(3))
        .via(stage("transform", transform).workers(2))
        .to_channel(output.clone());
    let events = cx.fork(Stream::from_channel(output).run_collect());
    let report = cx.run(pipeline.run()).await?;

    let Ok(mut events) = cx.run(events.join()).await;
    events.sort_by(|a, b| a.line.cmp(&b.line));
    let mut kinds = BTreeMap::new();
    for ProcessedEvent { line, kind } in events {
        println!("{line}");
        *kinds.entry(kind).or_insert(0) += 1;
    }
    println!("{kinds:?}\n{report}");
    assert_eq!((kinds["purchase"], report.delivered), (2, 5));
    Ok(())
}

async fn parse(raw: &str) -> Result<WebEvent, String> {
    serde_json::from_str(raw).map_err(|error| error.to_string())
}

async fn validate(event: WebEvent) -> Result<WebEvent, String> {
    let complete = !event.user.is_empty();
    complete.then_some(event).ok_or("no user".to_owned())
}

fn enrich(mut event: WebEvent) -> Effect<(), String, WebEvent> {
    let is_premium = event.user == "user1";
    event.data["segment"] = if is_premium { "premium" } else { "standard" }.into();
    sleep(Duration::from_millis(2)).map(move |()| event).erase()
}

async fn transform(event: WebEvent) -> Result<ProcessedEvent, String> {
    let line = format!("{}: {} {}", event.time, event.kind, event.data);
    let kind = event.kind;
    Ok(ProcessedEvent { line, kind })
}
