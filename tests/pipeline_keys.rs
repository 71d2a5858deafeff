//! Stages by key: items of one key one after the other and in order, those of different keys beside each other.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::common::pipelines::{
    any_capacity, any_workers, assert_adds_up, drain, filled, read_slowly, wait,
};
use crate::common::{everywhere, millis, on_threads};
use effect::prelude::*;
use effect::stage_sync;

const ITEMS: u64 = 24;

/// What begins and ends, by key.
#[derive(Clone, Default)]
struct Keys {
    begun: Arc<Mutex<BTreeMap<u64, Vec<u64>>>>,
    running: Arc<Mutex<BTreeMap<u64, usize>>>,
}

impl Keys {
    /// Waits by chance, and fails or dies now and then, all the while alone with its key.
    fn work(&self, n: u64, keys: u64) -> Effect<(), u64, u64> {
        let (me, key) = (self.clone(), n % keys);
        let (ended, leave) = (self.clone(), key);
        effect(async move |cx: Cx<()>| {
            me.begun.lock().unwrap().entry(key).or_default().push(n);
            {
                let mut running = me.running.lock().unwrap();
                let running = running.entry(key).or_default();
                *running += 1;
                assert_eq!(*running, 1, "two of one key at a time");
            }
            wait(&cx).await;
            assert!(n % 7 != 6, "a bug");
            if n % 5 == 4 { Err(n) } else { Ok(n) }
        })
        .ensuring(sync(move || {
            *ended.running.lock().unwrap().get_mut(&leave).unwrap() -= 1;
        }))
        .erase_once()
    }

    fn assert_in_order(&self) {
        for (key, begun) in &*self.begun.lock().unwrap() {
            assert!(begun.is_sorted(), "key {key}: {begun:?}");
        }
    }
}

#[test]
fn items_of_one_key_run_one_after_the_other_and_in_order() {
    everywhere(async |cx: Cx<()>| {
        let keys = Keys::default();
        let (works, count) = (keys.clone(), 1 + cx.random() % 4);
        let (output, errors) = (
            Channel::bounded(any_capacity(&cx)),
            Channel::bounded(any_capacity(&cx)),
        );
        let input = if cx.random().is_multiple_of(2) {
            Pipeline::from_channel(filled(0..ITEMS))
        } else {
            Pipeline::from_stream(Stream::range(0..ITEMS))
        };
        let work = stage("work", move |n| works.work(n, count)).by_key(move |n: &u64| n % count);
        let run = input
            .via(work.workers(any_workers(&cx)).buffer(any_capacity(&cx)))
            .to_channel(output.clone())
            .with_error_channel(errors.clone())
            .run();
        let (outputs, failures) = (read_slowly(&cx, &output), read_slowly(&cx, &errors));
        let report = cx.run(run).await.unwrap();
        assert_adds_up(&report);
        let Ok(mut outputs) = cx.run(outputs.join()).await;
        let Ok(failures) = cx.run(failures.join()).await;
        outputs.sort_unstable();
        assert!(
            outputs
                .into_iter()
                .eq((0..ITEMS).filter(|n| n % 5 != 4 && n % 7 != 6))
        );
        let two_at_once = failures
            .iter()
            .any(|failed| failed.to_string().contains("two of one key"));
        assert!(!two_at_once);
        keys.assert_in_order();
    });
}

#[test]
fn an_item_whose_key_panics_has_failed_and_the_others_go_on() {
    everywhere(async |cx: Cx<()>| {
        let (output, errors) = (
            Channel::bounded(any_capacity(&cx)),
            Channel::bounded(any_capacity(&cx)),
        );
        let key = |n: &u64| {
            assert!(n % 4 != 1, "no key");
            n % 2
        };
        let work = |n: u64| {
            effect(async move |cx: Cx<()>| {
                wait(&cx).await;
                Ok::<_, Never>(n)
            })
        };
        let work = stage("work", work).by_key(key);
        let run = Pipeline::from_channel(filled(0..12))
            .via(work.workers(any_workers(&cx)).buffer(any_capacity(&cx)))
            .to_channel(output.clone())
            .with_error_channel(errors.clone())
            .run();
        let (outputs, failures) = (read_slowly(&cx, &output), read_slowly(&cx, &errors));
        let report = cx.run(run).await.unwrap();
        assert_adds_up(&report);
        let Ok(mut outputs) = cx.run(outputs.join()).await;
        outputs.sort_unstable();
        assert_eq!(outputs, [0, 2, 3, 4, 6, 7, 8, 10, 11]);
        let Ok(failures) = cx.run(failures.join()).await;
        assert_eq!(failures.len(), 3);
        for failed in failures {
            assert!(failed.to_string().contains("no key"), "{failed}");
        }
    });
}

#[test]
fn a_slow_key_holds_back_no_other_while_there_is_room() {
    everywhere(async |cx: Cx<()>| {
        let output = Channel::bounded(32);
        let work = |n: u64| {
            let time = if n.is_multiple_of(4) { 100 } else { 1 };
            sleep::<_, Never>(millis(time)).map(move |()| n)
        };
        let work = stage("work", work).by_key(|n: &u64| n % 4).workers(4);
        let run = Pipeline::from_channel(filled(0..16))
            .via(work)
            .to_channel(output.clone())
            .run();
        let start = cx.now();
        cx.run(run).await.unwrap();
        assert_eq!(cx.now() - start, millis(400));
        let delivered = drain(&output).await;
        let slow = delivered.iter().position(|n| n % 4 == 0).unwrap();
        assert_eq!(slow, 12, "{delivered:?}");
    });
}

#[test]
fn no_result_of_a_key_passes_another_on_the_way_to_the_next_stage() {
    // On threads, where the next item of a key may be in another runner's hands.
    on_threads(20, async |cx: Cx<()>| {
        let output = Channel::bounded(64);
        let work = |n: u64| {
            std::hint::black_box((0..n % 50).sum::<u64>());
            Ok::<_, Never>(n)
        };
        let run = Pipeline::from_stream(Stream::range(0..4_000))
            .via(stage_sync("work", work).workers(4).by_key(|n: &u64| n % 3))
            .to_channel(output.clone())
            .run();
        let run = cx.fork(run);
        let Ok(items) = cx.run(Stream::from_channel(output).run_collect()).await;
        cx.run(run.join()).await.unwrap();
        assert_eq!(items.len(), 4_000);
        for key in 0..3 {
            assert!(items.iter().filter(|n| *n % 3 == key).is_sorted(), "{key}");
        }
    });
}
