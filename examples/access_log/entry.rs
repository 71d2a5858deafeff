//! A line of the combined log format: parsed, then enriched.

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use effect::ScheduleFor;
use effect::prelude::*;

use woothee::parser::Parser;

use super::lines::{MAX_LINE_BYTES, RawLine};

/// Why a line is not an entry, or an entry not a visit. The line itself is the failure's source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Reason {
    #[error("longer than {MAX_LINE_BYTES} bytes")]
    TooLong,
    #[error("not UTF-8")]
    NotUtf8,
    #[error("no {0}")]
    Missing(&'static str),
    #[error("the {0} is not closed")]
    Unclosed(&'static str),
    #[error("the status is not a number of three digits")]
    Status,
    #[error("the size is neither a number nor -")]
    Size,
    #[error("more after the user agent")]
    Trailing,
    #[error("the user agent could not be looked up")]
    NoAnswer,
}

/// A request, as far as the report needs it.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) path: String,
    pub(crate) status: u16,
    pub(crate) bytes: u64,
    pub(crate) agent: String,
}

/// A request, with what its agent and its path tell.
#[derive(Debug)]
pub(crate) struct Visit {
    pub(crate) path: String,
    pub(crate) status: u16,
    pub(crate) bytes: u64,
    pub(crate) visitor: Visitor,
    pub(crate) target: Target,
}

/// Who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Visitor {
    Person,
    Bot,
    Unknown,
}

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Target {
    Page,
    Asset,
    Feed,
}

/// Parses `host ident user [time] "request" status size "referer" "agent"`.
pub(crate) fn parse(line: Arc<RawLine>) -> Result<Entry, Reason> {
    if line.cut {
        return Err(Reason::TooLong);
    }
    let text = std::str::from_utf8(&line.bytes);
    text.map_err(|_| Reason::NotUtf8).and_then(parse_text)
}

fn parse_text(line: &str) -> Result<Entry, Reason> {
    let mut fields = Fields { rest: line };
    for name in ["host", "identity", "user"] {
        fields.word(name)?;
    }
    fields.enclosed("time", '[', ']')?;
    let request = fields.enclosed("request", '"', '"')?;
    let status = match fields.word("status")? {
        status if status.len() == 3 => number(status).ok_or(Reason::Status)?,
        _ => return Err(Reason::Status),
    };
    let bytes = match fields.word("size")? {
        "-" => 0,
        size => number(size).ok_or(Reason::Size)?,
    };
    fields.enclosed("referer", '"', '"')?;
    let agent = fields.enclosed("user agent", '"', '"')?.to_owned();
    if !fields.rest.is_empty() {
        return Err(Reason::Trailing);
    }
    // `GET /path HTTP/1.1`; of anything else, such as a TLS handshake on a plain port, all is shown.
    let path = request.split(' ').nth(1).unwrap_or(request).to_owned();
    Ok(Entry {
        path,
        status,
        bytes,
        agent,
    })
}

/// A number of digits alone: Rust's own parser takes a plus sign as well.
fn number<N: FromStr>(text: &str) -> Option<N> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// What is left of a line, field by field.
struct Fields<'a> {
    rest: &'a str,
}

impl<'a> Fields<'a> {
    fn word(&mut self, name: &'static str) -> Result<&'a str, Reason> {
        let (word, rest) = self.rest.split_once(' ').unwrap_or((self.rest, ""));
        if word.is_empty() {
            return Err(Reason::Missing(name));
        }
        self.rest = rest;
        Ok(word)
    }

    /// A field between two characters; a backslash keeps the one after it from closing it.
    fn enclosed(&mut self, name: &'static str, open: char, close: char) -> Result<&'a str, Reason> {
        let inside = self.rest.strip_prefix(open).ok_or(Reason::Missing(name))?;
        let mut escaped = false;
        let end = inside.find(|c| {
            let closes = c == close && !escaped;
            escaped = c == '\\' && !escaped;
            closes
        });
        let end = end.ok_or(Reason::Unclosed(name))?;
        let after = &inside[end + close.len_utf8()..];
        self.rest = after.strip_prefix(' ').unwrap_or(after);
        Ok(&inside[..end])
    }
}

/// Looks up who has asked and what. As a look-up in a service would, each `flaky`th fails, and the next one does not.
pub(crate) fn look_up(flaky: Option<u64>) -> impl Fn(Entry) -> Result<Visit, Reason> {
    let calls = AtomicU64::new(1);
    move |entry| match flaky {
        Some(each) if calls.fetch_add(1, Ordering::Relaxed).is_multiple_of(each) => {
            Err(Reason::NoAnswer)
        }
        _ => Ok(enrich(entry)),
    }
}

/// When a look-up is made again: a few times, soon, and only if another may have an answer.
pub(crate) fn again() -> ScheduleFor<Fault<Reason>, u64> {
    Schedule::exponential(Duration::from_millis(1))
        .times(4)
        .while_input(|fault: &Fault<Reason>| *fault == Fault::Error(Reason::NoAnswer))
        .erase_for()
}

/// Tells bots from people by the user agent, and pages from what belongs to them by the path.
fn enrich(entry: Entry) -> Visit {
    let visitor = match Parser::new()
        .parse(&entry.agent)
        .map(|agent| agent.category)
    {
        Some("crawler") => Visitor::Bot,
        Some("pc" | "smartphone" | "mobilephone" | "appliance") => Visitor::Person,
        _ => Visitor::Unknown,
    };
    let path = entry.path.split(['?', '#']).next().unwrap_or_default();
    let extension = path
        .rsplit('/')
        .next()
        .and_then(|file| file.rsplit_once('.'));
    let target = match extension
        .map(|(_, extension)| extension.to_ascii_lowercase())
        .as_deref()
    {
        Some("rss" | "atom" | "rdf" | "xml") => Target::Feed,
        Some("html" | "htm" | "php" | "xhtml") | None => {
            if entry.path.contains("flav=rss") || entry.path.contains("flav=atom") {
                Target::Feed
            } else {
                Target::Page
            }
        }
        Some(_) => Target::Asset,
    };
    Visit {
        path: entry.path,
        status: entry.status,
        bytes: entry.bytes,
        visitor,
        target,
    }
}
