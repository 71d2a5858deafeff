//! Whether what was measured is within the targets.

use crate::workload::{Contender, Target, Workload};

/// What was measured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measure {
    /// Instructions an operation.
    Instructions,
    /// Nanoseconds an operation.
    Time,
}

/// What each contender costs an operation.
pub(crate) type Costs<'a> = [(&'a Contender, f64)];

/// What is said of a contender: each target that it has in this measure, and whether it is met.
pub(crate) fn verdict(
    workload: &Workload,
    contender: &Contender,
    measure: Measure,
    costs: &Costs<'_>,
) -> String {
    let targets = workload.targets.iter();
    let mut verdicts: Vec<_> = targets
        .filter_map(|target| on_target(*target, contender, measure, costs))
        .collect();
    if contender.name == "ours" && measure == Measure::Instructions && !workload.is_of_time() {
        verdicts.extend(beside_peers(contender, costs));
    }
    verdicts.join("; ")
}

/// What a contender costs.
pub(crate) fn cost_of(name: &str, costs: &Costs<'_>) -> f64 {
    let mut costs = costs.iter();
    let found = costs.find(|(contender, _)| contender.name == name);
    found.map_or(f64::NAN, |(_, cost)| *cost)
}

/// One cost over another, to be printed: nothing, where there is no other.
pub(crate) fn ratio(cost: f64, other: f64) -> String {
    if other.is_nan() {
        String::new()
    } else {
        format!("{:.3}", cost / other)
    }
}

/// Nothing, if the target is not of this contender and measure.
fn on_target(
    target: Target,
    contender: &Contender,
    measure: Measure,
    costs: &Costs<'_>,
) -> Option<String> {
    let cost = cost_of(contender.name, costs);
    let times = |times: f64, name| {
        let other = cost_of(name, costs);
        let verdict = said(format!("{times} times {name}"), cost <= times * other);
        format!("{verdict} with {}", ratio(cost, other))
    };
    let ours = contender.name == "ours";
    match (target, measure) {
        (Target::TimesHand(limit), Measure::Instructions) if ours => Some(times(limit, "hand")),
        (Target::Times(limit, name), Measure::Instructions) if ours => Some(times(limit, name)),
        (Target::Instructions(limit), Measure::Instructions) if ours => {
            Some(said(format!("{limit} instructions"), cost <= limit))
        }
        (Target::WallTimes(limit, name), Measure::Time) if ours => Some(times(limit, name)),
        (Target::WallOfBest(limit), Measure::Time) if ours => {
            let others = costs.iter().filter(|(other, _)| other.is_rival());
            Some(times(limit, cheapest(others)?))
        }
        (Target::Linear, _) => {
            let size: u32 = contender.name.parse().ok()?;
            (size > 1).then(|| times(size.into(), "1"))
        }
        (Target::Steady(limit), _) => {
            let place = costs
                .iter()
                .position(|(other, _)| other.name == contender.name)?;
            Some(times(limit, cheapest(costs[..place].iter())?))
        }
        _ => None,
    }
}

fn said(limit: String, met: bool) -> String {
    let verdict = if met { "met" } else { "MISSED" };
    format!("{limit}: {verdict}")
}

/// Who costs least.
fn cheapest<'a>(costs: impl Iterator<Item = &'a (&'a Contender, f64)>) -> Option<&'static str> {
    let (cheapest, _) = costs.min_by(|(_, one), (_, other)| one.total_cmp(other))?;
    Some(cheapest.name)
}

/// Whether ours costs less than each peer, if there are any.
fn beside_peers(ours: &Contender, costs: &Costs<'_>) -> Option<String> {
    let cost = cost_of(ours.name, costs);
    let mut peers = costs
        .iter()
        .filter(|(contender, _)| contender.is_peer())
        .peekable();
    peers.peek()?;
    let cheaper: Vec<_> = peers
        .filter(|(_, theirs)| *theirs <= cost)
        .map(|(contender, _)| contender.name)
        .collect();
    Some(if cheaper.is_empty() {
        "below every peer".to_owned()
    } else {
        format!("NOT BELOW {}", cheaper.join(", "))
    })
}
