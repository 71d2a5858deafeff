//! The scheduler: which of those that can go on is next, by turns, by chance, or as it was once before.

use std::collections::VecDeque;

use fastrand::Rng;

/// How many polls in a row a task may have by its priority before it is put behind all others: one that
/// yields until somebody else has done something would otherwise go on for ever.
const POLLS_IN_A_ROW: u32 = 64;

/// One in so many picks takes a task that is starved, for the same reason.
const STARVED_TURN: u32 = 512;

/// How it is decided who is next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Those who can go on take turns.
    Turns,
    /// Chance picks, each time anew.
    Random,
    /// Each task has a priority by chance, and whoever has the highest goes on, until one of a few moments, by chance as
    /// well, in which it falls behind all others. Finds what takes few preemptions in just the wrong places: PCT, of
    /// Burckhardt and others, "A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs", ASPLOS 2010.
    /// Whoever has gone on for many steps in a row falls behind as well: it might yield until others have done something.
    Priorities {
        /// How often the task that runs falls behind.
        changes: u32,
        /// Among how many steps these moments are.
        steps: u32,
    },
    /// Chance picks, but this task goes on only if nobody else can. Once in some hundreds of steps it may as well: others
    /// might yield until it has done something.
    Starve {
        /// Which task, by its number: they are numbered as they are spawned.
        task: u32,
    },
    /// What is said: how many who have waited longer are passed over, in each step. By turns from then on.
    Choices(Vec<u16>),
}

/// Picks who is next.
pub(crate) struct Scheduler {
    order: Order,
    random: Rng,
    /// The tasks that can go on, in the order in which they were woken.
    ready: VecDeque<usize>,
    picks: u32,
    /// By task, the higher the sooner.
    priorities: Vec<i64>,
    /// The picks, by their number, at which somebody falls behind.
    changes: Vec<u32>,
    lowest: i64,
    in_a_row: (usize, u32),
    choices: Option<Vec<u16>>,
}

impl Scheduler {
    pub(crate) fn new(order: Order, seed: u64, remembers_choices: bool) -> Self {
        let mut random = Rng::with_seed(seed);
        let changes = match &order {
            Order::Priorities { changes, steps } => {
                let places = 0..(*steps).max(1);
                (0..*changes).map(|_| random.u32(places.clone())).collect()
            }
            _ => Vec::new(),
        };
        Scheduler {
            order,
            random,
            ready: VecDeque::new(),
            picks: 0,
            priorities: Vec::new(),
            changes,
            lowest: 0,
            in_a_row: (usize::MAX, 0),
            choices: remembers_choices.then(Vec::new),
        }
    }

    pub(super) fn push(&mut self, task: usize) {
        self.ready.push_back(task);
    }

    /// What was picked, as [`Order::Choices`] would say it.
    pub(super) fn take_choices(&mut self) -> Vec<u16> {
        self.choices.take().unwrap_or_default()
    }

    /// Takes the task that is next.
    pub(super) fn next(&mut self) -> Option<usize> {
        let place = match self.ready.len() {
            0 => return None,
            // Priorities change also while one task alone can go on.
            1 if !matches!(self.order, Order::Priorities { .. }) => 0,
            ready => self.pick(ready),
        };
        self.picks = self.picks.wrapping_add(1);
        if let Some(choices) = &mut self.choices {
            choices.push(u16::try_from(place).unwrap_or(u16::MAX));
        }
        self.ready.remove(place)
    }

    fn pick(&mut self, ready: usize) -> usize {
        match &self.order {
            Order::Turns => 0,
            Order::Random => self.random.usize(..ready),
            Order::Choices(choices) => {
                let choice = usize::try_from(self.picks)
                    .ok()
                    .and_then(|n| choices.get(n));
                choice.map_or(0, |&choice| usize::from(choice).min(ready - 1))
            }
            Order::Starve { task } => {
                let starved = self.ready.iter().position(|&n| n == *task as usize);
                match starved {
                    Some(place) if !self.picks.is_multiple_of(STARVED_TURN) => {
                        let other = self.random.usize(..ready - 1);
                        other + usize::from(other >= place)
                    }
                    _ => self.random.usize(..ready),
                }
            }
            Order::Priorities { .. } => self.pick_by_priority(),
        }
    }

    fn pick_by_priority(&mut self) -> usize {
        let highest = self.ready.iter().max().map_or(0, |&task| task + 1);
        while self.priorities.len() < highest {
            self.priorities.push(self.random.i64(1..));
        }
        let place = self.highest();
        let task = self.ready[place];
        self.in_a_row = match self.in_a_row {
            (same, times) if same == task => (same, times + 1),
            _ => (task, 1),
        };
        if self.in_a_row.1 > POLLS_IN_A_ROW || self.changes.contains(&self.picks) {
            self.lowest -= 1;
            self.priorities[task] = self.lowest;
            self.in_a_row = (usize::MAX, 0);
            return self.highest();
        }
        place
    }

    /// The place of whoever has the highest priority.
    fn highest(&self) -> usize {
        let places = 0..self.ready.len();
        let highest = places.max_by_key(|&place| self.priorities[self.ready[place]]);
        highest.expect("somebody is ready")
    }
}
