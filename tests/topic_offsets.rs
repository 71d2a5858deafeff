//! How far a partition is done: up to the first record that is not.

use std::collections::BTreeSet;

use effect::Offsets;

use crate::common::dice::Dice;

fn acked(next: u64, offsets: impl IntoIterator<Item = u64>) -> Offsets {
    let mut acked = Offsets::from(next);
    for offset in offsets {
        acked.ack(offset);
    }
    acked
}

#[test]
#[should_panic(expected = "an offset has a next one")]
fn the_last_number_is_no_offset() {
    acked(0, [u64::MAX]);
}

// S3-03
#[test]
fn what_is_committed_ends_at_the_first_gap() {
    assert_eq!(acked(34, (34..=36).chain(40..=44)).committed(), 37);
    assert_eq!(acked(1, 1..=9).committed(), 10);
    assert_eq!(acked(32, 34..=37).committed(), 32);
    assert_eq!(acked(32, (34..=37).chain([32, 33])).committed(), 38);
}

// S3-03: Faust commits past what was never processed here.
#[test]
fn nothing_is_committed_past_a_gap_at_the_very_beginning() {
    assert_eq!(acked(0, [5]).committed(), 0);
    assert_eq!(acked(1, [5, 6]).committed(), 1);
    assert_eq!(acked(0, [5, 0]).committed(), 1);
}

#[test]
fn offsets_in_any_order_are_what_a_set_of_them_says() {
    let mut dice = Dice(1);
    for _ in 0..2_000 {
        let next = dice.roll(4);
        let mut offsets = Offsets::from(next);
        let mut naive: BTreeSet<_> = (0..next).collect();
        for _ in 0..dice.roll(60) {
            let offset = dice.roll(24);
            assert_eq!(offsets.ack(offset), naive.insert(offset));
            let first_gap = (0..).find(|offset| !naive.contains(offset)).unwrap();
            assert_eq!(offsets.committed(), first_gap);
            for offset in 0..26 {
                assert_eq!(offsets.is_acked(offset), naive.contains(&offset));
            }
            let ends_of_ranges = |offset: &&u64| !naive.contains(&(**offset + 1));
            let ranges = naive.iter().filter(ends_of_ranges).count();
            assert_eq!(offsets.gaps(), ranges - usize::from(first_gap > 0));
        }
    }
}

#[test]
fn what_is_held_is_the_gaps_and_not_the_offsets() {
    let mut offsets = acked(0, (0..100_000).rev().filter(|offset| *offset != 0));
    assert_eq!((offsets.committed(), offsets.gaps()), (0, 1));
    offsets.ack(0);
    assert_eq!((offsets.committed(), offsets.gaps()), (100_000, 0));
}
