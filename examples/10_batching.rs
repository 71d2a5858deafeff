//! Batching: N lookups in one effect become one call, and whoever looks up need not know.
//!
//! Run it: `cargo run --example 10_batching`
//!
//! Ten orders ask for their customers, one by one. The resolver is called once, for the three that there are.

use std::process::ExitCode;

use effect::prelude::*;
use effect::{Request, RequestResolver, request};

/// Asks for the name of a customer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct NameOf(u32);

impl Request for NameOf {
    type Error = Never;
    type Value = String;
}

fn main() -> ExitCode {
    run_main(effect(program))
}

async fn program(cx: Cx<()>) -> Result<(), Never> {
    let names = RequestResolver::new(|_: Cx<()>, mut asked: Vec<NameOf>| async move {
        asked.sort_by_key(|NameOf(id)| *id);
        println!("one query for {asked:?}");
        let answers = asked.into_iter().map(|asked| {
            let name = format!("customer {}", asked.0);
            (asked, Ok(name))
        });
        Ok::<_, Never>(answers.collect::<Vec<_>>())
    });

    // Each order knows of itself alone.
    let label = move |order: u32| {
        let customer = request(NameOf(order % 3), &names);
        customer.map(move |name| format!("order {order} of {name}"))
    };
    let labels = cx.run(for_each_par(0..10, 10, label)).await?;
    assert_eq!(labels.len(), 10);
    println!("{}", labels[7]);
    Ok(())
}
