//! Shrinking: a smaller plan that still shows something wrong.

use std::time::Duration;

use super::plan::{Fault, Plan};
use crate::virtual_time::Order;

/// How many plans are tried at most.
const ATTEMPTS: u32 = 500;

/// How many earlier places are tried for a fault.
const EARLIER: usize = 50;

/// Looks for the smallest plan that still fails: fewer faults, less noise, an order that is closer to taking turns.
pub(super) fn shrink(plan: Plan, fails: &mut dyn FnMut(&Plan) -> Option<Vec<u16>>) -> Plan {
    let mut shrinking = Shrinking {
        plan,
        left: ATTEMPTS,
        fails,
    };
    shrinking.drop_faults();
    shrinking.hasten();
    shrinking.simplify();
    shrinking.quieten();
    shrinking.straighten();
    // What was needed for the order that was may not be needed any more.
    shrinking.drop_faults();
    shrinking.plan
}

/// Less noise, and no chance.
const QUIETER: [fn(&mut Plan); 4] = [
    |plan| plan.spurious_percent = 0,
    |plan| plan.swapped_percent = 0,
    |plan| plan.poll_cost = Duration::ZERO,
    |plan| plan.order = Order::Turns,
];

struct Shrinking<'a> {
    plan: Plan,
    left: u32,
    /// Whether a plan fails, and the choices of the run if it does.
    fails: &'a mut dyn FnMut(&Plan) -> Option<Vec<u16>>,
}

impl Shrinking<'_> {
    /// Takes a smaller plan if it fails as well.
    fn attempt(&mut self, smaller: Plan) -> bool {
        if smaller == self.plan || self.left == 0 {
            return false;
        }
        self.left -= 1;
        let fails = (self.fails)(&smaller).is_some();
        if fails {
            self.plan = smaller;
        }
        fails
    }

    fn drop_faults(&mut self) {
        let mut place = 0;
        while place < self.plan.faults.len() {
            let mut smaller = self.plan.clone();
            smaller.faults.remove(place);
            if !self.attempt(smaller) {
                place += 1;
            }
        }
    }

    /// Takes away all noise and chance at once, and has one fault strike in an earlier place for that: a poll that nobody
    /// has asked for counts as one, so without it the same place has a smaller number.
    fn simplify(&mut self) {
        let mut simple = self.plan.clone();
        QUIETER.iter().for_each(|quieter| quieter(&mut simple));
        if self.attempt(simple.clone()) {
            return;
        }
        for (place, fault) in simple.faults.iter().enumerate() {
            for earlier in earlier(*fault) {
                let mut smaller = simple.clone();
                smaller.faults[place] = earlier;
                if self.attempt(smaller) {
                    return;
                }
            }
        }
    }

    /// Has faults strike at once that strike some steps later: in their own place, or in one that comes soon.
    fn hasten(&mut self) {
        for place in 0..self.plan.faults.len() {
            let Fault::Interrupt {
                fiber,
                suspension,
                after,
            } = self.plan.faults[place]
            else {
                continue;
            };
            for later in 0..=after {
                let mut smaller = self.plan.clone();
                smaller.faults[place] = Fault::Interrupt {
                    fiber,
                    suspension: suspension + later,
                    after: 0,
                };
                if after > 0 && self.attempt(smaller) {
                    break;
                }
            }
        }
    }

    fn quieten(&mut self) {
        for quieter in QUIETER {
            let mut smaller = self.plan.clone();
            quieter(&mut smaller);
            self.attempt(smaller);
        }
    }

    /// Replaces chance by what it has chosen, and turns as much of that as possible into taking turns.
    fn straighten(&mut self) {
        if self.plan.order == Order::Turns {
            return;
        }
        let Some(choices) = (self.fails)(&self.plan) else {
            return;
        };
        let chosen = |mut choices: Vec<u16>, plan: &Plan| {
            let needed = choices.iter().rposition(|choice| *choice != 0);
            choices.truncate(needed.map_or(0, |last| last + 1));
            Plan {
                order: Order::Choices(choices),
                ..plan.clone()
            }
        };
        if !self.attempt(chosen(choices, &self.plan)) {
            return;
        }
        let mut span = self.choices().len();
        while span > 0 {
            let mut from = 0;
            while from < self.choices().len() {
                let mut choices = self.choices().to_vec();
                let to = (from + span).min(choices.len());
                choices[from..to].fill(0);
                self.attempt(chosen(choices, &self.plan));
                from += span;
            }
            span /= 2;
        }
    }

    fn choices(&self) -> &[u16] {
        match &self.plan.order {
            Order::Choices(choices) => choices,
            _ => &[],
        }
    }
}

/// The same fault in the places before its own, the nearest first.
fn earlier(fault: Fault) -> impl Iterator<Item = Fault> {
    let (first, own) = match fault {
        Fault::Interrupt { suspension, .. } => (1, suspension),
        Fault::Panic { call } => (1, call),
        Fault::Drop { step, .. } | Fault::DropRun { step } | Fault::InterruptAll { step } => {
            (0, step)
        }
        Fault::Slow { .. } | Fault::SmallCapacity { .. } => (0, 0),
    };
    let moved = move |to| match fault {
        Fault::Interrupt { fiber, after, .. } => Fault::Interrupt {
            fiber,
            suspension: to,
            after,
        },
        Fault::Panic { .. } => Fault::Panic { call: to },
        Fault::Drop { handle, .. } => Fault::Drop { handle, step: to },
        Fault::DropRun { .. } => Fault::DropRun { step: to },
        Fault::InterruptAll { .. } => Fault::InterruptAll { step: to },
        Fault::Slow { .. } | Fault::SmallCapacity { .. } => fault,
    };
    (first..own).rev().take(EARLIER).map(moved)
}
