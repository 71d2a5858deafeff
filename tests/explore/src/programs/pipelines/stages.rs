//! Stages in a row: sync and async, ordered, by key.

use effect::stage_sync;

use super::*;

pipelines! {
    /// One stage that waits for nothing.
    one_sync: Around { in_order: true, ..AROUND }, |laws, items| items.via(stage_sync("pass", laws.passing()));

    /// Three that wait.
    three_async: AROUND, |laws, items| items
        .via(stage("first", laws.working()).workers(2))
        .via(stage("second", laws.working()).buffer(laws.trial.capacity(4)))
        .via(stage("third", laws.working()).workers(2).buffer(laws.trial.capacity(2)));

    /// One whose results keep the order.
    ordered: Around { in_order: true, ..AROUND }, |laws, items| items
        .via(stage("ordered", laws.working()).workers(3).ordered().buffer(laws.trial.capacity(4)));

    /// One item of a key at a time.
    by_key: AROUND, |laws, items| items
        .via(stage("keyed", laws.working()).by_key(laws.key()).workers(3));

    /// Both.
    ordered_keys: Around { from: From::Stream, in_order: true, ..AROUND }, |laws, items| items
        .via(stage("both", laws.working()).by_key(laws.key()).workers(2).ordered());
}
