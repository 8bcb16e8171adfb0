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
const HOUR: u32 = 3_600;
/// Every second gives a unit; an hour's worth may be used at once.
const RATE: Rate = Rate::per_second(1).with_burst(HOUR);

struct Newcomers {
    shared: Arc<Shared>,
}

struct Shared {
    events: usize,
    store: Arc<dyn EventStore>,
    known: Mutex<HashSet<PublicKey>>,
    counted: KeyedLimiter<PublicKey>,
    /// Units that one event takes; `None`: new keys may publish nothing.
    units: Option<u32>,
    start: Instant,
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
                units: HOUR.checked_div(config.per_hour),
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
        let Some(units) = self.units else {
            return Verdict::refuse("restricted: new keys may not write here");
        };
        let now: Duration = self.start.elapsed();
        match self.counted.take(author, RATE, now, units.max(1)) {
            Ok(()) => Verdict::Pass,
            Err(limited) => Verdict::Refuse(refusal(&limited)),
        }
    }
}

fn refusal(limited: &Limited) -> Rejection {
    let reason = too_fast(limited, "events of a key that is new here");
    Rejection::new(EventOutcome::RateLimited, reason)
}
