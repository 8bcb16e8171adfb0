//! Rule `newcomers`: keys that have published little here yet may not publish much at once (R4.2).

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use stentor_event::{Filter, PublicKey};
use stentor_net::limit::{KeyedLimiter, Limited, Rate};
use stentor_store::{BoxFuture, EventStore};

use super::super::{Rejection, Verdict};
use super::{Asked, WriteRule, Writing};
use crate::answer::too_fast;
use crate::config;
use crate::holdings::newest;
use crate::metrics::EventOutcome;
use crate::state::Surroundings;

/// Keys remembered as known; when there are as many, all are forgotten and found out about again.
const KNOWN: usize = 65_536;
/// New keys whose events are counted.
const COUNTED: usize = 65_536;
/// Units that a second gives: so many that an event takes a whole number of them with hardly a rest, and that those of an
/// hour, with the rests of all its events, fit.
const SECOND: u32 = 1_000_000;
const HOUR: u32 = 3_600 * SECOND;

struct Newcomers {
    shared: Arc<Shared>,
}

struct Shared {
    events: usize,
    store: Arc<dyn EventStore>,
    known: Mutex<HashSet<PublicKey>>,
    counted: KeyedLimiter<PublicKey>,
    /// `None`: new keys may publish nothing.
    allowance: Option<Allowance>,
    start: Instant,
}

/// What a new key may publish.
#[derive(Debug, Clone, Copy)]
struct Allowance {
    /// Units that one event takes.
    units: u32,
    /// As many events at once as in an hour.
    rate: Rate,
}

impl Allowance {
    /// For so many events in an hour; `None` for none.
    fn new(per_hour: u32) -> Option<Self> {
        let units = (per_hour > 0).then(|| HOUR.div_ceil(per_hour))?;
        let burst = units.saturating_mul(per_hour);
        Some(Self {
            units,
            rate: Rate::per_second(SECOND).with_burst(burst),
        })
    }
}

/// The rule; none when no key is new.
pub(super) fn rule(
    config: &config::Newcomers,
    surroundings: &Surroundings,
) -> Option<Arc<dyn WriteRule>> {
    (config.events > 0).then(|| {
        Arc::new(Newcomers {
            shared: Arc::new(Shared {
                events: config.events as usize,
                store: Arc::clone(&surroundings.store),
                known: Mutex::default(),
                counted: KeyedLimiter::new(COUNTED),
                allowance: Allowance::new(config.per_hour),
                start: Instant::now(),
            }),
        }) as _
    })
}

impl WriteRule for Newcomers {
    fn judge(&self, writing: &Writing<'_>) -> Verdict {
        let author = writing.event.pubkey();
        // The author of a gift wrap is a key used once: always new.
        let exempt = writing.event.kind().is_gift_wrap() || writing.standing.is_member(&author);
        if exempt || self.shared.known.lock().contains(&author) {
            return Verdict::Pass;
        }
        Verdict::Ask
    }

    /// Counts only events whose signature is right: nobody uses up what another may publish.
    fn ask(&self, asked: &Asked) -> BoxFuture<'static, Verdict> {
        let (shared, asked) = (Arc::clone(&self.shared), asked.clone());
        Box::pin(async move { shared.decide(&asked).await })
    }
}

impl Shared {
    async fn decide(&self, asked: &Asked) -> Verdict {
        let author = asked.event.pubkey();
        let own = Filter {
            authors: Some(vec![author]),
            ..Filter::default()
        };
        match newest(&self.store, own, self.events, asked.now).await {
            Ok(events) if events.len() >= self.events => {
                self.remember(author);
                Verdict::Pass
            }
            Ok(_) => self.count(&author),
            // Then the event itself cannot be stored either, and is told so.
            Err(_) => Verdict::Pass,
        }
    }

    fn remember(&self, author: PublicKey) {
        let mut known = self.known.lock();
        if known.len() >= KNOWN {
            known.clear();
        }
        known.insert(author);
    }

    fn count(&self, author: &PublicKey) -> Verdict {
        let Some(Allowance { units, rate }) = self.allowance else {
            return Verdict::refuse("restricted: new keys may not write here");
        };
        let now: Duration = self.start.elapsed();
        match self.counted.take(author, rate, now, units) {
            Ok(()) => Verdict::Pass,
            Err(limited) => Verdict::Refuse(refusal(&limited)),
        }
    }
}

fn refusal(limited: &Limited) -> Rejection {
    let reason = too_fast(limited, "events of a key that is new here");
    Rejection::new(EventOutcome::RateLimited, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r4_2_a_new_key_may_publish_as_many_an_hour_as_the_configuration_says() {
        let hour = |number: u64| Duration::from_secs(number * 3_600);
        for per_hour in [1, 7, 1_000, 1_801, 2_400, 3_599, 3_600] {
            let Allowance { units, rate } = Allowance::new(per_hour).unwrap();
            let limiter = KeyedLimiter::new(16);
            let published = |from: Duration, events: u32, apart: Duration| {
                let at = |number| from + apart * number;
                let one = |number| limiter.take(&1, rate, at(number), units).is_ok();
                (0..events).filter(|number| one(*number)).count() as u32
            };
            let at_once = published(hour(1), 4_000, Duration::ZERO);
            assert_eq!(at_once, per_hour, "at once");
            let next = published(hour(1), 36_000, Duration::from_millis(100));
            assert!(
                per_hour - next <= 1,
                "{next} of {per_hour} in the next hour"
            );
        }
        assert!(Allowance::new(0).is_none());
    }
}
