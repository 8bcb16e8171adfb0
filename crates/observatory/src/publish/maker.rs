//! Makes what is to be said of what checks have found.

use std::time::Duration;

use stentor_event::Timestamp;

use super::discovery::discovery;
use super::monitor::monitor;
use super::statement::Statement;
use super::table::{self, Found, Last, Signed};
use crate::error::Error;
use crate::ground::Ground;
use crate::table::RelayId;

/// Relays that are read at once.
const BATCH: u32 = 100;
/// How far back a look begins behind the last answer that was seen, as checks are not written in the order of their times.
const BACK_MS: u64 = 5 * 60_000;
/// After this the monitor says again who it is, also when nothing has changed.
const DAY_MS: u64 = 24 * 3_600_000;

/// What remains of a look for the next.
#[derive(Debug, Default)]
pub(super) struct Maker {
    /// The latest answer that was seen, in Unix milliseconds.
    seen_ms: u64,
}

impl Maker {
    /// Makes and keeps what is due; the last place, if there is anything new. Nothing while our own network is down, as what checks say
    /// in such a time is not worth telling.
    ///
    /// # Errors
    /// Those of the records.
    pub async fn turn(&mut self, ground: &Ground) -> Result<Option<u64>, Error> {
        if *ground.signals.own_network().borrow() == Some(false) {
            return Ok(None);
        }
        let now_ms = ground.clock.now_ms();
        let mut last = self_made(ground, now_ms).await?;
        let oldest_ms = now_ms.saturating_sub(fresh_ms(ground));
        // Answers may be later than now where the clock was set back.
        self.seen_ms = self.seen_ms.min(now_ms);
        let from_ms = self.seen_ms.saturating_sub(BACK_MS).max(oldest_ms);
        let mut from = (from_ms, RelayId(0));
        loop {
            let found = table::found(&ground.records, from, now_ms, BATCH).await?;
            let Some(end) = found.last() else {
                break;
            };
            from = (end.seen_ms, end.relay);
            self.seen_ms = self.seen_ms.max(end.seen_ms);
            let is_all = found.len() < BATCH as usize;
            let signed: Vec<Signed> = found
                .into_iter()
                .filter_map(|found| of_relay(ground, found, now_ms))
                .collect();
            if !signed.is_empty() {
                last = Some(table::keep(&ground.records, signed, now_ms).await?);
            }
            if is_all {
                break;
            }
        }
        Ok(last)
    }
}

/// How long ago a relay may have answered for that to be news: as long as it takes until it is checked anew, twice.
fn fresh_ms(ground: &Ground) -> u64 {
    let config = &ground.config.check;
    let interval = Duration::from_secs(config.interval_seconds);
    u64::try_from(interval.as_millis().saturating_mul(2))
        .unwrap_or(u64::MAX)
        .max(BACK_MS)
}

/// What is to be said of a relay, if anything.
fn of_relay(ground: &Ground, found: Found, now_ms: u64) -> Option<Signed> {
    let said = discovery(&found.reached);
    let interval = ground.config.publish.interval_seconds.saturating_mul(1_000);
    // There is something to say only after a check: of two, the nearer one to the end of the interval is taken.
    let half = ground.config.check.interval_seconds.saturating_mul(1_000) / 2;
    let interval = interval.saturating_sub(half);
    is_due(&said, found.last.as_ref(), interval, now_ms).then(|| {
        let mut signed = sign(ground, said, found.last.as_ref(), now_ms);
        (signed.relay, signed.seen_ms) = (Some(found.relay), found.seen_ms);
        signed
    })
}

/// Says who the monitor is, when that is due; the last place.
async fn self_made(ground: &Ground, now_ms: u64) -> Result<Option<u64>, Error> {
    let mut signed = Vec::new();
    for said in monitor(&ground.config) {
        let last = table::last_of_monitor(&ground.records, said.kind).await?;
        if is_due(&said, last.as_ref(), DAY_MS, now_ms) {
            signed.push(sign(ground, said, last.as_ref(), now_ms));
        }
    }
    if signed.is_empty() {
        return Ok(None);
    }
    Ok(Some(table::keep(&ground.records, signed, now_ms).await?))
}

/// Whether something is to be said: it is new, it has changed, or it was said long ago.
fn is_due(said: &Statement, last: Option<&Last>, interval_ms: u64, now_ms: u64) -> bool {
    last.is_none_or(|last| {
        let again_ms = last.at_ms.saturating_add(interval_ms);
        // A clock that was set back must not silence us.
        said.hash() != last.hash || now_ms >= again_ms || now_ms < last.at_ms
    })
}

/// Signs a statement. Its time is later than that of the one before, else relays would keep that.
fn sign(ground: &Ground, said: Statement, last: Option<&Last>, now_ms: u64) -> Signed {
    let after = last.map_or(0, |last| last.created_at.saturating_add(1));
    let at = Timestamp((now_ms / 1_000).max(after));
    Signed {
        relay: None,
        seen_ms: 0,
        hash: said.hash(),
        event: said.sign(&ground.monitor_key, at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::discovery::tests::bare;

    #[test]
    fn o2_5_what_is_said_again_has_changed_or_was_said_long_ago() {
        let said = discovery(&bare("wss://a.example"));
        let last = |hash, at_ms| {
            Some(Last {
                hash,
                at_ms,
                created_at: 1,
            })
        };
        let due = |last: Option<Last>| is_due(&said, last.as_ref(), 100, 1_000);
        assert!(due(None));
        assert!(due(last([0; 32], 1_000)));
        assert!(!due(last(said.hash(), 901)));
        assert!(due(last(said.hash(), 900)));
        assert!(due(last(said.hash(), 1_001)), "the clock was set back");
    }
}
