//! The operators of streams, each with what its contract says: what all of them promise is tested of each.
//!
//! `flat_map_switch` is not among them: it drops what is replaced.

use effect::prelude::*;

use super::elements::Elements;
use super::programs::BEAT;

/// An operator, with arguments by which it emits one element for each, in order if it keeps that.
pub struct Operator {
    pub name: &'static str,
    /// How many elements it has pulled at most, beyond the one that is wanted.
    pub ahead: u64,
    /// Whether what it emits is in the order of its source.
    pub keeps_order: bool,
    pub apply: fn(Elements) -> Elements,
}

const fn operator(name: &'static str, ahead: u64, apply: fn(Elements) -> Elements) -> Operator {
    Operator {
        name,
        ahead,
        keeps_order: true,
        apply,
    }
}

impl Operator {
    const fn without_order(mut self) -> Self {
        self.keeps_order = false;
        self
    }
}

/// An effect that takes a while.
fn later(x: u32) -> Effect<(), u32, u32> {
    sleep(BEAT * (1 + x % 3)).map(move |()| x).erase()
}

/// A stream of one element, after a while.
fn one_later(x: u32) -> Elements {
    StreamE::from_effect(later(x)).erase()
}

/// Items as elements that have succeeded.
fn elements<S: effect::Source<(), Item = u32> + Clone>(stream: Stream<(), u32, S>) -> Elements {
    stream.map_effect(succeed).erase()
}

/// The values of elements, for operators of plain streams.
fn items(stream: Elements) -> Stream<(), u32> {
    stream.into_results().filter_map(Result::ok).erase()
}

fn never_fails(never: Never) -> u32 {
    match never {}
}

pub const OPERATORS: &[Operator] = &[
    operator("map", 0, |s| s.map(|x| x).erase()),
    operator("map_error", 0, |s| s.map_error(|e| e).erase()),
    operator("map_result", 0, |s| s.map_result(|r| r).erase()),
    operator("filter", 0, |s| s.filter(|_| true).erase()),
    operator("filter_map", 0, |s| s.filter_map(Some).erase()),
    operator("inspect", 0, |s| s.inspect(|_| ()).erase()),
    operator("inspect_error", 0, |s| s.inspect_error(|_| ()).erase()),
    operator("flat_map_iter", 0, |s| s.flat_map_iter(|x| [x]).erase()),
    operator("scan", 0, |s| s.scan(0, |_, x| x).erase()),
    operator("map_accum", 0, |s| s.map_accum((), |(), x| x).erase()),
    operator("enumerate", 0, |s| s.enumerate().map(|(_, x)| x).erase()),
    operator("zip_with_previous", 0, |s| {
        elements(items(s).zip_with_previous().map(|(_, x)| x))
    }),
    operator("changes_by", 0, |s| elements(items(s).changes_by(|x| *x))),
    operator("take", 0, |s| s.take(usize::MAX).erase()),
    operator("take_while", 0, |s| s.take_while(|_| true).erase()),
    operator("take_until", 0, |s| s.take_until(|_| false).erase()),
    operator("skip", 0, |s| s.skip(0).erase()),
    operator("skip_while", 0, |s| s.skip_while(|_| false).erase()),
    operator("fail_fast", 0, |s| s.fail_fast().erase()),
    operator("chunks", 0, |s| s.chunks(1).map(|chunk| chunk[0]).erase()),
    operator("sliding", 0, |s| {
        s.sliding(1, 1).map(|window| window[0]).erase()
    }),
    operator("split_on", 0, |s| {
        elements(
            items(s)
                .chunks(1)
                .split_on(|_| true)
                .zip(Stream::from_iter(0..))
                .map(|(_, x)| x),
        )
    }),
    operator("lines", 0, |s| {
        let lines = s.map(|x| format!("{x}\n")).lines(10);
        let failed = |error| match error {
            effect::LineError::Failed(error) => error,
            _ => panic!("they are short, and text"),
        };
        lines
            .map(|line| line.parse().unwrap())
            .map_error(failed)
            .erase()
    }),
    operator("zip_with_next", 1, |s| {
        elements(items(s).zip_with_next().map(|(x, _)| x))
    }),
    operator("group_adjacent_by", 1, |s| {
        s.enumerate()
            .group_adjacent_by(|(n, _)| *n)
            .map(|(_, group)| group[0].1)
            .erase()
    }),
    operator("map_effect", 0, |s| s.map_effect(later).erase()),
    operator("recover", 0, |s| s.recover(fail::<(), u32, u32>).erase()),
    operator("tap", 0, |s| s.tap(|x| later(*x)).erase()),
    operator("tap_error", 0, |s| s.tap_error(|_| succeed(())).erase()),
    operator("filter_effect", 0, |s| {
        items(s).filter_effect(|x| later(*x).map(|_| true)).erase()
    }),
    operator("filter_effect of values", 0, |s| {
        s.filter_effect(|x| later(*x).map(|_| true)).erase()
    }),
    operator("filter_map_effect", 0, |s| {
        s.filter_map_effect(|x| later(x).map(Some)).erase()
    }),
    operator("take_while_effect", 0, |s| {
        s.take_while_effect(|x| later(*x).map(|_| true)).erase()
    }),
    operator("take_until_effect", 0, |s| {
        s.take_until_effect(|x| later(*x).map(|_| false)).erase()
    }),
    operator("skip_while_effect", 0, |s| {
        s.skip_while_effect(|x| later(*x).map(|_| false)).erase()
    }),
    operator("scan_effect", 0, |s| {
        s.scan_effect(0, |_, x| later(x)).erase()
    }),
    operator("map_accum_effect", 0, |s| {
        s.map_accum_effect((), |(), x| later(x).map(|x| ((), x)))
            .erase()
    }),
    operator("map_effect_par", 3, |s| s.map_effect_par(4, later).erase()),
    operator("map_effect_par_unordered", 3, |s| {
        s.map_effect_par_unordered(4, later).erase()
    })
    .without_order(),
    operator("map_effect_par_by_key", 3, |s| {
        s.map_effect_par_by_key(4, |x| *x, later).erase()
    })
    .without_order(),
    operator("concat", 0, |s| s.concat(StreamE::from_iter([])).erase()),
    operator("flat_map", 0, |s| s.flat_map(one_later).erase()),
    operator("flat_map_par", 3, |s| s.flat_map_par(4, one_later).erase()).without_order(),
    operator("merge", 0, |s| s.merge(StreamE::from_iter([])).erase()),
    operator("merge_until", 0, |s| {
        let never = Stream::never().map_effect(succeed);
        s.merge_until(effect::MergeEnd::Left, never).erase()
    }),
    operator("group_by", 0, |s| {
        let one = s.group_by(effect::Groups::at_most(1), |_| ());
        one.flat_map(|(_, items)| items.map_effect(succeed)).erase()
    }),
    operator("interleave", 0, |s| {
        s.interleave(StreamE::from_iter([])).erase()
    }),
    operator("merge_sorted_by_key", 0, |s| {
        s.merge_sorted_by_key(StreamE::from_iter([]), |x| *x)
            .erase()
    }),
    operator("zip", 0, |s| {
        s.zip(StreamE::from_iter(0..)).map(|(x, _)| x).erase()
    }),
    operator("zip_latest", 0, |s| {
        elements(items(s).zip_latest(Stream::once(())).map(|(x, ())| x))
    }),
    operator("chunks_within", 0, |s| {
        s.chunks_within(1, BEAT).map(|chunk| chunk[0]).erase()
    }),
    operator("windowed", 1, |s| {
        let times = items(s).zip(Stream::from_iter(0..));
        let windows = effect::Windows::tumbling(BEAT);
        let windowed = times.windowed(windows, |(_, n)| {
            std::time::SystemTime::UNIX_EPOCH + BEAT * *n
        });
        let firsts = windowed.map(|window| window.value[0].0);
        firsts.map_error(|late| late.item.0).erase()
    }),
    operator("windowed_fold", 1, |s| {
        let times = items(s).zip(Stream::from_iter(0..));
        let windows = effect::Windows::sessions(BEAT);
        let at = |(_, n): &(u32, u32)| std::time::SystemTime::UNIX_EPOCH + BEAT * *n;
        let windowed = times.windowed_fold(windows, at, 0, |_, (x, _)| *x, |_, x| x);
        let values = windowed.map(|window| window.value);
        values.map_error(|late| late.item.0).erase()
    }),
    operator("timeout", 0, |s| {
        let limited = s.timeout(BEAT * 1000);
        limited.map_result(|r| r.map_err(|_| 0)).erase()
    }),
    operator("timeout_to", 0, |s| {
        s.timeout_to(BEAT * 1000, StreamE::from_iter([])).erase()
    }),
    operator("throttle", 0, |s| {
        s.throttle(effect::RateLimiter::new(1, BEAT)).erase()
    }),
    operator("throttle_by", 0, |s| {
        let limiter = effect::RateLimiter::new(1, BEAT);
        elements(items(s).throttle_by(limiter, |x| x % 2))
    }),
    operator("throttle_enforce", 0, |s| {
        let limiter = effect::RateLimiter::new(1, BEAT).burst(u32::MAX);
        s.throttle_enforce(limiter).erase()
    }),
    operator("buffer", 2, |s| s.buffer(2).erase()),
    // So many to take, and one in hand.
    operator("broadcast", 3, |s| {
        StreamE::scoped(s.broadcast(2).map_error(never_fails).map(|[one]| one)).erase()
    }),
    operator("share", 3, |s| {
        let shared = s.share(2, BEAT).map_error(never_fails);
        StreamE::scoped(shared).erase()
    }),
    // So many in the channel, and one in hand.
    operator("through", 3, |s| {
        elements(
            items(s)
                .through(&Channel::bounded(2))
                .into_results()
                .map(|sent| sent.unwrap()),
        )
    }),
    operator("echo", 0, |s| s.echo([&Channel::bounded(100)]).erase()),
    operator("repeat", 0, |s| s.repeat(Schedule::recurs(0)).erase()),
    operator("retry", 0, |s| s.retry(Schedule::recurs(0)).erase()),
    operator("into_values", 0, |s| {
        elements(items(s).map_effect(succeed).into_values())
    }),
    operator("halt_when", 0, |s| s.halt_when(never::<_, _, ()>()).erase()),
    operator("interrupt_when", 0, |s| {
        s.interrupt_when(never::<_, _, ()>()).erase()
    }),
    operator("with_background", 0, |s| {
        s.with_background(succeed(())).erase()
    }),
    operator("bounded", 0, |s| {
        let bounded = s.bounded(effect::Stop::after(BEAT * 1000));
        bounded.map_result(|r| r.map_err(|_| 0)).erase()
    }),
    operator("report_each", 0, |s| {
        s.report_each(2, |_, _| sleep::<_, u32>(BEAT)).erase()
    }),
    operator("report_every", 0, |s| {
        s.report_every(BEAT, |_| succeed::<_, u32, _>(())).erase()
    }),
    operator("ensuring", 0, |s| s.ensuring(sleep(BEAT)).erase()),
    operator("on_exit", 0, |s| {
        elements(items(s).on_exit(|_| sleep(BEAT)))
    }),
    operator("provide", 0, |s| s.provide(()).erase()),
    operator("retry_each", 0, |s| {
        s.map_effect(later).retry_each(Schedule::recurs(1)).erase()
    }),
    operator("recover_with_item", 0, |s| {
        s.map_effect(later)
            .recover_with_item(|_, error| fail(error))
            .erase()
    }),
    operator("errors_to_dead_letters", 0, |s| {
        s.map_effect(later)
            .errors_to_dead_letters(&Channel::bounded(100))
            .erase()
    }),
    operator("route_errors", 0, |s| {
        s.route_errors(&Channel::bounded(100)).erase()
    }),
];
