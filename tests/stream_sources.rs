//! Where streams come from: the clock, callbacks, hubs, and readers.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use crate::common::dice::Dice;
use crate::common::{Log, everywhere, in_turns, on_both, secs};
use effect::prelude::*;
use effect::sync::Hub;
use effect::{Inlet, LineError, OfferError};
use tokio::io::{AsyncRead, ReadBuf};

const fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// When a stream emits, in milliseconds, to a consumer that is busy for so long after each.
async fn times<A: effect::Value, S>(cx: &Cx<()>, stream: Stream<(), A, S>, busy: &[u64]) -> Vec<u64>
where
    S: effect::Source<(), Item = A>,
{
    let begun = cx.now();
    let times = Arc::new(Mutex::new(Vec::new()));
    let (log, clock, busy) = (Arc::clone(&times), cx.clone(), busy.to_vec());
    let run = stream.take(busy.len()).run_for_each(move |_| {
        let mut log = log.lock().unwrap();
        log.push((clock.now() - begun).as_millis() as u64);
        sleep::<_, Never>(millis(busy[log.len() - 1]))
    });
    let Ok(()) = cx.run(run).await;
    times.lock().unwrap().clone()
}

#[test]
fn ticks_come_at_once_and_then_in_each_period() {
    everywhere(async |cx: Cx<()>| {
        let ticks = Stream::ticks(secs(1));
        assert_eq!(
            times(&cx, ticks.clone(), &[0, 0, 300, 999, 0]).await,
            [0, 1_000, 2_000, 3_000, 4_000]
        );
        // From when the first is wanted, whenever that is.
        let late = Stream::range(0..1)
            .tap(|_| sleep(millis(700)))
            .into_values();
        let late = late.map(drop).concat(ticks);
        assert_eq!(times(&cx, late, &[0, 0, 0]).await, [700, 700, 1_700]);
    });
}

#[test]
fn of_ticks_that_are_missed_one_is_late_and_the_others_are_left_out() {
    everywhere(async |cx: Cx<()>| {
        let ticks = Stream::ticks(secs(1));
        let busy = [2_500, 0, 0, 1_000, 3_000, 0, 0];
        let expected = [0, 2_500, 3_000, 4_000, 5_000, 8_000, 9_000];
        assert_eq!(times(&cx, ticks, &busy).await, expected);
    });
}

#[test]
fn what_timers_are_late_does_not_add_up() {
    on_both(async |cx: Cx<()>| {
        // Tokio's timers know milliseconds.
        let third = Duration::from_nanos(1_000_000_000 / 3);
        let begun = cx.now();
        let clock = cx.clone();
        let ticks = Stream::ticks(third).map(move |()| clock.now() - begun);
        let Ok(all) = cx.run(ticks.take(3_001).run_collect()).await;
        for (n, time) in (0..).zip(all) {
            let late = time - third * n;
            assert!(late <= millis(2), "the tick {n} is {late:?} late");
        }
    });
}

#[test]
fn ticks_of_an_age_come_once() {
    everywhere(async |cx: Cx<()>| {
        let ticks = Stream::ticks(Duration::MAX).run_count();
        let Err(_) = cx.run(ticks.timeout(secs(1_000_000))).await else {
            panic!("they never end");
        };
        assert_eq!(times(&cx, Stream::ticks(Duration::MAX), &[5]).await, [0]);
        assert!(std::panic::catch_unwind(|| Stream::<(), ()>::ticks(Duration::ZERO)).is_err());
    });
}

#[test]
fn a_schedule_emits_what_it_yields_when_it_says() {
    everywhere(async |cx: Cx<()>| {
        let schedule = Schedule::linear(secs(1)).times(3);
        let stream = Stream::from_schedule(schedule.map(|n| n * 10));
        // Each run has a schedule of its own.
        for _ in 0..2 {
            let begun = cx.now();
            let Ok(all) = cx.run(stream.clone().run_collect()).await;
            assert_eq!(all, [0, 10, 20]);
            assert_eq!(cx.now() - begun, secs(1 + 2 + 3));
        }
        // The consumer's time is between the runs, and a fixed rate makes up for it.
        let spaced = Stream::from_schedule(Schedule::spaced(secs(1)));
        assert_eq!(
            times(&cx, spaced, &[400, 0, 0]).await,
            [1_000, 2_400, 3_400]
        );
        let fixed = Stream::from_schedule(Schedule::fixed(secs(1)));
        assert_eq!(times(&cx, fixed, &[400, 0, 0]).await, [1_000, 2_000, 3_000]);
    });
}

/// Somebody else's code: whoever is registered is called.
#[derive(Clone, Default)]
struct Switchboard {
    inlet: Arc<Mutex<Option<Inlet<u32>>>>,
    log: Log,
}

/// A registration.
struct Registered(Switchboard);

impl Drop for Registered {
    fn drop(&mut self) {
        // By now, nothing is lost that was handed in: that the stream is over is told afterwards.
        let inlet = self.0.inlet.lock().unwrap().take();
        let is_over = inlet.is_some_and(|inlet| inlet.is_closed());
        self.0.log.write(format!("leaves, {is_over}"));
    }
}

impl Switchboard {
    fn register(&self) -> impl FnOnce(Inlet<u32>) -> Registered + Clone + Send + use<> {
        let board = self.clone();
        move |inlet| {
            board.log.write("registers");
            *board.inlet.lock().unwrap() = Some(inlet);
            Registered(board)
        }
    }

    fn call(&self, n: u32) -> Result<(), OfferError<u32>> {
        let inlet = self.inlet.lock().unwrap().clone();
        inlet.ok_or(OfferError::Closed(n))?.try_offer(n)
    }

    fn let_go(&self) {
        *self.inlet.lock().unwrap() = None;
    }
}

#[test]
fn a_callback_hands_items_in_until_it_is_let_go() {
    everywhere(async |cx: Cx<()>| {
        let board = Switchboard::default();
        let stream = Stream::callback(2, board.register());
        // Not before anything is wanted.
        assert_eq!(cx.run(stream.clone().take(0).run_count()).await, Ok(0));
        assert_eq!(board.log.count(), 0);
        let fiber = cx.fork(stream.run_collect());
        cx.sleep(secs(1)).await;
        assert_eq!(board.call(1), Ok(()));
        cx.sleep(secs(1)).await;
        assert_eq!([board.call(2), board.call(3)], [Ok(()), Ok(())]);
        assert_eq!(board.log.lines(), ["registers"]);
        board.let_go();
        assert_eq!(cx.run(fiber.join()).await, Ok(vec![1, 2, 3]));
        assert_eq!(board.log.lines(), ["registers", "leaves, false"]);
    });
}

#[test]
fn what_a_callback_has_no_room_for_is_handed_back() {
    everywhere(async |cx: Cx<()>| {
        let board = Switchboard::default();
        let log = Log::new();
        let noted = log.clone();
        let run = Stream::callback(2, board.register()).run_for_each(move |n| {
            noted.write(n.to_string());
            sleep::<_, Never>(secs(5))
        });
        let fiber = cx.fork(run);
        cx.sleep(secs(1)).await;
        assert_eq!(board.call(0), Ok(()));
        cx.sleep(secs(1)).await;
        let calls = [1, 2, 3].map(|n| board.call(n));
        assert_eq!(calls, [Ok(()), Ok(()), Err(OfferError::Full(3))]);
        let inlet = board.inlet.lock().unwrap().clone().unwrap();
        cx.run(fiber.interrupt()).await.ok();
        assert_eq!(inlet.try_offer(4), Err(OfferError::Closed(4)));
        assert!(inlet.is_closed());
        assert_eq!(log.lines(), ["0"]);
        assert_eq!(board.log.lines(), ["registers", "leaves, false"]);
    });
}

#[test]
fn a_callback_is_unregistered_before_whoever_took_enough_goes_on() {
    everywhere(async |cx: Cx<()>| {
        let board = Switchboard::default();
        let fiber = cx.fork(Stream::callback(9, board.register()).take(1).run_collect());
        cx.sleep(secs(1)).await;
        assert_eq!(board.call(1), Ok(()));
        assert_eq!(cx.run(fiber.join()).await, Ok(vec![1]));
        assert_eq!(board.log.lines(), ["registers", "leaves, false"]);
        assert_eq!(board.call(3), Err(OfferError::Closed(3)));
    });
}

#[test]
fn callbacks_may_come_from_any_thread() {
    crate::common::in_virtual_time(async {
        let stream = Stream::callback(400, |inlet: Inlet<u32>| {
            #[allow(clippy::disallowed_methods, reason = "somebody else's thread")]
            let call = |inlet: Inlet<u32>, n| {
                std::thread::spawn(move || (0..100).try_for_each(|_| inlet.try_offer(n)))
            };
            (1..=4).map(|n| call(inlet.clone(), n)).collect::<Vec<_>>()
        });
        let Ok(sum) = stream.run_fold(0, |sum, n| sum + n).await;
        assert_eq!(sum, 100 * (1 + 2 + 3 + 4));
    });
}

#[test]
fn a_stream_of_a_hub_subscribes_when_it_is_wanted_and_no_longer() {
    everywhere(async |cx: Cx<()>| {
        let hub = Hub::bounded(1);
        let stream = Stream::from_hub(hub.clone()).take(2);
        hub.publish(0).await.unwrap();
        let run = stream.clone().run_collect();
        assert_eq!(hub.subscribers(), 0);
        let fiber = cx.fork(run);
        cx.sleep(secs(1)).await;
        assert_eq!(hub.subscribers(), 1);
        for n in 1..4 {
            // The last one is published to nobody.
            hub.publish(n).await.unwrap();
            cx.sleep(secs(1)).await;
        }
        assert_eq!(cx.run(fiber.join()).await, Ok(vec![1, 2]));
        assert_eq!(hub.subscribers(), 0);
        let fiber = cx.fork(stream.run_drain());
        cx.sleep(secs(1)).await;
        cx.run(fiber.interrupt()).await.ok();
        assert_eq!(hub.subscribers(), 0);
    });
}

#[test]
fn a_stream_of_a_hub_ends_with_it_and_with_its_error() {
    everywhere(async |cx: Cx<()>| {
        let hub = Hub::unbounded().with_error();
        let fiber = cx.fork(StreamE::from_hub(hub.clone()).run_collect());
        cx.sleep(secs(1)).await;
        hub.publish_all([1, 2]).await.unwrap();
        hub.close_with("the line is down");
        let expected = [Ok(1), Ok(2), Err("the line is down")];
        assert_eq!(cx.run(fiber.join()).await, Ok(expected.to_vec()));
        let hub = Hub::<u32>::bounded(1);
        hub.close();
        assert_eq!(
            cx.run(Stream::from_hub(hub).run_collect()).await,
            Ok(vec![])
        );
    });
}

/// A reader that has these parts, and waits for somebody else before each.
#[derive(Clone)]
struct Parts {
    parts: VecDeque<Result<&'static [u8], &'static str>>,
    has_waited: bool,
}

fn parts(parts: impl IntoIterator<Item = Result<&'static [u8], &'static str>>) -> Parts {
    Parts {
        parts: parts.into_iter().collect(),
        has_waited: false,
    }
}

impl AsyncRead for Parts {
    fn poll_read(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.has_waited = !self.has_waited;
        if self.has_waited {
            task.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(match self.parts.pop_front() {
            None => Ok(()),
            Some(Err(error)) => Err(io::Error::other(error)),
            Some(Ok(part)) => {
                let (now, later) = part.split_at(part.len().min(room.remaining()));
                room.put_slice(now);
                if !later.is_empty() {
                    self.parts.push_front(Ok(later));
                }
                Ok(())
            }
        })
    }
}

#[test]
fn a_reader_is_read_as_far_as_is_wanted_and_up_to_its_error() {
    everywhere(async |cx: Cx<()>| {
        let reader = parts([Ok(&b"abcde"[..]), Ok(b"f"), Err("torn"), Ok(b"never read")]);
        let chunks = StreamE::from_reader(reader, 3);
        let chunks = chunks.map_error(|error| error.to_string());
        let Ok(all) = cx.run(chunks.run_collect()).await;
        let expected = [
            Ok(b"abc".to_vec()),
            Ok(b"de".to_vec()),
            Ok(b"f".to_vec()),
            Err("torn".to_owned()),
        ];
        assert_eq!(all, expected);
    });
}

#[test]
fn lines_end_with_a_newline_or_with_the_text() {
    everywhere(async |cx: Cx<()>| {
        for (text, expected) in [
            ("", &[][..]),
            ("\n", &[""]),
            ("a", &["a"]),
            ("a\n", &["a"]),
            ("a\n\nb", &["a", "", "b"]),
            ("a\r\n\r\nb\r\r\n", &["a", "", "b\r"]),
            ("a\rb\r", &["a\rb\r"]),
        ] {
            let reader = parts([Ok(text.as_bytes())]);
            for size in [1, 2, 100] {
                let lines = StreamE::from_reader(reader.clone(), size).lines(10);
                let all = cx.run(lines.collect_results()).await;
                assert_eq!(all.unwrap(), expected, "{text:?} by {size}");
            }
        }
    });
}

#[test]
fn a_line_that_a_failure_interrupts_is_dropped_up_to_its_end() {
    everywhere(async |cx: Cx<()>| {
        let chunks = [
            Ok("one\ntw"),
            Err("lost"),
            Ok("o\nthree\n"),
            Err("again"),
            Ok("four\nfi"),
            Err("at the end"),
        ];
        let lines = StreamE::from_results(chunks).lines(10);
        let Ok(all) = cx.run(lines.run_collect()).await;
        let expected = [
            Ok("one".to_owned()),
            Err(LineError::Failed("lost")),
            Ok("three".to_owned()),
            Err(LineError::Failed("again")),
            Ok("four".to_owned()),
            Err(LineError::Failed("at the end")),
        ];
        assert_eq!(all, expected);
    });
}

#[test]
fn a_line_without_end_is_not_kept_and_lets_others_run() {
    on_both(async |cx: Cx<()>| {
        let hostile = Stream::repeat_item([b'a'; 64]).take(100_000).lines(1_000);
        let all = cx.run(hostile.run_collect()).await;
        assert_eq!(all, Ok(vec![Err(LineError::TooLong { limit: 1_000 })]));
        let endless = Stream::repeat_item("a")
            .lines(1)
            .partition()
            .map(|_| "lines");
        let other = effect(async |_: Cx<()>| {
            effect::yield_now().await;
            Ok("the other")
        });
        let Ok(first) = cx.run(endless.race_first(other)).await;
        assert_eq!(first, "the other");
    });
}

/// The lines of bytes, by definition.
fn naive(text: &[u8], limit: usize) -> Vec<Result<String, LineError<Never>>> {
    let mut parts: Vec<_> = text.split(|byte| *byte == b'\n').collect();
    let rest = parts.pop().unwrap();
    let line = |bytes: &[u8]| {
        if bytes.len() > limit {
            return Err(LineError::TooLong { limit });
        }
        String::from_utf8(bytes.to_vec()).map_err(LineError::NotUtf8)
    };
    let whole = parts.into_iter();
    let mut lines: Vec<_> = whole
        .map(|part| line(part.strip_suffix(b"\r").unwrap_or(part)))
        .collect();
    if !rest.is_empty() {
        lines.push(line(rest));
    }
    lines
}

#[test]
fn lines_are_the_same_in_chunks_of_any_size() {
    in_turns(async |cx: Cx<()>| {
        for seed in 0..3_000 {
            let mut dice = Dice(seed);
            let limit = dice.roll(6) as usize;
            let mut text = Vec::new();
            for _ in 0..dice.roll(40) {
                // The halves of an umlaut, which are no text by themselves.
                text.push(b"ab\r\n\n\xC3\xBC"[dice.roll(7) as usize]);
            }
            let mut chunks = Vec::new();
            let mut left = &text[..];
            while !left.is_empty() {
                let size = (dice.roll(5) as usize).min(left.len());
                let (chunk, rest) = left.split_at(size);
                chunks.push(chunk.to_vec());
                left = rest;
            }
            let Ok(all) = cx
                .run(Stream::from_iter(chunks).lines(limit).run_collect())
                .await;
            assert_eq!(
                all,
                naive(&text, limit),
                "seed {seed}: {text:?}, at most {limit}"
            );
        }
    });
}
