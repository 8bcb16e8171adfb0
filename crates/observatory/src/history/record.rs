//! Keeping a batch of checks, in one transaction.

use stentor_sql::Transaction;

use super::days::{self, Day};
use super::degraded::{self, Times};
use super::document;
use super::entry::Entry;
use super::outcomes::Tally;
use super::row::{Figures, Known};
use super::uptime::{self, DAY_MS, Seen};
use crate::alert;
use crate::check::{self, Schedule, Verdict};
use crate::clock::{read, stored};
use crate::config;
use crate::error::Error;
use crate::table::RelayId;

/// Checks of a day that are looked at for its uptime, the newest.
const MOST_CHECKS: i64 = 1_500;
/// Days before the present one that tell what is usual.
const USUAL_DAYS: u64 = 30;
/// The longest time over which an uptime is told, in days.
const QUARTER: u64 = 90;

/// What keeping checks has led to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Recorded {
    /// Relays that have come or gone.
    pub changed: u64,
    /// Alerts that were told (O4.5).
    pub alerts: u64,
}

/// Keeps checks, and tells whoever watches what there is to tell. A check that is kept already, or whose relay is gone, changes nothing.
///
/// # Errors
/// Those of the records and of the bus.
pub(crate) fn record(
    tx: &mut Transaction<'_>,
    schedule: Schedule,
    config: &config::Alert,
    entries: &[Entry],
) -> Result<Recorded, Error> {
    let (mut recorded, mut tally) = (Recorded::default(), Tally::default());
    for entry in entries {
        let one = one(tx, schedule, config, entry, &mut tally)?;
        recorded.changed += one.changed;
        recorded.alerts += one.alerts;
    }
    tally.write(tx)?;
    Ok(recorded)
}

/// Keeps one.
fn one(
    tx: &mut Transaction<'_>,
    schedule: Schedule,
    config: &config::Alert,
    entry: &Entry,
    tally: &mut Tally,
) -> Result<Recorded, Error> {
    let Some(known) = Known::read(tx, entry.relay)? else {
        return Ok(Recorded::default());
    };
    if !insert(tx, entry)? {
        return Ok(Recorded::default());
    }
    tally.add(entry);
    keep_documents(tx, entry)?;
    let Some(online) = entry.findings.verdict.online() else {
        known.skip(tx, entry, schedule)?;
        return Ok(Recorded::default());
    };
    days::add(tx, entry)?;
    let figures = figures(tx, entry)?;
    // Somebody waits for the word that it is back.
    let schedule = match !online && alert::is_watched(tx, entry.relay)? {
        true => schedule.without_doubling(),
        false => schedule,
    };
    let changed = known.update(tx, entry, online, schedule, figures)?;
    let reason = reason(&entry.findings.verdict);
    let tls = entry.findings.tls.as_ref();
    let observed = alert::Observed {
        relay: entry.relay,
        url: known.url(),
        online,
        offline_in_a_row: known.failures_after(online),
        reason: reason.as_deref(),
        certificate_from_ms: tls.and_then(|tls| tls.certificate_from_ms()),
        certificate_until_ms: entry.findings.certificate_until_ms(),
    };
    Ok(Recorded {
        changed: u64::from(changed),
        alerts: alert::observed(tx, config, &observed, entry.at_ms)?,
    })
}

/// The row of a check; whether it is new.
fn insert(tx: &mut Transaction<'_>, entry: &Entry) -> Result<bool, stentor_sql::Error> {
    let findings = &entry.findings;
    let information = match &entry.information {
        check::Known::Present(document) => Some(document.hash),
        check::Known::Unknown | check::Known::Absent => None,
    };
    let added = tx.execute(
        "INSERT INTO observatory_checks (relay, at_ms, online, reason, open_ms, read_ms, write_ms, write_outcome, attempts, document, facts)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (relay, at_ms) DO NOTHING",
        (
            entry.relay.0,
            stored(entry.at_ms),
            findings.verdict.online(),
            reason(&findings.verdict),
            findings.open_ms.map(stored),
            findings.read_ms.map(stored),
            findings.write_ms.map(stored),
            findings.written.map(check::Written::word),
            stored(entry.attempts),
            information,
            entry.facts.as_ref().map(|facts| facts.hash),
        ),
    )?;
    Ok(added > 0)
}

/// The word of a verdict in the records.
pub(super) fn reason(verdict: &Verdict) -> Option<String> {
    match verdict {
        Verdict::Online => None,
        Verdict::Offline { reason, .. } => Some(reason.word().into_owned()),
        Verdict::Untold(why) => Some(why.word().to_owned()),
    }
}

fn keep_documents(tx: &mut Transaction<'_>, entry: &Entry) -> Result<(), stentor_sql::Error> {
    if let check::Known::Present(information) = &entry.information {
        document::keep(tx, document::NIP11, information, entry.at_ms)?;
    }
    if let Some(facts) = &entry.facts {
        document::keep(tx, "facts", facts, entry.at_ms)?;
    }
    Ok(())
}

/// Uptimes, and whether it is slow, with this check among the others.
fn figures(tx: &mut Transaction<'_>, entry: &Entry) -> Result<Figures, stentor_sql::Error> {
    let now_ms = entry.at_ms;
    let today = now_ms / DAY_MS;
    let days = days::since(tx, entry.relay, today.saturating_sub(QUARTER))?;
    let checks = last_day(tx, entry.relay, now_ms)?;
    let seen: Vec<Seen> = checks
        .iter()
        .rev()
        .map(|check| (check.at_ms, check.online))
        .collect();
    let online = checks.iter().filter(|check| check.online);
    let times: Vec<Times> = online
        .take(degraded::RECENT)
        .map(|check| check.times)
        .collect();
    let usual: Vec<Day> = days
        .iter()
        .filter(|day| day.day < today && today - day.day <= USUAL_DAYS)
        .copied()
        .collect();
    let over = |count| uptime::of_days(&days, count, now_ms);
    Ok(Figures {
        day: uptime::of_checks(&seen),
        week: over(7),
        month: over(30),
        quarter: over(QUARTER),
        degraded: degraded::degraded(&usual, &times),
    })
}

struct Check {
    at_ms: u64,
    online: bool,
    times: Times,
}

/// The checks of the last 24 hours that say something, newest first.
fn last_day(
    tx: &mut Transaction<'_>,
    relay: RelayId,
    now_ms: u64,
) -> Result<Vec<Check>, stentor_sql::Error> {
    type Columns = (i64, bool, Option<i64>, Option<i64>);
    let rows: Vec<Columns> = tx.fetch_all(
        "SELECT at_ms, online, open_ms, read_ms FROM observatory_checks
         WHERE relay = ? AND at_ms > ? AND at_ms <= ? AND online IS NOT NULL ORDER BY at_ms DESC LIMIT ?",
        (
            relay.0,
            stored(now_ms.saturating_sub(DAY_MS)),
            stored(now_ms),
            MOST_CHECKS,
        ),
    )?;
    let check = |(at_ms, online, open, reading): Columns| Check {
        at_ms: read(at_ms),
        online,
        times: (open.map(read), reading.map(read)),
    };
    Ok(rows.into_iter().map(check).collect())
}
