//! A whole program: exit codes, signals, and finalizers that get their time.
//!
//! Each test starts this very binary once more, as a program whose `main` is one of the effects below.

#![cfg(unix)]

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdout, Command, ExitCode, Stdio};
use std::time::Duration;

use effect::prelude::*;
use futures::FutureExt;

/// Tells the binary which program it is; unset in the test run itself.
const PROGRAM: &str = "EFFECT_TEST_PROGRAM";

fn say(line: &'static str) -> Effect<(), Never, ()> {
    // Not `println!`, which the test harness would capture.
    sync(move || {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{line}").and_then(|()| out.flush()).unwrap();
    })
    .erase()
}

/// Says `ready`, and then waits for ever.
fn waiting() -> Effect<(), &'static str, ()> {
    let ready = say("ready").widen_error();
    ready.flat_map(|()| never()).erase()
}

/// A finalizer that does not end by itself.
fn stuck() -> Effect<(), Never, ()> {
    say("finalizing").flat_map(|()| never()).erase()
}

/// Never lets go of its thread.
#[allow(
    clippy::disallowed_methods,
    reason = "to block its thread is what it is for"
)]
fn blocked() -> Effect<(), Never, ()> {
    let block = || std::thread::sleep(Duration::from_secs(3600));
    say("blocking").map(move |()| block()).erase()
}

/// Never stops printing to standard error, or waiting for somebody to read it.
fn talkative() -> Effect<(), Never, ()> {
    let talk = || while writeln!(std::io::stderr(), "and another thing").is_ok() {};
    say("talking").map(move |()| talk()).erase()
}

/// Starts an effect as a root of its own, and drops it once it waits, as somebody's `select!` does.
fn orphan(effect: Effect<(), &'static str, ()>) -> Effect<(), Never, ()> {
    let begin = || assert_eq!(effect.into_future().now_or_never(), None);
    sync(begin).erase_once()
}

/// Spawns an effect as a root of its own, of which nobody knows any more.
#[allow(
    clippy::disallowed_methods,
    reason = "a task that is no fiber is its topic"
)]
fn stray(root: Effect<(), &'static str, ()>) -> Effect<(), Never, ()> {
    let (waits, waiting) = futures::channel::oneshot::channel();
    let wait = sync(move || waits.send(()).unwrap()).erase_once();
    let task = wait.widen_error().flat_map(|()| root);
    let begin = async move |_: Cx<()>| {
        drop(tokio::spawn(task.erase_once().into_future()));
        waiting.await.unwrap();
        Ok(())
    };
    effect(begin).erase_once()
}

/// Counts until a signal stops it, and says how far it came.
fn bounded() -> Effect<(), Never, ()> {
    let numbers = Stream::from_iter(0_u32..)
        .tap(|n| match n {
            0 => say("ready"),
            _ => sleep(Duration::from_millis(1)).erase(),
        })
        .into_values();
    let run = numbers.run_bounded(effect::on_signal()).keep_all().drain();
    let told = run.flat_map(|partial| {
        assert!(
            partial
                .value
                .iter()
                .copied()
                .eq(0..partial.value.len() as u32)
        );
        match partial.status {
            effect::RunStatus::Stopped(effect::StopReason::Signal("SIGINT")) => say("stopped"),
            other => panic!("{other:?}"),
        }
    });
    told.erase()
}

fn program(name: &str) -> ExitCode {
    let quick = Main::new().grace(Duration::from_millis(50));
    match name {
        "success" => run_main(say("done")),
        "code" => run_main(succeed::<_, Never, _>(ExitCode::from(7))),
        "failure" => run_main(fail::<_, _, ()>("no route")),
        "defect" => run_main(sync::<_, Never, (), _>(|| panic!("a bug"))),
        "finalizer" => run_main(waiting().ensuring(say("finalized"))),
        "broken finalizer" => {
            run_main(waiting().ensuring(die::<_, Never, ()>("stuck drawer").map(drop)))
        }
        "children" => run_main(waiting().fork::<&str>().flat_map(|_| never::<_, _, ()>())),
        "stuck" => quick.run(waiting().ensuring(stuck())),
        "stuck child" => {
            let child = waiting().ensuring(stuck());
            quick.run(effect(async move |cx: Cx<()>| {
                let _child = cx.fork_named("stubborn", child);
                cx.run(never::<_, &str, ()>()).await
            }))
        }
        "named children" => run_main(effect(async |cx: Cx<()>| {
            let listener = cx.fork_named("listener", never::<_, &str, ()>());
            cx.run(cx.fork_named("waiter", waiting()).join()).await?;
            cx.run(listener.join()).await
        })),
        "patient" => run_main(waiting().ensuring(stuck())),
        "blocked" => quick.run(blocked()),
        "blocked finalizer" => run_main(waiting().ensuring(blocked())),
        "blocked everywhere" => run_main(effect(async |cx: Cx<()>| {
            for _ in 0..64 {
                drop(cx.fork(blocked()));
            }
            cx.run(blocked()).await
        })),
        "orphan" => run_main(orphan(waiting().ensuring(say("finalized")).erase())),
        "stuck orphan" => quick.run(orphan(waiting().ensuring(stuck()).erase())),
        "patient orphan" => run_main(orphan(waiting().ensuring(stuck()).erase())),
        "stray" => run_main(stray(waiting().ensuring(stuck()).erase())),
        "talkative" => run_main(waiting().ensuring(talkative())),
        "bounded" => run_main(bounded().widen_error().flat_map(|()| waiting())),
        "bounded twice" => run_main(bounded().zip_par(bounded()).map(drop)),
        "bounded and stuck" => {
            let stuck = never::<_, Never, ()>().ensuring(stuck());
            let stuck = stuck.bounded(effect::on_signal()).map(drop);
            quick.run(say("ready").zip_par(stuck).map(drop))
        }
        "bounded elsewhere" => {
            let exit = run(bounded()).expect("it is not inside a runtime");
            assert_eq!(exit, Exit::Success(()));
            ExitCode::from(7)
        }
        other => panic!("there is no program {other}"),
    }
}

/// Not a claim by itself: the way in for the programs above.
#[test]
fn is_a_program_when_asked_to() {
    if let Ok(name) = std::env::var(PROGRAM) {
        leave(program(&name));
    }
}

/// A program that runs, and what it has said.
struct Running {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Running {
    fn start(name: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "is_a_program_when_asked_to", "--nocapture"])
            .env(PROGRAM, name)
            .env("RUST_BACKTRACE", "0")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Running { child, out }
    }

    /// Reads until the program says this line.
    fn expect(&mut self, expected: &str) {
        let mut line = String::new();
        // On a machine with one core, the test harness begins the first line itself.
        while !line.trim_end().ends_with(expected) {
            line.clear();
            let length = self.out.read_line(&mut line).unwrap();
            assert_ne!(length, 0, "the program ended and never said {expected}");
        }
    }

    /// Reads until this is printed to standard error.
    fn expect_error(&mut self, expected: &str) {
        let stderr = self.child.stderr.as_mut().unwrap();
        let mut printed = String::new();
        while !printed.contains(expected) {
            let mut byte = [0];
            stderr.read_exact(&mut byte).expect(expected);
            printed.push(byte[0].into());
        }
    }

    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let kill = Command::new("kill").args(["-s", signal, &id]).status();
        assert!(kill.unwrap().success());
    }

    /// Waits for the end: the exit code, and what was printed to standard error.
    fn end(mut self) -> (i32, String) {
        let mut errors = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            stderr.read_to_string(&mut errors).unwrap();
        }
        let code = self.child.wait().unwrap().code();
        (code.expect("it exits, and is not killed"), errors)
    }
}

#[track_caller]
fn check(name: &str, signal: Option<&str>, code: i32, errors: &[&str]) {
    let mut running = Running::start(name);
    if let Some(signal) = signal {
        running.expect("ready");
        running.signal(signal);
    }
    let (ended, printed) = running.end();
    assert_eq!(ended, code, "{printed}");
    for expected in errors {
        assert!(printed.contains(expected), "{expected:?} in {printed:?}");
    }
}

#[test]
fn success_has_the_exit_code_of_its_value() {
    check("success", None, 0, &[]);
    check("code", None, 7, &[]);
}

#[test]
fn a_failure_is_printed_and_exits_with_1() {
    check("failure", None, 1, &["error: no route\n"]);
}

#[test]
fn a_defect_is_printed_and_exits_with_101() {
    check(
        "defect",
        None,
        101,
        &["error: died: a bug at tests/main_program.rs"],
    );
}

#[test]
fn ctrl_c_runs_the_finalizers_and_exits_with_130() {
    let mut running = Running::start("finalizer");
    running.expect("ready");
    running.signal("INT");
    running.expect("finalized");
    assert_eq!(running.end().0, 130);
}

#[test]
fn a_signal_runs_the_finalizers_though_nobody_reads_standard_error() {
    let mut running = Running::start("finalizer");
    drop(running.child.stderr.take());
    running.expect("ready");
    running.signal("INT");
    running.expect("finalized");
    assert_eq!(running.end().0, 130);
}

#[test]
fn what_is_lost_is_no_panic_though_nobody_reads_standard_error() {
    let mut running = Running::start("stuck");
    drop(running.child.stderr.take());
    running.expect("ready");
    running.signal("INT");
    assert_eq!(running.end().0, 130);
}

// S0-14
#[test]
fn what_waits_for_a_signal_stops_and_the_next_signal_is_for_the_program() {
    let mut running = Running::start("bounded");
    running.expect("ready");
    running.signal("INT");
    running.expect("stopped");
    running.expect("ready");
    running.signal("INT");
    let (code, printed) = running.end();
    assert_eq!(code, 130);
    let told = "interrupted: stopping what waits for that; once more stops the program\n\
                interrupted: stopping; once more ends the program at once\n";
    assert_eq!(printed, told);
}

#[test]
fn all_who_wait_for_a_signal_stop() {
    let mut running = Running::start("bounded twice");
    running.expect("ready");
    running.expect("ready");
    running.signal("INT");
    running.expect("stopped");
    running.expect("stopped");
    assert_eq!(running.end().0, 0);
}

#[test]
fn a_second_signal_interrupts_a_program_whose_stopped_part_does_not_end() {
    let mut running = Running::start("bounded and stuck");
    running.expect("ready");
    running.signal("INT");
    running.expect("finalizing");
    running.signal("INT");
    assert_eq!(running.end().0, 130);
}

#[test]
fn a_signal_stops_what_waits_for_it_where_no_program_does() {
    let mut running = Running::start("bounded elsewhere");
    running.expect("ready");
    running.signal("INT");
    running.expect("stopped");
    assert_eq!(running.end().0, 7);
}

#[test]
fn a_termination_runs_the_finalizers_and_exits_with_143() {
    let mut running = Running::start("finalizer");
    running.expect("ready");
    running.signal("TERM");
    running.expect("finalized");
    assert_eq!(running.end().0, 143);
}

#[test]
fn a_signal_ends_children_as_well() {
    check("children", Some("INT"), 130, &["interrupted: stopping"]);
}

#[test]
fn a_finalizer_that_panics_under_a_signal_exits_with_101() {
    check(
        "broken finalizer",
        Some("INT"),
        101,
        &["died: stuck drawer"],
    );
}

#[test]
fn what_outlives_the_grace_period_is_named() {
    let still = ["still running after 50ms:", "1 finalizer"];
    check("stuck", Some("INT"), 130, &still);
    check("stuck", Some("TERM"), 143, &still);
    let still = ["still running after 50ms:", "(stubborn), 1 finalizer"];
    check("stuck child", Some("INT"), 130, &still);
}

#[test]
fn a_second_signal_ends_the_program_at_once() {
    let mut running = Running::start("patient");
    running.expect("ready");
    running.signal("INT");
    running.expect("finalizing");
    running.signal("TERM");
    let (code, errors) = running.end();
    assert_eq!(code, 143);
    assert!(errors.contains("terminated: ending at once"), "{errors}");
    assert!(errors.contains("1 finalizer did not run"), "{errors}");
}

#[test]
fn orphans_run_their_finalizers_before_the_program_ends() {
    let mut running = Running::start("orphan");
    running.expect("finalized");
    assert_eq!(running.end().0, 0);
}

#[test]
fn orphans_that_outlive_the_grace_period_are_counted() {
    check("stuck orphan", None, 0, &["1 finalizer did not run"]);
    check("stray", None, 0, &["1 finalizer did not run"]);
}

#[test]
fn a_second_signal_ends_the_wait_for_orphans() {
    let mut running = Running::start("patient orphan");
    running.expect("finalizing");
    running.signal("INT");
    running.expect_error("interrupted: stopping");
    running.signal("INT");
    let (code, errors) = running.end();
    assert_eq!(code, 130);
    assert!(errors.contains("1 finalizer did not run"), "{errors}");
}

#[test]
fn a_blocked_body_does_not_outlive_the_grace_period() {
    let mut running = Running::start("blocked");
    running.expect("blocking");
    running.signal("INT");
    let (code, errors) = running.end();
    assert_eq!(code, 130);
    assert!(errors.contains("still running after 50ms:"), "{errors}");
}

#[test]
fn a_second_signal_ends_a_blocked_program_as_well() {
    let mut running = Running::start("blocked finalizer");
    running.expect("ready");
    running.signal("INT");
    running.expect("blocking");
    running.signal("TERM");
    let (code, errors) = running.end();
    assert_eq!(code, 143);
    assert!(errors.contains("terminated: ending at once"), "{errors}");

    let mut running = Running::start("blocked everywhere");
    running.expect("blocking");
    running.signal("INT");
    running.expect_error("interrupted: stopping");
    running.signal("INT");
    assert_eq!(running.end().0, 130);
}

#[test]
fn a_second_signal_ends_a_program_that_waits_to_be_read() {
    let mut running = Running::start("talkative");
    running.expect("ready");
    running.signal("INT");
    running.expect("talking");
    running.signal("TERM");
    let code = running.child.wait().unwrap().code();
    assert_eq!(code, Some(143));
}

#[tokio::test]
async fn inside_a_runtime_a_program_says_so_and_fails() {
    let code = run_main(succeed::<_, Never, _>(()));
    assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::FAILURE));
    let refused = run(succeed::<_, Never, _>(()));
    assert!(matches!(refused, Err(effect::RunError::InsideRuntime)));
}

/// Ends the process with this code.
fn leave(code: ExitCode) -> ! {
    // An `ExitCode` tells its number to nobody but the system, on the way out of `main`.
    let number: String = format!("{code:?}")
        .chars()
        .filter(char::is_ascii_digit)
        .collect();
    std::process::exit(number.parse().unwrap())
}

#[test]
fn sigusr1_prints_what_each_fiber_waits_for_and_the_program_goes_on() {
    let mut running = Running::start("named children");
    running.expect("ready");
    for _ in 0..2 {
        running.signal("USR1");
        running.expect_error("the fibers, as SIGUSR1 asks:\n  fiber #");
        running.expect_error(" waits for a fiber to join at tests/main_program.rs:");
        running.expect_error("(listener) waits for nothing at all at tests/main_program.rs:");
        running.expect_error("(waiter) waits for nothing at all at tests/main_program.rs:");
    }
    running.signal("INT");
    assert_eq!(running.end().0, 130);
}
