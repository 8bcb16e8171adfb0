//! One line in the log for each outage of the collector, however long it is.

use std::time::Duration;

use stentor_net::retry::Backoff;

/// Wait after the first failure, and the longest.
const WAITS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// How it stands with the collector.
#[derive(Debug)]
pub struct Outage {
    backoff: Backoff,
    lasts: bool,
}

impl Outage {
    pub const fn new() -> Self {
        Self {
            backoff: Backoff::new(WAITS.0, WAITS.1),
            lasts: false,
        }
    }

    /// It has not taken what it was sent: the wait before it is asked again, and whether that is news. `random` is any number.
    pub fn failed(&mut self, random: u64) -> (Duration, bool) {
        let news = !std::mem::replace(&mut self.lasts, true);
        (self.backoff.next(random), news)
    }

    /// It has; whether that is news.
    pub fn worked(&mut self) -> bool {
        self.backoff.reset();
        std::mem::take(&mut self.lasts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p3_an_outage_is_news_when_it_begins_and_when_it_ends() {
        let mut outage = Outage::new();
        assert!(!outage.worked());
        for round in 0..2 {
            let (first, news) = outage.failed(u64::MAX);
            assert!(news && first <= WAITS.0, "round {round}");
            for _ in 0..20 {
                assert!(!outage.failed(u64::MAX).1);
            }
            let (longest, _) = outage.failed(u64::MAX);
            assert!(longest <= WAITS.1 && longest > WAITS.1 / 2);
            assert!(outage.worked());
            assert!(!outage.worked());
        }
    }
}
