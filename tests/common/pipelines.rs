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
pub fn assert_adds_up(report: PipelineReport) {
    assert_eq!(report.in_flight(), 0, "{report}");
    let fates = report.delivered + report.failed + report.abandoned;
    assert_eq!(report.received, fates, "{report}");
}
