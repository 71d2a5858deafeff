//! A run that remembers what it was answered does not ask it again.

use crate::common::{everywhere, timed};
use crate::request_batching::{Calls, Double, millis};
use effect::prelude::*;
use effect::request;

#[test]
fn what_was_answered_is_not_asked_again_in_one_run() {
    everywhere(async |cx: Cx<()>| {
        let calls = Calls::default();
        let all = calls.resolver();
        let run = all.cached();
        let first = cx.fork(request(Double(1), &run));
        cx.sleep(millis(500)).await;
        // In flight, and then there.
        let (took, second) = timed(
            &cx,
            cx.run(request(Double(1), &run).zip(request(Double(1), &run))),
        )
        .await;
        assert_eq!((took, second), (0, Ok((2, 2))));
        assert_eq!(cx.run(first.join()).await, Ok(2));
        assert_eq!(calls.seen(), [[1]]);

        let other = all.cached();
        let both = request(Double(1), &other).zip_par(request(Double(2), &run));
        assert_eq!(cx.run(both).await, Ok((2, 4)));
        assert_eq!(
            calls.seen(),
            [vec![1], vec![1, 2]],
            "the memory is a run's own, the calls are not"
        );
    });
}

#[test]
fn errors_are_not_remembered() {
    everywhere(async |cx: Cx<()>| {
        let calls = Calls::default();
        let run = calls.resolver().cached();
        let asked = || request(Double(13), &run);
        assert_eq!(cx.run(asked().zip_par(asked())).await, Err("thirteen"));
        assert_eq!(cx.run(asked()).await, Err("thirteen"));
        assert_eq!(calls.seen(), [[13], [13]]);
    });
}

#[test]
fn a_request_in_memory_that_was_given_up_is_made_again() {
    everywhere(async |cx: Cx<()>| {
        let calls = Calls::default();
        let run = calls.resolver().cached();
        let late = request(Double(1), &run).timeout(millis(1));
        assert!(cx.run(late).await.is_err());
        assert_eq!(cx.run(request(Double(1), &run)).await, Ok(2));
        assert_eq!(calls.seen(), [[1], [1]]);
    });
}
