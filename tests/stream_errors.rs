//! A failure is an element: it flows on in its place, and each operator says which side it touches.

use crate::common::{exit_of, on_both};
use effect::prelude::*;

// S2-18, id_effect 11
#[test]
fn a_failing_element_is_never_a_short_result() {
    on_both(async |cx: Cx<()>| {
        let divide = |n: i32| async move {
            10_i32
                .checked_div(n - 5)
                .ok_or_else(|| format!("division by zero at {n}"))
        };
        let divided = StreamE::range(0..10).map_effect(divide);
        let Ok((values, errors)) = cx.run(divided.clone().partition()).await;
        assert_eq!(values, [-2, -2, -3, -5, -10, 10, 5, 3, 2]);
        assert_eq!(errors, ["division by zero at 5"]);
        let run = divided.run_for_each(from_result);
        assert!(cx.run(run).await.is_err());
    });
}

// S2-18
#[test]
fn to_run_an_effect_for_each_result_fails_with_the_error() {
    on_both(async |cx: Cx<()>| {
        let results = (0..10).map(|n| if n == 5 { Err("five") } else { Ok(()) });
        let run = StreamE::from_results(results.collect::<Vec<_>>()).run_for_each(from_result);
        assert_eq!(cx.run(run).await, Err("five"));
    });
}

// S2-23, id_effect 13
#[test]
fn failures_stay_in_their_places_and_partition_tells_the_sides_apart() {
    on_both(async |cx: Cx<()>| {
        let process = |n: u32| async move {
            if n.is_multiple_of(3) {
                Err(format!("Error processing {n}"))
            } else {
                Ok(n * 2)
            }
        };
        let processed = StreamE::range(1..10).map_effect(process);
        let Ok(sequence) = cx.run(processed.clone().run_collect()).await;
        let error = |n| Err(format!("Error processing {n}"));
        assert_eq!(
            sequence,
            [
                Ok(2),
                Ok(4),
                error(3),
                Ok(8),
                Ok(10),
                error(6),
                Ok(14),
                Ok(16),
                error(9)
            ]
        );
        let Ok((successes, failures)) = cx.run(processed.partition()).await;
        assert_eq!(successes, [2, 4, 8, 10, 14, 16]);
        assert_eq!(failures.len(), 3);
    });
}

#[derive(Clone, Debug, PartialEq)]
struct Response {
    status: Option<u16>,
    error: Option<String>,
}

// S2-24, id_effect 13
#[test]
fn recover_puts_a_fallback_in_the_place_of_each_failure() {
    on_both(async |cx: Cx<()>| {
        let urls: Vec<_> = (1..=7)
            .map(|n| format!("https://api.example.com/data/{n}"))
            .collect();
        let get = |url: String| async move {
            if url.ends_with('2') || url.ends_with('5') {
                return Err(format!("Network error for {url}"));
            }
            Ok(Response {
                status: Some(200),
                error: None,
            })
        };
        let fallback = |error| {
            succeed::<_, Never, _>(Response {
                status: None,
                error: Some(error),
            })
        };
        let responses = StreamE::from_iter(urls)
            .map_effect(get)
            .map_error(|error| format!("Handled: {error}"))
            .recover(fallback);
        let Ok(responses) = cx.run(responses.run_collect()).await;
        assert_eq!(responses.len(), 7);
        for (n, response) in (1..).zip(responses) {
            let Ok(response) = response;
            if n == 2 || n == 5 {
                let error = format!("Handled: Network error for https://api.example.com/data/{n}");
                assert_eq!(response.error, Some(error));
            } else {
                assert_eq!(response.status, Some(200));
            }
        }
    });
}

// S2-25
#[test]
fn map_error_touches_errors_only() {
    on_both(async |cx: Cx<()>| {
        let run = StreamE::from_results([Ok(1), Err("a"), Ok(2)])
            .map_error(str::to_uppercase)
            .run_collect();
        let Ok(mapped) = cx.run(run).await;
        assert_eq!(mapped, [Ok(1), Err("A".to_owned()), Ok(2)]);
    });
}

// S2-28
#[test]
fn controlled_data_gives_ten_values_and_two_errors() {
    on_both(async |cx: Cx<()>| {
        let halve = |n: i32| async move {
            match n {
                0 => Err("Division by zero".to_owned()),
                n if n < 0 => Err(format!("Negative number: {n}")),
                n => Ok((f64::from(n) / 2.0 * 10.0).round() / 10.0),
            }
        };
        let data = [1, 2, 3, 4, 5, -1, 6, 7, 0, 8, 9, 10];
        let run = StreamE::from_iter(data).map_effect(halve).partition();
        let Ok((values, errors)) = cx.run(run).await;
        assert_eq!(values, [0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0]);
        assert_eq!(errors, ["Negative number: -1", "Division by zero"]);
    });
}

#[test]
fn map_filter_and_map_effect_touch_values_only() {
    on_both(async |cx: Cx<()>| {
        let results = [Ok(1), Err("a"), Ok(2), Ok(3), Err("b")];
        let stream = StreamE::from_results(results)
            .map(|n| n * 10)
            .filter(|n| *n != 20)
            .map_effect(|n| async move { if n == 30 { Err("c") } else { Ok(n + 1) } });
        let Ok(all) = cx.run(stream.run_collect()).await;
        assert_eq!(all, [Ok(11), Err("a"), Err("c"), Err("b")]);
    });
}

#[test]
fn recover_may_fail_and_then_leaves_a_failure() {
    on_both(async |cx: Cx<()>| {
        let recover = |error: &'static str| async move {
            if error == "a" {
                Ok(0)
            } else {
                Err(error.len())
            }
        };
        let run = StreamE::from_results([Ok(1), Err("a"), Err("bb")])
            .recover(recover)
            .run_collect();
        let Ok(all) = cx.run(run).await;
        assert_eq!(all, [Ok(1), Ok(0), Err(2)]);
    });
}

#[test]
fn take_counts_failures_as_well() {
    on_both(async |cx: Cx<()>| {
        let run = StreamE::from_results([Ok(1), Err("a"), Ok(2), Ok(3)])
            .take(3)
            .run_collect();
        let Ok(all) = cx.run(run).await;
        assert_eq!(all, [Ok(1), Err("a"), Ok(2)]);
    });
}

#[test]
fn chunks_deliver_an_open_group_before_the_failure_that_came() {
    on_both(async |cx: Cx<()>| {
        let results = [
            Err("a"),
            Ok(1),
            Ok(2),
            Ok(3),
            Err("b"),
            Err("c"),
            Ok(4),
            Ok(5),
            Ok(6),
        ];
        let run = StreamE::from_results(results).chunks(2).run_collect();
        let Ok(groups) = cx.run(run).await;
        assert_eq!(
            groups,
            [
                Err("a"),
                Ok(vec![1, 2]),
                Ok(vec![3]),
                Err("b"),
                Err("c"),
                Ok(vec![4, 5]),
                Ok(vec![6])
            ]
        );
    });
}

#[test]
fn chunks_deliver_an_open_group_before_a_last_failure() {
    on_both(async |cx: Cx<()>| {
        let run = StreamE::from_results([Ok(1), Err("a")])
            .chunks(2)
            .run_collect();
        let Ok(groups) = cx.run(run).await;
        assert_eq!(groups, [Ok(vec![1]), Err("a")]);
    });
}

#[test]
fn a_panic_in_an_operator_is_a_defect_and_no_failed_element() {
    on_both(async |cx: Cx<()>| {
        let run = StreamE::<_, &str, _>::range(0..3)
            .map_effect(|n| async move { Ok(10 / (n - 1)) })
            .run_collect();
        let exit = exit_of(&cx, run).await;
        assert!(exit.cause().is_some_and(Cause::is_die), "{exit:?}");
    });
}

fn erased() -> StreamE<(), String, u32> {
    StreamE::range(0..4)
        .map_effect(|n| async move {
            if n == 2 {
                Err(format!("no {n}"))
            } else {
                Ok(n)
            }
        })
        .erase()
}

#[test]
fn an_erased_stream_keeps_its_failures() {
    on_both(async |cx: Cx<()>| {
        let expected = [Ok(0), Ok(1), Err("no 2".to_owned()), Ok(3)];
        let Ok(all) = cx.run(erased().run_collect()).await;
        assert_eq!(all, expected);
    });
}

#[tokio::test]
async fn into_stream_of_an_erased_stream_keeps_its_failures() {
    let Ok(expected) = erased().run_collect().await;
    let left: Vec<_> = futures::StreamExt::collect(erased().into_stream()).await;
    assert_eq!(left, expected);
}
