//! The table of contracts, `docs/streams.md`: written from what the operators say, and from what is tested of them.
//!
//! `UPDATE_DOCS=1 cargo test --test stream stream_table` writes it anew.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use crate::common::operators::OPERATORS;

const HEAD: &str = "\
# What each operator promises

This is written by a test from the documentation of the operators, and from what other tests check of each of them: in
which order it emits, and how many items it has pulled beyond the one that is wanted, with the arguments that the
test gives it. Where nothing is said of failures, the operator cannot fail, and those of elements flow on. A panic is a defect of the run everywhere.
Tests check of all of them that none hangs or leaks, whatever becomes of its source, and that what a source holds is released first.
";

/// An operator as its documentation has it.
struct Row {
    name: String,
    of: &'static str,
    bullets: BTreeMap<String, String>,
}

#[test]
fn the_table_of_contracts_says_what_the_operators_say() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    sources_in(&root.join("effect-stream/src"), &mut files);
    files.sort();
    let mut chapters = BTreeMap::<String, Vec<Row>>::new();
    for file in files {
        rows_of(&fs::read_to_string(file).unwrap(), &mut chapters);
    }
    let table = table(chapters);
    let path = root.join("docs/streams.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &table).unwrap();
    }
    let written = fs::read_to_string(path).unwrap_or_default();
    // What is tested has a contract.
    for operator in OPERATORS {
        // Of some there is a twin: "filter_effect of values".
        let name = operator.name.split(' ').next().unwrap();
        assert!(
            table.contains(&format!("| `{name}` |")),
            "{name} has no contract"
        );
    }
    assert!(
        written == table,
        "docs/streams.md is not what the operators say: UPDATE_DOCS=1 writes it anew"
    );
}

fn sources_in(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources_in(&path, files);
        } else {
            files.push(path);
        }
    }
}

/// Reads a file: chapters are the titles of `impl`s, and rows their functions that have a contract.
fn rows_of(source: &str, chapters: &mut BTreeMap<String, Vec<Row>>) {
    let mut chapter = String::new();
    let mut of = "";
    let mut docs = Vec::new();
    for line in source.lines() {
        if let Some(title) = line.strip_prefix("/// # ") {
            title.clone_into(&mut chapter);
        } else if line.starts_with("impl") {
            of = match line.contains(" StreamE<") {
                true => "StreamE",
                false => "Stream",
            };
        } else if let Some(doc) = line.strip_prefix("    ///") {
            docs.push(doc.trim());
        } else if let Some(declared) = line.strip_prefix("    pub fn ") {
            let name = declared.split(['(', '<']).next().unwrap().to_owned();
            let bullets = bullets(&docs);
            if bullets.contains_key("Pulls") || bullets.contains_key("Completes") {
                let rows = chapters.entry(chapter.clone()).or_default();
                rows.push(Row { name, of, bullets });
            }
            docs.clear();
        } else if !line.trim_start().starts_with('#') {
            docs.clear();
        }
    }
}

/// What a documentation says under `- **Pulls** ...` and its like.
fn bullets(docs: &[&str]) -> BTreeMap<String, String> {
    let mut bullets = BTreeMap::new();
    let mut open: Option<(String, String)> = None;
    for line in docs {
        if let Some(bullet) = line.strip_prefix("- **") {
            bullets.extend(open.take());
            let (title, text) = bullet.split_once("**").unwrap();
            let text = text.trim_start_matches([',', ':']).trim();
            open = Some((title.trim_end_matches(',').to_owned(), text.to_owned()));
        } else if line.is_empty() {
            bullets.extend(open.take());
        } else if let Some((_, text)) = &mut open {
            text.push(' ');
            text.push_str(line);
        }
    }
    bullets.extend(open);
    let alike = docs
        .iter()
        .find_map(|line| line.strip_prefix("The contract is that of "));
    if let Some(alike) = alike {
        let alike = alike.split('.').next().unwrap();
        bullets
            .entry("Pulls".to_owned())
            .or_insert(format!("as {alike}"));
    }
    bullets
}

fn table(chapters: BTreeMap<String, Vec<Row>>) -> String {
    let mut table = HEAD.to_owned();
    for (chapter, mut rows) in chapters {
        rows.sort_by(|a, b| (&a.name, a.of).cmp(&(&b.name, b.of)));
        write!(table, "\n## {chapter}\n\n").unwrap();
        table.push_str(
            "| operator | of | in order | ahead | pulls | fails | completes | when interrupted |\n",
        );
        table.push_str("| --- | --- | --- | --- | --- | --- | --- | --- |\n");
        for row in rows {
            let tested = OPERATORS.iter().find(|operator| operator.name == row.name);
            let order = tested.map_or(
                "",
                |operator| if operator.keeps_order { "yes" } else { "no" },
            );
            let ahead = tested.map_or(String::new(), |operator| operator.ahead.to_string());
            let said = |title: &str| {
                let text = row.bullets.get(title).cloned().unwrap_or_default();
                // A link leads nowhere from here.
                text.replace("](", "] (").replace('|', "\\|")
            };
            let [pulls, fails, completes, interrupted] =
                ["Pulls", "Fails", "Completes", "When interrupted"].map(said);
            let (name, of) = (row.name, row.of);
            writeln!(
                table,
                "| `{name}` | {of} | {order} | {ahead} | {pulls} | {fails} | {completes} | {interrupted} |"
            )
            .unwrap();
        }
    }
    table
}
