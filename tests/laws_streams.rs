//! The laws of streams: what each operator emits, in terms of lists.

use std::sync::Arc;

use crate::common::elements::{Elements, count, elements, numbers, results};
use crate::common::laws::{Given, equal, undisturbed_runs};
use crate::common::programs::{ALONE, ANYTHING, BEAT, PLAIN};
use effect::prelude::*;

/// Elements through some operators.
fn any_elements(given: &Given, name: &'static str) -> Elements {
    let elements = StreamE::from_results(results(given, name)).erase();
    through_any(elements, given, name, 8)
}

/// Elements through some of the first operators.
fn through_any(elements: Elements, given: &Given, name: &'static str, first: u32) -> Elements {
    let mut chance = given.programs(name);
    let mut stream = elements;
    for _ in 0..chance.below(4) {
        stream = through(stream, given, chance.below(first), chance.below(6));
    }
    stream
}

/// Elements through one of the operators.
fn through(stream: Elements, given: &Given, operator: u32, n: u32) -> Elements {
    match operator {
        0 => stream.map(move |x| x + n).erase(),
        1 => stream.map_error(move |x| x + n).erase(),
        2 => stream.filter(move |x| x % 6 != n).erase(),
        3 => stream.take(n as usize + 1).erase(),
        4 => stream
            .chunks(n as usize + 1)
            .map(|group| group.into_iter().sum())
            .erase(),
        5 => stream.map_effect(given.function(PLAIN, "f")).erase(),
        6 => stream.recover(given.function(PLAIN, "r")).erase(),
        _ => {
            let other = StreamE::from_results(results(given, "merged"));
            stream.merge(other).erase()
        }
    }
}

// Law 11, as far as there are the operators, and the laws of lists.

/// fs2 `emits(xs).toList == xs`.
#[test]
fn what_a_stream_is_made_of_is_what_it_collects() {
    equal(
        |given| StreamE::from_results(results(given, "xs")).run_collect(),
        |given| succeed(results(given, "xs")),
    );
    equal(
        |given| Stream::from_stream(futures::stream::iter(numbers(given, "xs"))).run_collect(),
        |given| succeed(numbers(given, "xs")),
    );
}

/// fs2 and ZIO: operators are invariant under the chunks in which elements come. Here those of a channel, in batches.
#[test]
fn how_elements_come_does_not_matter() {
    // All but the merge: between its sides, the order of what comes is all there is.
    let but_merge = |elements, given: &Given| through_any(elements, given, "operators", 7);
    for run in undisturbed_runs() {
        let at_once = run.see(|given| but_merge(elements(given), given).run_collect());
        let in_batches = run.see(|given| {
            let mut chance = given.programs("batches");
            let channel = Channel::bounded(chance.below(4) as usize);
            let (mut rest, mut batches) = (results(given, "xs"), Vec::new());
            while !rest.is_empty() {
                let size = rest.len().min(1 + chance.below(5) as usize);
                batches.push(rest.drain(..size).collect::<Vec<_>>());
            }
            let received = Stream::from_channel(channel.clone()).map_effect(from_result);
            let stream = but_merge(received.erase(), given);
            effect(async move |cx: Cx<()>| {
                let sender = cx.fork(async move {
                    for batch in batches {
                        // Refused once the stream has what it takes.
                        let _ = channel.send_many(batch).await;
                    }
                    channel.close();
                    Ok::<_, Never>(())
                });
                let collected = cx.run(stream.run_collect()).await?;
                drop(sender);
                Ok(collected)
            })
        });
        assert_eq!(in_batches.exit, at_once.exit, "{run:?}");
        assert_eq!(in_batches.names(), at_once.names(), "{run:?}");
    }
}

/// Ours: a stream folds itself, is pulled by an effect, or is a `futures::Stream`, and emits the same.
#[test]
fn all_ways_to_run_a_stream_see_the_same() {
    for run in undisturbed_runs() {
        let collected = run.see(|given| any_elements(given, "xs").run_collect());
        let folded = run.see(|given| {
            any_elements(given, "xs").run_fold(Vec::new(), |mut all, element| {
                all.push(element);
                all
            })
        });
        let effectful = run.see(|given| {
            let all = Arc::new(std::sync::Mutex::new(Vec::new()));
            let seen = Arc::clone(&all);
            let stream = any_elements(given, "xs").into_results();
            let run = stream.run_for_each(move |element| {
                let all = Arc::clone(&all);
                sync(move || all.lock().unwrap().push(element))
            });
            run.map(move |()| std::mem::take(&mut *seen.lock().unwrap()))
        });
        assert_eq!(folded, collected, "{run:?}");
        assert_eq!(effectful, collected, "{run:?}");
        // One that is not erased, and so folds itself in one loop.
        let chain = |given: &Given| {
            let (count, numbers) = (count(given, "count"), numbers(given, "xs"));
            let kept = Stream::from_iter(numbers)
                .map(|x| x * 2)
                .filter(|x| x % 3 != 0);
            kept.take(count).map(|x| x + 1)
        };
        let folded = run.see(|given| chain(given).run_collect());
        let pulled = run.see(|given| chain(given).erase().run_collect());
        assert_eq!(folded, pulled, "{run:?}");
    }
}

/// Functor laws, for streams and for elements that can fail.
#[test]
fn two_maps_of_a_stream_are_one_map() {
    equal(
        |given| {
            any_elements(given, "xs")
                .map(|x| x + 1)
                .map(|x| x * 2)
                .run_collect()
        },
        |given| any_elements(given, "xs").map(|x| (x + 1) * 2).run_collect(),
    );
    equal(
        |given| {
            any_elements(given, "xs")
                .map(|x| x)
                .map_error(|e| e)
                .run_collect()
        },
        |given| any_elements(given, "xs").run_collect(),
    );
}

/// The laws of lists.
#[test]
fn filter_is_that_of_lists() {
    equal(
        |given| {
            let stream = any_elements(given, "xs");
            stream
                .filter(|x| x % 2 == 0)
                .filter(|x| x % 3 == 0)
                .run_collect()
        },
        |given| {
            any_elements(given, "xs")
                .filter(|x| x % 6 == 0)
                .run_collect()
        },
    );
    equal(
        |given| {
            Stream::from_iter(numbers(given, "xs"))
                .filter(|x| x % 2 == 0)
                .run_collect()
        },
        |given| {
            let kept = numbers(given, "xs").into_iter().filter(|x| x % 2 == 0);
            succeed(kept.collect::<Vec<_>>())
        },
    );
}

/// fs2 `take` laws.
#[test]
fn take_of_take_is_the_smaller_one() {
    equal(
        |given| {
            let (one, other) = (count(given, "one"), count(given, "other"));
            any_elements(given, "xs")
                .take(one)
                .take(other)
                .run_collect()
        },
        |given| {
            let smaller = count(given, "one").min(count(given, "other"));
            any_elements(given, "xs").take(smaller).run_collect()
        },
    );
    equal(
        |given| elements(given).take(count(given, "one")).run_collect(),
        |given| {
            let taken = results(given, "xs").into_iter().take(count(given, "one"));
            succeed(taken.collect::<Vec<_>>())
        },
    );
}

/// ZIO `grouped`: groups are full but for the last, and together they are the stream.
#[test]
fn chunks_put_together_are_the_stream() {
    equal(
        |given| {
            let size = count(given, "size") + 1;
            Stream::from_iter(numbers(given, "xs"))
                .chunks(size)
                .run_collect()
        },
        |given| {
            let size = count(given, "size") + 1;
            let numbers = numbers(given, "xs");
            succeed(
                numbers
                    .chunks(size)
                    .map(<[u32]>::to_vec)
                    .collect::<Vec<_>>(),
            )
        },
    );
}

/// ZIO `mapZIO` composes: the first effect of an element runs, then the second of it, then the next element's.
#[test]
fn two_map_effects_are_one_with_a_flat_map() {
    equal(
        |given| {
            let (f, g) = (given.function(ALONE, "f"), given.function(ALONE, "g"));
            elements(given).map_effect(f).map_effect(g).run_collect()
        },
        |given| {
            let (f, g) = (given.function(ALONE, "f"), given.function(ALONE, "g"));
            let both = move |x| f(x).flat_map(g.clone());
            elements(given).map_effect(both).run_collect()
        },
    );
    equal(
        |given| elements(given).map_effect(|x| succeed(x + 1)).run_collect(),
        |given| elements(given).map(|x| x + 1).run_collect(),
    );
}

/// The laws of recovery, by element.
#[test]
fn recover_of_a_stream_is_that_of_each_element() {
    equal(
        |given| elements(given).recover(fail::<_, u32, u32>).run_collect(),
        |given| elements(given).run_collect(),
    );
    equal(
        |given| {
            let f = given.function(ANYTHING, "f");
            elements(given).recover(f).run_collect()
        },
        |given| {
            let f = given.function(ANYTHING, "f");
            let recovered = move |element| from_result(element).recover(f.clone());
            elements(given)
                .into_results()
                .map_effect(recovered)
                .run_collect()
        },
    );
}

// Law 12, of merge.

/// fs2 *right and left identity* of merge.
#[test]
fn merge_with_nothing_changes_nothing() {
    equal(
        |given| {
            let nothing = StreamE::from_iter(Vec::<u32>::new());
            any_elements(given, "xs").merge(nothing).run_collect()
        },
        |given| any_elements(given, "xs").run_collect(),
    );
    equal(
        |given| {
            let nothing = StreamE::from_iter(Vec::<u32>::new());
            nothing.merge(any_elements(given, "xs")).run_collect()
        },
        |given| any_elements(given, "xs").run_collect(),
    );
}

/// Numbers, each after a while, with the side they are of.
fn side(given: &Given, name: &'static str, side: u32) -> Stream<(), (u32, u32)> {
    let beats = BEAT * given.programs(name).below(3);
    let numbered = Stream::from_iter(numbers(given, name));
    let delayed = numbered.map_effect(move |x| sleep::<_, Never>(beats).map(move |()| (side, x)));
    delayed.into_results().map(|Ok(item)| item).erase()
}

/// ZIO *merge*: a multiset union that keeps the order of each side, however sides are put together.
#[test]
fn merge_is_a_union_that_keeps_the_order_of_each_side() {
    const NAMES: [&str; 3] = ["a", "b", "c"];
    for run in undisturbed_runs() {
        let to_the_left = run.see(|given| {
            let [a, b, c] = [0, 1, 2].map(|i| side(given, NAMES[i as usize], i));
            a.merge(b).merge(c).run_collect()
        });
        let to_the_right = run.see(|given| {
            let [a, b, c] = [0, 1, 2].map(|i| side(given, NAMES[i as usize], i));
            a.merge(b.merge(c)).run_collect()
        });
        let apart = run.see(|given| succeed::<_, Never, _>(NAMES.map(|name| numbers(given, name))));
        let apart = apart.exit.into_result().expect("it is a value");
        for merged in [to_the_left, to_the_right] {
            let merged = merged.exit.into_result().expect("nothing fails");
            let side = |i| {
                merged
                    .iter()
                    .filter(move |item| item.0 == i)
                    .map(|item| item.1)
            };
            let sides = [0, 1, 2].map(|i| side(i).collect::<Vec<_>>());
            assert_eq!(sides, apart, "{run:?}");
        }
    }
}
