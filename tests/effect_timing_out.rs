//! Effects that have so much time.

use std::time::Duration;

use crate::common::{Log, everywhere, exit_of, on_both, reasons, secs, timed};
use effect::prelude::*;

// T23
#[test]
fn a_timeout_waits_for_an_uninterruptible_effect() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let body = log.note_after(secs(10), "ended").uninterruptible();
        let (took, result) = timed(&cx, cx.run(body.timeout(secs(1)))).await;
        assert_eq!((took, result), (10, Err(TimeoutError::Elapsed(secs(1)))));
        assert_eq!(log.lines(), ["ended"]);
    });
}

#[test]
fn a_late_effect_is_nothing_once_its_finalizers_have_run() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let late = never::<_, Never, ()>().ensuring(log.note_after(secs(3), "finalized"));
        let (took, result) = timed(&cx, cx.run(late.timeout_opt(secs(1)))).await;
        assert_eq!((took, result), (4, Ok(None)));
        assert_eq!(log.lines(), ["finalized"]);
        // One that cannot be interrupted ends, and its value comes too late.
        let body = log.note_after(secs(10), "ended").uninterruptible();
        let (took, result) = timed(&cx, cx.run(body.timeout_opt(secs(1)))).await;
        assert_eq!((took, result), (10, Ok(None)));
        assert_eq!(log.lines(), ["finalized", "ended"]);
    });
}

#[test]
fn in_time_an_optional_value_a_failure_and_a_defect_are_what_they_are() {
    everywhere(async |cx: Cx<()>| {
        let after_one = |result: Result<Option<u8>, &'static str>| {
            let effect = sleep(secs(1)).flat_map(move |()| from_result(result));
            effect.timeout_opt(secs(2))
        };
        assert_eq!(cx.run(after_one(Ok(None))).await, Ok(Some(None)));
        assert_eq!(cx.run(after_one(Ok(Some(1)))).await, Ok(Some(Some(1))));
        assert_eq!(cx.run(after_one(Err("no"))).await, Err("no"));
        let dying = sleep::<_, &str>(secs(1)).flat_map(|()| die::<_, _, ()>("a bug"));
        let exit = exit_of(&cx, dying.timeout_opt(secs(2))).await;
        assert_eq!(reasons(exit.cause().unwrap()), ["die a bug"]);
        // The limit of one outside means nothing to one inside.
        let inner = never::<_, &str, ()>().timeout(secs(1));
        let outer = cx.run(inner.timeout_opt(secs(5))).await;
        assert_eq!(outer, Err(TimeoutError::Elapsed(secs(1))));
    });
}

// T22
#[test]
fn in_time_a_timeout_changes_neither_a_failure_nor_a_defect() {
    everywhere(async |cx: Cx<()>| {
        let failing = sleep(secs(1))
            .flat_map(|()| fail::<(), _, ()>("no"))
            .timeout(secs(2));
        assert_eq!(cx.run(failing).await, Err(TimeoutError::Failed("no")));
        let dying = sleep::<_, &str>(secs(1)).flat_map(|()| die::<_, _, ()>("a bug"));
        let exit = exit_of(&cx, dying.timeout(secs(2)).map_error(|e| e.to_string())).await;
        assert_eq!(reasons(exit.cause().unwrap()), ["die a bug"]);
    });
}

// T22
#[test]
fn a_timeout_ends_what_repeats_an_uninterruptible_effect_for_ever() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let step = log.note_after(Duration::from_millis(300), "step");
        let endless = step.uninterruptible().forever().timeout(secs(1));
        let begun = cx.now();
        let late = cx.run(endless).await.map(|never| match never {});
        assert_eq!(late, Err::<(), _>(TimeoutError::Elapsed(secs(1))));
        // The step that had begun has ended, and no other has.
        assert_eq!(cx.now() - begun, Duration::from_millis(1200));
        assert_eq!(log.count(), 4);
    });
}

// S2-60
#[test]
fn a_timeout_is_never_taken_for_the_effects_own() {
    on_both(async |cx: Cx<()>| {
        let inner = never::<(), &str, ()>().timeout(secs(1));
        let outer = cx.run(inner.timeout(secs(5))).await;
        let elapsed = TimeoutError::Elapsed(secs(1));
        assert_eq!(outer, Err(TimeoutError::Failed(elapsed)));
        let failed = cx.run(fail::<(), _, ()>("no").timeout(secs(1))).await;
        assert_eq!(failed, Err(TimeoutError::Failed("no")));
        let nothing = succeed::<(), &str, _>(None::<u8>).timeout(secs(1));
        assert_eq!(cx.run(nothing).await, Ok(None));
    });
}

#[test]
fn a_timeout_may_be_zero_or_without_end() {
    on_both(async |cx: Cx<()>| {
        let ready = succeed::<(), &str, _>(1).timeout(Duration::ZERO);
        assert_eq!(cx.run(ready).await, Ok(1));
        let late = never::<(), &str, ()>().timeout(Duration::ZERO);
        assert_eq!(
            cx.run(late).await,
            Err(TimeoutError::Elapsed(Duration::ZERO))
        );
        let patient = sleep::<(), &str>(secs(3600)).timeout(Duration::MAX);
        assert_eq!(cx.run(patient).await, Ok(()));
    });
}
