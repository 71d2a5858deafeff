//! What is known of the pipeline, and what the user looks at.

use std::collections::VecDeque;
use std::time::Duration;

use effect_view::{Line, Plan, Request, Rows};

/// How many samples are kept.
const SAMPLES: usize = 200;

/// What is known of the pipeline, and what the user looks at.
#[derive(Debug)]
pub struct App {
    pub(crate) rows: Rows,
    pub(crate) selected: usize,
    /// The stage that is tapped.
    pub(crate) tapped: Option<String>,
    pub(crate) every: u64,
    pub(crate) samples: VecDeque<String>,
    /// What went otherwise than asked.
    pub(crate) notice: Option<String>,
    pub(crate) is_lost: bool,
}

/// A key that means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Key {
    /// To the stage above.
    Up,
    /// To the stage below.
    Down,
    /// Shows samples of the stage, or no longer.
    Tap,
    /// More samples.
    More,
    /// Fewer.
    Fewer,
    /// Ends it.
    Quit,
}

/// What is to be done after a key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// Ask the program.
    Ask(Request),
    /// End.
    Quit,
}

impl App {
    /// Begins with what the pipeline is.
    pub fn new(plan: Plan) -> Self {
        App {
            selected: plan
                .stages
                .iter()
                .position(|stage| stage.workers > 0)
                .unwrap_or(0),
            rows: Rows::new(plan),
            tapped: None,
            every: 1,
            samples: VecDeque::new(),
            notice: None,
            is_lost: false,
        }
    }

    /// Takes a line from the program, so long after the report before it.
    pub fn take(&mut self, line: Line, after: Duration) {
        match line {
            Line::Report(report) => self.rows.see(report, after),
            Line::Sample { stage, item } if Some(&stage) == self.tapped.as_ref() => {
                self.samples.push_back(item);
                while self.samples.len() > SAMPLES {
                    self.samples.pop_front();
                }
            }
            Line::NotObserved { stage } => {
                self.tapped = None;
                self.notice = Some(format!("{stage} is not observed: there is nothing to see"));
            }
            _ => {}
        }
    }

    /// The program has gone.
    pub fn lose(&mut self) {
        self.is_lost = true;
    }

    /// Does what a key asks for.
    pub fn press(&mut self, key: Key) -> Option<Action> {
        self.notice = None;
        let last = self.rows.plan().stages.len().saturating_sub(1);
        match key {
            Key::Up => self.selected = self.selected.saturating_sub(1),
            Key::Down => self.selected = (self.selected + 1).min(last),
            Key::Quit => return Some(Action::Quit),
            Key::Tap => {
                let stage = self.rows.plan().stages.get(self.selected)?.name.clone();
                self.samples.clear();
                if self.tapped.take().as_ref() == Some(&stage) {
                    return Some(Action::Ask(Request::Untap));
                }
                self.tapped = Some(stage);
                return self.ask();
            }
            Key::More => {
                self.every = (self.every / 10).max(1);
                return self.ask();
            }
            Key::Fewer => {
                self.every = self.every.saturating_mul(10);
                return self.ask();
            }
        }
        None
    }

    fn ask(&self) -> Option<Action> {
        let (stage, every) = (self.tapped.clone()?, self.every);
        Some(Action::Ask(Request::Tap { stage, every }))
    }
}
