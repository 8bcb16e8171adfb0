//! The time by which deliveries are scheduled. It can be set ahead, so that days of retries are gone through in an instant.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;
use tokio::time::sleep;

/// The longest sleep at once: what is further away is looked at again, as the system's clock may be set.
const NAP: Duration = Duration::from_secs(60);

/// A clock. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Clock {
    /// Milliseconds ahead of the system's clock.
    ahead: Arc<watch::Sender<u64>>,
}

impl Clock {
    /// The system's.
    #[must_use]
    pub fn system() -> Self {
        Self {
            ahead: Arc::new(watch::Sender::new(0)),
        }
    }

    /// Now, in Unix milliseconds.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = u64::try_from(since.unwrap_or_default().as_millis());
        now.unwrap_or(u64::MAX).saturating_add(*self.ahead.borrow())
    }

    /// Sets it ahead; whoever sleeps by it notices.
    pub fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.ahead
            .send_modify(|ahead| *ahead = ahead.saturating_add(by));
    }

    /// Sleeps until a moment in Unix milliseconds.
    pub async fn sleep_until(&self, at_ms: u64) {
        let mut moved = self.ahead.subscribe();
        loop {
            let left = at_ms.saturating_sub(self.now_ms());
            if left == 0 {
                return;
            }
            tokio::select! {
                () = sleep(Duration::from_millis(left).min(NAP)) => {}
                // The sender is here, so it does not end.
                _ = moved.changed() => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn g4_3_who_sleeps_notices_that_the_clock_is_set() {
        let clock = Clock::system();
        let day = 86_400_000;
        let (until, sleeper) = (clock.now_ms() + day, clock.clone());
        let sleeping = tokio::spawn(async move { sleeper.sleep_until(until).await });
        clock.advance(Duration::from_millis(day));
        sleeping.await.unwrap();
        assert!(clock.now_ms() >= until);
    }
}
