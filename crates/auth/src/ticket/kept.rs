//! Tickets in the records. Only a hash of each is there.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use stentor_event::{PublicKey, Timestamp};
use stentor_sql::{Database, Row, Transaction, Value, placeholders};

use super::{FIRST_USE, TOUCHED_EVERY};
use crate::config::Limits;
use crate::{Credential, ManageError, Principal, Scopes};

/// Tickets that are asked about in one query.
pub(super) const MOST_ASKED: usize = 500;

/// A row.
pub(super) struct Ticket {
    pub id: String,
    pub hash: [u8; 32],
    pub seal: [u8; 32],
    pub surface: String,
    pub principal: Principal,
    pub created_at: Timestamp,
    pub ends_at: Timestamp,
    pub uses: u64,
}

impl Ticket {
    /// Who has minted it, with all that has to be good for its use: the ticket, too.
    pub fn standing(&self) -> Principal {
        let mut principal = self.principal.clone();
        let (id, number) = (self.id.clone(), self.uses);
        principal.minted_by.push(Credential::Ticket { id, number });
        principal
    }
}

/// What of a principal is not in columns of its own.
#[derive(Serialize, Deserialize)]
struct Rest {
    scopes: String,
    credential: Credential,
    minted_by: Vec<Credential>,
    keys: Vec<String>,
}

impl Rest {
    fn of(principal: &Principal) -> Self {
        Self {
            scopes: principal.scopes.to_string(),
            credential: principal.credential.clone(),
            minted_by: principal.minted_by.clone(),
            keys: principal.keys.iter().map(ToString::to_string).collect(),
        }
    }
}

/// Keeps a ticket, if there is room.
pub(super) async fn insert(
    records: &Database,
    ticket: Ticket,
    limits: &Limits,
) -> Result<(), ManageError> {
    let rest = serde_json::to_string(&Rest::of(&ticket.principal));
    let rest = rest.map_err(|error| ManageError::Damaged(error.to_string()))?;
    let limits = limits.clone();
    let write = move |tx: &mut Transaction<'_>| {
        remove_ended(tx, &limits, ticket.created_at)?;
        require_room(tx, &ticket.principal, &limits, ticket.created_at)?;
        tx.execute(
            "INSERT INTO auth_tickets
                (id, hash, seal, surface, principal, subject, tenant, created_at, ends_at, used_at, uses)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
            (
                &ticket.id,
                ticket.hash,
                ticket.seal,
                &ticket.surface,
                &rest,
                &ticket.principal.subject,
                ticket.principal.tenant.as_str(),
                ticket.created_at.0 as i64,
                ticket.ends_at.0 as i64,
                ticket.created_at.0 as i64,
            ),
        )?;
        Ok(())
    };
    records.write(write).await
}

/// Makes room for one more ticket of a principal: where it has as many as it may have, the one that was not used for longest goes, if no
/// stream can be living by it.
fn require_room(
    tx: &mut Transaction<'_>,
    principal: &Principal,
    limits: &Limits,
    now: Timestamp,
) -> Result<(), ManageError> {
    let owner = (principal.tenant.as_str(), principal.subject.as_str());
    let (own,): (u64,) = tx.fetch_one(
        "SELECT COUNT(*) FROM auth_tickets WHERE tenant = ? AND subject = ?",
        owner,
    )?;
    let most = limits.tickets_per_principal;
    if most != 0 && own >= most {
        let idle = now.0.saturating_sub(2 * TOUCHED_EVERY) as i64;
        let removed = tx.execute(
            "DELETE FROM auth_tickets WHERE id = (
                SELECT id FROM auth_tickets
                WHERE tenant = ? AND subject = ? AND uses > 0 AND used_at <= ?
                ORDER BY used_at LIMIT 1)",
            (owner.0, owner.1, idle),
        )?;
        let what = "tickets of this principal";
        return if removed == 0 {
            Err(ManageError::TooMany { what, most })
        } else {
            Ok(())
        };
    }
    let (all,): (u64,) = tx.fetch_one("SELECT COUNT(*) FROM auth_tickets", ())?;
    let most = limits.tickets;
    if most != 0 && all >= most {
        let what = "tickets";
        return Err(ManageError::TooMany { what, most });
    }
    Ok(())
}

/// Removes what has ended, what was not used in time (a minute more: for a better answer), and what was not used for long.
fn remove_ended(
    tx: &mut Transaction<'_>,
    limits: &Limits,
    now: Timestamp,
) -> Result<(), ManageError> {
    let late = now.0.saturating_sub(2 * FIRST_USE) as i64;
    let idle = now.0.saturating_sub(limits.ticket_idle_seconds) as i64;
    tx.execute(
        "DELETE FROM auth_tickets
         WHERE ends_at <= ? OR (uses = 0 AND created_at <= ?) OR (uses > 0 AND used_at <= ?)",
        (now.0 as i64, late, idle),
    )?;
    Ok(())
}

pub(super) async fn sweep(
    records: &Database,
    limits: &Limits,
    now: Timestamp,
) -> Result<(), ManageError> {
    let limits = limits.clone();
    records
        .write(move |tx| remove_ended(tx, &limits, now))
        .await
}

/// Notes that streams live by these tickets.
pub(super) async fn touch(
    records: &Database,
    ids: Vec<String>,
    now: Timestamp,
) -> Result<(), ManageError> {
    let sql = format!(
        "UPDATE auth_tickets SET used_at = ? WHERE id IN ({})",
        placeholders(ids.len())
    );
    let values: Vec<Value> = std::iter::once(Value::Integer(now.0 as i64))
        .chain(ids.into_iter().map(Value::Text))
        .collect();
    let write = move |tx: &mut Transaction<'_>| {
        tx.execute(Cow::<'static, str>::Owned(sql.clone()), values.clone())?;
        Ok(())
    };
    records.write(write).await
}

/// The ticket of this id.
pub(super) async fn find(records: &Database, id: &str) -> Result<Option<Ticket>, ManageError> {
    let row: Option<Row> = records
        .fetch_optional(
            "SELECT id, hash, seal, surface, principal, subject, tenant, created_at, ends_at, uses
             FROM auth_tickets WHERE id = ?",
            (id,),
        )
        .await?;
    row.map(|row| ticket(&row)).transpose()
}

fn ticket(row: &Row) -> Result<Ticket, ManageError> {
    let id: String = row.get("id")?;
    let damaged = || ManageError::Damaged(format!("the principal of ticket {id} cannot be read"));
    let rest: Rest =
        serde_json::from_str(&row.get::<String>("principal")?).map_err(|_| damaged())?;
    let keys = rest
        .keys
        .iter()
        .map(|key| PublicKey::from_hex(key.as_bytes()));
    let ends_at = Timestamp(row.get("ends_at")?);
    let principal = Principal {
        subject: row.get("subject")?,
        tenant: row
            .get::<String>("tenant")?
            .parse()
            .map_err(|_| damaged())?,
        scopes: Scopes::known(rest.scopes.split_ascii_whitespace()),
        keys: keys.collect::<Option<_>>().ok_or_else(damaged)?,
        credential: rest.credential,
        minted_by: rest.minted_by,
        expires_at: Some(ends_at),
    };
    Ok(Ticket {
        principal,
        hash: row.get("hash")?,
        seal: row.get("seal")?,
        surface: row.get("surface")?,
        created_at: Timestamp(row.get("created_at")?),
        ends_at,
        uses: row.get("uses")?,
        id,
    })
}

/// Counts a use and returns its number. `None` when another was the first, or the ticket is gone.
pub(super) async fn use_once_more(
    records: &Database,
    id: &str,
    is_first: bool,
    now: Timestamp,
) -> Result<Option<u64>, ManageError> {
    let id = id.to_owned();
    let write = move |tx: &mut Transaction<'_>| {
        let used: Option<(u64,)> = tx.fetch_optional(
            "UPDATE auth_tickets SET uses = uses + 1, used_at = ?
             WHERE id = ? AND (uses = 0 OR ?) RETURNING uses",
            (now.0 as i64, &id, !is_first),
        )?;
        Ok(used.map(|(uses,)| uses))
    };
    records.write(write).await
}

/// How often these tickets have been used.
pub(super) async fn uses(
    records: &Database,
    ids: Vec<String>,
) -> Result<HashMap<String, u64>, ManageError> {
    let sql = format!(
        "SELECT id, uses FROM auth_tickets WHERE id IN ({})",
        placeholders(ids.len())
    );
    let ids: Vec<Value> = ids.into_iter().map(Value::Text).collect();
    let rows: Vec<(String, u64)> = records
        .fetch_all(Cow::<'static, str>::Owned(sql), ids)
        .await?;
    Ok(rows.into_iter().collect())
}
