//! Chains of forty combinators compile with no recursion limit raised, in seconds, and run. What these tests test
//! is the compiler: where it fails, they do not build.

use effect::prelude::*;
use std::time::Duration;

#[test]
fn forty_maps_and_flat_maps_are_one_expression() {
    let chain = succeed::<(), String, _>(1u64)
        .map(|n| n + 1)
        .flat_map(|n| succeed(n * 2))
        .map(|n| n + 1)
        .flat_map(|n| succeed(n * 2))
        .map(|n| n + 1)
        .flat_map(|n| succeed(n * 2))
        .map(|n| n + 1)
        .flat_map(|n| succeed(n * 2))
        .map(|n| n + 1)
        .flat_map(|n| succeed(n * 2))
        .map(|n| n + 1)
        .flat_map(|n| succeed(n * 2))
        .map(|n| n + 1)
        .flat_map(|n| succeed(n * 2))
        .map(|n| n + 1)
        .flat_map(|n| succeed(n * 2))
        .map(|n| n + 1)
        .flat_map(|n| succeed(n * 2))
        .map(|n| n + 1)
        .flat_map(|n| succeed(n * 2))
        .map(|n| n + 1)
        .flat_map(|n| succeed(n * 2))
        .map(|n| n + 1)
        .flat_map(|n| succeed(n * 2))
        .map(|n| n + 1)
        .flat_map(|n| succeed(n * 2))
        .map(|n| n + 1)
        .flat_map(|n| succeed(n * 2))
        .map(|n| n + 1)
        .flat_map(|n| succeed(n * 2))
        .map(|n| n + 1)
        .flat_map(|n| succeed(n * 2))
        .map(|n| n + 1)
        .flat_map(|n| succeed(n * 2))
        .map(|n| n + 1)
        .flat_map(|n| succeed(n * 2))
        .map(|n| n + 1)
        .flat_map(|n| succeed(n * 2))
        .map(|n| n + 1)
        .flat_map(|n| succeed(n * 2));
    assert!(run(chain).unwrap().is_success());
}

// stillwater compile_time
#[test]
fn forty_combinators_of_all_kinds_are_one_expression() {
    let mixed = succeed::<(), String, _>(1u64)
        .map(|n| n + 1)
        .flat_map(succeed)
        .tap(|_| sync(|| ()))
        .map_error(|e: String| e)
        .recover(fail)
        .zip(succeed(1))
        .map(|(n, _)| n)
        .ensuring(sync(|| ()))
        .retry(Schedule::recurs(1))
        .timeout(Duration::from_secs(1))
        .map_error(|e| e.to_string())
        .race_first(never())
        .map(|n| n + 1)
        .flat_map(succeed)
        .tap(|_| sync(|| ()))
        .map_error(|e: String| e)
        .recover(fail)
        .zip(succeed(1))
        .map(|(n, _)| n)
        .ensuring(sync(|| ()))
        .retry(Schedule::recurs(1))
        .timeout(Duration::from_secs(1))
        .map_error(|e| e.to_string())
        .race_first(never())
        .map(|n| n + 1)
        .flat_map(succeed)
        .tap(|_| sync(|| ()))
        .map_error(|e: String| e)
        .recover(fail)
        .zip(succeed(1))
        .map(|(n, _)| n)
        .ensuring(sync(|| ()))
        .retry(Schedule::recurs(1))
        .timeout(Duration::from_secs(1))
        .map_error(|e| e.to_string())
        .race_first(never())
        .map(|n| n + 1)
        .flat_map(succeed)
        .tap(|_| sync(|| ()))
        .map_error(|e: String| e)
        .recover(fail)
        .zip(succeed(1))
        .map(|(n, _)| n)
        .ensuring(sync(|| ()))
        .retry(Schedule::recurs(1))
        .timeout(Duration::from_secs(1))
        .map_error(|e| e.to_string())
        .race_first(never());
    assert!(run(mixed).unwrap().is_success());
}

// Where only the end of a chain says what its environment is, the compiler remembers no answer on the way.
#[tokio::test]
async fn a_chain_whose_environment_is_known_at_its_end_compiles() {
    let chained: Result<u64, String> = succeed(1)
        .map(|n: u64| n + 1)
        .map_error(|e: String| e)
        .recover(fail)
        .race_first(never())
        .ensuring(succeed::<_, Never, _>(()))
        .retry(Schedule::recurs(1))
        .zip_par(succeed(()))
        .map(|(n, ())| n)
        .uninterruptible()
        .on_interrupt(succeed::<_, Never, _>(()))
        .timeout(Duration::from_secs(1))
        .map_error(|e: TimeoutError<String>| e.to_string())
        .map(|n: u64| n + 1)
        .map_error(|e: String| e)
        .recover(fail)
        .race_first(never())
        .ensuring(succeed::<_, Never, _>(()))
        .retry(Schedule::recurs(1))
        .zip_par(succeed(()))
        .map(|(n, ())| n)
        .uninterruptible()
        .on_interrupt(succeed::<_, Never, _>(()))
        .timeout(Duration::from_secs(1))
        .map_error(|e: TimeoutError<String>| e.to_string())
        .await;
    assert_eq!(chained, Ok(3));
}

#[tokio::test]
async fn a_stream_of_fifteen_operators_compiles_before_its_environment_is_known() {
    let Ok((values, errors)) = StreamE::<_, String, _>::from_iter(0..9_u64)
        .map(|n| n + 1)
        .map_error(|e: String| e)
        .filter(|n| *n > 1)
        .map_effect(|n| async move { Ok(n) })
        .recover(fail)
        .map(|n| n + 1)
        .map_error(|e: String| e)
        .filter(|n| *n > 1)
        .map_effect(|n| async move { Ok(n) })
        .recover(fail)
        .map(|n| n + 1)
        .map_error(|e: String| e)
        .filter(|n| *n > 1)
        .map_effect(|n| async move { Ok(n) })
        .recover(fail)
        .partition()
        .await;
    assert_eq!(values, [4, 5, 6, 7, 8, 9, 10, 11]);
    assert!(errors.is_empty());
}

// rustc 1.95 crashed on these: a lifetime in a type on both sides of a combinator, in the body of an effect.
#[tokio::test]
async fn a_body_that_runs_combinators_over_borrowed_text_compiles() {
    let body = effect(async |cx: Cx<()>| {
        let failing = fail::<_, &'static str, ()>("four").map_error(|e| e.len());
        let length = cx.run(failing).await;
        cx.run(fail::<_, &'static str, ()>("x").race_first(succeed(())))
            .await
            .map_err(str::len)?;
        length
    });
    assert_eq!(body.await, Err(1));
    let body = effect(async |cx: Cx<()>| {
        let words = StreamE::<_, &'static str, _>::from_iter(["a", "b"])
            .map_effect(|word| async move { Ok(word) })
            .map_error(str::len);
        cx.run(words.partition()).await
    });
    assert_eq!(body.await, Ok((vec!["a", "b"], vec![])));
}
