//! Streams that are written to channels, writers and sinks, and put into collections.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use crate::common::{Log, everywhere, on_both, secs};
use effect::Emitter;
use effect::prelude::*;
use futures::{Sink, SinkExt, StreamExt};
use tokio::io::AsyncWrite;

/// A stream of seconds: each is emitted one after the other has passed.
fn seconds(n: u32) -> Stream<(), u32, impl effect::Source<(), Item = u32> + Clone> {
    Stream::generate(async move |cx: Cx<()>, mut out: Emitter<u32>| {
        for second in 0..n {
            out.emit(second).await;
            cx.sleep(secs(1)).await;
        }
    })
}

/// Takes items and bytes, and logs what is done with it.
#[derive(Clone, Default)]
struct Recorder {
    log: Log,
    /// How many bytes it takes at once, if it takes any.
    at_once: usize,
    /// What it refuses to write.
    refused: Option<&'static str>,
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl Sink<u32> for Recorder {
    type Error = &'static str;

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
        Poll::Ready(Ok(()))
    }

    fn start_send(self: Pin<&mut Self>, item: u32) -> Result<(), &'static str> {
        self.log.write(item.to_string());
        if item == 5 { Err("no 5") } else { Ok(()) }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
        self.log.write("flush");
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
        self.log.write("close");
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Recorder {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self
            .refused
            .is_some_and(|refused| bytes.starts_with(refused.as_bytes()))
        {
            return Poll::Ready(Err(io::Error::other("refused")));
        }
        let taken = bytes.len().min(self.at_once);
        self.bytes.lock().unwrap().extend(&bytes[..taken]);
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.log.write("flush");
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.log.write("shutdown");
        Poll::Ready(Ok(()))
    }
}

// S1-04
#[test]
fn a_full_channel_holds_up_the_stream_that_is_sent_to_it() {
    everywhere(async |cx: Cx<()>| {
        let pulled = Arc::new(Mutex::new(0_usize));
        let counting = Arc::clone(&pulled);
        let channel = Channel::bounded(10);
        let received = Arc::new(Mutex::new(Vec::new()));
        let begin = cx.now();
        let numbers = Stream::range(0..100_u32).inspect(move |_| *counting.lock().unwrap() += 1);
        let closing = channel.clone();
        let sending = numbers.run_into_channel(&channel);
        let sending = sending.ensuring(sync(move || closing.close()));
        let seen = Arc::clone(&received);
        let receiving = Stream::from_channel(channel).run_for_each(move |n| {
            // Queued, in hand of the one who sends, and this one.
            assert!(*pulled.lock().unwrap() <= seen.lock().unwrap().len() + 12);
            seen.lock().unwrap().push(n * 2);
            sleep(std::time::Duration::from_millis(5))
        });
        cx.run(sending.zip_par(receiving)).await.unwrap();
        assert_eq!(cx.now() - begin, std::time::Duration::from_millis(500));
        let wanted: Vec<_> = (0..100).map(|n| n * 2).collect();
        assert_eq!(*received.lock().unwrap(), wanted);
    });
}

#[test]
fn a_closed_channel_gives_the_item_back() {
    everywhere(async |cx: Cx<()>| {
        let channel = Channel::bounded(3);
        let closing = channel.clone();
        let numbers = Stream::range(0..9).inspect(move |n| {
            if *n == 2 {
                closing.close();
            }
        });
        let sent = cx.run(numbers.run_into_channel(&channel)).await;
        assert_eq!(sent, Err(effect::SendError(2)));
        assert_eq!(channel.receive_many(9).await, Ok(vec![0, 1]));
    });
}

#[test]
fn a_sink_is_flushed_while_the_stream_has_nothing_and_closed_at_its_end() {
    everywhere(async |cx: Cx<()>| {
        let recorder = Recorder::default();
        let numbers = Stream::range(7..9_u32).concat(seconds(2));
        cx.run(numbers.run_into_sink(recorder.clone()))
            .await
            .unwrap();
        let wanted = ["7", "8", "0", "flush", "1", "flush", "close"];
        assert_eq!(recorder.log.lines(), wanted);
    });
}

#[test]
fn the_error_of_a_sink_ends_the_run() {
    everywhere(async |cx: Cx<()>| {
        let recorder = Recorder::default();
        let released = recorder.log.clone();
        let numbers = Stream::range(4..9_u32).ensuring(released.note("released"));
        let run = cx.run(numbers.run_into_sink(recorder.clone())).await;
        assert_eq!(run, Err("no 5"));
        assert_eq!(recorder.log.lines(), ["4", "5", "released"]);
    });
}

#[test]
fn a_writer_that_takes_a_little_gets_it_all() {
    everywhere(async |cx: Cx<()>| {
        let recorder = Recorder {
            at_once: 3,
            ..Recorder::default()
        };
        let lines = seconds(3).map(|second| format!("second {second}\n"));
        let written = cx.run(lines.run_into_writer(recorder.clone())).await;
        assert_eq!(written.unwrap(), 27);
        let bytes = recorder.bytes.lock().unwrap().clone();
        assert_eq!(bytes, b"second 0\nsecond 1\nsecond 2\n");
        // Once a second, and at the end.
        assert_eq!(recorder.log.lines(), ["flush"; 4]);
    });
}

#[test]
fn a_writer_that_refuses_or_takes_nothing_fails_the_run() {
    everywhere(async |cx: Cx<()>| {
        let refusing = Recorder {
            at_once: 9,
            refused: Some("two"),
            ..Recorder::default()
        };
        let words = || Stream::from_iter(["one", "", "two", "three"]);
        let error = cx
            .run(words().run_into_writer(refusing.clone()))
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), "refused");
        assert_eq!(*refusing.bytes.lock().unwrap(), b"one");
        let error = cx
            .run(words().run_into_writer(Recorder::default()))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WriteZero);
    });
}

#[test]
fn several_sinks_are_one() {
    on_both(async |cx: Cx<()>| {
        let channels = [Channel::bounded(9), Channel::bounded(9)];
        let both = channels[0]
            .clone()
            .into_sink()
            .fanout(channels[1].clone().into_sink());
        cx.run(Stream::range(0..3_u32).run_into_sink(Box::pin(both)))
            .await
            .unwrap();
        for channel in channels {
            assert_eq!(channel.receive_many(9).await, Ok(vec![0, 1, 2]));
        }
    });
}

#[test]
fn a_channel_is_a_sink_that_holds_up_who_sends() {
    everywhere(async |cx: Cx<()>| {
        let channel = Channel::bounded(1);
        let closing = channel.clone();
        let mut sink = channel.clone().into_sink();
        let sending = cx.fork(from_future(async move {
            let mut items = futures::stream::iter(0..5_u32).map(Ok);
            sink.send_all(&mut items).await.unwrap();
            closing.close();
            Ok::<_, Never>(())
        }));
        let Ok(all) = cx.run(Stream::from_channel(channel).run_collect()).await;
        assert_eq!(all, [0, 1, 2, 3, 4]);
        let Ok(()) = cx.run(sending.join()).await;
    });
}

#[test]
fn items_are_put_into_any_collection() {
    on_both(async |cx: Cx<()>| {
        let numbers = || Stream::range(0..3_u32);
        let deque = numbers().run_collect_into(VecDeque::from([9]));
        assert_eq!(cx.run(deque).await, Ok([9, 0, 1, 2].into()));
        let map = numbers()
            .map(|n| (n, n + 1))
            .run_collect_into(BTreeMap::new());
        assert_eq!(cx.run(map).await, Ok([(0, 1), (1, 2), (2, 3)].into()));
        let text = numbers()
            .map(|n| n.to_string())
            .run_collect_into(String::new());
        assert_eq!(cx.run(text).await, Ok("012".into()));
        let failing = StreamE::from_results([Ok(1), Err("two"), Ok(3)]);
        let set = failing.collect_results_into(std::collections::BTreeSet::new());
        assert_eq!(cx.run(set).await, Err("two"));
    });
}

#[test]
fn the_first_failure_ends_what_is_written() {
    everywhere(async |cx: Cx<()>| {
        let recorder = Recorder {
            at_once: 9,
            ..Recorder::default()
        };
        let failing = StreamE::from_results([Ok("one"), Err("broken"), Ok("three")]);
        let failing = failing.map_error(io::Error::other);
        let written = cx.run(failing.run_into_writer(recorder.clone())).await;
        assert_eq!(written.unwrap_err().to_string(), "broken");
        assert_eq!(*recorder.bytes.lock().unwrap(), b"one");
        let numbers = StreamE::from_results([Ok(3), Ok(4), Err("broken"), Ok(6)]);
        let sent = cx.run(numbers.run_into_sink(recorder.clone())).await;
        assert_eq!(
            (sent, recorder.log.lines()),
            (Err("broken"), vec!["3".into(), "4".into()])
        );
        // That of the sink is one as well.
        let numbers = StreamE::from_results([Ok(5), Ok(6)]);
        let sent = cx.run(numbers.run_into_sink(recorder)).await;
        assert_eq!(sent, Err("no 5"));
    });
}
