//! What the tests of pipelines share: filled inputs, and what has to hold of an end.

use effect::prelude::*;

/// A closed channel with these items inside.
pub fn filled<T>(items: impl IntoIterator<Item = T>) -> Channel<T> {
    let items: Vec<_> = items.into_iter().collect();
    let channel = Channel::bounded(items.len());
    let sent = futures::FutureExt::now_or_never(channel.send_many(items));
    assert!(sent.is_some_and(|sent| sent.is_ok()));
    channel.close();
    channel
}

/// All that is inside, and what has to be closed by now.
pub async fn drain<T>(channel: &Channel<T>) -> Vec<T> {
    assert!(channel.is_closed());
    let mut items = Vec::new();
    while let Ok(item) = channel.receive().await {
        items.push(item);
    }
    items
}

#[track_caller]
pub fn assert_adds_up(report: &PipelineReport) {
    assert_eq!(report.in_flight(), 0, "{report}");
    let fates = report.delivered + report.failed + report.filtered + report.joined;
    let fates = fates + report.abandoned;
    assert_eq!(report.received + report.made, fates, "{report}");
}

/// Reads a channel until it is closed, each item after a wait that chance chooses.
pub fn read_slowly<T: effect::Value>(cx: &Cx<()>, channel: &Channel<T>) -> Fiber<Never, Vec<T>> {
    let channel = channel.clone();
    cx.fork(effect(async move |cx: Cx<()>| {
        let mut items = Vec::new();
        while let Ok(item) = channel.receive().await {
            items.push(item);
            wait(&cx).await;
        }
        Ok(items)
    }))
}

/// Waits by chance: not at all, a turn, or some milliseconds.
pub async fn wait(cx: &Cx<()>) {
    match cx.random() % 4 {
        0 => effect::yield_now().await,
        1 => {
            cx.sleep(std::time::Duration::from_millis(cx.random() % 5))
                .await
        }
        _ => {}
    }
}

/// A capacity by chance: a rendezvous, a place, a few.
pub fn any_capacity(cx: &Cx<()>) -> usize {
    [0, 1, 2, 7][(cx.random() % 4) as usize]
}

/// A number of workers by chance.
pub fn any_workers(cx: &Cx<()>) -> usize {
    [1, 2, 3, 5][(cx.random() % 4) as usize]
}
