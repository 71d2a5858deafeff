//! One effect for each of many: what is kept of which, in what order, and what stops it.

use crate::common::{Log, everywhere, exit_of, on_both, reasons, secs};
use effect::prelude::*;
use effect::{all_settled, collect_all, first_ok, for_each, partition, validate};

/// Fails for odd numbers, after so many seconds.
fn even(n: u8) -> Effect<(), u8, u8> {
    sleep(secs(n.into()))
        .flat_map(move |()| {
            if n.is_multiple_of(2) {
                succeed(n)
            } else {
                fail(n)
            }
        })
        .erase()
}

// T10
#[test]
fn validate_has_all_errors_in_the_order_of_their_items() {
    everywhere(async |cx: Cx<()>| {
        assert_eq!(
            cx.run(validate([4, 3, 2, 1, 5], even)).await,
            Err(vec![3, 1, 5])
        );
        assert_eq!(cx.run(validate([4, 2, 6], even)).await, Ok(vec![4, 2, 6]));
        assert_eq!(cx.run(validate([], even)).await, Ok(vec![]));
    });
}

// T10
#[test]
fn partition_keeps_both_sides() {
    everywhere(async |cx: Cx<()>| {
        let Ok(sides) = cx.run(partition([1, 2, 3, 4, 5], even)).await;
        assert_eq!(sides, (vec![2, 4], vec![1, 3, 5]));
    });
}

#[test]
fn for_each_runs_in_order_and_stops_at_the_first_failure() {
    on_both(async |cx: Cx<()>| {
        let log = Log::new();
        let noted = log.clone();
        let all = for_each([4, 2, 3, 6], move |n| {
            noted.write(n.to_string());
            even(n)
        });
        assert_eq!(cx.run(all).await, Err(3));
        assert_eq!(log.lines(), ["4", "2", "3"]);
        assert_eq!(cx.run(for_each([6, 2], even)).await, Ok(vec![6, 2]));
        let again = collect_all([even(4), even(2)]).erase();
        assert_eq!(
            cx.run(again.clone().zip(again)).await,
            Ok((vec![4, 2], vec![4, 2]))
        );
        assert_eq!(
            cx.run(collect_all([even(4), even(1), even(3)])).await,
            Err(1)
        );
    });
}

#[test]
fn for_each_takes_items_that_cannot_move_to_another_thread() {
    on_both(async |cx: Cx<()>| {
        let items = (0..3_u8).map(std::rc::Rc::new);
        let all = for_each(items, |item| {
            let n = *item;
            succeed::<_, Never, _>(n)
        });
        assert_eq!(cx.run(all).await, Ok(vec![0, 1, 2]));
    });
}

#[test]
fn for_each_of_very_many_lets_others_run() {
    on_both(async |cx: Cx<()>| {
        let endless = for_each(0..u64::MAX, |_| succeed::<_, Never, _>(()));
        let fiber = cx.fork(endless);
        effect::yield_now().await;
        let Ok(exit) = cx.run(fiber.interrupt()).await;
        assert!(exit.is_interrupt());
    });
}

#[test]
fn all_settled_outlives_failures_and_defects() {
    everywhere(async |cx: Cx<()>| {
        let tasks = [even(2), even(1), die("a bug").erase(), even(4)];
        let Ok(exits) = cx.run(all_settled(tasks)).await;
        assert_eq!(exits[0], Exit::Success(2));
        assert_eq!(exits[1], Exit::Failure(Cause::fail(1)));
        assert_eq!(reasons(exits[2].cause().unwrap()), ["die a bug"]);
        assert_eq!(exits[3], Exit::Success(4));
        assert_eq!(exits.len(), 4);
    });
}

#[test]
fn first_ok_has_the_first_success_or_all_errors() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let unseen = log.note("after the first").widen_error().map(|()| 9);
        let tasks = [even(3), even(2), unseen.erase()];
        assert_eq!(cx.run(first_ok(tasks)).await, Ok(2));
        assert_eq!(log.count(), 0);
        assert_eq!(cx.run(first_ok([even(3), even(1)])).await, Err(vec![3, 1]));
        assert_eq!(
            cx.run(first_ok::<_, [Effect<(), u8, u8>; 0]>([])).await,
            Err(vec![])
        );
    });
}

#[test]
fn a_defect_stops_all_but_all_settled() {
    everywhere(async |cx: Cx<()>| {
        let bug = |_: u8| die::<(), u8, u8>("a bug");
        let died = |exit: Option<&Cause<Never>>| exit.is_some_and(Cause::is_die);
        let never = |effect: Effect<(), Never, ()>| exit_of(&cx, effect);
        assert!(died(
            never(for_each([1], bug).or_die().map(drop).erase())
                .await
                .cause()
        ));
        assert!(died(
            never(partition([1], bug).map(drop).erase()).await.cause()
        ));
        let valid = validate([1], bug).fold(drop, drop);
        assert!(died(never(valid.erase()).await.cause()));
        let first = first_ok([bug(1), bug(2)]).fold(drop, drop);
        assert!(died(never(first.erase()).await.cause()));
    });
}

#[test]
fn timed_has_the_time_that_an_effect_took() {
    on_both(async |cx: Cx<()>| {
        let Ok((took, value)) = cx.run(sleep::<_, Never>(secs(3)).map(|()| 1).timed()).await;
        assert_eq!((took, value), (secs(3), 1));
        assert_eq!(cx.run(even(1).timed()).await, Err(1));
    });
}
