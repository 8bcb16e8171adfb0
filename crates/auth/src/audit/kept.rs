//! Lines in the records.

use stentor_sql::{Database, Row, Transaction};

use super::{AuditKind, AuditLine};
use crate::{ManageError, Tenant};

/// Lines after which those that are too many or too old are removed: up to so many more may be there.
pub(super) const TRIMMED_EVERY: u64 = 1_000;

/// Writes lines; `trims`: then keeps so many of each of the two kinds, and none from before a time.
pub(super) async fn write(
    records: &Database,
    lines: Vec<AuditLine>,
    trims: Option<(u64, u64)>,
) -> Result<(), ManageError> {
    let write = move |tx: &mut Transaction<'_>| {
        lines.iter().try_for_each(|line| insert(tx, line))?;
        trims.map_or(Ok(()), |(kept, oldest)| trim(tx, kept, oldest))
    };
    records.write(write).await
}

fn insert(tx: &mut Transaction<'_>, line: &AuditLine) -> Result<(), ManageError> {
    tx.execute(
        "INSERT INTO auth_audit (at, kind, subject, tenant, credential, address, surface, detail, count)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            line.at as i64,
            &line.kind,
            line.subject.as_deref(),
            line.tenant.as_deref(),
            line.credential.as_deref(),
            line.address.as_deref(),
            line.surface.as_deref(),
            &line.detail,
            line.count as i64,
        ),
    )?;
    Ok(())
}

/// Removes what is too old, and of failures and of everything else what is too much.
fn trim(tx: &mut Transaction<'_>, kept: u64, oldest: u64) -> Result<(), ManageError> {
    tx.execute("DELETE FROM auth_audit WHERE at < ?", (oldest as i64,))?;
    let failed = AuditKind::Failed.as_str();
    for failures in [true, false] {
        tx.execute(
            "DELETE FROM auth_audit WHERE (kind = ?) = ? AND id <= (
                SELECT id FROM auth_audit WHERE (kind = ?) = ? ORDER BY id DESC LIMIT 1 OFFSET ?)",
            (failed, failures, failed, failures, kept as i64),
        )?;
    }
    Ok(())
}

pub(super) async fn read(
    records: &Database,
    tenant: Option<&Tenant>,
    before: Option<i64>,
    limit: u32,
) -> Result<Vec<AuditLine>, ManageError> {
    let tenant = tenant.map(Tenant::as_str).unwrap_or_default();
    let rows: Vec<Row> = records
        .fetch_all(
            "SELECT id, at, kind, subject, tenant, credential, address, surface, detail, count FROM auth_audit
             WHERE id < ? AND (tenant = ? OR ? = '') ORDER BY id DESC LIMIT ?",
            (before.unwrap_or(i64::MAX), tenant, tenant, limit),
        )
        .await?;
    rows.iter().map(line).collect()
}

fn line(row: &Row) -> Result<AuditLine, ManageError> {
    Ok(AuditLine {
        id: row.get("id")?,
        at: row.get("at")?,
        kind: row.get("kind")?,
        subject: row.get("subject")?,
        tenant: row.get("tenant")?,
        credential: row.get("credential")?,
        address: row.get("address")?,
        surface: row.get("surface")?,
        detail: row.get("detail")?,
        count: row.get("count")?,
    })
}
