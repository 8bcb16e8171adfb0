//! The relay's own row: how it is now.

use stentor_sql::{Error, FromRow, Row, Transaction, Value};

use super::entry::Entry;
use super::information;
use super::record::reason;
use crate::check::{self, Schedule, Untold, Verdict};
use crate::clock::{read, stored};
use crate::table::{RelayId, Status};

/// What was known of a relay before a check.
pub(super) struct Known {
    url: String,
    status: Status,
    since_ms: Option<i64>,
    failures: u64,
    document: Option<Vec<u8>>,
    facts: Option<Vec<u8>>,
    auth_required: Option<bool>,
    payment_required: Option<bool>,
    writes_restricted: Option<bool>,
}

/// What is told of a relay's past.
pub(super) struct Figures {
    pub day: Option<f64>,
    pub week: Option<f64>,
    pub month: Option<f64>,
    pub quarter: Option<f64>,
    pub degraded: Option<bool>,
}

impl FromRow for Known {
    fn from_row(row: Row) -> Result<Self, Error> {
        Ok(Self {
            url: row.get("url")?,
            status: Status::parse(&row.get::<String>("status")?),
            since_ms: row.get("status_since_ms")?,
            failures: read(row.get("failures")?),
            document: row.get("document")?,
            facts: row.get("facts")?,
            auth_required: row.get("auth_required")?,
            payment_required: row.get("payment_required")?,
            writes_restricted: row.get("writes_restricted")?,
        })
    }
}

impl Known {
    /// What is known; `None` when the relay is gone.
    pub fn read(tx: &mut Transaction<'_>, relay: RelayId) -> Result<Option<Self>, Error> {
        tx.fetch_optional(
            "SELECT url, status, status_since_ms, failures, document, facts, auth_required, payment_required, writes_restricted
             FROM observatory_relays WHERE id = ?",
            (relay.0,),
        )
    }

    /// Nothing was found out: everything stays, and the relay is soon looked at again, unless that takes a proxy.
    pub fn skip(
        &self,
        tx: &mut Transaction<'_>,
        entry: &Entry,
        schedule: Schedule,
    ) -> Result<(), Error> {
        let next = match entry.findings.verdict {
            Verdict::Untold(Untold::NoProxy) => schedule.next_ms(entry.relay, entry.at_ms, 0),
            _ => schedule.soon_ms(entry.relay, entry.at_ms),
        };
        tx.execute(
            "UPDATE observatory_relays SET next_ms = ? WHERE id = ?",
            (stored(next), entry.relay.0),
        )?;
        Ok(())
    }

    /// Writes what was found out; whether the relay has come or gone.
    pub fn update(
        &self,
        tx: &mut Transaction<'_>,
        entry: &Entry,
        online: bool,
        schedule: Schedule,
        figures: Figures,
    ) -> Result<bool, Error> {
        let status = match online {
            true => Status::Online,
            false => Status::Offline,
        };
        let failures = self.failures_after(online);
        let changed = status != self.status;
        let next = schedule.next_ms(entry.relay, entry.at_ms, failures);
        let since = match self.since_ms {
            Some(since) if !changed => since,
            _ => stored(entry.at_ms),
        };
        self.write_verdict(tx, entry, (status, since, failures, next), figures)?;
        write_certificate(tx, entry)?;
        if online {
            self.write_facts(tx, entry)?;
            self.write_policies(tx, entry)?;
            information::write(tx, entry, self.document.as_deref())?;
        }
        Ok(changed && self.status != Status::Unknown)
    }

    /// Its URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Checks in a row that found it offline, after one more.
    pub const fn failures_after(&self, online: bool) -> u64 {
        match online {
            true => 0,
            false => self.failures_of_checks() + 1,
        }
    }

    /// Before its first check a relay was a candidate, whose attempts were counted in the same place.
    const fn failures_of_checks(&self) -> u64 {
        match self.status {
            Status::Unknown => 0,
            Status::Online | Status::Offline => self.failures,
        }
    }

    fn write_verdict(
        &self,
        tx: &mut Transaction<'_>,
        entry: &Entry,
        (status, since, failures, next): (Status, i64, u64, u64),
        figures: Figures,
    ) -> Result<(), Error> {
        let findings = &entry.findings;
        let at = stored(entry.at_ms);
        let detail = match &findings.verdict {
            Verdict::Offline { detail, .. } => Some(detail.as_str()),
            Verdict::Online | Verdict::Untold(_) => None,
        };
        let ttl = findings.names.as_ref().and_then(|names| names.ttl);
        let values: Vec<Value> = vec![
            status.as_str().into(),
            reason(&findings.verdict).into(),
            detail.into(),
            at.into(),
            since.into(),
            (status == Status::Online).then_some(at).into(),
            stored(failures).into(),
            stored(next).into(),
            findings.open_ms.map(stored).into(),
            findings.read_ms.map(stored).into(),
            findings.write_ms.map(stored).into(),
            findings.written.map(check::Written::word).into(),
            ttl.into(),
            figures.day.into(),
            figures.week.into(),
            figures.month.into(),
            figures.quarter.into(),
            figures.degraded.into(),
            entry.relay.0.into(),
        ];
        tx.execute(
            "UPDATE observatory_relays SET status = ?, reason = ?, detail = ?, checked_ms = ?, status_since_ms = ?,
             seen_ms = COALESCE(?, seen_ms), failures = ?, next_ms = ?, open_ms = ?, read_ms = ?, write_ms = ?, write_outcome = ?,
             dns_ttl = COALESCE(?, dns_ttl), uptime_day = ?, uptime_week = ?, uptime_month = ?, uptime_quarter = ?, degraded = ? WHERE id = ?",
            values,
        )?;
        Ok(())
    }

    fn write_facts(&self, tx: &mut Transaction<'_>, entry: &Entry) -> Result<(), Error> {
        let hash = entry.facts.as_ref().map(|facts| facts.hash);
        if hash.as_ref().map(<[u8; 32]>::as_slice) == self.facts.as_deref() {
            return Ok(());
        }
        let findings = &entry.findings;
        let place = &findings.place;
        tx.execute(
            "UPDATE observatory_relays SET facts = ?, address = ?, asn = ?, country = ?, geohash = ? WHERE id = ?",
            (
                hash,
                findings.address.map(|address| address.to_string()),
                place.asn,
                place.country.as_deref(),
                place.geohash.as_deref(),
                entry.relay.0,
            ),
        )?;
        Ok(())
    }

    /// What was seen, else what the document says; where there was no answer about the document, what was known before.
    fn write_policies(&self, tx: &mut Transaction<'_>, entry: &Entry) -> Result<(), Error> {
        let asked = entry.information != check::Known::Unknown;
        let now = |new: Option<bool>, old: Option<bool>| if asked { new } else { new.or(old) };
        let findings = &entry.findings;
        let auth = now(findings.auth_required(), self.auth_required);
        let payment = now(findings.payment_required(), self.payment_required);
        let writes = now(findings.writes_restricted(), self.writes_restricted);
        if (auth, payment, writes)
            == (
                self.auth_required,
                self.payment_required,
                self.writes_restricted,
            )
        {
            return Ok(());
        }
        tx.execute(
            "UPDATE observatory_relays SET auth_required = ?, payment_required = ?, writes_restricted = ? WHERE id = ?",
            (auth, payment, writes, entry.relay.0),
        )?;
        Ok(())
    }
}

/// The end of the certificate is known of relays too that are offline for it.
fn write_certificate(tx: &mut Transaction<'_>, entry: &Entry) -> Result<(), Error> {
    let Some(until_ms) = entry.findings.certificate_until_ms() else {
        return Ok(());
    };
    tx.execute(
        "UPDATE observatory_relays SET certificate_until_ms = ?1 WHERE id = ?2 AND (certificate_until_ms IS NULL OR certificate_until_ms <> ?1)",
        (stored(until_ms), entry.relay.0),
    )?;
    Ok(())
}
