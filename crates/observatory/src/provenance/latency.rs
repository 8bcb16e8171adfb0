//! Propagation: how long after its author's time an event came from a relay, in buckets (O4.1).
//!
//! Counted for pairs that came on a live subscription, when they are first credited, and never taken back: an event that leaves the
//! archive has still travelled. Buckets grow with the time: exact below 8 ms, then eight for each doubling, so that the middle of a
//! bucket is at most 1/16 (6.25 %) away from what is in it. Authors' times are whole seconds rounded down, which is 0 to 1 s of
//! error before any bucket. Two buckets stand apart, for they are no propagation: events from the future (somebody's clock is wrong) and events older
//! than a day (somebody sent them anew).

/// The bucket of events from the future.
pub(crate) const EARLY: i64 = -1;
/// The bucket of events that are older than [`LATEST_MS`].
pub(crate) const LATE: i64 = -2;
/// The longest time that is taken for propagation: a day.
pub(crate) const LATEST_MS: u64 = 86_400_000;
/// Bits of a time that tell its bucket beside its magnitude.
const FINE: u32 = 3;

/// The bucket of an event of this time that was seen at that, both in Unix milliseconds.
pub(crate) fn bucket(seen_ms: u64, created_ms: u64) -> i64 {
    let Some(time) = seen_ms.checked_sub(created_ms) else {
        return EARLY;
    };
    if time > LATEST_MS {
        return LATE;
    }
    if time < 1 << FINE {
        return time as i64;
    }
    let magnitude = time.ilog2() - FINE;
    i64::from(magnitude << FINE) + (time >> magnitude) as i64
}

/// The middle of a bucket, in milliseconds. 0 for those apart.
pub(crate) fn middle(bucket: i64) -> u64 {
    let Ok(bucket) = u64::try_from(bucket) else {
        return 0;
    };
    if bucket < 2 << FINE {
        return bucket;
    }
    let magnitude = ((bucket >> FINE) - 1).min(40);
    let low = ((1 << FINE) + (bucket & ((1 << FINE) - 1))) << magnitude;
    low + (1 << magnitude >> 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn o4_1_the_middle_of_a_bucket_is_near(time in 0..=LATEST_MS, created in 0_u64..1 << 50) {
            let found = middle(bucket(created + time, created));
            prop_assert!(found.abs_diff(time) * 16 <= time, "{} for {}", found, time);
        }

        #[test]
        fn o4_1_a_longer_time_has_no_lower_bucket(one in 0..=LATEST_MS, other in 0..=LATEST_MS) {
            let (less, more) = (one.min(other), one.max(other));
            prop_assert!(bucket(less, 0) <= bucket(more, 0));
        }
    }

    #[test]
    fn o4_1_what_is_no_propagation_stands_apart() {
        assert_eq!(bucket(999, 1_000), EARLY);
        assert_eq!(bucket(1_000, 1_000), 0);
        assert_eq!(bucket(LATEST_MS + 1, 0), LATE);
        assert!(bucket(LATEST_MS, 0) > 0);
    }
}
