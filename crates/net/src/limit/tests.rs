use std::time::Duration;

use proptest::prelude::*;

use super::*;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn r4_5_burst_then_rate() {
    let rate = Rate::per_second(10).with_burst(5);
    let mut bucket = Bucket::default();
    for _ in 0..5 {
        bucket.take(rate, ms(1000), 1).unwrap();
    }
    assert_eq!(
        bucket.take(rate, ms(1000), 1).unwrap_err().retry_after,
        ms(100)
    );
    assert_eq!(
        bucket.take(rate, ms(1050), 1).unwrap_err().retry_after,
        ms(50)
    );
    bucket.take(rate, ms(1100), 1).unwrap();
    assert!(bucket.take(rate, ms(1100), 1).is_err());
    assert!(!bucket.is_full(ms(1500)));
    assert!(bucket.is_full(ms(1600)));
}

#[test]
fn r4_5_zero_is_no_limit() {
    let mut bucket = Bucket::default();
    for _ in 0..100_000 {
        bucket.take(Rate::default(), ms(0), 1000).unwrap();
    }
    assert_eq!(Rate::per_second(7).capacity(), 7);
}

#[test]
fn more_than_the_burst_passes_from_a_full_bucket_and_is_paid_for() {
    let rate = Rate::per_second(10);
    let mut bucket = Bucket::default();
    bucket.take(rate, ms(0), 30).unwrap();
    assert_eq!(
        bucket.take(rate, ms(0), 1).unwrap_err().retry_after,
        ms(2100)
    );
    assert!(bucket.take(rate, ms(2000), 1).is_err());
    assert!(bucket.take(rate, ms(2100), 1).is_ok());
    assert!(bucket.take(rate, ms(2100), 30).is_err());
}

#[test]
fn retry_after_is_whole_seconds() {
    for (millis, seconds) in [(0, 1), (1, 1), (1000, 1), (1001, 2)] {
        assert_eq!(
            Limited {
                retry_after: ms(millis)
            }
            .retry_after_seconds(),
            seconds
        );
    }
}

#[test]
fn keyed_memory_is_bounded() {
    let limiter = KeyedLimiter::new(1600);
    let rate = Rate::per_second(1);
    for key in 0..100_000u32 {
        limiter.take(&key, rate, ms(u64::from(key)), 1).unwrap();
    }
    assert!(limiter.len() <= 1600);
    limiter.sweep(ms(10_000_000));
    assert!(limiter.is_empty());
}

#[test]
fn r4_5_a_flood_of_new_keys_does_not_free_who_is_limited() {
    let limiter = KeyedLimiter::new(1600);
    let rate = Rate::per_second(1).with_burst(100);
    limiter.take(&u32::MAX, rate, ms(0), 100).unwrap();
    for key in 0..50_000u32 {
        limiter.take(&key, rate, ms(0), 1).unwrap();
    }
    assert!(limiter.take(&u32::MAX, rate, ms(0), 1).is_err());
}

proptest! {
    /// Whatever the pattern of requests, no more than burst + rate × time passes, and a refused one passes after the wait it is told.
    #[test]
    fn r4_5_never_more_than_allowed(per_second in 1u32..2000, burst in 1u32..50, gaps in prop::collection::vec((0u64..200, 1u32..4), 1..200)) {
        let rate = Rate::per_second(per_second).with_burst(burst.max(4));
        let mut bucket = Bucket::default();
        let (mut now, mut passed) = (ms(0), 0u64);
        for (gap, units) in gaps {
            now += ms(gap);
            match bucket.take(rate, now, units) {
                Ok(()) => passed += u64::from(units),
                Err(limited) => {
                    let mut later = bucket;
                    prop_assert!(later.take(rate, now + limited.retry_after, units).is_ok());
                }
            }
            let allowed = f64::from(rate.capacity()) + f64::from(per_second) * now.as_secs_f64();
            prop_assert!(passed as f64 <= allowed + 0.01, "{passed} of {allowed}");
        }
    }
}
