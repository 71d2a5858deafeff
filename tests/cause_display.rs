//! How a cause reads: one line, or with `{:#}` a line for each reason, and where the first was raised.

use std::fmt::Display;

use crate::common::on_both;
use effect::prelude::*;
use effect::{
    FiberId, Resume, blocking_cancelable, callback, for_each, from_future, from_result, try_sync,
};
use insta::assert_snapshot;

/// A defect with no place, since lines move.
fn defect(message: &str) -> Defect {
    let Err(cause) = VirtualTime::new()
        .run(die::<(), Never, ()>(message))
        .unwrap()
        .into_result()
    else {
        unreachable!()
    };
    cause.defect().unwrap().clone()
}

/// A print without the numbers of lines and fibers, and without the folder.
fn stable(printed: impl Display) -> String {
    let mut stable = String::new();
    let mut names = Vec::new();
    for word in format!("{printed:#}").split_inclusive([' ', '\n', ',']) {
        if let Some((file, rest)) = word.split_once(".rs:") {
            let line: String = rest.chars().skip_while(char::is_ascii_digit).collect();
            let file = file.rsplit('/').next().unwrap_or_default();
            stable += &format!("{file}.rs:L{line}");
        } else if let Some(number) = word.strip_prefix('#') {
            let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
            let n = names.iter().position(|name| *name == digits);
            let n = n.unwrap_or_else(|| {
                names.push(digits.clone());
                names.len() - 1
            });
            stable += &format!("#{n}{}", &number[digits.len()..]);
        } else {
            stable += word;
        }
    }
    stable
}

/// What is printed of how a program ends in virtual time.
fn of<E, A, P>(program: Effect<(), E, A, P>) -> String
where
    E: effect::Value + Display,
    A: effect::Value,
    P: effect::Program<(), Error = E, Value = A>,
{
    let exit = VirtualTime::new().run(program).unwrap();
    stable(exit.cause().expect("it fails"))
}

#[test]
fn a_failure_prints_its_place_and_its_fiber() {
    assert_snapshot!(of(fail::<_, _, ()>("disk full")), @r#"
    failed: disk full
      at cause_display.rs:L
      in fiber #0
    "#);
}

#[test]
fn a_defect_prints_its_place_and_its_fiber() {
    assert_snapshot!(of(die::<_, Never, ()>("out of step")), @r#"
    died: out of step at cause_display.rs:L
      in fiber #0
    "#);
}

#[test]
fn a_finalizer_that_died_afterwards_is_on_a_line_of_its_own() {
    let closing = fail::<_, _, ()>("disk full").ensuring(die::<_, _, ()>("not closed"));
    assert_snapshot!(of(closing), @r#"
    failed: disk full
      at cause_display.rs:L
      in fiber #0
    then a finalizer died: not closed at cause_display.rs:L
    "#);
    let late = succeed::<_, Never, _>(()).ensuring(die::<_, _, ()>("not closed"));
    assert_snapshot!(of(late), @"a finalizer died: not closed at cause_display.rs:L");
}

#[test]
fn a_failure_in_a_forked_fiber_prints_the_fibers_above_it() {
    let grandchild = effect(async |cx: Cx<()>| {
        let writer = cx.fork_named("writer", fail::<_, _, ()>("disk full"));
        cx.run(writer.exit()).await
    });
    let child = grandchild.fork().flat_map(|fiber| fiber.join());
    let Ok(exit) = VirtualTime::new().run(child).unwrap().into_result() else {
        unreachable!()
    };
    assert_snapshot!(stable(exit.cause().unwrap()), @r#"
    failed: disk full
      at cause_display.rs:L
      in fiber #0 (writer), forked at cause_display.rs:L
      under fiber #1, forked at cause_display.rs:L
      under fiber #2
    "#);
}

#[test]
fn parallel_failures_are_on_lines_of_their_own() {
    let cause = Cause::fail("left")
        .both(Cause::fail("right").and(Cause::die(defect("a bug")).in_finalizer()))
        .and(Cause::fail("afterwards"));
    assert_snapshot!(stable(&cause), @r"
    failed: left
    in parallel failed: right
    then a finalizer died: a bug at cause_display.rs:L
    then failed: afterwards
    ");
    assert_snapshot!(stable(format!("{cause}")), @"failed: left; in parallel failed: right; then died: a bug at cause_display.rs:L; then failed: afterwards");
}

#[test]
fn an_interruption_says_by_whom() {
    let by = Cause::<Never>::interrupt(Some(FiberId::new(7)));
    assert_snapshot!(format!("{by:#}"), @r#"interrupted by fiber #7"#);
    assert_snapshot!(format!("{:#}", Cause::<Never>::interrupt(None)), @"interrupted");
    let late = by.and(Cause::die(defect("late")).in_finalizer());
    assert_snapshot!(stable(late), @r#"
    interrupted by fiber #0
    then a finalizer died: late at cause_display.rs:L
    "#);
}

#[test]
fn a_plain_print_is_one_line() {
    let exit = VirtualTime::new()
        .run(fail::<_, _, ()>("disk full"))
        .unwrap();
    assert_snapshot!(exit.cause().unwrap().to_string(), @"failed: disk full");
}

/// The line on which the failure of an effect was raised, as the cause says.
async fn raised_at<E, A, P>(cx: &Cx<()>, effect: Effect<(), E, A, P>) -> Option<u32>
where
    E: effect::Value,
    A: effect::Value,
    P: effect::Program<(), Error = E, Value = A>,
{
    let Ok(exit) = cx.run(effect.exit()).await;
    let place = exit.cause()?.trace()?.place()?;
    assert_eq!(place.file(), file!());
    Some(place.line())
}

#[test]
fn each_way_to_fail_says_where() {
    on_both(async |cx: Cx<()>| {
        let (line, failing) = (line!(), fail::<_, _, ()>("no"));
        assert_eq!(raised_at(&cx, failing.clone()).await, Some(line));
        let through = failing
            .clone()
            .map_error(str::len)
            .ensuring(sleep(crate::common::secs(1)));
        assert_eq!(raised_at(&cx, through).await, Some(line));
        let looked = failing
            .clone()
            .tap_error(|_| fail("other").recover(|_| succeed(())))
            .tap_cause(|_| fail::<_, _, ()>("other").recover(|_| succeed(())));
        assert_eq!(raised_at(&cx, looked).await, Some(line));
        let joined = failing
            .clone()
            .erase()
            .fork()
            .flat_map(|fiber| fiber.join());
        assert_eq!(raised_at(&cx, joined).await, Some(line));
        let inside = failing.clone();
        let body = effect(async move |cx: Cx<()>| cx.run(inside).await);
        assert_eq!(raised_at(&cx, body).await, Some(line));

        let (line, failed) = (line!(), from_result(Err::<(), _>("no")));
        assert_eq!(raised_at(&cx, failed).await, Some(line));
        let (line, failed) = (line!(), try_sync(|| Err::<(), _>("no")));
        assert_eq!(raised_at(&cx, failed).await, Some(line));
        let (line, failed) = (line!(), effect(async |_: Cx<()>| Err::<(), _>("no")));
        assert_eq!(raised_at(&cx, failed).await, Some(line));
        let (line, failed) = (line!(), from_future(async { Err::<(), _>("no") }));
        assert_eq!(raised_at(&cx, failed).await, Some(line));
        let (line, failed) = (line!(), blocking(|| Err::<(), _>("no")));
        assert_eq!(raised_at(&cx, failed).await, Some(line));
        let (line, failed) = (line!(), blocking_cancelable(|_| Err::<(), _>("no")));
        assert_eq!(raised_at(&cx, failed).await, Some(line));
        let refuse = |resume: Resume<&str, ()>| assert!(resume.fail("no"));
        let (line, failed) = (line!(), callback(refuse));
        assert_eq!(raised_at(&cx, failed).await, Some(line));
        let (line, failed) = (line!(), succeed(1).ensure_or(|_| false, |_| "no"));
        assert_eq!(raised_at(&cx, failed).await, Some(line));
        let (line, failed) = (line!(), for_each([1], |_| fail::<_, _, ()>("no")));
        assert_eq!(raised_at(&cx, failed).await, Some(line));
    });
}

#[test]
fn a_failure_that_was_recovered_from_is_not_where_the_next_was_raised() {
    on_both(async |cx: Cx<()>| {
        fn first() -> Effect<(), &'static str, ()> {
            fail("first").erase()
        }
        let recovered: Vec<Effect<(), Never, ()>> = vec![
            first().recover(|_| succeed(())).erase(),
            first().recover_some(|_| Some(succeed(()))).or_die().erase(),
            first()
                .recover_if(|_| true, |_| succeed(()))
                .or_die()
                .erase(),
            first().recover_cause(|_| succeed(())).erase(),
            first().fold(drop, drop).erase(),
            first().fold_effect(|_| succeed(()), succeed).erase(),
            first().fold_cause(drop, drop).erase(),
            first().result().map(drop).erase(),
            first().exit().map(drop).erase(),
            first().ignore_logged("it is a test").erase(),
            effect::partition([1], |_| first()).map(drop).erase(),
            effect::first_ok([first(), succeed(()).erase()])
                .or_die_with(|_| "")
                .erase(),
        ];
        for effect in recovered {
            let plain = effect
                .widen_error()
                .flat_map(|()| async { Err::<(), _>("second") });
            assert_eq!(raised_at(&cx, plain).await, None);
        }
    });
}

#[test]
fn a_success_and_an_interruption_leave_no_trace() {
    on_both(async |cx: Cx<()>| {
        let fiber = cx.fork(never::<_, Never, ()>());
        effect::yield_now().await;
        let Ok(exit) = cx.run(fiber.interrupt()).await;
        assert!(exit.cause().unwrap().trace().is_none());
    });
}
