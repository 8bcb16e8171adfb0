//! The audit log: who called what, allowed or not (R3.2). Lines are added, never changed.
//!
//! What admins and the shell have done stays for good. Lines that others can cause are bounded, each [`Class`] by itself, so
//! that nobody can wash out anybody else's.

use std::sync::atomic::{AtomicU32, Ordering};

use serde::Serialize;
use stentor_event::PublicKey;
use stentor_sql::{Database, Error, Transaction};

/// Lines of a bounded class after which those that are too many are removed: up to so many more may be there.
const TRIMMED_EVERY: u32 = 1_000;
/// The outcome in lines about callers who may not call what they call.
pub(crate) const FORBIDDEN: &str = "forbidden";

/// Whose doing a line is about, which decides how long it is kept. The numbers are in the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Calls of admins and of the shell that were not refused. For good.
    Call = 0,
    /// Refused calls signed by admins: who has seen their signature can send them again.
    Refused = 1,
    /// Refused calls of anybody else.
    Stranger = 2,
    /// What people do about their own membership.
    Member = 3,
}

impl Class {
    /// The bounded ones.
    const BOUNDED: [Self; 3] = [Self::Refused, Self::Stranger, Self::Member];

    /// How many of the newest lines are kept; `None`: all.
    const fn kept(self) -> Option<i64> {
        match self {
            Self::Call => None,
            Self::Refused | Self::Stranger => Some(10_000),
            Self::Member => Some(100_000),
        }
    }
}

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The key in hex, or `shell` for who works on the machine itself.
    pub name: String,
    /// The client's address.
    pub address: Option<String>,
    class: Class,
}

/// A line of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditEntry {
    /// Its number; later lines have greater ones.
    pub id: i64,
    /// When, in Unix seconds.
    pub at: i64,
    /// The key of the caller, or `shell`.
    pub actor: String,
    /// The client's address.
    pub address: Option<String>,
    /// What was called.
    pub method: String,
    /// With what, as a JSON array.
    pub params: String,
    /// `ok`, `forbidden`, or what went wrong.
    pub outcome: String,
}

impl Actor {
    /// Who works on the machine itself.
    pub fn shell() -> Self {
        Self {
            name: "shell".into(),
            address: None,
            class: Class::Call,
        }
    }

    /// Who it is to the bus: as principals are called.
    pub(super) fn subject(&self) -> String {
        if self.address.is_some() {
            format!("nostr:{}", self.name)
        } else {
            self.name.clone()
        }
    }

    /// Who holds this key, at this address.
    pub(crate) fn key(key: &PublicKey, client: std::net::IpAddr, class: Class) -> Self {
        Self {
            name: key.to_string(),
            address: Some(client.to_string()),
            class,
        }
    }
}

/// The log of one node.
pub(crate) struct Log {
    records: Database,
    /// Lines of each bounded class that were written since the start.
    written: [AtomicU32; Class::BOUNDED.len()],
}

/// A line that is about to be written, within a transaction or by itself.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    actor: Actor,
    method: String,
    params: String,
    outcome: String,
    at: i64,
    /// Whether too old lines of its class leave with it.
    trims: bool,
}

impl Log {
    pub(super) fn new(records: Database) -> Self {
        Self {
            records,
            written: Default::default(),
        }
    }

    /// A line.
    pub(super) fn entry(
        &self,
        actor: &Actor,
        method: &str,
        params: &str,
        outcome: &str,
        now: u64,
    ) -> Entry {
        Entry {
            trims: self.trims(actor.class),
            actor: actor.clone(),
            method: method.to_owned(),
            params: params.to_owned(),
            outcome: outcome.to_owned(),
            at: now as i64,
        }
    }

    /// Whether it is time to remove lines of this class: with the first one after the start, then now and then.
    fn trims(&self, class: Class) -> bool {
        let bounded = Class::BOUNDED.iter().position(|bounded| *bounded == class);
        let written = bounded.and_then(|place| self.written.get(place));
        written.is_some_and(|written| {
            written
                .fetch_add(1, Ordering::Relaxed)
                .is_multiple_of(TRIMMED_EVERY)
        })
    }

    /// Writes a line of its own: a call that changed nothing.
    pub(crate) async fn write(
        &self,
        actor: &Actor,
        method: &str,
        params: &str,
        outcome: &str,
        now: u64,
    ) -> Result<(), Error> {
        let entry = self.entry(actor, method, params, outcome, now);
        self.records.write(move |tx| entry.write(tx)).await
    }

    /// The newest lines before the one with this number, newest first.
    pub(crate) async fn read(
        &self,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<AuditEntry>, Error> {
        type Row = (i64, i64, String, Option<String>, String, String, String);
        let rows: Vec<Row> = self
            .records
            .fetch_all(
                "SELECT id, at, actor, address, method, params, outcome FROM relay_audit
                 WHERE id < ? ORDER BY id DESC LIMIT ?",
                (before.unwrap_or(i64::MAX), limit as i64),
            )
            .await?;
        let entry = |(id, at, actor, address, method, params, outcome): Row| AuditEntry {
            id,
            at,
            actor,
            address,
            method,
            params,
            outcome,
        };
        Ok(rows.into_iter().map(entry).collect())
    }
}

impl Entry {
    /// Writes the line within a transaction.
    pub(super) fn write(&self, tx: &mut Transaction<'_>) -> Result<(), Error> {
        tx.execute(
            "INSERT INTO relay_audit (at, actor, address, method, params, outcome, class)
             VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                self.at,
                self.actor.name.as_str(),
                self.actor.address.as_deref(),
                self.method.as_str(),
                self.params.as_str(),
                self.outcome.as_str(),
                self.actor.class as i64,
            ),
        )?;
        match self.actor.class.kept() {
            Some(kept) if self.trims => trim(tx, self.actor.class, kept),
            _ => Ok(()),
        }
    }
}

/// Removes all lines of a class but the newest.
fn trim(tx: &mut Transaction<'_>, class: Class, kept: i64) -> Result<(), Error> {
    // That the class is positive is said because the index is on these lines only.
    tx.execute(
        "DELETE FROM relay_audit WHERE class = ? AND class > 0 AND id <= (
            SELECT id FROM relay_audit WHERE class = ? AND class > 0
            ORDER BY id DESC LIMIT 1 OFFSET ?)",
        (class as i64, class as i64, kept),
    )?;
    Ok(())
}
