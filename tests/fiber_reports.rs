//! What nobody observes is reported, once.

use std::sync::{Arc, Mutex};

use crate::common::witness::Witness;
use crate::common::{Log, everywhere, secs, virtual_runtime};
use effect::prelude::*;
use effect::{Report, Runtime, TokioRuntime};

/// What was reported, without the numbers of the fibers.
fn told(witness: &Witness) -> Vec<String> {
    let reports = witness.reports();
    let told = reports.iter().map(|report| match report {
        Report::UnobservedFailure { name, cause, .. } => {
            format!("{}: {cause}", name.as_deref().unwrap_or("unnamed"))
        }
        Report::LostFinalizers { count, .. } => format!("{count} lost"),
        _ => unreachable!(),
    });
    told.collect()
}

type Child = Fiber<&'static str, ()>;

/// Forks a child, does something with its handle for ten seconds, and looks at what was reported.
#[track_caller]
fn check<I>(
    child: Effect<(), &'static str, ()>,
    with: impl FnOnce(Child) -> I + Clone + Send + 'static,
    expected: &[&str],
) where
    I: IntoEffect<(), Program: Send> + Send + 'static,
{
    let expected: Vec<_> = expected.iter().map(|&line| line.to_owned()).collect();
    everywhere(async move |cx: Cx<()>| {
        let body = effect(move |cx: Cx<()>| async move {
            let fiber = cx.fork_named("child", child);
            let _ = cx.run(with(fiber)).await;
            cx.sleep(secs(10)).await;
            Ok::<_, Never>(())
        });
        let witness = Witness::new(cx.runtime());
        assert!(
            body.run_on(Arc::<Witness>::clone(&witness))
                .await
                .is_success()
        );
        assert_eq!(told(&witness), expected);
    });
}

fn failing() -> Effect<(), &'static str, ()> {
    sleep(secs(1)).flat_map(|()| fail("no")).erase()
}

fn forget(fiber: Child) -> Effect<(), Never, ()> {
    drop(fiber);
    succeed(()).erase()
}

fn keep(fiber: Child) -> Effect<(), Never, ()> {
    sleep(secs(5)).map(move |()| drop(fiber)).erase_once()
}

#[test]
fn an_unobserved_failure_is_reported_once() {
    let no = &[r#"child: failed: "no""#];
    check(failing(), forget, no);
    check(failing(), keep, no);
    check(fail("no").erase(), forget, no);
}

#[test]
fn a_join_that_is_given_up_has_observed_nothing() {
    let impatient = |fiber: Child| fiber.join().race_first(succeed(()));
    check(failing(), impatient, &[r#"child: failed: "no""#]);
}

#[test]
fn an_unobserved_defect_is_reported() {
    let (line, child) = (line!(), die("a bug").erase());
    let text = format!("child: died: a bug at {}:{line}", file!());
    check(child, forget, &[&text]);
}

#[test]
fn what_was_observed_is_not_reported() {
    check(failing(), |fiber| fiber.join(), &[]);
    check(failing(), |fiber| fiber.exit(), &[]);
    check(failing(), |fiber| fiber.interrupt(), &[]);
    check(succeed(()).erase(), forget, &[]);
}

#[test]
fn an_interruption_is_not_reported() {
    check(never().erase(), forget, &[]);
    let ask = |fiber: Child| {
        fiber.interrupt_fork();
        succeed::<_, Never, _>(())
    };
    check(never().erase(), ask, &[]);
}

#[test]
fn a_finalizer_that_panics_under_an_interruption_is_reported() {
    everywhere(async |cx: Cx<()>| {
        let (line, finalizer) = (line!(), die::<(), Never, ()>("late"));
        let text = format!(
            "child: interrupted by fiber; then died: late at {}:{line}",
            file!()
        );
        let child = never::<(), &str, ()>().ensuring(finalizer).erase();
        let body = effect(async move |cx: Cx<()>| {
            drop(cx.fork_named("child", child));
            cx.sleep(secs(1)).await;
            Ok::<_, Never>(())
        });
        let witness = Witness::new(cx.runtime());
        drop(body.run_on(Arc::<Witness>::clone(&witness)).await);
        // On threads, a child is reported a little after its parent hears of its end: when nobody can go on, it has been.
        cx.sleep(secs(1)).await;
        let reports = told(&witness);
        let [report] = &reports[..] else {
            panic!("{reports:?}");
        };
        let numberless: String = report
            .split(" #")
            .map(|part| part.trim_start_matches(|c: char| c.is_ascii_digit()))
            .collect();
        assert_eq!(numberless, text);
    });
}

// id_effect 1
#[test]
fn finalizers_that_a_runtime_takes_with_it_are_counted() {
    let runtime = virtual_runtime();
    let tokio: Arc<dyn Runtime> = Arc::new(TokioRuntime::new(runtime.handle().clone()));
    let witness = Witness::new(&tokio);
    let slow = || sleep::<(), Never>(secs(10));
    let child = never::<(), Never, ()>().ensuring(slow()).ensuring(slow());
    let body = acquire_release(succeed::<(), Never, _>(()), move |()| slow())
        .flat_map(|()| child.fork::<Never>())
        .flat_map(|_| never::<_, Never, ()>());
    runtime.block_on(async {
        let exit = Box::pin(body.run_on(Arc::<Witness>::clone(&witness)));
        let waiting = futures::future::select(exit, Box::pin(tokio::task::yield_now()));
        // Its driver is dropped here, and the runtime has no time to finish.
        drop(waiting.await);
    });
    drop(runtime);
    let mut reports = told(&witness);
    reports.sort();
    assert_eq!(reports, ["1 lost", "2 lost"]);
}

#[test]
fn what_is_owed_after_a_fibers_end_runs_in_order_and_its_defects_are_reported() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let guarded = never::<(), Never, ()>()
            .ensuring(log.note_after(secs(1), "inner"))
            .ensuring(log.note("outer"))
            .ensuring(fail::<_, _, ()>("disk full").or_die());
        // The future of a run that outlives its fiber, because somebody kept the context.
        let body = effect(async move |cx: Cx<()>| {
            let kept = cx.clone();
            let mut run = Box::pin(async move { kept.run(guarded).await });
            assert!(futures::poll!(run.as_mut()).is_pending());
            Ok::<_, Never>(Some(Arc::new(Mutex::new(Some(run)))))
        });
        let witness = Witness::new(cx.runtime());
        let exit = body.run_on(Arc::<Witness>::clone(&witness)).await;
        drop(exit);
        cx.sleep(secs(5)).await;
        assert_eq!(log.lines(), ["inner", "outer"]);
        let reports = told(&witness);
        let [report] = &reports[..] else {
            panic!("{reports:?}");
        };
        assert!(report.contains("died: disk full"), "{report}");
    });
}
