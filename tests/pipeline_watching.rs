//! Who watches a pipeline sees what it is, what it does, and its end.

use std::time::Duration;

use crate::common::pipelines::filled;
use crate::common::{everywhere, on_both};
use effect::prelude::*;
use effect::{NodeKind, PipelineHandle, stage_sync};

const fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Ten items, of which each takes 100 ms.
fn slow(output: &Channel<u32>) -> effect::Connected<(), Never, u32> {
    let wait = |n: u32| sleep::<_, Never>(millis(100)).map(move |()| n);
    Pipeline::from_channel(filled(0..10))
        .via(stage("wait", wait))
        .to_channel(output.clone())
}

#[test]
fn there_is_a_report_at_once_one_in_each_period_and_one_at_the_end() {
    everywhere(async |cx: Cx<()>| {
        let connected = slow(&Channel::bounded(16));
        let reports = connected.handle().reports(millis(240));
        let begun = cx.now();
        let at = cx.clone();
        let seen = reports.map(move |report| (at.now() - begun, report));
        let watching = cx.fork(seen.run_collect());
        let report = cx.run(connected.run()).await.unwrap();
        let seen = cx.run(watching.join()).await.unwrap();
        let delivered: Vec<_> = seen
            .iter()
            .map(|(at, report)| (*at, report.delivered))
            .collect();
        let expected = [(0, 0), (240, 2), (480, 4), (720, 7), (960, 9), (1000, 10)];
        assert_eq!(delivered, expected.map(|(at, count)| (millis(at), count)));
        assert_eq!(seen.last().unwrap().1, report);
    });
}

#[test]
fn whoever_watches_after_the_end_has_the_last_report_at_once() {
    on_both(async |cx: Cx<()>| {
        let connected = slow(&Channel::bounded(16));
        let handle = connected.handle();
        let report = cx.run(connected.run()).await.unwrap();
        assert!(handle.has_ended());
        let begun = cx.now();
        let reports = cx
            .run(handle.reports(millis(1)).run_collect())
            .await
            .unwrap();
        assert_eq!(reports, [report]);
        assert_eq!(cx.run(handle.await_ended()).await.unwrap(), reports[0]);
        assert_eq!(cx.now(), begun);
    });
}

#[test]
fn a_run_that_never_begins_has_ended_when_it_is_dropped() {
    on_both(async |cx: Cx<()>| {
        for described in [false, true] {
            let connected = slow(&Channel::bounded(16));
            let handle: PipelineHandle = connected.handle();
            let watching = cx.fork(handle.reports(millis(100)).run_collect());
            cx.sleep(millis(150)).await;
            assert!(!handle.has_ended());
            if described {
                drop(connected.run());
            } else {
                drop(connected);
            }
            let reports = cx.run(watching.join()).await.unwrap();
            assert_eq!(reports.len(), 3);
            assert_eq!(reports[2].received, 0);
        }
    });
}

#[test]
fn the_last_report_of_an_interrupted_run_accounts_for_every_item() {
    everywhere(async |cx: Cx<()>| {
        let connected = slow(&Channel::bounded(16));
        let handle = connected.handle();
        let run = cx.fork(connected.run());
        let watching = cx.fork(handle.reports(millis(200)).run_last());
        cx.sleep(millis(450)).await;
        let exit = cx.run(run.interrupt()).await.unwrap();
        assert!(exit.is_interrupt());
        let last = cx.run(watching.join()).await.unwrap().unwrap();
        assert_eq!(last.in_flight(), 0);
        assert_eq!((last.delivered, last.received, last.abandoned), (4, 5, 1));
        assert_eq!(last, handle.report());
    });
}

#[test]
fn nobody_is_kept_by_watching() {
    on_both(async |cx: Cx<()>| {
        let connected = slow(&Channel::bounded(16));
        let first = connected.handle().reports(millis(100)).take(2);
        let watching = cx.fork(first.run_collect());
        let report = cx.run(connected.run()).await.unwrap();
        assert_eq!(report.delivered, 10);
        assert_eq!(cx.run(watching.join()).await.unwrap().len(), 2);
    });
}

#[test]
#[should_panic(expected = "reports are some time apart")]
fn reports_without_an_end_are_refused() {
    let connected = slow(&Channel::bounded(16));
    drop(connected.handle().reports::<()>(Duration::ZERO));
}

#[test]
fn an_explanation_bounds_what_a_run_has_inside() {
    everywhere(async |cx: Cx<()>| {
        // Nobody reads the output, so all is as full as it gets.
        let output = Channel::bounded(1);
        let connected = Pipeline::<(), Never, _>::from_stream(Stream::range(0..1000_u64))
            .via(
                stage("wait", |n: u64| async move { Ok(n) })
                    .workers(3)
                    .buffer(5)
                    .ordered(),
            )
            .via(
                stage_sync("widen", |n: u64| Ok(u128::from(n)))
                    .workers(2)
                    .buffer(7),
            )
            .to_channel(output.clone());
        let explanation = connected.explain();
        let most = explanation.most_inside().unwrap();
        assert_eq!(most, (5 + 3 + 1) + (7 + 2));
        // What is worked at may have become what it becomes.
        assert_eq!(
            explanation.most_bytes(),
            Some((5 + 3 + 1) * 8 + 7 * 8 + 2 * 16)
        );
        let handle = connected.handle();
        let run = cx.fork(connected.run());
        cx.sleep(millis(1)).await;
        let inside = handle.report().in_flight() as usize;
        // A source comes when half of the first buffer is free.
        let least = 5 / 2 + 7 + 2;
        assert!(inside <= most && inside >= least, "{inside} of {most}");
        let exit = cx.run(run.interrupt()).await.unwrap();
        assert!(exit.is_interrupt());
    });
}

#[test]
fn an_explanation_counts_a_batch_with_what_is_in_it() {
    let explanation = Pipeline::<(), Never, _>::from_stream(Stream::range(0..1000_u64))
        .via(stage_sync("keep", Ok))
        .batch(100, millis(10))
        .via(stage_sync("write", |_: Vec<u64>| Ok(())).buffer(2))
        .to_channel(Channel::bounded(1))
        .explain();
    let batch = size_of::<Vec<u64>>() + 100 * 8;
    // One that keeps, one that has a batch to pass on, and one that writes.
    assert_eq!(
        explanation.most_inside(),
        Some((64 + 1) + (100 + 1) + (2 + 1))
    );
    let bytes = (64 + 1) * 8 + (100 * 8 + batch) + (2 + 1) * batch;
    assert_eq!(explanation.most_bytes(), Some(bytes));
    let text = explanation.to_string();
    assert!(
        text.contains("write   stage   1 worker  buffer 2    824 B an item"),
        "{text}"
    );
}

#[test]
fn an_explanation_says_what_a_branch_comes_from() {
    let pipeline = Pipeline::<(), Never, _>::from_stream(Stream::range(0..1000_u64)).branch(
        stage_sync("odd?", |n: u64| {
            Ok(if n % 2 == 1 {
                effect::Either::Left(n)
            } else {
                effect::Either::Right(n)
            })
        }),
        |odd| odd.via(stage_sync("left", Ok)),
        |even| even.via(stage_sync("right", Ok)),
    );
    let connected = pipeline.to_channel(Channel::bounded(1));
    let text = connected.explain().to_string();
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[4].ends_with("from branch"), "{text}");
    assert!(lines[5].ends_with("from left and right"), "{text}");
    let svg = connected.blueprint().to_svg();
    assert_eq!(svg.matches("<rect ").count(), 6, "{svg}");
}

#[test]
fn pictures_show_the_ways_of_failures_where_those_have_a_channel() {
    let pipeline = || {
        let (left, right) = (stage_sync("left", Ok), stage_sync("right", Ok));
        Pipeline::<(), u32, _>::from_channel(Channel::bounded(1))
            .via(stage_sync("read", Ok).workers(2).ordered())
            .branch(
                stage_sync("parity", |n: u32| {
                    Ok(if n % 2 == 1 {
                        effect::Either::Left(n)
                    } else {
                        effect::Either::Right(n)
                    })
                }),
                |odd| odd.via(left),
                |even| even.via(right),
            )
            .to_channel(Channel::bounded(1))
    };
    let without = pipeline();
    assert!(!without.blueprint().to_mermaid().contains("-.->"));
    let routed = pipeline().with_error_channel(Channel::bounded(1));
    let mermaid = routed.blueprint().to_mermaid();
    let nodes = routed.blueprint().nodes();
    let of = |name: &str| nodes.iter().position(|node| &*node.name == name).unwrap();
    let errors = nodes.len();
    for name in ["read", "parity", "left", "right"] {
        let arrow = format!("    n{} -.-> n{errors}", of(name));
        assert!(mermaid.lines().any(|line| line == arrow), "{mermaid}");
    }
    // The stage that only carries items never fails.
    assert_eq!(mermaid.matches("-.->").count(), 4, "{mermaid}");
    let dot = routed.blueprint().to_dot();
    assert_eq!(dot.matches("style=dashed").count(), 4, "{dot}");
    let svg = routed.blueprint().to_svg();
    assert_eq!(svg.matches("stroke-dasharray").count(), 4, "{svg}");
}

#[test]
fn pictures_show_what_hides_in_names_as_text() {
    let name = "a \"b\" <script>&\\`#\n</title>";
    let pipeline = Pipeline::<(), Never, _>::from_stream(Stream::range(0..3_u32))
        .via(stage_sync(name, Ok))
        .to_channel(Channel::bounded(1));
    let blueprint = pipeline.blueprint();
    assert_eq!(blueprint.nodes()[1].kind, NodeKind::Stage);
    let svg = blueprint.to_svg();
    assert!(!svg.contains("<script"), "{svg}");
    assert_eq!(svg.matches("</title>").count(), 4, "{svg}");
    let mermaid = blueprint.to_mermaid();
    let line = r##"    n1["a #quot;b#quot; #lt;script#gt;#amp;#92;#96;#35; #lt;/title#gt;<br/>1 worker, buffer 64"]"##;
    assert!(mermaid.lines().any(|other| other == line), "{mermaid}");
    let dot = blueprint.to_dot();
    let line = r#"    n1 [label="a \"b\" <script>&\\`# </title>\n1 worker, buffer 64"];"#;
    assert!(dot.lines().any(|other| other == line), "{dot}");
    assert!(pipeline.explain().to_string().contains("</title>  stage"));
}

#[test]
fn a_tap_shows_one_of_so_many_items_and_holds_nobody_up() {
    everywhere(async |cx: Cx<()>| {
        let connected = Pipeline::from_channel(filled(0..1000_u32))
            .via(stage_sync("check", Ok::<_, Never>))
            .via(stage_sync("keep", Ok).observed(|n: &u32| format!("item {n}")))
            .to_channel(Channel::bounded(1000));
        let handle = connected.handle();
        assert!(handle.tap::<()>("check", 1).is_none(), "it is not observed");
        let all = cx.fork(handle.tap("keep", 1).unwrap().run_collect());
        let hundredth = cx.fork(handle.tap("keep", 100).unwrap().run_collect());
        let first = cx.fork(handle.tap("keep", 1).unwrap().take(1).run_collect());
        // They listen once they are asked for an item.
        cx.sleep(millis(1)).await;
        let report = cx.run(connected.run()).await.unwrap();
        assert_eq!(report.delivered, 1000);
        let hundredth = cx.run(hundredth.join()).await.unwrap();
        let expected: Vec<_> = (0..10).map(|n| format!("item {}", 100 * n)).collect();
        assert_eq!(hundredth, expected);
        assert_eq!(cx.run(first.join()).await.unwrap(), ["item 0"]);
        // Whoever is slow misses some, and has the others in order.
        let all = cx.run(all.join()).await.unwrap();
        assert!((64..=1000).contains(&all.len()), "{}", all.len());
        // After the end, nothing comes.
        let late = cx.run(handle.tap("keep", 1).unwrap().run_collect()).await;
        assert_eq!(late.unwrap(), [""; 0]);
    });
}

#[test]
fn an_item_that_cannot_be_shown_is_worked_at_all_the_same() {
    on_both(async |cx: Cx<()>| {
        let connected = Pipeline::from_channel(filled(0..3_u32))
            .via(
                stage_sync("keep", Ok::<_, Never>).observed(|n: &u32| match n {
                    1 => panic!("not this one"),
                    n => n.to_string(),
                }),
            )
            .to_channel(Channel::bounded(3));
        let handle = connected.handle();
        let shown = cx.fork(handle.tap("keep", 1).unwrap().run_collect());
        cx.sleep(millis(1)).await;
        let report = cx.run(connected.run()).await.unwrap();
        assert_eq!((report.delivered, report.failed), (3, 0));
        let shown = cx.run(shown.join()).await.unwrap();
        assert_eq!((&*shown[0], &*shown[2]), ("0", "2"));
        assert!(shown[1].starts_with("(not this one"), "{}", shown[1]);
    });
}
