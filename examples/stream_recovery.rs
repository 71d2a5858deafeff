//! A failed element can be recovered from: something else takes its place, and the stream cannot fail any more.
//!
//! Run it: `cargo run --example stream_recovery`
//!
//! Seven pages are fetched. The second and the fifth call fail, and a fallback stands in for them.

use std::process::ExitCode;

use effect::prelude::*;

#[derive(Clone, Debug, PartialEq)]
enum Page {
    Fetched { url: String, status: u16 },
    Fallback { reason: String },
}

fn main() -> ExitCode {
    run_main(effect(program))
}

async fn program(cx: Cx<()>) -> Result<(), Never> {
    let urls = (1..=7).map(|n| format!("https://api.example.com/data/{n}"));
    let pages = StreamE::from_iter(urls)
        .map_effect(fetch)
        .map_error(|error| format!("handled: {error}"))
        // A recovery that cannot fail: its error is `Never`, and so is the stream's from here on.
        .recover(|reason| succeed::<_, Never, _>(Page::Fallback { reason }));

    let (pages, errors) = cx.run(pages.partition()).await?;
    assert_eq!(errors, []);
    for page in &pages {
        match page {
            Page::Fetched { url, status } => println!("{status} {url}"),
            Page::Fallback { reason } => println!("--- {reason}"),
        }
    }

    let is_fallback = |page: &&Page| matches!(page, Page::Fallback { .. });
    let recovered = pages.iter().filter(is_fallback).count();
    assert_eq!((pages.len() - recovered, recovered), (5, 2));
    println!("5 fetched, {recovered} recovered");
    Ok(())
}

/// Stands for a call over an unreliable network, and fails always in the same places.
fn fetch(url: String) -> Effect<(), String, Page> {
    if url.ends_with("/2") || url.ends_with("/5") {
        fail(format!("no route to {url}")).erase()
    } else {
        succeed(Page::Fetched { url, status: 200 }).erase()
    }
}
