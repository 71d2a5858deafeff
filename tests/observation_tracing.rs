//! A tracing subscriber sees fibers and named effects as spans, and what befalls them as events.

mod common;
#[path = "common/spans.rs"]
mod spans;

use common::processes::{again, is_child};
use common::secs;
use effect::prelude::*;
use spans::Seen;
use tracing::level_filters::LevelFilter;

/// Runs a body as a root fiber in virtual time, and has what a subscriber was told.
fn seen_at<Fut>(level: LevelFilter, body: impl FnOnce(Cx<()>) -> Fut + Send + 'static) -> Seen
where
    Fut: Future<Output = ()> + Send + 'static,
{
    let body = effect(async move |cx: Cx<()>| {
        body(cx).await;
        Ok::<_, Never>(())
    });
    Seen::of(level, |_| {
        let exit = VirtualTime::new().run(body.erase_once()).unwrap();
        assert!(exit.is_success(), "{:?}", exit.cause());
    })
}

fn seen<Fut>(body: impl FnOnce(Cx<()>) -> Fut + Send + 'static) -> Seen
where
    Fut: Future<Output = ()> + Send + 'static,
{
    seen_at(LevelFilter::DEBUG, body)
}

fn say(message: &'static str) -> Effect<(), Never, ()> {
    sync(move || tracing::info!("{message}")).erase()
}

/// Says something, waits, and says something else.
fn say_twice(before: &'static str, after: &'static str) -> Effect<(), Never, ()> {
    say(before)
        .zip(sleep(secs(1)))
        .zip(say(after))
        .map(drop)
        .erase()
}

#[test]
fn a_fiber_is_a_span_with_its_number_and_name() {
    let seen = seen(async |cx: Cx<()>| {
        let worker = cx.fork_named("worker", say_twice("begin", "end"));
        cx.run(worker.join()).await.unwrap();
    });
    let [root, worker] = &seen.spans("fiber")[..] else {
        panic!("{seen:?}");
    };
    assert_eq!(root.target, "effect::fiber");
    assert_eq!((&*root.fields["id"], root.fields.get("name")), ("1", None));
    assert_eq!(root.parent, None);
    assert_eq!(
        (&*worker.fields["id"], &*worker.fields["name"]),
        ("2", "worker")
    );
    assert_eq!(worker.parent, Some(root.id));
    assert_eq!((worker.entered, worker.left), (2, 2));
    assert!(root.closed && worker.closed);
    assert_eq!(seen.message("begin").scope, ["fiber", "fiber"]);
    assert_eq!(seen.message("end").scope, ["fiber", "fiber"]);
}

#[test]
fn a_named_effect_is_in_its_span_whenever_it_is_polled_and_nobody_else_is() {
    let seen = seen(async |cx: Cx<()>| {
        let other = cx.fork(sleep(std::time::Duration::from_millis(500)).zip(say("other")));
        let fetch = say_twice("begin", "end").named("fetch");
        cx.run(fetch.zip(say("later"))).await.unwrap();
        cx.run(other.join()).await.unwrap();
    });
    let fetch = seen.span("effect", "name", "fetch");
    assert_eq!(fetch.target, "effect::named");
    assert_eq!((fetch.entered, fetch.left), (2, 2), "once a poll");
    assert!(fetch.closed);
    for inside in ["begin", "end"] {
        assert_eq!(seen.message(inside).scope, ["effect", "fiber"]);
    }
    for outside in ["other", "later"] {
        assert!(!seen.message(outside).scope.contains(&"effect".to_owned()));
    }
}

#[test]
fn a_named_effect_that_never_waits_is_in_its_span() {
    let seen = seen(async |cx: Cx<()>| {
        let quick = succeed::<_, Never, _>(1).map(|n| {
            tracing::info!("quick");
            n
        });
        assert_eq!(cx.run(quick.named("addition")).await, Ok(1));
        cx.run(say("erased").named("outer")).await.unwrap();
    });
    assert_eq!(seen.message("quick").scope, ["effect", "fiber"]);
    assert_eq!(seen.message("erased").scope, ["effect", "fiber"]);
}

#[test]
fn the_span_of_a_fiber_is_a_child_of_the_one_in_which_it_was_forked() {
    let seen = seen(async |cx: Cx<()>| {
        let forking = effect(async |cx: Cx<()>| {
            let child = cx.fork_named("child", say_twice("begin", "end"));
            Ok::<_, Never>(child)
        });
        let child = cx.run(forking.named("fetch")).await.unwrap();
        cx.run(child.join()).await.unwrap();
    });
    let child = seen.span("fiber", "name", "child");
    assert_eq!(child.parent, Some(seen.span("effect", "name", "fetch").id));
    // Though that had ended.
    assert_eq!(seen.message("end").scope, ["fiber", "effect", "fiber"]);
}

#[test]
fn a_fiber_is_in_the_span_in_which_it_was_forked_where_nobody_wants_spans_of_fibers() {
    let seen = seen_at(LevelFilter::INFO, async |cx: Cx<()>| {
        let forking = effect(async |cx: Cx<()>| {
            let child = cx.fork_named("child", say_twice("begin", "end"));
            cx.run(child.join()).await
        });
        cx.run(forking.named("fetch").zip(say("after")))
            .await
            .unwrap();
    });
    assert!(seen.spans("fiber").is_empty());
    assert_eq!(seen.message("begin").scope, ["effect"]);
    assert_eq!(seen.message("end").scope, ["effect"]);
    assert!(seen.message("after").scope.is_empty());
}

#[test]
fn an_effect_is_in_a_span_of_ones_own_each_time_it_runs() {
    let seen = seen(async |cx: Cx<()>| {
        let flaky = say("tried")
            .widen_error()
            .flat_map(|()| fail::<_, _, ()>("no"));
        let flaky = flaky.traced(tracing::info_span!("mine", page = 7));
        let failed = cx.run(flaky.retry(Schedule::recurs(2))).await;
        assert_eq!(failed, Err("no"));
    });
    let [mine] = &seen.spans("mine")[..] else {
        panic!("{seen:?}");
    };
    assert_eq!(mine.fields["page"], "7");
    assert!(mine.entered >= 3 && mine.entered == mine.left && mine.closed);
    assert_eq!(seen.message("tried").scope, ["mine", "fiber"]);
}

#[test]
fn an_effect_is_dropped_in_its_span() {
    struct Says;
    impl Drop for Says {
        fn drop(&mut self) {
            tracing::info!("dropped");
        }
    }
    let seen = seen(async |cx: Cx<()>| {
        let waiting = effect(async |_: Cx<()>| {
            let _says = Says;
            std::future::pending::<()>().await;
            Ok::<_, Never>(())
        });
        let late = cx.run(waiting.named("fetch").timeout(secs(1))).await;
        assert!(late.is_err());
    });
    assert_eq!(seen.message("dropped").scope, ["effect", "fiber"]);
}

#[test]
fn the_span_of_a_fiber_closes_when_it_ends_though_its_handle_is_kept() {
    let seen = Seen::of(LevelFilter::DEBUG, |seen| {
        let seen = seen.clone();
        let body = effect(async move |cx: Cx<()>| {
            let fiber = cx.fork_named("short", sleep::<_, Never>(secs(1)));
            cx.sleep(secs(2)).await;
            assert!(seen.span("fiber", "name", "short").closed);
            cx.run(fiber.join()).await
        });
        let exit = VirtualTime::new().run(body.erase_once()).unwrap();
        assert!(exit.is_success(), "{:?}", exit.cause());
    });
    assert!(seen.spans("fiber").iter().all(|fiber| fiber.closed));
}

#[test]
fn an_interruption_is_an_event_of_the_fiber_and_tells_who_has_asked() {
    let seen = seen(async |cx: Cx<()>| {
        let fiber = cx.fork_named("victim", never::<_, Never, ()>());
        cx.sleep(secs(1)).await;
        drop(cx.run(fiber.interrupt()).await);
        let outside = cx.fork_named("other", never::<_, Never, ()>());
        outside.interrupt_fork();
        drop(cx.run(outside.exit()).await);
    });
    let [interrupt, outside] = &seen.events("interrupt")[..] else {
        panic!("{seen:?}");
    };
    assert_eq!(interrupt.target, "effect::fiber");
    assert_eq!(
        (&*interrupt.fields["fiber"], &*interrupt.fields["by"]),
        ("2", "1")
    );
    assert_eq!(interrupt.scope, ["fiber", "fiber"]);
    assert_eq!(outside.fields.get("by"), None);
}

#[test]
fn a_finalizer_that_takes_a_second_is_an_event() {
    let seen = seen(async |cx: Cx<()>| {
        for millis in [999, 1_500] {
            let finalizer = sleep(std::time::Duration::from_millis(millis));
            cx.run(succeed::<_, Never, _>(()).ensuring(finalizer))
                .await
                .unwrap();
        }
    });
    let [slow] = &seen.events("finalizer.slow")[..] else {
        panic!("{seen:?}");
    };
    assert_eq!(
        (&*slow.target, &*slow.fields["took_ms"]),
        ("effect::scope", "1500")
    );
    assert_eq!(slow.level, tracing::Level::WARN);
    assert_eq!(slow.scope, ["fiber"]);
}

#[test]
fn each_retry_is_an_event() {
    let seen = seen(async |cx: Cx<()>| {
        let failing = fail::<_, _, ()>("no").retry(Schedule::spaced(secs(3)).times(2));
        assert_eq!(cx.run(failing).await, Err("no"));
    });
    let retries = seen.events("retry");
    let fields: Vec<_> = retries
        .iter()
        .map(|retry| (&*retry.fields["attempt"], &*retry.fields["delay_ms"]))
        .collect();
    assert_eq!(fields, [("1", "3000"), ("2", "3000")]);
}

/// A fiber that fails, and whose handle nobody keeps.
fn unobserved() -> Effect<(), Never, ()> {
    effect(async |cx: Cx<()>| {
        drop(cx.fork_named("forgotten", fail::<_, _, ()>("no route")));
        cx.sleep(secs(1)).await;
        Ok(())
    })
    .erase()
}

/// In a process of its own, whose standard error says whether it is printed as well.
#[test]
fn an_unobserved_failure_is_an_event_or_is_printed_and_never_both() {
    const TEST: &str = "an_unobserved_failure_is_an_event_or_is_printed_and_never_both";
    if is_child() {
        let run = || drop(VirtualTime::new().run(unobserved()).unwrap());
        match std::env::var("LEVEL").as_deref() {
            Ok("none") => run(),
            Ok("error") => {
                let seen = Seen::of(LevelFilter::ERROR, |_| run());
                let [event] = &seen.events("unobserved")[..] else {
                    panic!("{seen:?}");
                };
                assert_eq!(event.level, tracing::Level::ERROR);
                assert_eq!(
                    (&*event.target, &*event.fields["fiber"]),
                    ("effect::fiber", "2")
                );
                assert!(event.fields["message"].contains("(forgotten) failed: \"no route\""));
            }
            other => panic!("{other:?}"),
        }
        return;
    }
    for (level, printed) in [("none", 1), ("error", 0)] {
        let output = again(TEST, &[("LEVEL", level)]);
        assert!(output.status.success(), "{output:?}");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            errors.matches("no route").count(),
            printed,
            "{level}: {errors}"
        );
    }
}

#[test]
fn a_pipeline_is_a_span_that_tells_each_failure_each_retry_and_what_became_of_all_items() {
    for level in [LevelFilter::INFO, LevelFilter::DEBUG] {
        let seen = seen_at(level, async |cx: Cx<()>| {
            let (output, errors) = (Channel::bounded(8), Channel::bounded(8));
            let odd = |n: u32| async move { if n % 2 == 1 { Err("odd") } else { Ok(n) } };
            let twice = Schedule::spaced(secs(1)).times(1);
            let run = Pipeline::from_stream(Stream::range(0..4))
                .via(stage("even", odd).retry(twice))
                .to_channel(output)
                .with_error_channel(errors)
                .named("numbers")
                .run();
            cx.run(run).await.unwrap();
            tracing::info!("after");
        });
        let run = seen.span("pipeline.run", "pipeline", "numbers");
        assert_eq!(run.target, "effect::pipeline");
        assert!(run.closed);
        let line = "4 received = 2 delivered + 2 failed + 0 abandoned";
        let ended = seen.message(line);
        assert_eq!(
            (&*ended.fields["delivered"], ended.level),
            ("2", tracing::Level::INFO)
        );
        assert_eq!(ended.scope[0], "pipeline.run");
        assert!(
            !seen
                .message("after")
                .scope
                .contains(&"pipeline.run".to_owned())
        );
        let (failed, retried) = (seen.events("item.error"), seen.events("retry"));
        if level == LevelFilter::INFO {
            assert_eq!((failed.len(), retried.len()), (0, 0));
            continue;
        }
        assert_eq!((failed.len(), retried.len()), (2, 2));
        assert_eq!(&*failed[0].fields["stage"], "even");
        assert_eq!(&*failed[0].fields["attempts"], "2");
        assert_eq!(&*failed[0].fields["fault"], "error");
        assert_eq!(&*retried[0].fields["delay_ms"], "1000");
        for event in failed.iter().chain(&retried) {
            assert!(
                event.scope.contains(&"pipeline.run".to_owned()),
                "{event:?}"
            );
        }
    }
}

#[test]
fn a_pipeline_that_is_interrupted_tells_what_became_of_all_items_as_well() {
    let seen = seen_at(LevelFilter::INFO, async |cx: Cx<()>| {
        let wait = |n: u32| sleep::<_, Never>(secs(1)).map(move |()| n);
        let run = Pipeline::from_stream(Stream::range(0..4))
            .via(stage("wait", wait))
            .to_channel(Channel::bounded(8))
            .run();
        let run = cx.fork(run);
        cx.sleep(std::time::Duration::from_millis(1500)).await;
        let exit = cx.run(run.interrupt()).await.unwrap();
        assert!(exit.is_interrupt());
    });
    let told = seen.message("4 received = 1 delivered + 0 failed + 3 abandoned");
    assert_eq!(told.name, "pipeline.ended");
    assert!(seen.span("pipeline.run", "pipeline", "pipeline").closed);
}
