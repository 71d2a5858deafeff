//! How long schedules wait: one after the other, by themselves and beside runs that take their time.

use std::sync::Arc;
use std::time::Duration;

use crate::common::{Log, everywhere, on_both, secs, timed};
use effect::prelude::*;
use effect::{Driver, Moment, Recurrence};

const fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// When the first runs begin, in seconds, if they take no time.
#[track_caller]
fn check_starts<Out, S>(schedule: Schedule<Out, S>, expected: &[u64])
where
    Out: Send + Sync + 'static,
    S: Recurrence<(), Output = Out>,
{
    let mut starts = vec![Duration::ZERO];
    for delay in schedule.preview(expected.len() - 1) {
        starts.push(starts[starts.len() - 1] + delay);
    }
    let expected: Vec<_> = expected.iter().copied().map(secs).collect();
    assert_eq!(starts, expected);

    // The runs of an effect begin as the preview says.
    let extra_runs = expected.len() as u64 - 1;
    on_both(async move |cx: Cx<()>| {
        let log = Log::new();
        let (lines, begun) = (log.clone(), cx.now());
        let run = effect(async move |cx: Cx<()>| {
            lines.write(format!("{:?}", cx.now() - begun));
            Ok::<_, Never>(())
        });
        drop(cx.run(run.repeat(schedule.times(extra_runs))).await);
        let expected: Vec<_> = expected.iter().map(|at| format!("{at:?}")).collect();
        assert_eq!(log.lines(), expected);
    });
}

// T53
#[test]
fn each_schedule_has_its_delays() {
    check_starts(Schedule::spaced(secs(1)), &[0, 1, 2, 3, 4]);
    check_starts(Schedule::fixed(secs(1)), &[0, 1, 2, 3, 4]);
    check_starts(Schedule::windowed(secs(1)), &[0, 1, 2, 3, 4]);
    check_starts(Schedule::linear(secs(1)), &[0, 1, 3, 6, 10]);
    check_starts(Schedule::fibonacci(secs(1)), &[0, 1, 2, 4, 7]);
    check_starts(Schedule::exponential(secs(1)), &[0, 1, 3, 7, 15]);
    check_starts(
        Schedule::exponential(secs(1)).factor(3.0),
        &[0, 1, 4, 13, 40],
    );
    let durations = [4, 7, 12, 19].map(secs);
    check_starts(Schedule::from_durations(durations), &[0, 4, 11, 23, 42]);
}

/// The delays that an effect is seen to have between runs that take this long.
#[track_caller]
fn check_beside_a_body<S>(schedule: Schedule<u64, S>, body: Duration, expected: &[u64])
where
    S: Recurrence<(), Output = u64>,
{
    let expected: Vec<_> = expected.iter().copied().map(millis).collect();
    on_both(async move |cx: Cx<()>| {
        let (log, begun) = (Log::new(), cx.now());
        let lines = log.clone();
        let run = effect(async move |cx: Cx<()>| {
            lines.write(format!("{:?}", cx.now() - begun));
            cx.sleep(body).await;
            Ok::<_, Never>(())
        });
        let times = expected.len() as u64;
        assert_eq!(cx.run(run.repeat(schedule.times(times))).await, Ok(times));
        let mut start = Duration::ZERO;
        let mut starts = vec![format!("{start:?}")];
        for delay in &expected {
            start += body + *delay;
            starts.push(format!("{start:?}"));
        }
        assert_eq!(log.lines(), starts);
    });
}

// T55
#[test]
fn a_beat_is_kept_by_short_runs_and_missed_by_long_ones() {
    let (half, long) = (millis(500), millis(1500));
    check_beside_a_body(Schedule::fixed(secs(1)), half, &[1000, 500, 500, 500]);
    check_beside_a_body(Schedule::fixed(secs(1)), long, &[1000, 0, 0, 0]);
    check_beside_a_body(Schedule::windowed(secs(1)), half, &[1000, 500, 500, 500]);
    check_beside_a_body(Schedule::windowed(secs(1)), long, &[1000, 500, 500, 500]);
    check_beside_a_body(Schedule::spaced(secs(1)), long, &[1000, 1000, 1000]);
}

#[test]
fn a_run_as_long_as_the_beat_is_followed_at_once() {
    check_beside_a_body(Schedule::fixed(secs(1)), secs(1), &[1000, 0, 0, 0]);
    check_beside_a_body(Schedule::windowed(secs(1)), secs(1), &[1000, 1000, 1000]);
}

fn ask_at<Out, S>(driver: &mut Driver<Out, S>, at: Duration) -> Option<Duration>
where
    S: Recurrence<(), Output = Out>,
{
    driver.decide(Moment::at(at), &()).delay
}

// T56
#[test]
fn a_fixed_rate_is_due_at_its_multiples() {
    let mut driver = Schedule::fixed(secs(5)).start();
    assert_eq!(ask_at(&mut driver, secs(0)), Some(secs(5)));
    assert_eq!(ask_at(&mut driver, millis(6500)), Some(millis(3500)));
}

#[test]
fn missed_beats_do_not_pile_up() {
    let mut driver = Schedule::fixed(secs(1)).start();
    assert_eq!(ask_at(&mut driver, secs(0)), Some(secs(1)));
    // A long run is over, and after it a short one.
    assert_eq!(ask_at(&mut driver, millis(100_300)), Some(secs(0)));
    assert_eq!(ask_at(&mut driver, millis(100_400)), Some(millis(600)));
}

// T57
#[test]
fn jitter_is_as_far_into_its_range_as_chance_is() {
    let full = Schedule::spaced(millis(500)).jittered_within(0.0..=1.0);
    assert_eq!(full.preview(4), [millis(250); 4]);
    let wide = Schedule::spaced(millis(500)).jittered_within(2.0..=4.0);
    let mut driver = wide.start();
    let delays = [0.5, 0.5, 1.0, 1.0].map(|chance| {
        let moment = Moment::at(Duration::ZERO).with_chance(chance);
        driver.decide(moment, &()).delay.unwrap()
    });
    assert_eq!(delays, [1500, 1500, 2000, 2000].map(millis));
}

/// The delays of a run by this schedule, by the runtime's chance.
async fn delays_of<S>(cx: &Cx<()>, schedule: Schedule<u64, S>, times: u64) -> Vec<Duration>
where
    S: Recurrence<(), Output = u64>,
{
    let delays = schedule.times(times).delays().collect_all();
    let waited = succeed::<_, Never, _>(()).repeat(delays);
    let Ok(waited) = cx.run(waited).await;
    waited.to_vec()
}

// T57
#[test]
fn jitter_is_from_80_to_120_percent() {
    everywhere(async |cx: Cx<()>| {
        let delays = delays_of(&cx, Schedule::spaced(millis(1000)).jittered(), 200).await;
        assert!(
            delays
                .iter()
                .all(|delay| (800..=1200).contains(&delay.as_millis()))
        );
        // All of the range is in use.
        assert!(delays.iter().any(|delay| *delay < millis(850)));
        assert!(delays.iter().any(|delay| *delay > millis(1150)));
    });
}

#[test]
fn a_seed_has_the_same_jitter_again() {
    fn jitter_of(seed: u64) -> Vec<Duration> {
        let program = effect(async |cx: Cx<()>| {
            Ok::<_, Never>(delays_of(&cx, Schedule::spaced(secs(1)).jittered(), 10).await)
        });
        let exit = VirtualTime::new().seed(seed).run(program).unwrap();
        exit.into_result().unwrap()
    }
    assert_eq!(jitter_of(1), jitter_of(1));
    assert_ne!(jitter_of(1), jitter_of(2));
}

// S2-56
#[test]
fn an_exponential_delay_grows_up_to_its_ceiling() {
    let capped = Schedule::exponential(millis(100)).max_delay(millis(400));
    assert_eq!(capped.preview(4), [100, 200, 400, 400].map(millis));
    on_both(async move |cx: Cx<()>| {
        let failing = fail::<_, _, ()>("no answer").retry(capped.times(5));
        let (took, result) = timed(&cx, cx.run(failing)).await;
        assert_eq!((took, result), (1, Err("no answer")));
    });
}

#[test]
fn what_grows_ends_at_an_hour() {
    fn check<S: Recurrence<(), Output = u64>>(schedule: Schedule<u64, S>) {
        let delays = schedule.preview(10_000);
        assert!(delays.is_sorted());
        assert_eq!(delays.last(), Some(&secs(3600)));
    }
    check(Schedule::exponential(secs(1)));
    check(Schedule::exponential(millis(1)).factor(1e9));
    check(Schedule::fibonacci(secs(1)));
    check(Schedule::linear(secs(1)));
}

#[test]
fn a_ceiling_of_ones_own_may_be_above_an_hour() {
    let hour = secs(3600);
    let higher = Schedule::exponential(hour).max_delay(hour * 5);
    assert_eq!(higher.preview(5), [1, 2, 4, 5, 5].map(|n| hour * n));
    // Under anything that is made of it.
    let made_of = Schedule::exponential(hour)
        .either(Schedule::stop())
        .jittered()
        .times(4)
        .max_delay(hour * 3);
    assert_eq!(made_of.preview(5), [1, 2, 3, 3].map(|n| hour * n));
    // The nearest says it, and the lowest has the last word.
    let nested = Schedule::exponential(hour)
        .max_delay(hour * 2)
        .max_delay(hour * 9);
    assert_eq!(nested.preview(3), [1, 2, 2].map(|n| hour * n));
    let first = Schedule::linear(hour * 2);
    assert_eq!(first.preview(2), [hour * 2; 2]);
}

#[test]
fn no_delay_is_too_long_to_add_up() {
    let ages = Duration::MAX;
    let long = Schedule::exponential(ages)
        .max_delay(ages)
        .add_delay(ages)
        .jittered_within(2.0..=4.0)
        .up_to(ages);
    assert_eq!(long.preview(2), [ages; 2]);
    assert_eq!(Schedule::fixed(ages).preview(2)[0], ages);
    assert_eq!(
        Schedule::fibonacci(ages).max_delay(ages).preview(3),
        [ages; 3]
    );
}

#[test]
fn a_preview_ends_with_the_schedule() {
    assert!(Schedule::stop().preview(10).is_empty());
    assert_eq!(Schedule::once().preview(10).len(), 1);
    assert_eq!(Schedule::recurs(3).preview(2).len(), 2);
    assert_eq!(Schedule::from_durations([]).preview(10), []);
}

#[test]
fn an_erased_schedule_is_the_same_each_time() {
    let erased = Schedule::fibonacci(secs(1)).times(4).erase();
    let expected = [1, 1, 2, 3].map(secs);
    assert_eq!(erased.preview(10), expected);
    assert_eq!(erased.clone().preview(10), expected);
    // A driver, and its clone from half-way, go on each for itself.
    let mut driver = erased.start();
    assert_eq!(ask_at(&mut driver, secs(0)), Some(secs(1)));
    let mut other = driver.clone();
    for delay in [1, 2, 3] {
        assert_eq!(ask_at(&mut driver, secs(0)), Some(secs(delay)));
    }
    assert_eq!(ask_at(&mut other, secs(0)), Some(secs(1)));
    assert_eq!(erased.preview(10), expected);
}

#[test]
#[should_panic(expected = "an interval is longer than zero")]
fn an_interval_of_zero_is_refused() {
    let _ = Schedule::fixed(Duration::ZERO);
}

#[test]
#[should_panic(expected = "a factor is a finite number above zero")]
fn a_factor_that_is_no_number_is_refused() {
    let _ = Schedule::exponential(secs(1)).factor(f64::NAN);
}

#[test]
#[should_panic(expected = "factors are a range of finite numbers, from zero up")]
fn an_empty_range_of_jitter_is_refused() {
    #[allow(clippy::reversed_empty_ranges, reason = "it is what is tested")]
    let _ = Schedule::spaced(secs(1)).jittered_within(1.2..=0.8);
}

#[test]
fn a_schedule_in_an_arc_is_shared() {
    let shared = Arc::new(Schedule::linear(secs(1)).times(2));
    let previews = [shared.preview(5), shared.preview(5)];
    assert_eq!(previews, [[1, 2].map(secs), [1, 2].map(secs)]);
}
