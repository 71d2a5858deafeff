//! A reference is changed by one at a time, and no change is lost.

use std::panic::{AssertUnwindSafe, catch_unwind};

use effect::prelude::*;
use effect::sync::Ref;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_change_is_lost() {
    let program = effect(async |cx: Cx<()>| {
        let total = Ref::new(0_u64);
        let fibers: Vec<_> = (0..8)
            .map(|_| {
                let total = total.clone();
                cx.fork(sync::<_, Never, _, _>(move || {
                    (0..1_000).for_each(|_| total.update(|total| *total += 1));
                }))
            })
            .collect();
        for fiber in fibers {
            cx.run(fiber.join()).await?;
        }
        Ok::<_, Never>(total.get())
    });
    assert_eq!(program.await, Ok(8_000));
}

#[test]
fn a_change_has_what_its_closure_returns() {
    let stock = Ref::new(vec![1, 2]);
    assert_eq!(stock.modify(Vec::pop), Some(2));
    assert_eq!(stock.set(vec![7]), [1]);
    assert_eq!(stock.get(), [7]);
}

#[test]
fn to_use_it_inside_of_its_own_change_panics_and_does_not_hang() {
    let total = Ref::new(1);
    let inside = total.clone();
    let nested = AssertUnwindSafe(|| total.update(|total| *total += inside.get()));
    let panic = catch_unwind(nested).unwrap_err();
    let message = panic.downcast_ref::<&str>().copied();
    assert_eq!(message, Some("a Ref is used inside of its own change"));
    // Usable after that.
    assert_eq!(total.get(), 1);
}
