//! What is done about the effect of each element: tried again, recovered with the item at hand, routed elsewhere.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::{everywhere, on_both, secs};
use effect::prelude::*;

/// How often each item was tried.
#[derive(Clone, Default)]
struct Tries {
    of: Arc<Mutex<HashMap<u32, u32>>>,
}

impl Tries {
    /// Fails as often as a closure says for an item.
    fn work(&self, item: u32, failures: fn(u32) -> u32) -> Effect<(), u32, u32> {
        let tries = self.clone();
        effect(move |_: Cx<()>| {
            let tried = {
                let mut of = tries.of.lock().unwrap();
                let tried = of.entry(item).or_default();
                *tried += 1;
                *tried
            };
            async move {
                if tried <= failures(item) {
                    Err(item)
                } else {
                    Ok(item)
                }
            }
        })
        .erase()
    }

    fn of(&self, item: u32) -> u32 {
        self.of.lock().unwrap()[&item]
    }
}

/// Items 0, 7 and 14 fail once, item 5 always.
fn failures(item: u32) -> u32 {
    match item {
        5 => u32::MAX,
        item => u32::from(item.is_multiple_of(7)),
    }
}

// S0-19
#[test]
fn each_element_is_tried_again_by_a_schedule_of_its_own() {
    everywhere(async |cx: Cx<()>| {
        let tries = Tries::default();
        let begin = cx.now();
        let tried = tries.clone();
        let run = Stream::range(0..20)
            .map_effect(move |item| tried.work(item, failures))
            .retry_each(Schedule::linear(Duration::from_millis(500)).times(2))
            .partition();
        let Ok((good, bad)) = cx.run(run).await;
        assert_eq!((good.len(), bad), (19, vec![5]));
        assert_eq!([0, 5, 6, 7].map(|item| tries.of(item)), [2, 3, 1, 2]);
        assert_eq!(
            cx.now() - begin,
            Duration::from_millis(500 + 1_000 + 3 * 500)
        );
    });
}

#[test]
fn many_at_a_time_are_tried_again_each_in_its_own_time() {
    everywhere(async |cx: Cx<()>| {
        let tries = Tries::default();
        let begin = cx.now();
        let run = StreamE::range(0..20)
            .map_effect_par(20, move |item| tries.work(item, failures))
            .retry_each(Schedule::spaced(secs(1)).times(2))
            .run_collect();
        let Ok(all) = cx.run(run).await;
        let expected = (0..20).map(|item| if item == 5 { Err(5) } else { Ok(item) });
        assert_eq!(all, expected.collect::<Vec<_>>());
        assert_eq!(cx.now() - begin, secs(2));
    });
}

#[test]
fn whoever_recovers_has_the_item_that_failed() {
    everywhere(async |cx: Cx<()>| {
        let parse =
            |word: &'static str| async move { word.parse::<usize>().map_err(|_| "no number") };
        let words = || StreamE::from_results([Ok("1"), Ok("two"), Err("unread"), Ok("three")]);
        let by_length = |word: &'static str, error| match word {
            "three" => fail(error).erase(),
            word => sleep(secs(1)).map(|()| word.len()).erase(),
        };
        let expected = [Ok(1), Ok(3), Err("unread"), Err("no number")];
        let run = words().map_effect(parse).recover_with_item(by_length);
        assert_eq!(cx.run(run.run_collect()).await, Ok(expected.to_vec()));
        let run = words()
            .map_effect_par(4, parse)
            .recover_with_item(by_length);
        assert_eq!(cx.run(run.run_collect()).await, Ok(expected.to_vec()));
    });
}

#[test]
fn an_error_waits_for_its_channel_and_none_is_lost() {
    everywhere(async |cx: Cx<()>| {
        let results =
            || StreamE::from_results((0..9).map(|n| if n % 3 == 0 { Err(n) } else { Ok(n) }));
        let errors = Channel::bounded(1);
        let reading = {
            let errors = errors.clone();
            cx.fork(effect(async move |cx: Cx<()>| {
                let mut all = Vec::new();
                while let Ok(error) = errors.receive().await {
                    cx.sleep(secs(1)).await;
                    all.push(error);
                }
                Ok::<_, Never>(all)
            }))
        };
        let Ok(values) = cx.run(results().route_errors(&errors).run_collect()).await;
        assert_eq!(values, [1, 2, 4, 5, 7, 8].map(Ok));
        errors.close();
        assert_eq!(cx.run(reading.join()).await, Ok(vec![0, 3, 6]));
        // Refused, they flow on.
        let Ok((values, refused)) = cx.run(results().route_errors(&errors).partition()).await;
        assert_eq!((values.len(), refused), (6, vec![0, 3, 6]));
    });
}

/// A shared schedule has no state: runs of it do not disturb each other.
#[test]
fn a_stream_of_retries_can_run_twice() {
    on_both(async |cx: Cx<()>| {
        let failing = Stream::range(0..2)
            .map_effect(|item| sync(move || item).flat_map(|item| fail::<_, u32, u32>(item)))
            .retry_each(Schedule::recurs(1));
        for _ in 0..2 {
            let Ok((_, errors)) = cx.run(failing.clone().partition()).await;
            assert_eq!(errors, [0, 1]);
        }
    });
}

#[test]
fn what_has_failed_for_good_is_a_dead_letter_with_its_item() {
    everywhere(async |cx: Cx<()>| {
        let tries = Tries::default();
        let tried = tries.clone();
        let letters = Channel::bounded(1);
        let work =
            move |item| tried.work(item, |item| if item % 4 == 3 { u32::MAX } else { item % 2 });
        let run = Stream::range(0..12)
            .map_effect_par(3, work)
            .retry_each(Schedule::spaced(secs(1)).times(1))
            .errors_to_dead_letters(&letters);
        let closing = letters.clone();
        let run = run.run_collect().ensuring(sync(move || closing.close()));
        let read = Stream::from_channel(letters)
            .tap(|_| sleep(secs(9)))
            .into_values();
        let Ok((all, letters)) = cx.run(run.zip_par(read.run_collect())).await;
        assert_eq!(all, [0, 1, 2, 4, 5, 6, 8, 9, 10].map(Ok));
        let letters: Vec<_> = letters
            .iter()
            .map(|letter| (letter.item, letter.error))
            .collect();
        assert_eq!(letters, [(3, 3), (7, 7), (11, 11)]);
        assert_eq!(tries.of(3), 2);
    });
}

#[test]
fn an_error_for_which_there_is_no_letter_flows_on() {
    everywhere(async |cx: Cx<()>| {
        let letters = Channel::bounded(9);
        let elements = StreamE::from_results([Ok(1), Err("before"), Ok(2), Ok(3)]);
        let closing = letters.clone();
        let run = elements
            .map_effect(move |n| {
                if n == 3 {
                    closing.close();
                }
                from_result(if n == 1 { Ok(n) } else { Err("of the effect") })
            })
            .errors_to_dead_letters(&letters);
        let Ok(all) = cx.run(run.run_collect()).await;
        assert_eq!(all, [Ok(1), Err("before"), Err("of the effect")]);
        let letter = letters.receive().await.unwrap();
        assert_eq!((letter.item, letter.error), (2, "of the effect"));
    });
}
