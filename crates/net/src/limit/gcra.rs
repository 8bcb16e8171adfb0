//! The generic cell rate algorithm: a token bucket that needs one number of state.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

const SECOND: u64 = 1_000_000_000;

/// A rate with a burst. The default, 0 a second, is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Units a second in the long run; 0 = no limit.
    pub per_second: u32,
    /// Units at once after a quiet time; 0 = as many as a second's.
    #[serde(default)]
    pub burst: u32,
}

/// Too much, too fast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("rate limit exceeded, try again in {} ms", retry_after.as_millis())]
pub struct Limited {
    /// When the same request would pass if nothing else came.
    pub retry_after: Duration,
}

impl Limited {
    /// For `Retry-After`: whole seconds, rounded up, at least 1.
    #[must_use]
    pub fn retry_after_seconds(&self) -> u64 {
        let rounded = self.retry_after.as_secs() + u64::from(self.retry_after.subsec_nanos() > 0);
        rounded.max(1)
    }
}

impl Rate {
    /// A rate whose burst is one second's worth.
    #[must_use]
    pub const fn per_second(per_second: u32) -> Self {
        Self {
            per_second,
            burst: 0,
        }
    }

    /// The same rate with another burst.
    #[must_use]
    pub const fn with_burst(self, burst: u32) -> Self {
        Self { burst, ..self }
    }

    /// Whether this limits anything.
    #[must_use]
    pub const fn is_off(&self) -> bool {
        self.per_second == 0
    }

    /// The most that passes at once.
    #[must_use]
    pub const fn capacity(&self) -> u32 {
        if self.burst == 0 {
            self.per_second
        } else {
            self.burst
        }
    }

    /// Nanoseconds that `units` take at this rate.
    const fn cost(&self, units: u32) -> u64 {
        (units as u64).saturating_mul(SECOND) / self.per_second as u64
    }
}

/// The state of one limited thing: the time (nanoseconds on any monotonic clock) at which all that passed so far is paid for. The
/// default is a full bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Bucket(pub u64);

impl Bucket {
    /// Takes `units` at time `now`, or leaves the bucket as it is. More than the burst at once passes only from a full bucket
    /// (else it never could), and is paid for in full afterwards.
    ///
    /// # Errors
    /// [`Limited`], with the wait after which it would pass.
    pub fn take(&mut self, rate: Rate, now: Duration, units: u32) -> Result<(), Limited> {
        if rate.is_off() || units == 0 {
            return Ok(());
        }
        let now = nanos(now);
        let cost = rate.cost(units);
        let capacity = rate.cost(rate.capacity());
        let paid = self.0.max(now).saturating_add(cost);
        // The bucket holds what is missing from `now + capacity`; a large request needs it full.
        let allowed = now.saturating_add(capacity.max(cost));
        if paid > allowed {
            return Err(Limited {
                retry_after: Duration::from_nanos(paid - allowed),
            });
        }
        self.0 = paid;
        Ok(())
    }

    /// Whether it is as good as new.
    #[must_use]
    pub fn is_full(&self, now: Duration) -> bool {
        self.0 <= nanos(now)
    }
}

/// Nanoseconds of 584 years fit.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
