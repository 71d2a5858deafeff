//! Planted bugs: copies of our own mechanisms, each with one thing wrong that the simulator has to find.
//!
//! A net that catches nothing proves nothing. Each copy is correct without a bug, and then has to survive the same.

use effect::simulation::{Explored, Plan, Replayed, Sim, Violation};

mod channel;
mod worker;
mod scope;
mod fiber;
mod permit;
mod timeout;

/// What is simulated of a copy.
pub type Result = std::result::Result<Explored, Box<Violation>>;

/// How a bug is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Net {
    /// [`Sim::explore`].
    Explore,
    /// [`Sim::each_interrupt`].
    EachInterrupt,
    /// [`Sim::each_panic`].
    EachPanic,
    /// [`Sim::each_drop`].
    EachDrop,
    /// [`Sim::each_pair`].
    EachPair,
}

impl Net {
    /// All of them.
    pub const ALL: [Net; 5] = [
        Net::Explore,
        Net::EachInterrupt,
        Net::EachPanic,
        Net::EachDrop,
        Net::EachPair,
    ];
}

/// A copy of a mechanism in a program that uses it, with a bug or without.
#[derive(Clone, Copy, Debug)]
pub struct Planted {
    /// What it is a copy of.
    pub mechanism: &'static str,
    /// The program that uses it.
    pub program: &'static str,
    /// What is wrong with it; nothing, in the correct copy.
    pub bug: Option<&'static str>,
    /// Looks for it by one of the nets.
    pub look: fn(Sim, Net) -> Result,
    /// Looks at one plan.
    pub replay: fn(Sim, &Plan) -> Replayed,
}

/// Makes a [`Planted`] of a program, with a bug or without.
macro_rules! planted {
    (@one $mechanism:ident, $program:ident, $name:expr, $bug:expr) => {
        Planted {
            mechanism: stringify!($mechanism),
            program: stringify!($program),
            bug: $name,
            look: |sim, net| {
                let program = |trial: &_| $mechanism::$program(trial, $bug);
                match net {
                    Net::Explore => sim.explore(program),
                    Net::EachInterrupt => sim.each_interrupt(program),
                    Net::EachPanic => sim.each_panic(program),
                    Net::EachDrop => sim.each_drop(program),
                    Net::EachPair => sim.each_pair(program),
                }
            },
            replay: |sim, plan| sim.replay(plan, |trial| $mechanism::$program(trial, $bug)),
        }
    };
    ($($mechanism:ident::$program:ident: $($bug:ident),+;)*) => {
        /// Every bug, one to a copy.
        pub const BUGS: &[Planted] = &[$($(planted!(
            @one $mechanism, $program, Some(stringify!($bug)), Some($mechanism::Bug::$bug)
        )),+),*];

        /// The correct copies.
        pub const CORRECT: &[Planted] = &[$(planted!(@one $mechanism, $program, None, None)),*];
    };
}

planted! {
    channel::wide:
        CapacityOffByOne, GrantLost, GrantNotPassedOn, NotificationLost, ItemsLifo, DroppedSendSends, SenderWakerKept,
        ReceiverWakerKept, WokenUnderLock;
    channel::closing: CloseForgetsSenders, CloseForgetsReceivers, CloseDiscards, StragglerEnters;
    channel::narrow: SendersLifo;
    channel::rendezvous: NotifiedKept, PromiseOutlivesReceiver, TurnLost, WaitingNotTold;
    worker::stage:
        AckBeforeRun, AckBeforeAccepted, TicketForgotten, SettledTwice, ErrorSwallowed, RefusalIgnored, PanicEndsWorker,
        BatchKeptOnDrop, BatchLostOnDrop, BatchHeld, BegunGivenBack, EmptyClaimKept, ClaimForgotten, DoneDroppedAtEnd,
        OutputLeftOpen, OutputClosedEarly;
    scope::nested:
        SkippedOnPanic, SkippedOnDrop, SkippedOnSecondDrop, BegunAnew, BegunForgotten, BegunLast, Fifo, PanicStopsNext,
        BeforeBodyDropped, NotAwaited, LateAcquisitionKept, AcquisitionCut, InnerOwedLast, LostOwesMore;
    fiber::family:
        InterruptDoesNotWake, InterruptTogglesFlag, EarlyInterruptForgotten, DriverWakerKept, JoinLooksTooEarly,
        JoinWakerKept, OneJoinerWoken, ChildrenNotAwaited, ChildrenNotInterrupted, LateChildNotInterrupted,
        LastChildDoesNotTell, DropDoesNotEnd;
    permit::sections:
        GrantLost, PartLost, LeaverBlocks, ReleaseWakesOne, Barging, ReleasedTwiceOnPanic, KeptOnPanic, WakerKept;
    timeout::limits:
        TimerKept, LoserNotAwaited, WakeTakenForTime, DeadlineMoves, DeadlineTooEarly, TimerWins, TimerWakerKept;
}
