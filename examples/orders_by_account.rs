//! Orders come in by product, and are counted by account: in the partitions of a second topic, in order for each account.
//!
//! Run it: `cargo run --example orders_by_account`
//!
//! One order cannot be booked at first. It is not acknowledged, so it comes again when the books are opened again; no other does.

use std::collections::BTreeMap;
use std::error::Error;
use std::process::ExitCode;

use effect::prelude::*;
use effect::{Event, Partitions, Start, Topic};

#[derive(Clone, Debug)]
struct Order {
    account: &'static str,
    amount: u32,
}

type Books = BTreeMap<&'static str, Vec<u32>>;

fn main() -> ExitCode {
    run_main(effect(program))
}

async fn program(cx: Cx<()>) -> Result<(), Box<dyn Error + Send + Sync>> {
    let orders = Topic::<&str, Order>::in_memory("orders", Partitions::of(1));
    let by_account = Topic::in_memory("orders-by-account", Partitions::of(4));

    let repartitioner = orders.subscribe("repartitioner", Start::Earliest)?;
    let accounts = repartitioner.repartition(&by_account, |order| order.value.account);
    let repartitioning = cx.fork(accounts);

    for (product, account, amount) in [
        ("pears", "alice", 12),
        ("figs", "bob", 3),
        ("plums", "alice", 7),
        ("figs", "alice", 30),
        ("pears", "bob", 90),
    ] {
        let order = Order { account, amount };
        cx.run(orders.publish(product, order)).await?;
    }
    orders.close();
    cx.run(repartitioning.join()).await?;
    by_account.close();

    let mut books = Books::new();
    let reader = by_account.subscribe("books", Start::Earliest)?;
    let Ok(events) = cx.run(reader.events().run_collect()).await;
    for event in events {
        if event.value.amount < 90 {
            book(&mut books, event);
        } else {
            println!("not booked yet: {} of {}", event.value.amount, event.key);
        }
    }
    let Ok(again) = cx.run(reader.events().run_collect()).await;
    assert_eq!(again.len(), 1);
    for event in again {
        book(&mut books, event);
    }
    println!("booked: {books:?}");
    assert_eq!(books["alice"], [12, 7, 30]);
    assert_eq!(books["bob"], [3, 90]);
    Ok(())
}

fn book(books: &mut Books, order: Event<&'static str, Order>) {
    books.entry(order.key).or_default().push(order.value.amount);
    order.ack();
}
