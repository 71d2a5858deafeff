//! Programs by chance: each number is another one, and always the same.

use std::time::Duration;

use effect::prelude::*;
use effect::yield_now;

use super::dice::{Dice, mixed};
use super::steps::Steps;

/// What a program by chance is.
pub type Subject = Effect<(), u32, u32>;

/// All that programs wait for takes so long, or a multiple: between two multiples, nothing happens.
pub const BEAT: Duration = Duration::from_millis(10);

/// What a program by chance may do.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// Wait for ever.
    never: bool,
    /// Interrupt its own fiber.
    interrupts_itself: bool,
    /// Have children that do something.
    forks: bool,
}

/// Programs that do anything.
pub const ANYTHING: Kind = Kind {
    never: true,
    interrupts_itself: true,
    forks: true,
};

/// Programs that end, whatever that end is.
pub const ENDING: Kind = Kind {
    never: false,
    ..ANYTHING
};

/// Programs that end, and not because they interrupt themselves.
pub const UNDISTURBED: Kind = Kind {
    interrupts_itself: false,
    ..ENDING
};

/// Programs that do anything on their one fiber.
pub const ALONE: Kind = Kind {
    forks: false,
    ..ANYTHING
};

/// Programs that end, on their one fiber, and do not interrupt it.
pub const PLAIN: Kind = Kind {
    forks: false,
    ..UNDISTURBED
};

/// An effect that interrupts the fiber it is on.
pub fn canceled<A: effect::Value>() -> Effect<(), u32, A> {
    effect(async |cx: Cx<()>| {
        let child = cx.fork(never::<_, u32, A>());
        child.interrupt_fork();
        cx.run(child.join()).await
    })
    .erase()
}

/// Makes programs.
pub struct Programs {
    dice: Dice,
    steps: Steps,
    name: &'static str,
    made: u32,
}

impl Programs {
    pub fn new(seed: u64, steps: &Steps, name: &'static str) -> Self {
        let named = name
            .bytes()
            .fold(seed, |seed, byte| mixed(seed ^ u64::from(byte)));
        Programs {
            dice: Dice(named),
            steps: steps.clone(),
            name,
            made: 0,
        }
    }

    /// A number below a limit.
    pub fn below(&mut self, limit: u32) -> u32 {
        u32::try_from(self.dice.roll(limit.into())).expect("below the limit")
    }

    pub fn beats(&mut self, limit: u32) -> Duration {
        BEAT * self.below(limit)
    }

    /// An effect that takes down that it ran, and when.
    pub fn step(&mut self) -> Subject {
        self.made += 1;
        let (steps, name, number) = (self.steps.clone(), self.name, self.made);
        effect(async move |cx: Cx<()>| {
            steps.take_down(&cx, format!("{name}.{number}"));
            Ok(number)
        })
        .erase()
    }

    /// An effect that takes down when it began and when it ended, and that nothing goes wrong in.
    pub fn finalizer(&mut self) -> Effect<(), Never, ()> {
        let (begin, end) = (self.step(), self.step());
        let wait = self.beats(3);
        begin
            .flat_map(move |_| sleep(wait))
            .flat_map(move |()| end)
            .map(drop)
            .or_die()
            .erase()
    }

    /// A resource of the scope around it. Its acquisition may fail, and takes down `+` and its name last; its release
    /// may die, and takes down `-` and its name first.
    pub fn resource(&mut self) -> Subject {
        self.made += 1;
        let (name, steps) = (format!("{}.{}", self.name, self.made), self.steps.clone());
        let note = move |sign| {
            let (name, steps) = (name.clone(), steps.clone());
            effect(async move |cx: Cx<()>| {
                steps.take_down(&cx, format!("{sign}{name}"));
                Ok(0)
            })
        };
        let (acquire, acquired) = (self.effect(PLAIN, 1), note('+'));
        let (released, release, dies) = (note('-'), self.finalizer(), self.below(8) == 0);
        let release = released.zip(release.widen_error()).map(move |_| {
            assert!(!dies, "a release by chance");
        });
        acquire_release(acquire.flat_map(move |_| acquired), move |_: u32| {
            release.or_die()
        })
        .erase()
    }

    pub fn effect(&mut self, kind: Kind, depth: u32) -> Subject {
        if depth == 0 || self.below(4) == 0 {
            self.leaf(kind)
        } else {
            self.node(kind, depth - 1)
        }
    }

    fn leaf(&mut self, kind: Kind) -> Subject {
        let n = self.below(5);
        match self.below(13) {
            0 | 1 => succeed(n).erase(),
            2 | 3 => fail(n).erase(),
            4 => die("a defect by chance").erase(),
            5 => sync(|| panic!("a panic by chance")).erase(),
            6 | 7 => self.step(),
            8 => sleep(BEAT * n).map(move |()| n).erase(),
            9 => sleep(BEAT * (n + 1)).flat_map(move |()| fail(n)).erase(),
            10 => effect(async move |_| {
                for _ in 0..n {
                    yield_now().await;
                }
                Ok(n)
            })
            .erase(),
            11 if kind.never => never().erase(),
            12 if kind.interrupts_itself => canceled(),
            _ => self.step(),
        }
    }

    fn node(&mut self, kind: Kind, depth: u32) -> Subject {
        let inner = self.effect(kind, depth);
        match self.below(17) {
            0 => {
                let next = self.effect(kind, depth);
                inner.flat_map(move |_| next).erase()
            }
            1 => {
                let next = self.effect(kind, depth);
                inner.recover(move |_| next).erase()
            }
            2 => {
                let other = self.effect(kind, depth);
                inner.zip(other).map(|(a, b)| a + b).erase()
            }
            3 => {
                let look = self.effect(kind, depth);
                inner.tap(move |_| look).erase()
            }
            4 => {
                let finalizer = self.finalizer();
                inner.ensuring(finalizer).erase()
            }
            5 => {
                let dying = self.step().flat_map(|_| die("a finalizer by chance"));
                inner.ensuring(dying.map(|()| ()).or_die()).erase()
            }
            6 => {
                let finalizer = self.finalizer();
                inner.on_interrupt(finalizer).erase()
            }
            7 => {
                let other = self.effect(kind, depth);
                inner.race_first(other).erase()
            }
            8 => {
                let other = self.effect(kind, depth);
                inner
                    .race_ok(other)
                    .map_error(|(one, other)| one + other)
                    .erase()
            }
            9 => {
                let other = self.effect(kind, depth);
                inner.zip_par(other).map(|(a, b)| a + b).erase()
            }
            10 => {
                let limit = self.beats(5);
                inner
                    .timeout(limit)
                    .map_error(|error| match error {
                        TimeoutError::Failed(error) => error,
                        _ => 99,
                    })
                    .erase()
            }
            11 => {
                // Where interruption has to wait, nothing may wait for it.
                let kind = Kind {
                    never: false,
                    interrupts_itself: false,
                    ..kind
                };
                self.effect(kind, depth).uninterruptible().erase()
            }
            12 => self.resource().flat_map(move |_| inner).scoped().erase(),
            13 => inner
                .exit()
                .map(|exit| exit.into_result().unwrap_or(50))
                .widen_error()
                .erase(),
            14 => {
                let delay = self.beats(2);
                inner.retry(Schedule::spaced(delay).times(1)).erase()
            }
            15 if kind.forks => inner
                .fork()
                .flat_map(|child: Fiber<u32, u32>| child.join())
                .erase(),
            16 if kind.forks => {
                let next = self.effect(kind, depth);
                inner.fork().flat_map(move |_left_alone| next).erase()
            }
            _ => inner.map(|n| n + 1).map_error(|n| n + 1).erase(),
        }
    }
}
