//! The laws of streams of streams, of effects side by side, and of streams side by side.

use crate::common::elements::{Elements, elements, numbers};
use crate::common::laws::{Given, equal, undisturbed_runs};
use crate::common::programs::{ALONE, BEAT, PLAIN};
use effect::prelude::*;

/// A stream for each value: some elements, the first of which is an effect's, and something that is done at its end.
fn nested(given: &Given, name: &'static str) -> impl Fn(u32) -> Elements + Clone + Send + use<> {
    let (first, last) = (given.function(ALONE, name), given.function(PLAIN, "last"));
    move |x| {
        let last = last(x);
        let some = StreamE::from_effect(first(x)).concat(StreamE::range(0..x % 3));
        some.ensuring(last.exit().map(drop)).erase()
    }
}

// Law 11 and T75: the laws of a monad.

/// fs2 and ZIO *left identity*.
#[test]
fn flat_map_of_one_value_is_the_function() {
    equal(
        |given| {
            StreamE::from_iter([7])
                .flat_map(nested(given, "f"))
                .run_collect()
        },
        |given| nested(given, "f")(7).run_collect(),
    );
}

/// fs2 and ZIO *right identity*.
#[test]
fn flat_map_to_one_value_changes_nothing() {
    equal(
        |given| {
            elements(given)
                .flat_map(|x| StreamE::from_iter([x]))
                .run_collect()
        },
        |given| elements(given).run_collect(),
    );
}

/// ZIO *flatMap associativity doesn't affect acquire release lifetime*: what happens, happens in the same order.
#[test]
fn flat_map_is_associative_in_lifetimes_as_well() {
    equal(
        |given| {
            let (f, g) = (nested(given, "f"), nested(given, "g"));
            elements(given).flat_map(f).flat_map(g).run_collect()
        },
        |given| {
            let (f, g) = (nested(given, "f"), nested(given, "g"));
            let both = move |x| f(x).flat_map(g.clone());
            elements(given).flat_map(both).run_collect()
        },
    );
}

#[test]
fn concat_is_that_of_lists() {
    let three = |given: &Given| {
        ["a", "b", "c"]
            .map(|name| StreamE::from_iter(numbers(given, name)).flat_map(nested(given, name)))
    };
    equal(
        move |given| {
            let [a, b, c] = three(given);
            a.concat(b).concat(c).run_collect()
        },
        move |given| {
            let [a, b, c] = three(given);
            a.concat(b.concat(c)).run_collect()
        },
    );
}

// Law 12, of effects side by side.

#[test]
fn one_effect_at_a_time_is_one_after_the_other() {
    equal(
        |given| {
            elements(given)
                .map_effect_par(1, given.function(ALONE, "f"))
                .run_collect()
        },
        |given| {
            elements(given)
                .map_effect(given.function(ALONE, "f"))
                .run_collect()
        },
    );
    equal(
        |given| {
            let f = given.function(ALONE, "f");
            elements(given)
                .map_effect_par_by_key(1, |x| *x, f)
                .run_collect()
        },
        |given| {
            elements(given)
                .map_effect(given.function(ALONE, "f"))
                .run_collect()
        },
    );
}

/// However many run: the same elements, in order, or each once.
#[test]
fn effects_side_by_side_yield_what_they_do_one_after_the_other() {
    for run in undisturbed_runs() {
        let after = |x: u32| sleep(BEAT * (x % 4)).map(move |()| x * 3);
        let one_by_one = run.see(|given| elements(given).map_effect(after).run_collect());
        let wanted = one_by_one.exit.into_result().expect("nothing fails");
        for limit in [2, 5, 64] {
            let ordered =
                run.see(|given| elements(given).map_effect_par(limit, after).run_collect());
            assert_eq!(ordered.exit.into_result().as_ref(), Ok(&wanted), "{run:?}");
            let as_they_end = run.see(|given| {
                elements(given)
                    .map_effect_par_unordered(limit, after)
                    .run_collect()
            });
            let by_key = run.see(|given| {
                let by_key = elements(given).map_effect_par_by_key(limit, |x| x % 2, after);
                by_key.run_collect()
            });
            for unordered in [as_they_end, by_key] {
                let mut all = unordered.exit.into_result().expect("nothing fails");
                let mut wanted = wanted.clone();
                all.sort_unstable();
                wanted.sort_unstable();
                assert_eq!(all, wanted, "{run:?}");
            }
        }
    }
}

// Law 13, of streams side by side.

#[test]
fn zip_is_that_of_lists() {
    equal(
        |given| {
            let [a, b] = ["a", "b"].map(|name| Stream::from_iter(numbers(given, name)));
            a.zip(b).run_collect()
        },
        |given| {
            let [a, b] = ["a", "b"].map(|name| numbers(given, name));
            succeed(a.into_iter().zip(b).collect::<Vec<_>>())
        },
    );
}

#[test]
fn groups_put_together_are_the_stream_by_key() {
    for run in undisturbed_runs() {
        let apart = run.see(|given| {
            let groups = effect::Groups::at_most(2).holding(1);
            let groups = Stream::from_iter(numbers(given, "xs")).group_by(groups, |x| x % 5);
            groups
                .flat_map_par(3, |(key, items)| items.map(move |x| (key, x)))
                .run_collect()
        });
        let mut apart = apart.exit.into_result().expect("nothing fails");
        // Stable: what is of one key stays as it came.
        apart.sort_by_key(|(key, _)| *key);
        let together = run.see(|given| succeed::<_, Never, _>(numbers(given, "xs")));
        let mut together = together.exit.into_result().expect("it is a value");
        together.sort_by_key(|x| x % 5);
        assert_eq!(
            apart.into_iter().map(|(_, x)| x).collect::<Vec<_>>(),
            together,
            "{run:?}"
        );
    }
}
