//! A plan as one line of text, and back.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::{Fault, Plan};
use crate::virtual_time::Order;

/// What was read is not a plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a part of a plan: {part:?}")]
pub struct PlanError {
    part: String,
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed={} order={}", self.seed, self.order)?;
        if self.spurious_percent > 0 {
            write!(f, " spurious={}", self.spurious_percent)?;
        }
        if self.swapped_percent > 0 {
            write!(f, " swapped={}", self.swapped_percent)?;
        }
        if !self.poll_cost.is_zero() {
            write!(f, " cost={}ns", self.poll_cost.as_nanos())?;
        }
        self.faults
            .iter()
            .try_for_each(|fault| write!(f, " {fault}"))
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Order::Turns => f.write_str("turns"),
            Order::Random => f.write_str("random"),
            Order::Priorities { changes, steps } => write!(f, "priorities:{changes}/{steps}"),
            Order::Starve { task } => write!(f, "starve:{task}"),
            Order::Choices(choices) => {
                f.write_str("choices:")?;
                let mut comma = "";
                for choice in choices {
                    write!(f, "{comma}{choice}")?;
                    comma = ",";
                }
                Ok(())
            }
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Interrupt {
                fiber,
                suspension,
                after,
            } => {
                write!(f, "interrupt={fiber}@{suspension}")?;
                match after {
                    0 => Ok(()),
                    after => write!(f, "+{after}"),
                }
            }
            Fault::Panic { call } => write!(f, "panic={call}"),
            Fault::Drop { handle, step } => write!(f, "drop={handle}@{step}"),
            Fault::DropRun { step } => write!(f, "drop-run={step}"),
            Fault::InterruptAll { step } => write!(f, "interrupt-all={step}"),
            Fault::Slow { task, delay } => write!(f, "slow={task}@{}ns", delay.as_nanos()),
            Fault::SmallCapacity { place } => write!(f, "capacity={place}"),
        }
    }
}

impl FromStr for Plan {
    type Err = PlanError;

    fn from_str(line: &str) -> Result<Self, PlanError> {
        let mut plan = Plan::of_seed(0);
        for part in line.split_whitespace() {
            plan.read(part).ok_or_else(|| PlanError {
                part: part.to_owned(),
            })?;
        }
        Ok(plan)
    }
}

impl Plan {
    fn read(&mut self, part: &str) -> Option<()> {
        let (key, value) = part.split_once('=')?;
        match key {
            "seed" => self.seed = value.parse().ok()?,
            "order" => self.order = order(value)?,
            "spurious" => self.spurious_percent = percent(value)?,
            "swapped" => self.swapped_percent = percent(value)?,
            "cost" => self.poll_cost = nanos(value)?,
            _ => self.faults.push(fault(key, value)?),
        }
        Some(())
    }
}

fn order(text: &str) -> Option<Order> {
    let (name, rest) = text.split_once(':').unwrap_or((text, ""));
    Some(match name {
        "turns" => Order::Turns,
        "random" => Order::Random,
        "priorities" => {
            let (changes, steps) = pair(rest, '/')?;
            Order::Priorities { changes, steps }
        }
        "starve" => Order::Starve {
            task: rest.parse().ok()?,
        },
        "choices" if rest.is_empty() => Order::Choices(Vec::new()),
        "choices" => {
            let choices = rest.split(',').map(str::parse);
            Order::Choices(choices.collect::<Result<_, _>>().ok()?)
        }
        _ => return None,
    })
}

fn fault(key: &str, value: &str) -> Option<Fault> {
    Some(match key {
        "interrupt" => {
            let (place, after) = value.split_once('+').unwrap_or((value, "0"));
            let (fiber, suspension) = pair(place, '@')?;
            Fault::Interrupt {
                fiber,
                suspension,
                after: after.parse().ok()?,
            }
        }
        "panic" => Fault::Panic {
            call: value.parse().ok()?,
        },
        "drop" => {
            let (handle, step) = pair(value, '@')?;
            Fault::Drop { handle, step }
        }
        "drop-run" => Fault::DropRun {
            step: value.parse().ok()?,
        },
        "interrupt-all" => Fault::InterruptAll {
            step: value.parse().ok()?,
        },
        "slow" => {
            let (task, delay) = value.split_once('@')?;
            Fault::Slow {
                task: task.parse().ok()?,
                delay: nanos(delay)?,
            }
        }
        "capacity" => Fault::SmallCapacity {
            place: value.parse().ok()?,
        },
        _ => return None,
    })
}

fn pair<A: FromStr, B: FromStr>(text: &str, between: char) -> Option<(A, B)> {
    let (a, b) = text.split_once(between)?;
    Some((a.parse().ok()?, b.parse().ok()?))
}

fn percent(text: &str) -> Option<u8> {
    text.parse().ok().filter(|percent| *percent <= 100)
}

fn nanos(text: &str) -> Option<Duration> {
    const SECOND: u128 = 1_000_000_000;
    let nanos: u128 = text.strip_suffix("ns")?.parse().ok()?;
    let seconds = u64::try_from(nanos / SECOND).ok()?;
    // Not `from_nanos`: there are durations of more nanoseconds than it can be told of.
    Some(Duration::new(seconds, u32::try_from(nanos % SECOND).ok()?))
}
