//! A pipeline is watched over a port, in a terminal, and in a log.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use effect_core::{Cx, Env, Never, blocking, effect, sleep};
use effect_stream::{Channel, Connected, Pipeline, Stream, stage, stage_sync};
use effect_view::{Client, Line, ProgressView, Request, serve};
use indicatif::{InMemoryTerm, ProgressDrawTarget};

/// All that a client is told, which asks for samples.
fn watch(address: std::net::SocketAddr, has_seen: &AtomicBool) -> std::io::Result<Vec<Line>> {
    let mut client = Client::connect(address)?;
    let mut asking = client.asking()?;
    let tap = |stage: &str| Request::Tap {
        stage: stage.to_owned(),
        every: 1,
    };
    asking.ask(&tap("nothing"))?;
    let mut lines = Vec::new();
    while let Some(line) = client.next_line()? {
        match &line {
            Line::NotObserved { .. } => asking.ask(&tap("keep"))?,
            Line::Sample { .. } => has_seen.store(true, Ordering::Relaxed),
            _ => {}
        }
        lines.push(line);
    }
    Ok(lines)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_is_told_what_a_pipeline_is_what_it_does_and_how_it_ends() {
    let program = effect(async |cx: Cx<()>| {
        let (input, output) = (Channel::bounded(8), Channel::bounded(4096));
        let connected = Pipeline::<(), Never, _>::from_channel(input.clone())
            .via(stage_sync("keep", Ok).observed(|n: &u32| format!("item {n}")))
            .to_channel(output)
            .named("numbers");
        let address = "127.0.0.1:0".parse().unwrap();
        let server = cx.run(serve(connected.handle(), address)).await.unwrap();
        let (address, has_seen) = (server.address(), Arc::new(AtomicBool::new(false)));
        let seeing = Arc::clone(&has_seen);
        let watching = cx.fork(blocking(move || Ok::<_, Never>(watch(address, &seeing))));
        let run = cx.fork(connected.run());
        let mut sent = 0;
        while !has_seen.load(Ordering::Relaxed) {
            let _ = input.send(sent).await;
            sent += 1;
            cx.sleep(Duration::from_millis(2)).await;
        }
        input.close();
        let report = cx.run(run.join()).await.unwrap();
        assert_eq!(report.delivered, u64::from(sent));
        let lines = cx.run(watching.join()).await?.unwrap();
        Ok::<_, Never>((lines, report.to_string()))
    });
    let Ok((lines, last)) = program.await;
    let Line::Plan(plan) = &lines[0] else {
        panic!("{lines:?}")
    };
    assert_eq!((&*plan.name, plan.stages.len()), ("numbers", 3));
    assert_eq!((&*plan.stages[1].name, plan.stages[1].workers), ("keep", 1));
    assert_eq!(plan.edges, [(0, 1), (1, 2)]);
    let not_observed = Line::NotObserved {
        stage: "nothing".to_owned(),
    };
    assert!(lines.contains(&not_observed), "{lines:?}");
    let sample =
        |line: &&Line| matches!(line, Line::Sample { item, .. } if item.starts_with("item "));
    assert!(lines.iter().any(|line| sample(&line)), "{lines:?}");
    let Some(Line::Report(end)) = lines.iter().rfind(|line| matches!(line, Line::Report(_))) else {
        panic!("{lines:?}")
    };
    assert!(end.has_ended && end.line == last, "{end:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_talks_nonsense_or_hangs_up_harms_nobody() {
    use std::io::Write as _;
    let program = effect(async |cx: Cx<()>| {
        let input = Channel::<u32>::bounded(8);
        let connected = Pipeline::<(), Never, _>::from_channel(input.clone())
            .via(stage_sync("keep", Ok))
            .to_channel(Channel::bounded(8));
        let address = "[::1]:0".parse().unwrap();
        let server = match cx.run(serve(connected.handle(), address)).await {
            Ok(server) => server,
            // A machine without IPv6.
            Err(_) => cx
                .run(serve(connected.handle(), "127.0.0.1:0".parse().unwrap()))
                .await
                .unwrap(),
        };
        let address = server.address();
        let run = cx.fork(connected.run());
        let rude = blocking(move || {
            drop(std::net::TcpStream::connect(address).unwrap());
            let mut stream = std::net::TcpStream::connect(address).unwrap();
            // More than a request may be, without an end.
            let _ = stream.write_all(&[b'x'; 10_000]);
            let mut client = Client::connect(address).unwrap();
            Ok::<_, Never>(client.next_line().unwrap())
        });
        let first = cx.run(rude).await?;
        assert!(matches!(first, Some(Line::Plan(_))));
        input.close();
        Ok::<_, Never>(cx.run(run.join()).await.unwrap().delivered)
    });
    assert_eq!(program.await, Ok(0));
}

/// Twelve items, of which each takes 100 ms, and then some time at a slower stage with more workers.
fn slow<R: Env>() -> Connected<R, &'static str, u32> {
    let fetch = |n: u32| sleep::<R, &str>(Duration::from_millis(100)).map(move |()| n);
    let price = |n: u32| {
        let waited = sleep::<R, &'static str>(Duration::from_millis(450));
        waited.flat_map(move |()| async move { if n == 3 { Err("no price") } else { Ok(n) } })
    };
    Pipeline::from_stream(Stream::range(0..100))
        .via(stage("fetch", fetch))
        .via(stage("ask for a price", price).workers(4).buffer(8))
        .to_channel(Channel::bounded(100))
        .with_error_channel(Channel::bounded(100))
        .named("orders")
}

#[tokio::test(start_paused = true)]
async fn a_terminal_has_a_line_for_each_stage() {
    let terminal = InMemoryTerm::new(10, 100);
    let target = ProgressDrawTarget::term_like_with_hz(Box::new(terminal.clone()), 255);
    let program = effect(async move |cx: Cx<()>| {
        let connected = slow();
        let view = ProgressView::in_terminal(target, false).show(&connected.handle());
        let view = cx.fork(view);
        let report = cx.run(connected.run()).await.unwrap();
        cx.run(view.join()).await?;
        Ok::<_, Never>(report.to_string())
    });
    let line = program.await.unwrap();
    let shown = terminal.contents();
    println!("{shown}");
    let lines: Vec<_> = shown.lines().collect();
    assert_eq!(lines.len(), 5, "{shown}");
    assert!(lines[1].starts_with("fetch "), "{shown}");
    assert!(lines[2].contains("1 failed  < bottleneck"), "{shown}");
    assert_eq!(lines[4].trim_end(), line);
}

#[tokio::test(start_paused = true)]
async fn a_log_has_a_line_every_five_seconds_and_one_at_the_end() {
    static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let program = effect(async |cx: Cx<()>| {
        let connected = slow();
        let view = ProgressView::in_lines(|line| LINES.lock().unwrap().push(line.to_owned()));
        let view = cx.fork(view.show(&connected.handle()));
        let report = cx.run(connected.run()).await.unwrap();
        cx.run(view.join()).await?;
        Ok::<_, Never>(report.to_string())
    });
    let last = program.await.unwrap();
    let lines = LINES.lock().unwrap();
    println!("{lines:#?}");
    assert_eq!(lines.len(), 3);
    assert!(lines[0].starts_with("orders: ") && lines[0].contains("ask for a price"));
    assert!(lines[2].starts_with(&format!("orders: {last}; ")));
}
