//! The main job as its users run it: real input, bad input, and a signal.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

#[path = "../examples/access_log/frequent.rs"]
mod frequent;

use frequent::Frequent;

/// The example's binary, which `cargo test` builds beside the tests.
fn program() -> Command {
    let mut path = std::env::current_exe().expect("a test has a path");
    path.pop();
    path.pop();
    path.push("examples");
    path.push(format!("access_log{}", std::env::consts::EXE_SUFFIX));
    assert!(
        path.exists(),
        "{} is not there: run `cargo test`, which builds it",
        path.display()
    );
    Command::new(path)
}

/// A file of this test's own, gone with it.
struct TempFile(PathBuf);

impl TempFile {
    fn new(name: &str, content: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("effect-{}-{name}", std::process::id()));
        std::fs::write(&path, content).expect("the temporary folder can be written");
        TempFile(path)
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[track_caller]
fn run(arguments: &[&str]) -> Output {
    program()
        .args(arguments)
        .output()
        .expect("the program starts")
}

#[track_caller]
fn json_of(output: &Output) -> Value {
    let text = String::from_utf8(output.stdout.clone()).expect("UTF-8");
    serde_json::from_str(text.lines().last().expect("a last line")).expect("a JSON object")
}

#[track_caller]
fn fails_with(arguments: &[&str], code: i32, message: &str) {
    let output = run(arguments);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    assert!(stderr.contains(message), "{stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
}

#[test]
fn the_sample_is_reported_line_by_line() {
    let output = run(&[]);
    assert!(output.status.success());
    let expected = include_str!("../examples/expected/access_log.txt");
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
}

/// The sample as awk counts it, which prints `196 4 3388412` first, and then the counts below:
///
/// ```sh
/// LC_ALL=C awk '!/[\200-\377]/ && /"$/ && $9 ~ /^[0-9][0-9][0-9]$/ { n++; bytes += $10; status[$9]++; path[$7]++ }
///     END { print n, NR - n, bytes; for (s in status) print s, status[s]; for (p in path) print path[p], p }' \
///     examples/data/access.log
/// ```
///
/// The four lines that fail: an agent that is not closed, a path that is not UTF-8, no log line at all, and the
/// status 4x4.
#[test]
fn the_figures_of_the_sample_are_those_of_an_independent_count() {
    let expected = json!({
        "received": 200, "delivered": 196, "failed": 4, "abandoned": 0, "bytes": 3_388_412,
        "by_status": { "200": 153, "301": 2, "304": 26, "404": 13, "500": 2 },
        "top_paths": [
            ["/", 32], ["/favicon.ico", 28], ["/img/logo.png", 25], ["/style.css", 25], ["/app.js", 16],
            ["/index.html", 15], ["/about", 12], ["/feed.xml", 12], ["/posts/first", 11], ["/posts/second", 8],
        ],
    });
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/access.log");
    assert_eq!(json_of(&run(&[sample, "--json"])), expected);
    // Without an argument, the same lines come from inside the program.
    assert_eq!(json_of(&run(&["--json"])), expected);
}

/// Counts as `awk '{ status[$9]++; path[$7]++; bytes += $10 }'` would, of the lines that end in a quote.
#[test]
fn the_figures_of_a_real_log_are_those_of_an_independent_count() {
    let folder = std::env::var_os("EFFECT_DATA").map(PathBuf::from);
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let log = folder.unwrap_or(default).join("apache_access.log");
    let Ok(text) = std::fs::read_to_string(&log) else {
        eprintln!("skipped: there is no real log; set EFFECT_DATA to a folder that has one");
        return;
    };
    let (mut failed, mut bytes) = (0_u64, 0_u64);
    let mut status: BTreeMap<&str, u64> = BTreeMap::new();
    let mut paths: BTreeMap<&str, u64> = BTreeMap::new();
    for line in text.lines() {
        if !line.ends_with('"') {
            failed += 1;
            continue;
        }
        let fields: Vec<&str> = line.split(' ').collect();
        *status.entry(fields[8]).or_default() += 1;
        *paths.entry(fields[6]).or_default() += 1;
        bytes += fields[9].parse::<u64>().unwrap_or(0);
    }
    let mut top: Vec<(&str, u64)> = paths.into_iter().collect();
    top.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let received = text.lines().count() as u64;
    let expected = json!({
        "received": received, "delivered": received - failed, "failed": failed, "abandoned": 0,
        "bytes": bytes, "by_status": status, "top_paths": &top[..10],
    });
    assert_eq!(
        json_of(&run(&[log.to_str().expect("UTF-8"), "--json"])),
        expected
    );
}

/// What the dead-letter file says of a log, in the order of the lines, and what the report counts.
#[track_caller]
fn rejections(name: &str, log: &[u8]) -> (Vec<Value>, Value) {
    let log = TempFile::new(&format!("{name}.log"), log);
    let letters = TempFile::new(&format!("{name}.jsonl"), b"what an earlier run has left");
    let [log, letters] = [&log.0, &letters.0].map(|path| path.to_str().expect("UTF-8"));
    let report = json_of(&run(&[log, "--errors", letters, "--json"]));
    let written = std::fs::read_to_string(letters).expect("it was written");
    let mut rejected: Vec<Value> = written
        .lines()
        .map(|line| serde_json::from_str(line).expect("a JSON object"))
        .collect();
    rejected.sort_by_key(|letter| letter["line"].as_u64());
    assert_eq!(report["failed"], rejected.len());
    (rejected, report)
}

#[test]
fn rejected_lines_are_in_the_dead_letter_file_with_number_text_and_reason() {
    let (rejected, report) = rejections("bad", b"no log line\n\xff\xfe\n\n");
    assert_eq!(report["received"], 3);
    let of = |i: usize| (&rejected[i]["line"], &rejected[i]["reason"]);
    assert_eq!(of(0), (&json!(1), &json!("no time")));
    assert_eq!(of(1), (&json!(2), &json!("not UTF-8")));
    assert_eq!(of(2), (&json!(3), &json!("no host")));
    assert_eq!(rejected[0]["text"], "no log line");
}

/// What is no text, or too long, is so again: a letter holds the line as it was.
#[test]
fn dead_letters_are_replayed_as_the_lines_that_they_were() {
    let long = format!("h {}\n", "x".repeat(70_000));
    let log = [b"no log line\n\xff\xfe\r\n", long.as_bytes()].concat();
    let log = TempFile::new("replayed.log", &log);
    let letters = ["first.jsonl", "second.jsonl"].map(|name| TempFile::new(name, b""));
    let [log, first, second] =
        [&log.0, &letters[0].0, &letters[1].0].map(|path| path.to_str().expect("UTF-8"));
    let report = json_of(&run(&[log, "--errors", first, "--json"]));
    assert_eq!(report["failed"], 3);
    let replayed = json_of(&run(&["--replay", first, "--errors", second, "--json"]));
    assert_eq!(replayed, report);
    let [first, second] = [first, second].map(|path| {
        let text = std::fs::read_to_string(path).expect("it was written");
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    });
    assert_eq!(first, second);
}

/// A letter whose line somebody has mended is an entry after all.
#[test]
fn a_mended_dead_letter_is_delivered() {
    let text = "h - - [t] \"GET / HTTP/1.1\" 200 7 \"-\" \"-\"";
    let letter = json!({"line": 3, "stage": "parse", "reason": "mended", "text": text});
    let letters = TempFile::new("mended.jsonl", letter.to_string().as_bytes());
    let report = json_of(&run(&[
        "--replay",
        letters.0.to_str().expect("UTF-8"),
        "--json",
    ]));
    assert_eq!(
        (&report["delivered"], &report["bytes"]),
        (&json!(1), &json!(7))
    );
}

#[test]
fn what_is_no_dead_letter_is_a_message_and_an_exit_code() {
    let log = TempFile::new("no-letter.jsonl", b"no log line\n");
    let log = log.0.to_str().expect("UTF-8");
    fails_with(&["--replay", log], 1, "no dead letter");
    fails_with(&["--replay"], 2, "--replay needs a file");
}

#[test]
fn look_ups_that_fail_are_made_again_and_change_no_figure() {
    let flaky = run(&["--flaky", "5", "--progress", "--json"]);
    assert_eq!(json_of(&flaky), json_of(&run(&["--json"])));
    let stderr = String::from_utf8_lossy(&flaky.stderr);
    // 244 calls, of which each fifth fails, for 196 entries.
    let enrich = stderr.lines().find(|line| line.starts_with("enrich"));
    let columns: Vec<_> = enrich.expect("its line").split_whitespace().collect();
    assert_eq!(columns[..6], ["enrich", "3", "196", "196", "0", "48"]);
    assert!(stderr.contains("the bottleneck is enrich"), "{stderr}");
    fails_with(&["--flaky", "1"], 2, "--flaky needs a number");
}

/// The log is not even opened.
#[test]
fn the_graph_is_printed_and_nothing_runs() {
    let output = run(&["--graph", "/no/such/log"]);
    assert!(output.status.success());
    let graph = String::from_utf8_lossy(&output.stdout);
    assert!(graph.starts_with("flowchart"), "{graph}");
    for stage in ["parse", "enrich", "retry", "ordered", "errors"] {
        assert!(graph.contains(stage), "{graph}");
    }
}

#[test]
fn a_status_is_three_digits_and_a_size_is_digits_or_a_dash() {
    let fields = [
        "200 -", "599 0", "+20 7", "20 7", "2000 7", "2x0 7", "٢0 7", "200 +7", "200 -7", "200 7k",
    ];
    let line = |fields| format!("h - - [t] \"GET / HTTP/1.1\" {fields} \"-\" \"-\"\n");
    let (rejected, report) = rejections("digits", fields.map(line).concat().as_bytes());
    assert_eq!(report["by_status"], json!({"200": 1, "599": 1}));
    let reasons: Vec<_> = rejected.iter().map(|letter| &letter["reason"]).collect();
    let (status, size) = (
        json!("the status is not a number of three digits"),
        json!("the size is neither a number nor -"),
    );
    let expected = [&[&status; 5][..], &[&size; 3][..]].concat();
    assert_eq!(reasons, expected);
}

#[test]
fn a_line_may_be_64_kib_long_whatever_ends_it() {
    let entry = |length: usize, end: &str| {
        let around = "h - - [t] \"GET / HTTP/1.1\" 200 7 \"-\" \"\"";
        let agent = "x".repeat(length - around.len());
        format!("h - - [t] \"GET / HTTP/1.1\" 200 7 \"-\" \"{agent}\"{end}")
    };
    let limit = 64 * 1024;
    let mut log = String::new();
    for end in ["\n", "\r\n"] {
        for length in [limit - 1, limit, limit + 1, limit + 2, limit + 3] {
            log += &entry(length, end);
        }
    }
    for (last, rejected_before) in [(limit, 6), (limit + 1, 7)] {
        let log = log.clone() + &entry(last, "");
        let (rejected, report) = rejections("limit", log.as_bytes());
        assert_eq!(report["received"], 11);
        let lines: Vec<_> = rejected.iter().map(|letter| &letter["line"]).collect();
        assert_eq!(lines, [3, 4, 5, 8, 9, 10, 11][..rejected_before]);
        for letter in &rejected {
            assert_eq!(letter["reason"], "longer than 65536 bytes");
            assert_eq!(letter["text"].as_str().map(str::len), Some(limit));
        }
    }
}

#[test]
fn the_counts_of_paths_are_exact_while_all_paths_fit() {
    let mut paths = Frequent::<4, 10>::default();
    for path in ["/a", "/b", "/a", "/c", "/b", "/a", "/long"] {
        paths.add(path.to_owned());
    }
    // The last one is too long to fit: it is cancelled against one of each other.
    assert_eq!(paths.top(9), [("/a", 2), ("/b", 1)]);
    assert_eq!(paths.missed(), 1);
    // Nor does a fifth path fit, though its length would.
    for path in ["/c", "/d", "/"] {
        paths.add(path.to_owned());
    }
    assert_eq!(paths.top(9), [("/a", 1)]);
    assert_eq!(paths.missed(), 2);
}

#[test]
fn a_path_that_is_asked_for_often_is_found_among_paths_that_never_come_again() {
    let mut paths = Frequent::<10, 1000>::default();
    for n in 0..10_000 {
        paths.add(format!("/{n}"));
        if n % 4 == 0 {
            paths.add("/often".to_owned());
        }
    }
    let (path, count) = paths.top(1)[0];
    assert_eq!(path, "/often");
    assert!((2_500 - paths.missed()..=2_500).contains(&count), "{count}");
    assert!(paths.missed() <= 12_500 / 11, "{}", paths.missed());
}

/// As many as the program counts. With one more, each count is one too low, and the report says so.
#[test]
fn a_hundred_thousand_paths_are_counted_exactly() {
    let entry = |path: &str| format!("h - - [t] \"GET {path} HTTP/1.1\" 200 7 \"-\" \"-\"\n");
    let mut log: String = (0..100_000).map(|n| entry(&format!("/{n:05}"))).collect();
    log += &(entry("/70000").repeat(2) + &entry("/99999"));
    let read = |name, log: &str, json: &[&str]| {
        let log = TempFile::new(name, log.as_bytes());
        run(&[&[log.0.to_str().expect("UTF-8")], json].concat())
    };
    let report = json_of(&read("fits.log", &log, &["--json"]));
    assert_eq!(report["top_paths"][0], json!(["/70000", 3]));
    assert_eq!(report["top_paths"][1], json!(["/99999", 2]));
    assert_eq!(report["top_paths"][2], json!(["/00000", 1]));
    let report = read("too-many.log", &(log + &entry("/more")), &[]);
    let text = String::from_utf8_lossy(&report.stdout);
    assert!(text.contains("a count is up to 1 too low"), "{text}");
}

#[test]
fn a_missing_file_is_a_message_and_an_exit_code() {
    fails_with(&["/no/such/log"], 1, "cannot read /no/such/log");
}

#[test]
fn a_directory_is_a_message_and_an_exit_code() {
    fails_with(&[env!("CARGO_MANIFEST_DIR")], 1, "directory");
}

#[cfg(unix)]
#[test]
fn a_directory_as_standard_input_is_a_message_and_an_exit_code() {
    let output = program()
        .args(["-"])
        .stdin(std::fs::File::open(env!("CARGO_MANIFEST_DIR")).expect("it is there"))
        .output()
        .expect("the program starts");
    reports_nothing(&output, "cannot read standard input: is a directory");
}

/// There is a file, but its first byte cannot be read: nothing is mapped there.
#[cfg(target_os = "linux")]
#[test]
fn a_log_that_cannot_be_read_at_all_is_a_message_and_no_report() {
    for arguments in [&["/proc/self/mem"][..], &["/proc/self/mem", "--json"]] {
        reports_nothing(&run(arguments), "cannot read /proc/self/mem");
    }
}

#[cfg(unix)]
#[track_caller]
fn reports_nothing(output: &Output, message: &str) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains(message), "{stderr}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
}

/// Where there is no room for a byte.
#[cfg(target_os = "linux")]
fn full() -> std::fs::File {
    let full = std::fs::File::options().write(true).open("/dev/full");
    full.expect("Linux has it")
}

#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_printed_is_a_message_and_an_exit_code() {
    for (arguments, what) in [
        (&["--help"][..], "cannot write the help"),
        (&[], "cannot write the report"),
        (&["--json"], "cannot write the report"),
        (&["--errors", "/dev/full"], "cannot write dead letters"),
    ] {
        let output = program().args(arguments).stdout(full()).output();
        let output = output.expect("the program starts");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains(what), "{stderr}");
        assert!(!stderr.contains("panicked"), "{stderr}");
    }
}

/// A usage error keeps its exit code when it cannot be told.
#[cfg(target_os = "linux")]
#[test]
fn a_message_that_nobody_can_read_is_no_panic() {
    let status = program().arg("--jsn").stderr(full()).status();
    assert_eq!(status.expect("the program starts").code(), Some(2));
}

#[cfg(unix)]
#[test]
fn whoever_reads_the_output_may_leave_early() {
    for arguments in [&["--help"][..], &[], &["--json"]] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = program().args(arguments).stdout(writer).output();
        let output = output.expect("the program starts");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        assert!(output.status.success());
    }
}

/// A socket that does not wait fails to be read where it is empty: behind the second line.
#[cfg(unix)]
#[test]
fn what_was_read_before_a_log_failed_is_reported() {
    let (mut ours, theirs) = std::os::unix::net::UnixStream::pair().expect("a pair");
    ours.write_all(numbered(1..3).as_bytes()).expect("room");
    theirs.set_nonblocking(true).expect("it can be told so");
    let output = program()
        .args(["-", "--json"])
        .stdin(std::os::fd::OwnedFd::from(theirs))
        .output()
        .expect("the program starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("cannot read standard input"), "{stderr}");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(json_of(&output)["delivered"], 2);
}

#[cfg(unix)]
#[test]
fn a_log_is_not_overwritten_by_its_dead_letters_under_any_name() {
    let content = b"no log line\n";
    let log = TempFile::new("own.log", content);
    let [symlink, hard_link] = ["symlink", "hard-link"].map(|name| {
        let link = TempFile::new(name, b"");
        std::fs::remove_file(&link.0).expect("it was just made");
        link
    });
    std::os::unix::fs::symlink(&log.0, &symlink.0).expect("a link");
    std::fs::hard_link(&log.0, &hard_link.0).expect("a link");
    let names = [&log, &symlink, &hard_link].map(|file| file.0.to_str().expect("UTF-8"));
    let message = "is the log itself";
    for (input, errors) in [(0, 0), (1, 0), (0, 1), (1, 1), (0, 2), (1, 2)] {
        fails_with(&[names[input], "--errors", names[errors]], 1, message);
    }
    for errors in names {
        let output = program()
            .args(["-", "--errors", errors])
            .stdin(std::fs::File::open(&log.0).expect("it is there"))
            .output()
            .expect("the program starts");
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&output.stderr).contains(message));
    }
    assert_eq!(std::fs::read(&log.0).expect("it is there"), content);
    // A device is nobody's log: nothing in it is lost.
    assert!(
        run(&["/dev/null", "--errors", "/dev/null"])
            .status
            .success()
    );
}

#[test]
fn an_unwritable_dead_letter_file_is_a_message_and_an_exit_code() {
    fails_with(
        &["--errors", "/no/such/folder/bad"],
        1,
        "cannot write dead letters",
    );
}

#[test]
fn an_unknown_option_is_a_usage_error() {
    fails_with(&["--jsn"], 2, "unknown option --jsn");
}

#[test]
fn an_empty_log_is_reported_as_nothing() {
    let log = TempFile::new("empty.log", b"");
    let report = json_of(&run(&[log.0.to_str().unwrap(), "--json"]));
    assert_eq!(
        (&report["received"], &report["delivered"]),
        (&json!(0), &json!(0))
    );
}

#[test]
fn an_endless_line_is_rejected_and_the_next_one_is_read() {
    let mut program = program();
    let mut child = program
        .args(["-", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("piped");
    let megabyte = vec![b'x'; 1 << 20];
    for _ in 0..64 {
        stdin.write_all(&megabyte).expect("the program reads");
    }
    stdin
        .write_all(b"\nh - - [t] \"GET / HTTP/1.1\" 200 7 \"-\" \"-\"")
        .expect("it reads");
    drop(stdin);
    let report = json_of(&child.wait_with_output().expect("it ends"));
    assert_eq!(report["failed"], 1);
    assert_eq!(report["delivered"], 1);
    assert_eq!(report["bytes"], 7);
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_accounts_for_the_lines_read_so_far() {
    let mut child = program()
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("piped");
    stdin
        .write_all(b"h - - [t] \"GET / HTTP/1.1\" 200 7 \"-\" \"-\"\nbad\n")
        .expect("it reads");
    // More than a pipe and the program's buffers hold: when this is written, the lines above were read.
    stdin.write_all(&vec![b'x'; 4 << 20]).expect("it reads");
    let kill = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(kill.expect("kill is there").success());
    let status = child.wait().expect("it ends");
    let mut report = String::new();
    child
        .stdout
        .take()
        .expect("piped")
        .read_to_string(&mut report)
        .expect("UTF-8");
    assert_eq!(status.code(), Some(130), "{report}");
    assert_eq!(
        report.lines().last(),
        Some("2 read = 1 delivered + 1 failed + 0 abandoned")
    );
    drop(stdin);
}

/// Entries that are numbered by their sizes, so that no line can stand for another.
#[cfg(unix)]
fn numbered(lines: std::ops::Range<u64>) -> String {
    let mut text = String::new();
    for n in lines {
        text += &format!("h - - [t] \"GET /{n} HTTP/1.1\" 200 {n} \"-\" \"-\"\n");
    }
    text
}

#[cfg(unix)]
#[track_caller]
fn interrupt(child: &std::process::Child) {
    let kill = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(kill.expect("kill is there").success());
}

/// What the program has taken from its input is what was written, less what is left in the pipe. Of that, each
/// complete line was read, and is in the report: those in the channels, and those in the reader's own hands.
#[cfg(unix)]
#[test]
fn an_interrupted_run_accounts_for_every_line_that_left_the_pipe() {
    const BEFORE: u64 = 20_000;
    const LINES: u64 = 500_000;
    let (mut left, mut pipe) = std::io::pipe().expect("a pipe");
    let input = left.try_clone().expect("a second reader");
    let child = program()
        .args(["-", "--json"])
        .stdin(input)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let (before, after) = (numbered(0..BEFORE), numbered(BEFORE..LINES));
    let (output, rest) = std::thread::scope(|threads| {
        // The pipe holds little of this: the program is far into it, and busy, when it is written.
        pipe.write_all(before.as_bytes()).expect("it reads");
        let writer = threads.spawn(|| {
            let mut pipe = pipe;
            pipe.write_all(after.as_bytes())
        });
        interrupt(&child);
        let output = child.wait_with_output().expect("it ends");
        let mut rest = Vec::new();
        left.read_to_end(&mut rest).expect("the pipe can be read");
        let written = writer.join().expect("the writer does not panic");
        written.expect("the pipe stays open");
        (output, rest)
    });
    assert_eq!(output.status.code(), Some(130));
    let all = before + &after;
    let (taken, left) = all.split_at(all.len() - rest.len());
    assert_eq!(left.as_bytes(), rest, "the pipe keeps its order");
    let read = taken.matches('\n').count() as u64;
    assert!(
        (BEFORE / 2..LINES).contains(&read),
        "{read} lines were read"
    );
    let report = json_of(&output);
    let count = |name: &str| report[name].as_u64().expect("a number");
    assert_eq!(count("received"), read);
    assert_eq!(count("delivered"), read);
    assert_eq!(count("bytes"), (0..read).sum::<u64>());
}
