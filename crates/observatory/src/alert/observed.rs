//! From a check to what is told of it, in the transaction of the check.

use std::collections::BTreeSet;

use serde_json::json;
use stentor_bus::{Draft, EventType, append, rfc3339};
use stentor_sql::Transaction;

use super::judge::{Alert, Finding, Told, judge};
use super::table::{self, Watching};
use super::text::text;
use crate::clock::{read, stored};
use crate::config;
use crate::error::Error;
use crate::ground::Ground;
use crate::table::RelayId;

/// What a check has found that alerts are made of. Not for checks that say nothing of the relay, as our own network was down.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Observed<'a> {
    /// The relay.
    pub relay: RelayId,
    /// Its URL.
    pub url: &'a str,
    /// Whether it answered.
    pub online: bool,
    /// Checks in a row, this one among them, that found it offline.
    pub offline_in_a_row: u64,
    /// Why it is offline, in a word.
    pub reason: Option<&'a str>,
    /// From when on its certificate is good, in Unix milliseconds.
    pub certificate_from_ms: Option<u64>,
    /// Until when, likewise.
    pub certificate_until_ms: Option<u64>,
}

/// Tells whoever watches this relay what there is to tell of a check; how many alerts that were. Called in the check's transaction, after the relay's row was
/// written. After the commit, [`committed`] makes it known sooner.
///
/// # Errors
/// Those of the records and of the bus.
pub(crate) fn observed(
    tx: &mut Transaction<'_>,
    config: &config::Alert,
    observed: &Observed<'_>,
    now_ms: u64,
) -> Result<u64, Error> {
    let watching = table::watching(tx, observed.relay)?;
    if watching.is_empty() {
        return Ok(0);
    }
    let finding = finding(tx, observed, now_ms)?;
    let mut told = Vec::new();
    for watch in &watching {
        let (after, alerts) = judge(config, watch.told, &finding, now_ms);
        if after != watch.told {
            table::set_told(tx, &watch.id, after)?;
        }
        for alert in alerts {
            table::count(tx, alert, now_ms)?;
            if let (Some(recipient), true) = (watch.recipient, config.messages) {
                let text = text(alert, observed.url, observed.reason, now_ms);
                table::add_message(tx, &watch.id, recipient, &text, now_ms)?;
            }
            told.push((watch.told, alert));
        }
    }
    let count = told.len() as u64;
    append(tx, &drafts(&watching, told, observed), now_ms)?;
    Ok(count)
}

/// Makes what was told in a transaction that has committed known at once; without it, it is found a little later.
pub(crate) fn committed(ground: &Ground) {
    if let Some(bus) = &ground.bus {
        bus.wake();
    }
    ground.signals.alerts.notify_one();
}

/// The check as it is judged. Since when a relay is offline, its row says.
fn finding(
    tx: &mut Transaction<'_>,
    observed: &Observed<'_>,
    now_ms: u64,
) -> Result<Finding, stentor_sql::Error> {
    let since: Option<(Option<i64>,)> = match observed.online {
        true => None,
        false => tx.fetch_optional(
            "SELECT status_since_ms FROM observatory_relays WHERE id = ? AND status = 'offline'",
            (observed.relay.0,),
        )?,
    };
    Ok(Finding {
        online: observed.online,
        offline_in_a_row: observed.offline_in_a_row,
        offline_since_ms: since.and_then(|(since,)| since).map_or(now_ms, read),
        // The end of the last day that the records can hold is no sooner told of than the end of time.
        certificate_from_ms: observed.certificate_from_ms,
        certificate_until_ms: observed
            .certificate_until_ms
            .map(|until| read(stored(until))),
    })
}

/// The envelopes. However many watch a relay, each thing that happens is told once; and a watch that was made later, and is told of what
/// others know, adds none.
fn drafts(watching: &[Watching], told: Vec<(Told, Alert)>, observed: &Observed<'_>) -> Vec<Draft> {
    let any = |known: fn(&Told) -> bool| watching.iter().any(|watch| known(&watch.told));
    let mut words = BTreeSet::new();
    let news = told.into_iter().filter(|(before, alert)| {
        let is_known = match alert {
            Alert::Down { .. } => any(|told| told.down_since_ms.is_some()),
            Alert::Recovered { .. } => false,
            Alert::Certificate { .. } => {
                before.certificate_ms.is_none() && any(|told| told.certificate_ms.is_some())
            }
        };
        !is_known && words.insert(alert.word())
    });
    news.map(|(_, alert)| draft(alert, observed)).collect()
}

fn draft(alert: Alert, observed: &Observed<'_>) -> Draft {
    let relay = observed.url;
    let (event_type, data) = match alert {
        Alert::Down { since_ms, checks } => {
            let reason = observed.reason.unwrap_or("unknown");
            let data = json!({ "relay": relay, "reason": reason, "since": rfc3339(since_ms), "checks": checks });
            (EventType::RelayMonitorDown, data)
        }
        Alert::Recovered { since_ms } => {
            let data = json!({ "relay": relay, "since": rfc3339(since_ms) });
            (EventType::RelayMonitorRecovered, data)
        }
        Alert::Certificate { until_ms } => {
            let data = json!({ "relay": relay, "until": rfc3339(until_ms) });
            (EventType::RelayMonitorCertificate, data)
        }
    };
    Draft {
        subject: Some(relay.to_owned()),
        ..Draft::new(event_type, data)
    }
}
