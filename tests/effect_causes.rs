//! What is in a cause, in which order, from which phase: everything that went wrong, and the first of it first.

use crate::common::{Log, everywhere, exit_of, on_both, reasons, secs};
use effect::prelude::*;
use effect::{Phase, Reason};

fn phases<E>(cause: &Cause<E>) -> Vec<Phase> {
    cause.phases().collect()
}

fn dies(message: &'static str) -> Effect<(), Never, ()> {
    die(message).erase()
}

// T02
#[test]
fn finalizers_that_die_come_after_the_failure_in_the_order_in_which_they_ran() {
    everywhere(async |cx: Cx<()>| {
        let guarded = |body: Effect<(), &'static str, ()>| {
            body.ensuring(dies("one"))
                .ensuring(sleep(secs(1)).flat_map(|()| dies("two")))
                .ensuring(dies("three"))
        };
        for (body, first) in [
            (fail("no").erase(), "fail no"),
            (die("no").erase(), "die no"),
        ] {
            let exit = exit_of(&cx, guarded(body)).await;
            let cause = exit.cause().unwrap();
            assert_eq!(reasons(cause), [first, "die one", "die two", "die three"]);
            let mut expected = vec![Phase::Finalizer; 4];
            expected[0] = Phase::Body;
            assert_eq!(phases(cause), expected);
        }
    });
}

// T03, T04
#[test]
fn what_fails_of_acquire_use_and_release_is_what_is_seen() {
    /// Whether each of the three goes wrong, the steps that are taken, and the exit.
    fn check(acquire: bool, using: bool, release: bool, steps: &[&str], exit: &[&str]) {
        let steps: Vec<_> = steps.iter().map(ToString::to_string).collect();
        let expected: Vec<_> = exit.iter().map(ToString::to_string).collect();
        everywhere(async move |cx: Cx<()>| {
            let log = Log::new();
            let step = |name: &'static str, fails: bool| {
                let noted = log.note(name).widen_error::<&str>();
                noted
                    .flat_map(move |()| if fails { fail(name) } else { succeed(()) })
                    .erase()
            };
            let (acquire, using) = (step("acquire", acquire), step("use", using));
            let release = step("release", release).or_die();
            let whole = acquire_release(acquire, move |()| release).flat_map(move |()| using);
            let exit = exit_of(&cx, whole.scoped()).await;
            assert_eq!(log.lines(), steps);
            assert_eq!(exit.cause().map(reasons).unwrap_or_default(), expected);
        });
    }
    let all = &["acquire", "use", "release"];
    check(false, false, false, all, &[]);
    check(true, true, true, &["acquire"], &["fail acquire"]);
    check(false, false, true, all, &["die release"]);
    check(false, true, false, all, &["fail use"]);
    check(false, true, true, all, &["fail use", "die release"]);
}

// Table 2.1: a defect makes any exit a defect, and what came first stays first.
#[test]
fn a_defect_makes_every_exit_a_defect_and_the_primary_stays() {
    everywhere(async |cx: Cx<()>| {
        let failed = fail::<_, _, ()>("no").ensuring(dies("late"));
        let exit = exit_of(&cx, failed).await;
        let cause = exit.cause().unwrap();
        assert_eq!(cause.primary(), &Reason::Fail("no"));
        assert!(cause.is_die());
        assert!(cause.clone().into_failure().is_err());
        let succeeded = succeed::<_, Never, _>(1).ensuring(dies("late"));
        let exit = exit_of(&cx, succeeded).await;
        assert_eq!(phases(exit.cause().unwrap()), [Phase::Finalizer]);
    });
}

// T08
#[test]
fn a_failure_that_came_through_forks_and_joins_is_the_failure() {
    everywhere(async |cx: Cx<()>| {
        let plain = fail::<(), _, ()>("no").ensuring(dies("late"));
        let direct = exit_of(&cx, plain.clone()).await;
        let once = plain.fork().flat_map(|fiber| fiber.join());
        let twice = once.fork().flat_map(|fiber| fiber.join());
        let joined = exit_of(&cx, twice).await;
        assert_eq!(joined, direct);
        assert_eq!(reasons(joined.cause().unwrap()), ["fail no", "die late"]);
    });
}

/// Some causes, from one reason to several, of each phase.
fn some_causes() -> Vec<Cause<u8>> {
    let one = [
        Cause::fail(1),
        Cause::die(Defect::new("a bug")),
        Cause::interrupt(None),
    ];
    let mut causes = Vec::from(one.clone());
    for (n, cause) in one.into_iter().enumerate() {
        causes.push(cause.clone().in_finalizer());
        causes.push(Cause::fail(2).both(cause.clone()));
        causes.push(
            causes[n]
                .clone()
                .and(Cause::fail(3))
                .both(cause.in_finalizer()),
        );
    }
    causes
}

// Law 10
#[test]
fn causes_compose_associatively_in_either_way() {
    let causes = some_causes();
    for a in &causes {
        for b in &causes {
            for c in &causes {
                let [a, b, c] = [a, b, c].map(|cause| || cause.clone());
                assert_eq!(a().and(b()).and(c()), a().and(b().and(c())));
                assert_eq!(a().both(b()).both(c()), a().both(b().both(c())));
                let together = a().and(b());
                assert_eq!(together.reasons().len(), phases(&together).len());
                assert_eq!(together.primary(), a().primary());
                assert!(together.reasons().ends_with(b().reasons()));
            }
        }
    }
}

// Law 10
#[test]
fn causes_are_equal_wherever_they_were_raised() {
    on_both(async |cx: Cx<()>| {
        let here = exit_of(&cx, fail::<(), _, ()>("no")).await;
        let there = exit_of(&cx, fail::<(), _, ()>("no")).await;
        let (one, other) = (here.cause().unwrap(), there.cause().unwrap());
        let line = |cause: &Cause<_>| cause.trace().unwrap().place().unwrap().line();
        assert_ne!(line(one), line(other));
        assert_eq!(one, other);
        assert_eq!(one, &Cause::fail("no"));
        assert_eq!(
            Cause::<()>::die(Defect::new("a bug")),
            Cause::die(Defect::new("a bug"))
        );
        assert_ne!(
            Cause::fail(1).and(Cause::fail(2)),
            Cause::fail(1).both(Cause::fail(2))
        );
        assert_ne!(Cause::fail(1), Cause::fail(1).in_finalizer());
    });
}

#[test]
fn a_cause_of_several_branches_keeps_all_their_failures() {
    let branches = (1..=3).map(Cause::fail).reduce(Cause::both).unwrap();
    assert_eq!(branches.failures().copied().collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(
        phases(&branches),
        [Phase::Body, Phase::Parallel, Phase::Parallel]
    );
    let mapped = branches.map(|n| n * 10);
    assert_eq!(mapped.failures().copied().collect::<Vec<_>>(), [10, 20, 30]);
    assert_eq!(
        phases(&mapped),
        [Phase::Body, Phase::Parallel, Phase::Parallel]
    );
    assert_eq!(mapped.into_failure(), Ok(10));
}
