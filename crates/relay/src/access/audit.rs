//! The audit log: who called what, allowed or not (R3.2). Lines are added, never changed.

use serde::Serialize;
use stentor_sql::{Database, Error, Transaction};

/// Lines about callers who may not manage the relay that are kept: anybody can make such lines.
const STRANGERS: i64 = 10_000;
/// The outcome in lines about those.
pub(crate) const FORBIDDEN: &str = "forbidden";

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The key in hex, or `shell` for who works on the machine itself.
    pub name: String,
    /// The client's address.
    pub address: Option<String>,
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
        }
    }
}

/// Writes a line within a transaction.
pub(super) fn note(
    tx: &mut Transaction<'_>,
    actor: &Actor,
    method: &str,
    params: &str,
    outcome: &str,
    now: u64,
) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO relay_audit (at, actor, address, method, params, outcome) VALUES (?, ?, ?, ?, ?, ?)",
        (
            now as i64,
            actor.name.as_str(),
            actor.address.as_deref(),
            method,
            params,
            outcome,
        ),
    )?;
    if outcome == FORBIDDEN {
        tx.execute(
            "DELETE FROM relay_audit WHERE outcome = ? AND id <= (
                SELECT id FROM relay_audit WHERE outcome = ? ORDER BY id DESC LIMIT 1 OFFSET ?)",
            (FORBIDDEN, FORBIDDEN, STRANGERS),
        )?;
    }
    Ok(())
}

/// Writes a line of its own: a call that changed nothing.
pub(crate) async fn write(
    records: &Database,
    actor: &Actor,
    method: &str,
    params: &str,
    outcome: &str,
    now: u64,
) -> Result<(), Error> {
    let (actor, method) = (actor.clone(), method.to_owned());
    let (params, outcome) = (params.to_owned(), outcome.to_owned());
    records
        .write(move |tx| note(tx, &actor, &method, &params, &outcome, now))
        .await
}

/// The newest lines before the one with this number, newest first.
pub(crate) async fn read(
    records: &Database,
    before: Option<i64>,
    limit: usize,
) -> Result<Vec<AuditEntry>, Error> {
    type Row = (i64, i64, String, Option<String>, String, String, String);
    let rows: Vec<Row> = records
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
