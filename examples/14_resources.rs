//! Resources: what is acquired is released, however the program ends; pools and caches share what is dear.
//!
//! Run it: `cargo run --example 14_resources`
//!
//! Two connections serve four queries, a page is looked up once, and all is closed in reverse in the end.

use std::process::ExitCode;
use std::time::Duration;

use effect::prelude::*;
use effect::{Cache, Pool, PoolSize, acquire_use_release};

fn main() -> ExitCode {
    run_main(effect(program).scoped())
}

async fn program(cx: Cx<()>) -> Result<(), String> {
    // A bracket: the release sees how the use has ended, and runs whatever that was.
    let used = acquire_use_release(
        succeed("a file"),
        |file| succeed::<_, String, _>(file.len()),
        |file| sync(move || println!("{file} is closed")),
    );
    println!("used: {}", cx.run(used).await?);

    // A pool, which closes with the scope of this program.
    let connect = acquire_release(succeed::<_, String, _>("connection"), |name| {
        sync(move || println!("a {name} is closed"))
    });
    let pool = cx
        .run(Pool::make(PoolSize::of(2), connect).widen_error::<String>())
        .await?;
    let lent = pool.clone();
    let query = move |n: u32| {
        let pool = lent.clone();
        effect(async move |cx: Cx<()>| {
            let connection = cx.run(pool.get()).await.map_err(|why| why.to_string())?;
            cx.sleep(Duration::from_millis(1)).await;
            Ok::<_, String>(connection.len() as u32 + n)
        })
    };
    let answers = cx.run(for_each_par(0..4, 4, query)).await?;
    assert_eq!((answers, pool.stats().live), (vec![10, 11, 12, 13], 2));
    println!("four queries, {} connections", pool.stats().live);

    // A cache: those who ask for one key at once share one lookup.
    let pages = Cache::new(10, |n: u32| {
        sync::<(), String, _, _>(move || {
            println!("page {n} is looked up");
            format!("page {n}")
        })
    });
    let asked = move |_reader: u32| pages.get(7);
    let read = cx.run(for_each_par(0..6, 6, asked)).await?;
    assert_eq!(read.len(), 6);
    println!("six readers, one page");
    Ok(())
}
