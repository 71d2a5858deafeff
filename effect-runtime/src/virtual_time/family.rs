//! The fibers of a run: their numbers, who is alive, and who is to be interrupted where.

use std::collections::BTreeMap;

use effect_core::{FiberId, FiberRef, Observer};
use parking_lot::Mutex;

/// All fibers of a run, numbered in the order in which they begin.
#[derive(Default)]
pub(crate) struct Family {
    members: Mutex<Members>,
}

#[derive(Default)]
struct Members {
    numbered: u64,
    alive: BTreeMap<FiberId, Member>,
    interrupts: Vec<Interrupt>,
    /// Who has waited for the time that was said, and in how many steps it is interrupted.
    soon: Vec<(FiberId, u32)>,
    /// Whom an interrupt has struck, and where, until it is told.
    struck: Vec<String>,
    /// Who has waited last.
    latest: Option<FiberRef>,
    /// How often the fibers that have ended had waited, if that is counted.
    waited: Option<Vec<(FiberId, u32)>>,
}

/// A fiber is interrupted when its body waits for the nth time, or so many steps after that.
#[derive(Clone, Copy)]
pub(crate) struct Interrupt {
    pub(crate) fiber: FiberId,
    pub(crate) suspension: u32,
    pub(crate) after: u32,
}

struct Member {
    fiber: FiberRef,
    /// How often its body has waited so far.
    suspensions: u32,
}

impl Family {
    /// Has a fiber interrupted.
    pub(crate) fn plan(&self, interrupt: Interrupt) {
        self.members.lock().interrupts.push(interrupt);
    }

    /// Interrupts those whose step has come.
    pub(super) fn begin_step(&self) {
        let due: Vec<_> = {
            let mut members = self.members.lock();
            let Members { soon, alive, .. } = &mut *members;
            soon.iter_mut().for_each(|(_, steps)| *steps -= 1);
            let due = soon.extract_if(.., |(_, steps)| *steps == 0);
            // Who has ended by now, has.
            let due = due.filter_map(|(fiber, _)| alive.get(&fiber));
            due.map(|member| member.fiber.clone()).collect()
        };
        due.iter().for_each(|fiber| self.strike(fiber));
    }

    fn strike(&self, fiber: &FiberRef) {
        let place = match fiber.waits() {
            Some((Some(waits_for), _)) => format!(", where it waits for {waits_for}"),
            _ => String::new(),
        };
        let struck = format!("{fiber} is interrupted{place}");
        self.members.lock().struck.push(struck);
        fiber.interrupt_fork();
    }

    /// Who was interrupted by number since this was asked last, and where.
    pub(super) fn take_struck(&self) -> Vec<String> {
        std::mem::take(&mut self.members.lock().struck)
    }

    /// Those who are alive, oldest first.
    pub(crate) fn alive(&self) -> Vec<FiberRef> {
        let members = self.members.lock();
        let alive = members.alive.values();
        alive.map(|member| member.fiber.clone()).collect()
    }

    /// Begins to count how often each fiber's body waits.
    pub(crate) fn count_suspensions(&self) {
        self.members.lock().waited = Some(Vec::new());
    }

    /// How often the bodies of those have waited who have ended since that is counted.
    pub(crate) fn take_suspensions(&self) -> Vec<(FiberId, u32)> {
        let waited = self.members.lock().waited.take();
        let mut waited = waited.unwrap_or_default();
        waited.sort_unstable();
        waited
    }

    /// Who has waited since this was asked last.
    pub(super) fn take_latest(&self) -> Option<FiberRef> {
        self.members.lock().latest.take()
    }
}

impl Observer for Family {
    fn next_id(&self) -> FiberId {
        let mut members = self.members.lock();
        members.numbered += 1;
        FiberId::new(members.numbered)
    }

    fn begun(&self, fiber: &FiberRef) {
        let member = Member {
            fiber: fiber.clone(),
            suspensions: 0,
        };
        self.members.lock().alive.insert(fiber.id(), member);
    }

    fn suspended(&self, fiber: &FiberRef) {
        let (now, _previous) = {
            let mut members = self.members.lock();
            let Some(member) = members.alive.get_mut(&fiber.id()) else {
                return;
            };
            member.suspensions += 1;
            let at = (fiber.id(), member.suspensions);
            let Members {
                interrupts, soon, ..
            } = &mut *members;
            let mut now = false;
            for hit in interrupts
                .iter()
                .filter(|hit| (hit.fiber, hit.suspension) == at)
            {
                match hit.after {
                    0 => now = true,
                    after => soon.push((hit.fiber, after)),
                }
            }
            (now, members.latest.replace(fiber.clone()))
        };
        if now {
            self.strike(fiber);
        }
    }

    fn ended(&self, fiber: FiberId) {
        let _ended = {
            let mut members = self.members.lock();
            let member = members.alive.remove(&fiber);
            if let (Some(waited), Some(member)) = (&mut members.waited, &member) {
                waited.push((fiber, member.suspensions));
            }
            let latest = members.latest.take_if(|latest| latest.id() == fiber);
            (member, latest)
        };
    }
}
