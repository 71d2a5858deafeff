//! Whoever asks may go at any moment: the others have their answers, and no call goes on for nobody.

use crate::common::{Log, everywhere, exit_of, on_both, secs, timed};
use crate::request_batching::{Calls, Double, NoAnswers, millis};
use effect::prelude::*;
use effect::{RequestResolver, request};
use futures::FutureExt;

#[test]
fn whoever_is_interrupted_before_the_call_is_not_in_it() {
    everywhere(async |cx: Cx<()>| {
        let calls = Calls::default();
        let doubles = calls.resolver().delay(secs(5));
        let [first, other, same] = [1, 2, 1].map(|n| {
            let asked = request(Double(n), &doubles);
            cx.fork(sleep(millis(n.into())).flat_map(|()| asked))
        });
        let leaves = cx.fork(request(Double(3), &doubles));
        cx.sleep(secs(1)).await;
        for fiber in [first, leaves] {
            let (took, exit) = timed(&cx, cx.run(fiber.interrupt())).await;
            assert_eq!((took, exit.map(|exit| exit.is_interrupt())), (0, Ok(true)));
        }
        assert_eq!(
            cx.run(same.join()).await,
            Ok(2),
            "others have asked the same"
        );
        assert_eq!(cx.run(other.join()).await, Ok(4));
        let mut seen = calls.seen();
        seen[0].sort_unstable();
        assert_eq!(seen, [[1, 2]]);
    });
}

#[test]
fn nobody_is_called_when_all_who_have_asked_are_gone() {
    everywhere(async |cx: Cx<()>| {
        let calls = Calls::default();
        let doubles = calls.resolver().delay(secs(5));
        let both = request(Double(1), &doubles).zip_par(request(Double(2), &doubles));
        let (took, late) = timed(&cx, cx.run(both.timeout(secs(1)))).await;
        assert_eq!((took, late), (1, Err(TimeoutError::Elapsed(secs(1)))));
        cx.sleep(secs(9)).await;
        assert_eq!(calls.seen().len(), 0);
        assert_eq!(
            cx.run(request(Double(1), &doubles)).await,
            Ok(2),
            "it can be asked again"
        );
    });
}

#[test]
fn a_call_is_interrupted_when_all_who_wait_for_it_are_gone() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let noted = log.clone();
        let doubles = RequestResolver::new(move |_: Cx<()>, _: Vec<Double>| {
            let called = noted
                .note("called")
                .map_error(|never: Never| match never {});
            let ended = noted.note_after(secs(1), "ended");
            called
                .flat_map(|()| never::<_, &str, NoAnswers>())
                .ensuring(ended)
        });
        let [one, two] = [1, 2].map(|n| request(Double(n), &doubles));
        let (one, two) = (
            cx.fork(one.zip_par(two)),
            cx.fork(request(Double(1), &doubles.delay(secs(9)))),
        );
        cx.sleep(secs(1)).await;
        let (took, _) = timed(&cx, cx.run(two.interrupt())).await;
        assert_eq!((took, log.count()), (0, 1), "that was another batch");
        let (took, _) = timed(&cx, cx.run(one.interrupt())).await;
        assert_eq!((took, log.count()), (1, 2), "its end is waited for");
        assert_eq!(log.lines(), ["called", "ended"]);
    });
}

#[test]
fn a_call_goes_on_for_those_who_still_wait_for_it() {
    everywhere(async |cx: Cx<()>| {
        let calls = Calls::default();
        let doubles = calls.resolver().delay(millis(1));
        let [one, two] = [1, 2].map(|n| cx.fork(request(Double(n), &doubles)));
        cx.sleep(millis(500)).await;
        let (took, exit) = timed(&cx, cx.run(one.interrupt())).await;
        assert_eq!((took, exit.map(|exit| exit.is_interrupt())), (0, Ok(true)));
        assert_eq!(cx.run(two.join()).await, Ok(4));
        assert_eq!(calls.seen().len(), 1);
    });
}

#[test]
fn whoever_stops_polling_the_first_request_does_not_hold_up_the_others() {
    everywhere(async |cx: Cx<()>| {
        let calls = Calls::default();
        let doubles = calls.resolver();
        let mut kept = Box::pin(cx.run(request(Double(1), &doubles)));
        assert!(kept.as_mut().now_or_never().is_none());
        assert_eq!(cx.run(request(Double(2), &doubles)).await, Ok(4));
        assert_eq!(kept.await, Ok(2));
        assert_eq!(calls.seen(), [[1, 2]]);
    });
}

#[test]
fn a_first_request_that_is_dropped_does_not_hold_up_the_others() {
    everywhere(async |cx: Cx<()>| {
        let calls = Calls::default();
        let doubles = calls.resolver();
        let dropped = cx.run(request(Double(1), &doubles));
        let mut dropped = Box::pin(dropped);
        let second = request(Double(2), &doubles);
        assert!(dropped.as_mut().now_or_never().is_none());
        let second = cx.fork(second);
        effect::yield_now().await;
        drop(dropped);
        assert_eq!(cx.run(second.join()).await, Ok(4));
    });
}

#[test]
fn a_request_that_is_polled_when_its_answer_is_long_there_has_it() {
    on_both(async |cx: Cx<()>| {
        let doubles = Calls::default().resolver();
        let mut asked = Box::pin(cx.run(request(Double(1), &doubles)));
        assert!(asked.as_mut().now_or_never().is_none());
        cx.sleep(secs(5)).await;
        // Its yield, and then the answer.
        assert_eq!(asked.as_mut().now_or_never(), Some(Ok(2)));
    });
}

#[test]
fn dropping_a_run_of_a_web_framework_leaves_no_call_behind() {
    on_both(async |cx: Cx<()>| {
        let log = Log::new();
        let noted = log.clone();
        let doubles = RequestResolver::new(move |_: Cx<()>, _: Vec<Double>| {
            never::<(), &str, NoAnswers>().ensuring(noted.note_after(secs(1), "ended"))
        });
        let handler = exit_of(&cx, request(Double(1), &doubles));
        let mut handler = Box::pin(handler);
        assert!(handler.as_mut().now_or_never().is_none());
        cx.sleep(secs(1)).await;
        assert!(handler.as_mut().now_or_never().is_none());
        cx.sleep(secs(1)).await;
        drop(handler);
        cx.sleep(secs(2)).await;
        assert_eq!(log.lines(), ["ended"]);
    });
}
