//! When a delivery is tried again, and when that ends (G4.3). Pure: time and chance are arguments.

use std::time::Duration;

/// The waits before the attempts, as Standard Webhooks has them up to ten hours.
const WAITS: [Duration; 8] = [
    Duration::ZERO,
    Duration::from_secs(5),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 3_600),
    Duration::from_secs(5 * 3_600),
    Duration::from_secs(10 * 3_600),
    Duration::from_secs(10 * 3_600),
];
/// Attempts at one delivery.
pub const ATTEMPTS: usize = WAITS.len();
/// The longest that a receiver can make us wait: what asks for more is not heard to the end.
pub(crate) const LONGEST_WISH: Duration = Duration::from_secs(24 * 3_600);
/// Waits differ by up to this share in either direction, so that what failed together does not come back together.
const JITTER_PERCENT: u32 = 20;
/// An endpoint that has only failed for so long is switched off.
pub const PATIENCE: Duration = Duration::from_secs(5 * 24 * 3_600);

/// What became of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// 2xx: it was taken.
    Taken,
    /// 410: nobody wants any more of this.
    Gone,
    /// 429, 502, 504: the receiver has too much to do.
    Overloaded {
        /// How long it wants to be left alone, if it says so.
        retry_after: Option<Duration>,
    },
    /// Any other answer, or none.
    Failed {
        /// How long it wants to be left alone, if it says so.
        retry_after: Option<Duration>,
    },
    /// The endpoint may not be dialed at all (G5.4).
    Refused,
}

impl Outcome {
    /// What an answer of this status means. Redirects are not followed: they are failures.
    pub const fn of(status: u16, retry_after: Option<Duration>) -> Self {
        match status {
            200..=299 => Self::Taken,
            410 => Self::Gone,
            429 | 502 | 504 => Self::Overloaded { retry_after },
            _ => Self::Failed { retry_after },
        }
    }

    /// The word for it, in metrics and in the list of attempts.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Gone => "gone",
            Self::Overloaded { .. } => "overloaded",
            Self::Failed { .. } => "failed",
            Self::Refused => "refused",
        }
    }

    const fn wish(self) -> Option<Duration> {
        match self {
            Self::Overloaded { retry_after } | Self::Failed { retry_after } => retry_after,
            _ => None,
        }
    }
}

/// What follows an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Nothing: it was delivered.
    Done,
    /// Another attempt after this wait.
    After(Duration),
    /// No other attempt: it goes to the dead letters.
    Dead,
}

/// What follows attempt number `made` (from 1 on), which ended so. `chance` is any number.
pub fn next(made: usize, outcome: Outcome, chance: u32) -> Next {
    match outcome {
        Outcome::Taken => return Next::Done,
        Outcome::Gone | Outcome::Refused => return Next::Dead,
        Outcome::Overloaded { .. } | Outcome::Failed { .. } => {}
    }
    let Some(wait) = WAITS.get(made) else {
        return Next::Dead;
    };
    let wait = jittered(*wait, chance);
    let wish = outcome.wish().unwrap_or_default().min(LONGEST_WISH);
    Next::After(wait.max(wish))
}

/// A wait, up to a fifth shorter or longer.
fn jittered(wait: Duration, chance: u32) -> Duration {
    let percent = 100 - JITTER_PERCENT + chance % (2 * JITTER_PERCENT + 1);
    wait * percent / 100
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FAILED: Outcome = Outcome::Failed { retry_after: None };

    #[test]
    fn g4_3_the_schedule() {
        let middle = JITTER_PERCENT;
        let waits: Vec<u64> = (1..ATTEMPTS)
            .map(|made| match next(made, FAILED, middle) {
                Next::After(wait) => wait.as_secs(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(waits, [5, 300, 1_800, 7_200, 18_000, 36_000, 36_000]);
        assert_eq!(next(ATTEMPTS, FAILED, middle), Next::Dead);
    }

    #[test]
    fn g4_3_what_answers_mean() {
        for status in [200, 201, 204, 299] {
            assert_eq!(Outcome::of(status, None), Outcome::Taken);
        }
        for status in [100, 199, 300, 301, 302, 307, 308, 400, 404, 409, 500, 503] {
            assert_eq!(Outcome::of(status, None), FAILED, "{status}");
        }
        for status in [429, 502, 504] {
            assert_eq!(Outcome::of(status, None).as_str(), "overloaded");
        }
        assert_eq!(Outcome::of(410, None), Outcome::Gone);
        assert_eq!(next(1, Outcome::Gone, 0), Next::Dead);
        assert_eq!(next(1, Outcome::Refused, 0), Next::Dead);
        assert_eq!(next(ATTEMPTS, Outcome::Taken, 0), Next::Done);
    }

    proptest! {
        #[test]
        fn g4_3_waits_differ_by_a_fifth_and_respect_what_is_asked_for(
            made in 1..ATTEMPTS, chance: u32, asked in proptest::option::of(0..200_000_u64)
        ) {
            let retry_after = asked.map(Duration::from_secs);
            let outcome = Outcome::of(503, retry_after);
            let Next::After(wait) = next(made, outcome, chance) else { panic!("no other attempt") };
            let plain = WAITS[made];
            let wish = retry_after.unwrap_or_default().min(LONGEST_WISH);
            prop_assert!(wait >= wish);
            prop_assert!(wait >= plain * 4 / 5);
            prop_assert!(wait <= (plain * 6 / 5).max(wish));
        }
    }
}
