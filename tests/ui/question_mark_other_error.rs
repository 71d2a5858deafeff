//! cure: From<StockError>
//! `?` meets an error that the body's own is not made of.

use effect::prelude::*;

#[derive(Clone, Debug)]
struct StockError;

#[derive(Clone, Debug)]
struct CheckoutError;

fn reserve(id: u32) -> Effect<(), StockError, u32> {
    succeed(id).erase()
}

fn checkout(id: u32) -> Effect<(), CheckoutError, u32> {
    effect(async move |cx: Cx<()>| {
        let stock = cx.run(reserve(id)).await?;
        Ok(stock + 1)
    })
    .erase()
}

fn main() {
    let _ = run(checkout(1));
}
