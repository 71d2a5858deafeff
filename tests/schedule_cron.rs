//! Schedules by the time of day.

use std::time::{Duration, SystemTime};

use crate::common::{Log, secs};
use effect::prelude::*;
use effect::{CronError, Driver, Moment, Recurrence};

const fn minutes(n: u64) -> Duration {
    secs(60 * n)
}

const fn hours(n: u64) -> Duration {
    minutes(60 * n)
}

const fn days(n: u64) -> Duration {
    hours(24 * n)
}

fn epoch_plus(elapsed: Duration) -> SystemTime {
    SystemTime::UNIX_EPOCH + elapsed
}

/// What a driver says at a time of day.
fn ask_at<S>(driver: &mut Driver<u64, S>, wall: Duration) -> Option<Duration>
where
    S: Recurrence<(), Output = u64>,
{
    let moment = Moment::at(Duration::ZERO).with_wall(epoch_plus(wall));
    driver.decide(moment, &()).delay
}

#[test]
fn it_is_due_at_the_times_of_the_pattern() {
    // The epoch is a Thursday.
    let check = |pattern, expected: [Duration; 3]| {
        let schedule = Schedule::cron(pattern).unwrap();
        assert_eq!(schedule.preview(3), expected, "{pattern}");
    };
    check("* * * * *", [minutes(1); 3]);
    check("0 * * * *", [hours(1); 3]);
    check(
        "30 9 * * MON",
        [days(4) + hours(9) + minutes(30), days(7), days(7)],
    );
    check("0 0 1 * *", [days(31), days(28), days(31)]);
    check("*/20 * * * * *", [secs(20); 3]);
}

#[test]
fn a_time_that_never_comes_is_the_end() {
    let schedule = Schedule::cron("0 0 30 2 *").unwrap();
    assert!(schedule.preview(3).is_empty());
}

#[test]
fn a_time_that_passes_during_a_run_is_left_out() {
    let mut driver = Schedule::cron("0 * * * *").unwrap().start();
    assert_eq!(ask_at(&mut driver, minutes(30)), Some(minutes(30)));
    // A run that took two hours and a half.
    assert_eq!(ask_at(&mut driver, minutes(210)), Some(minutes(30)));
    // Between two seconds.
    let nearly = minutes(240) + Duration::from_millis(500);
    assert_eq!(ask_at(&mut driver, nearly), Some(hours(5) - nearly));
}

#[test]
fn a_clock_that_is_a_little_behind_does_not_run_it_twice() {
    let mut driver = Schedule::cron("0 * * * *").unwrap().start();
    assert_eq!(ask_at(&mut driver, Duration::ZERO), Some(hours(1)));
    let early = hours(1) - Duration::from_millis(3);
    assert_eq!(ask_at(&mut driver, early), Some(hours(2) - early));
    // One that was set back runs it again.
    assert_eq!(ask_at(&mut driver, minutes(10)), Some(minutes(50)));
}

#[test]
fn a_zone_changes_its_clocks() {
    // In 1980, summer time began in Stockholm on April 6 at 02:00, which was 01:00 in UTC.
    let april_5 = days(365 * 10 + 2 + 31 + 29 + 31 + 4);
    let mut daily = Schedule::cron_in("0 9 * * *", "Europe/Stockholm")
        .unwrap()
        .start();
    assert_eq!(ask_at(&mut daily, april_5), Some(hours(8)));
    assert_eq!(ask_at(&mut daily, april_5 + hours(8)), Some(hours(23)));
    assert_eq!(ask_at(&mut daily, april_5 + hours(31)), Some(hours(24)));
}

#[test]
fn what_cannot_be_read_is_an_error() {
    let pattern = Schedule::cron("61 * * * *").unwrap_err();
    assert!(matches!(pattern, CronError::Pattern { .. }), "{pattern:?}");
    assert!(
        pattern
            .to_string()
            .starts_with("\"61 * * * *\" is no cron pattern: ")
    );
    let zone = Schedule::cron_in("* * * * *", "Atlantis").unwrap_err();
    assert_eq!(
        zone,
        CronError::Zone {
            zone: "Atlantis".to_owned()
        }
    );
}

#[test]
fn an_effect_runs_at_the_time_of_day_of_its_runtime() {
    let log = Log::new();
    let lines = log.clone();
    let job = effect(async move |cx: Cx<()>| {
        let now = cx
            .wall_now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap();
        lines.write((now.as_secs() % 3600).to_string());
        cx.sleep(secs(61)).await;
        Ok::<_, Never>(())
    });
    let hourly = Schedule::cron("0 * * * *").unwrap().times(3);
    let exit = VirtualTime::new().run(job.repeat(hourly)).unwrap();
    assert_eq!(exit.into_result(), Ok(3));
    assert_eq!(log.lines()[1..], ["0", "0", "0"]);
}
