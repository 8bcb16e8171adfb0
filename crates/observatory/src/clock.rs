//! Time as the observatory sees it: that of the system, or one that runs faster, so that hours of its work fit into minutes.
//!
//! Only intervals and the time of day go by this clock. Time-outs of connections do not: others' computers do not run faster.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use stentor_event::Timestamp;
use tokio::time::Instant;

/// A clock. Copies show the same time.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    /// When it was set, and what it was set to.
    start: Instant,
    start_ms: u64,
    speed: u32,
}

impl Clock {
    /// The system's time of day.
    #[must_use]
    pub fn system() -> Self {
        Self::fast(1)
    }

    /// A clock that begins now and runs `speed` times as fast (0 is taken as 1).
    #[must_use]
    pub fn fast(speed: u32) -> Self {
        Self {
            start: Instant::now(),
            start_ms: system_ms(),
            speed: speed.max(1),
        }
    }

    /// Unix milliseconds.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        if self.speed == 1 {
            // The system's clock may be set while we run.
            return system_ms();
        }
        let passed = self.start.elapsed().saturating_mul(self.speed);
        self.start_ms
            .saturating_add(u64::try_from(passed.as_millis()).unwrap_or(u64::MAX))
    }

    /// Unix seconds.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp(self.now_ms() / 1_000)
    }

    /// Waits as long as this takes on this clock.
    pub async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time / self.speed).await;
    }

    /// Waits until it shows this time; not at all when that is past.
    pub async fn sleep_until(&self, time_ms: u64) {
        let left = time_ms.saturating_sub(self.now_ms());
        self.sleep(Duration::from_millis(left)).await;
    }
}

fn system_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

/// Milliseconds as the records keep them.
pub(crate) fn stored(time_ms: u64) -> i64 {
    i64::try_from(time_ms).unwrap_or(i64::MAX)
}

/// Milliseconds as the records have kept them.
pub(crate) fn read(time_ms: i64) -> u64 {
    u64::try_from(time_ms).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn o5_5_an_hour_passes_in_a_minute() {
        let clock = Clock::fast(60);
        let before = clock.now_ms();
        clock.sleep(Duration::from_secs(3_600)).await;
        let passed = clock.now_ms() - before;
        assert!((3_600_000..3_601_000).contains(&passed), "{passed}");
    }
}
