//! The rows of the jobs.

use stentor_sql::{Error, Row, Sql, Transaction, Value};
use uuid::Uuid;

use super::{Job, JobKind, Query, Reason, Status};
use crate::outbox::{signed, unsigned};

const COLUMNS: &str = "id, kind, tenant, owner, status, percent, reason, created_ms, ended_ms";

/// The job of a row; one of a newer program, whose words are not known, is none.
fn job(row: &Row) -> Result<Option<Job>, Error> {
    let id: Vec<u8> = row.get("id")?;
    let (kind, status): (String, String) = (row.get("kind")?, row.get("status")?);
    let reason: Option<String> = row.get("reason")?;
    let ended_ms: Option<i64> = row.get("ended_ms")?;
    let known = (
        Uuid::from_slice(&id).ok(),
        JobKind::parse(&kind),
        Status::parse(&status),
    );
    let (Some(id), Some(kind), Some(status)) = known else {
        return Ok(None);
    };
    Ok(Some(Job {
        id,
        kind,
        status,
        tenant: row.get("tenant")?,
        owner: row.get("owner")?,
        percent: u8::try_from(row.get::<i64>("percent")?).unwrap_or(100),
        reason: reason.as_deref().and_then(Reason::parse),
        created_ms: unsigned(row.get("created_ms")?),
        ended_ms: ended_ms.map(unsigned),
    }))
}

pub(super) fn insert(tx: &mut Transaction<'_>, job: &Job, node: &str) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO bus_jobs (id, node, kind, tenant, owner, status, percent, created_ms, cancel)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, FALSE)",
        (
            job.id.as_bytes().to_vec(),
            node,
            job.kind.as_str(),
            job.tenant.clone(),
            job.owner.clone(),
            job.status.as_str(),
            i64::from(job.percent),
            signed(job.created_ms),
        ),
    )?;
    Ok(())
}

/// Writes how it is with a job that has not ended; whether that was so.
pub(super) fn update(tx: &mut Transaction<'_>, job: &Job) -> Result<bool, Error> {
    let changed = tx.execute(
        "UPDATE bus_jobs SET status = ?, percent = ?, reason = ?, ended_ms = ?
         WHERE id = ? AND status IN ('queued', 'running')",
        (
            job.status.as_str(),
            i64::from(job.percent),
            job.reason.map(Reason::as_str),
            job.ended_ms.map(signed),
            job.id.as_bytes().to_vec(),
        ),
    )?;
    Ok(changed > 0)
}

pub(super) fn by_id(tx: &mut Transaction<'_>, id: Uuid) -> Result<Option<Job>, Error> {
    let sql = Sql::Built(format!("SELECT {COLUMNS} FROM bus_jobs WHERE id = ?"));
    let row: Option<Row> = tx.fetch_optional(sql, (id.as_bytes().to_vec(),))?;
    row.as_ref().map_or(Ok(None), job)
}

/// Jobs of a tenant, the newest first.
pub(super) fn list(tx: &mut Transaction<'_>, query: &Query) -> Result<Vec<Job>, Error> {
    let mut sql = format!("SELECT {COLUMNS} FROM bus_jobs WHERE tenant = ?");
    let mut values: Vec<Value> = vec![query.tenant.clone().into()];
    if let Some(owner) = &query.owner {
        sql.push_str(" AND owner = ?");
        values.push(owner.clone().into());
    }
    if let Some(before) = query.before {
        sql.push_str(" AND id < ?");
        values.push(before.as_bytes().to_vec().into());
    }
    sql.push_str(" ORDER BY id DESC LIMIT ?");
    values.push(i64::from(query.limit).into());
    let rows: Vec<Row> = tx.fetch_all(Sql::Built(sql), values)?;
    rows.iter().filter_map(|row| job(row).transpose()).collect()
}

/// Jobs of a node that have not ended.
pub(super) fn unfinished(tx: &mut Transaction<'_>, node: &str) -> Result<Vec<Job>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM bus_jobs
         WHERE node = ? AND status IN ('queued', 'running') ORDER BY id LIMIT 1000"
    );
    let rows: Vec<Row> = tx.fetch_all(Sql::Built(sql), (node,))?;
    rows.iter().filter_map(|row| job(row).transpose()).collect()
}

/// Asks for the end of a job that has not ended; whether there is one.
pub(super) fn ask_to_end(tx: &mut Transaction<'_>, id: Uuid) -> Result<bool, Error> {
    let asked = tx.execute(
        "UPDATE bus_jobs SET cancel = TRUE WHERE id = ? AND status IN ('queued', 'running')",
        (id.as_bytes().to_vec(),),
    )?;
    Ok(asked > 0)
}

/// The jobs of a node whose end was asked for.
pub(super) const ASKED_TO_END: &str = "SELECT id FROM bus_jobs
    WHERE node = ? AND cancel AND status IN ('queued', 'running') LIMIT 1000";

/// Forgets jobs that have ended before a moment, and the oldest beyond so many.
pub(super) fn forget(tx: &mut Transaction<'_>, before_ms: u64, most: u64) -> Result<u64, Error> {
    let old = tx.execute(
        "DELETE FROM bus_jobs WHERE status IN ('completed', 'failed') AND ended_ms < ?",
        (signed(before_ms),),
    )?;
    let many = tx.execute(
        "DELETE FROM bus_jobs WHERE status IN ('completed', 'failed') AND id <=
            (SELECT id FROM bus_jobs ORDER BY id DESC LIMIT 1 OFFSET ?)",
        (signed(most),),
    )?;
    Ok(old + many)
}
