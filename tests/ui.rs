//! What the compiler says of a program that is wrong: what is wrong, and the cure, in a few lines.
//!
//! Each program in `ui/` makes one mistake, and what it is told is beside it. Its first line names what its first message
//! has to name. `TRYBUILD=overwrite cargo test --test ui` writes the messages anew.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The compiler whose messages are in `ui/`. Others say the same in other words.
const COMPILER: &str = "rustc 1.95.";

/// What is read in one look.
const MOST_LINES: usize = 25;
const MOST_CHARS_OF_A_TYPE: usize = 120;

// S2-67
#[test]
fn a_wrong_program_is_told_what_is_wrong() {
    let compiler = compiler();
    if compiler.starts_with(COMPILER) {
        trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
    } else {
        println!("skipped: the messages are those of {COMPILER}x, and this is {compiler}");
    }
}

// id_effect 16
#[test]
fn the_first_message_names_the_cure() {
    check(|case| {
        let first = case.messages.first()?;
        match (case.wanted("cure"), case.wanted("no cure")) {
            (Some(cure), None) => {
                (!first.contains(cure)).then(|| format!("no `{cure}` in\n{first}"))
            }
            (None, Some(_why)) => None,
            _ => Some(
                "its head says neither `//! cure: ..` nor `//! no cure: ..` and why".to_owned(),
            ),
        }
    });
}

#[test]
fn a_message_is_short() {
    check(|case| {
        let lengths = case.messages.iter().map(|message| message.lines().count());
        let longest = lengths.max().unwrap_or(0);
        (longest > MOST_LINES).then(|| format!("a message of {longest} lines"))
    });
}

#[test]
fn a_mistake_is_told_once_unless_it_says_so() {
    check(|case| {
        let wanted = case.wanted("messages").unwrap_or("1");
        let told = case.messages.len().to_string();
        (wanted != told).then(|| format!("{told} messages and not {wanted}"))
    });
}

#[test]
fn a_type_in_a_first_message_is_short() {
    check(|case| {
        // What is quoted of the program itself is as long as somebody has written it.
        let prose = case
            .messages
            .first()?
            .lines()
            .filter(|line| !line.contains(" | "));
        let types = prose.flat_map(|line| line.split('`').skip(1).step_by(2));
        let longest = types.map(without_places).max_by_key(|text| text.len())?;
        (longest.len() > MOST_CHARS_OF_A_TYPE).then(|| format!("a type as long as {longest}"))
    });
}

/// Shows all cases in which something is wrong.
#[track_caller]
fn check(wrong: impl Fn(&Case) -> Option<String>) {
    let wrong: Vec<String> = cases()
        .iter()
        .filter_map(|case| Some(format!("{}: {}", case.name, wrong(case)?)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// The text, but for where its closures are: `{closure@tests/ui/case.rs:9:48}` is as long as the path.
fn without_places(text: &str) -> String {
    let mut parts = text.split('@');
    let begin = parts.next().unwrap_or_default().to_owned();
    parts.fold(begin, |text, part| {
        text + part.find('}').map_or("", |place| &part[place..])
    })
}

/// A wrong program, and what it is told.
struct Case {
    name: String,
    program: String,
    messages: Vec<String>,
}

impl Case {
    fn read(path: &Path) -> Case {
        let told = fs::read_to_string(path.with_extension("stderr"))
            .unwrap_or_else(|_| panic!("{} has no messages beside it", path.display()));
        let mut messages: Vec<String> = Vec::new();
        for line in told.lines() {
            if line.starts_with("error") {
                messages.push(String::new());
            }
            let message = messages
                .last_mut()
                .expect("the first line begins a message");
            message.push_str(line);
            message.push('\n');
        }
        Case {
            name: path.file_stem().expect("a file").display().to_string(),
            program: fs::read_to_string(path).expect("it was listed"),
            messages: messages
                .iter()
                .map(|message| message.trim_end().to_owned())
                .collect(),
        }
    }

    /// What the program's head says under this key.
    fn wanted(&self, key: &str) -> Option<&str> {
        let head = self
            .program
            .lines()
            .take_while(|line| line.starts_with("//!"));
        head.filter_map(|line| line[3..].trim().split_once(": "))
            .find_map(|(named, value)| (named == key).then_some(value))
    }
}

fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("it can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect();
    paths.sort();
    assert!(paths.len() >= 16, "only {} programs", paths.len());
    paths.iter().map(|path| Case::read(path)).collect()
}

fn compiler() -> String {
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let told = Command::new(compiler)
        .arg("--version")
        .output()
        .expect("there is a compiler");
    String::from_utf8_lossy(&told.stdout).trim().to_owned()
}
