//! What the report says: counted as visits come, printed for people or for programs.

use std::collections::BTreeMap;
use std::io::{self, Write};

use effect::PipelineReport;
use serde::{Serialize, Serializer};

use super::LogError;
use super::console;
use super::dead_letters::Written;
use super::entry::{Target, Visit, Visitor};
use super::frequent::Frequent;

const TOP_PATHS: usize = 10;
/// How many paths are counted, and how long they may be together. The counts are exact up to here; beyond, where a
/// hostile client asks for a new path each time, memory stays as it is and the report says how far they are off.
const PATHS: usize = 100_000;
const PATH_BYTES: usize = 64 * 1024 * 1024;

#[derive(Debug, Default)]
pub(crate) struct Totals {
    bytes: u64,
    by_status: BTreeMap<u16, u64>,
    by_path: Frequent<PATHS, PATH_BYTES>,
    by_visitor: BTreeMap<Visitor, u64>,
    by_target: BTreeMap<Target, u64>,
}

/// The JSON object, its fields in this order.
#[derive(Serialize)]
struct Json<'a> {
    received: u64,
    delivered: u64,
    failed: u64,
    abandoned: u64,
    bytes: u64,
    by_status: &'a BTreeMap<u16, u64>,
    #[serde(serialize_with = "as_pairs")]
    top_paths: &'a [(&'a str, u64)],
}

fn as_pairs<S: Serializer>(pairs: &[(&str, u64)], serializer: S) -> Result<S::Ok, S::Error> {
    pairs.serialize(serializer)
}

impl Totals {
    pub(crate) fn add(mut self, visit: Visit) -> Self {
        self.bytes = self.bytes.saturating_add(visit.bytes);
        *self.by_status.entry(visit.status).or_default() += 1;
        self.by_path.add(visit.path);
        *self.by_visitor.entry(visit.visitor).or_default() += 1;
        *self.by_target.entry(visit.target).or_default() += 1;
        self
    }

    pub(crate) fn print(
        &self,
        report: PipelineReport,
        letters: &Written,
        json: bool,
    ) -> Result<(), LogError> {
        let printed = console::print(|out| match json {
            true => self.print_json(report, out),
            false => self.print_text(report, letters, out),
        });
        printed.map_err(LogError::Report)
    }

    fn print_json(&self, report: PipelineReport, out: &mut impl Write) -> io::Result<()> {
        let PipelineReport {
            received,
            delivered,
            failed,
            abandoned,
            ..
        } = report;
        let (bytes, by_status) = (self.bytes, &self.by_status);
        let top_paths = &self.by_path.top(TOP_PATHS)[..];
        let json = Json {
            received,
            delivered,
            failed,
            abandoned,
            bytes,
            by_status,
            top_paths,
        };
        serde_json::to_writer(&mut *out, &json)?;
        writeln!(out)
    }

    fn print_text(
        &self,
        report: PipelineReport,
        letters: &Written,
        out: &mut impl Write,
    ) -> io::Result<()> {
        writeln!(out, "requests by status")?;
        for (status, count) in &self.by_status {
            writeln!(out, "  {status}  {count:>9}")?;
        }
        writeln!(out, "most asked paths")?;
        for (path, count) in self.by_path.top(TOP_PATHS) {
            writeln!(out, "  {count:>9}  {}", printable(path))?;
        }
        match self.by_path.missed() {
            0 => {}
            missed => writeln!(out, "  too many paths: a count is up to {missed} too low")?,
        }
        let visitors = |kind| self.by_visitor.get(&kind).copied().unwrap_or(0);
        let targets = |kind| self.by_target.get(&kind).copied().unwrap_or(0);
        writeln!(
            out,
            "bots {}, people {}, unknown {}",
            visitors(Visitor::Bot),
            visitors(Visitor::Person),
            visitors(Visitor::Unknown),
        )?;
        writeln!(
            out,
            "pages {}, assets {}, feeds {}",
            targets(Target::Page),
            targets(Target::Asset),
            targets(Target::Feed),
        )?;
        writeln!(out, "bytes {}", self.bytes)?;
        for (_, rejected) in &letters.first {
            writeln!(out, "rejected: {rejected}")?;
        }
        if letters.count > letters.first.len() as u64 {
            writeln!(
                out,
                "rejected: {} more",
                letters.count - letters.first.len() as u64
            )?;
        }
        let PipelineReport {
            received,
            delivered,
            failed,
            abandoned,
            ..
        } = report;
        writeln!(
            out,
            "{received} read = {delivered} delivered + {failed} failed + {abandoned} abandoned"
        )
    }
}

/// A path that cannot play tricks on a terminal.
fn printable(path: &str) -> String {
    path.chars().flat_map(char::escape_debug).collect()
}
