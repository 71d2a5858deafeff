//! What is on the screen.

use std::time::Duration;

use effect_top::{Action, App, Key, draw};
use effect_view::{Line, Plan, PlanStage, Request, Snapshot, StageSnapshot};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Color;

fn plan() -> Plan {
    let stage = |name: &str, kind: &str, workers, buffer| PlanStage {
        name: name.to_owned(),
        kind: kind.to_owned(),
        workers,
        buffer,
        notes: Vec::new(),
    };
    Plan {
        name: "orders".to_owned(),
        stages: vec![
            stage("stream", "source", 0, 0),
            stage("parse", "stage", 4, 64),
            stage("ask the far-away service for a price", "stage", 32, 500),
            stage("output", "output", 0, 0),
        ],
        edges: vec![(0, 1), (1, 2), (2, 3)],
    }
}

fn report(done: [u64; 4]) -> Snapshot {
    let stage = |done, queued, running, busy, median: u64| StageSnapshot {
        done,
        failed: if queued > 100 { 17 } else { 0 },
        retried: if queued > 100 { 3 } else { 0 },
        queued,
        running,
        busy,
        median: Duration::from_micros(median),
        p99: Duration::from_micros(23 * median),
    };
    Snapshot {
        elapsed: Duration::from_secs(12),
        received: done[0],
        delivered: done[3],
        failed: 17,
        in_flight: done[0] - done[3] - 17,
        line: format!(
            "{} received = {} delivered + 17 failed + 0 abandoned + {} in flight",
            done[0],
            done[3],
            done[0] - done[3] - 17
        ),
        has_ended: false,
        bottleneck: Some(2),
        stages: vec![
            stage(done[0], 0, 0, 0.0, 0),
            stage(done[1], 12, 1, 0.21, 40),
            stage(done[2], 433, 32, 0.98, 12_500),
            stage(done[3], 0, 0, 0.0, 0),
        ],
    }
}

fn screen(app: &App, width: u16, height: u16) -> (String, Terminal<TestBackend>) {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, app)).unwrap();
    let buffer = terminal.backend().buffer();
    let lines = buffer.content().chunks(usize::from(width)).map(|cells| {
        let line: String = cells.iter().map(|cell| cell.symbol()).collect();
        line.trim_end().to_owned() + "\n"
    });
    (lines.collect(), terminal)
}

#[test]
fn the_stages_are_a_table_with_the_bottleneck_marked_and_samples_are_below() {
    let mut app = App::new(plan());
    app.take(
        Line::Report(report([100_000, 99_000, 98_000, 97_000])),
        Duration::ZERO,
    );
    let later = report([124_000, 123_500, 122_500, 121_000]);
    app.take(Line::Report(later), Duration::from_secs(2));
    assert_eq!(app.press(Key::Down), None);
    let stage = "ask the far-away service for a price".to_owned();
    let tap = Request::Tap {
        stage: stage.clone(),
        every: 1,
    };
    assert_eq!(app.press(Key::Tap), Some(Action::Ask(tap)));
    let tap = Request::Tap {
        stage: stage.clone(),
        every: 10,
    };
    assert_eq!(app.press(Key::Fewer), Some(Action::Ask(tap)));
    for item in [
        "Order { id: 7, total: 12.50 }",
        "Order { id: 17,\n\u{1b}[31mtotal: 3.00 }",
    ] {
        let (stage, item) = (stage.clone(), item.to_owned());
        app.take(Line::Sample { stage, item }, Duration::ZERO);
    }
    let (text, terminal) = screen(&app, 120, 12);
    let buffer = terminal.backend().buffer();
    assert_eq!(buffer[(5, 4)].fg, Color::Yellow, "the bottleneck");
    assert_ne!(buffer[(5, 3)].fg, Color::Yellow);
    assert!(!text.contains('\u{1b}'));
    let expected = "\
orders  running, 12 s  124000 received = 121000 delivered + 17 failed + 0 abandoned + 2983 in flight
   STAGE                           DONE     RATE  FAILED RETRIED QUEUE                BUSY            P50     P99
   stream                          124k    12k/s
   parse                           124k  12.2k/s                 ██░░░░░░ 12/64        21% 1/4     40.0us   920us
>! ask the far-away service fo…    122k  12.2k/s      17       3 ███████░ 433/500      98% 32/32   12.5ms   287ms
   output                          121k    12k/s
 ask the far-away service for a price: one of 10 items ─────────────────────────────────────────────────────────────────
Order { id: 7, total: 12.50 }
Order { id: 17,  [31mtotal: 3.00 }


↑↓ stage   t tap   +/- more or fewer samples   q quit
";
    assert_eq!(text, expected);
}

#[test]
fn a_small_screen_is_no_reason_to_panic() {
    let mut app = App::new(plan());
    app.take(Line::Report(report([100, 90, 80, 70])), Duration::ZERO);
    for (width, height) in [(1, 1), (10, 3), (200, 2), (40, 60)] {
        drop(screen(&app, width, height));
    }
}

#[test]
fn a_tap_that_is_not_there_is_said_to_be_so_and_pressing_twice_ends_one() {
    let mut app = App::new(plan());
    assert!(matches!(
        app.press(Key::Tap),
        Some(Action::Ask(Request::Tap { .. }))
    ));
    assert_eq!(app.press(Key::Tap), Some(Action::Ask(Request::Untap)));
    assert!(matches!(
        app.press(Key::Tap),
        Some(Action::Ask(Request::Tap { .. }))
    ));
    let stage = "parse".to_owned();
    app.take(Line::NotObserved { stage }, Duration::ZERO);
    app.lose();
    let (text, _) = screen(&app, 100, 10);
    assert!(text.contains("parse is not observed"), "{text}");
    assert!(text.contains("connection lost"), "{text}");
    assert_eq!(app.press(Key::Quit), Some(Action::Quit));
}
