//! What has changed in the records since a version.

use stentor_event::{PublicKey, Timestamp};
use stentor_sql::{Database, Row, Transaction};

use super::keys::{ApiKey, KnownKey};
use super::signers::Signer;
use super::tenants::TenantRecord;
use crate::{ManageError, Scopes};

/// Rows that are read at once.
const PAGE: usize = 1_000;

/// Columns of a key, as [`key`] reads them.
pub(super) const KEY_COLUMNS: &str =
    "id, hash, name, tenant, scopes, pubkey, created_at, expires_at, revoked_at, used_at, version";

/// Rows with a version above another.
pub(super) struct Changes {
    pub version: i64,
    pub keys: Vec<KnownKey>,
    /// Ids of keys whose rows cannot be read: they are no keys any more, and keep nobody from reading the others.
    pub damaged: Vec<String>,
    pub tenants: Vec<TenantRecord>,
    pub revoked: Vec<(String, Timestamp)>,
    pub signers: Vec<Signer>,
}

/// Reads all that has a version above this, as of one moment.
pub(super) async fn changes(records: &Database, known: i64) -> Result<Changes, ManageError> {
    records.read(move |tx| since(tx, known)).await
}

fn since(tx: &mut Transaction<'_>, known: i64) -> Result<Changes, ManageError> {
    let (version,): (i64,) = tx.fetch_one("SELECT version FROM auth_state", ())?;
    let mut changes = Changes {
        version,
        keys: Vec::new(),
        damaged: Vec::new(),
        tenants: Vec::new(),
        revoked: Vec::new(),
        signers: Vec::new(),
    };
    if version <= known {
        return Ok(changes);
    }
    for row in rows(tx, KEY_COLUMNS, "auth_keys", known)? {
        match key(&row) {
            Ok(key) => changes.keys.push(key),
            Err(error) => {
                tracing::error!(%error, "an API key cannot be read");
                changes.damaged.push(row.get("id")?);
            }
        }
    }
    for row in rows(
        tx,
        "name, created_at, disabled_at, version",
        "auth_tenants",
        known,
    )? {
        changes.tenants.push(tenant(&row)?);
    }
    for row in rows(tx, "credential, until, version", "auth_revoked", known)? {
        changes
            .revoked
            .push((row.get("credential")?, Timestamp(row.get("until")?)));
    }
    for row in rows(tx, "kid, public, until, version", "auth_signers", known)? {
        changes.signers.push(Signer {
            kid: row.get("kid")?,
            public: row.get("public")?,
            until: Timestamp(row.get("until")?),
        });
    }
    Ok(changes)
}

/// All rows of a table above a version. Each change has a version of its own, so that pages do not cut one in two.
fn rows(
    tx: &mut Transaction<'_>,
    columns: &str,
    table: &str,
    known: i64,
) -> Result<Vec<Row>, ManageError> {
    let sql = format!("SELECT {columns} FROM {table} WHERE version > ? ORDER BY version LIMIT ?");
    let (mut all, mut last) = (Vec::new(), known);
    loop {
        let page: Vec<Row> =
            tx.fetch_all(std::borrow::Cow::Owned(sql.clone()), (last, PAGE as i64))?;
        let full = page.len() == PAGE;
        if let Some(row) = page.last() {
            last = row.get("version")?;
        }
        all.extend(page);
        if !full {
            return Ok(all);
        }
    }
}

pub(super) fn key(row: &Row) -> Result<KnownKey, ManageError> {
    let id: String = row.get("id")?;
    let damaged = |what: &str| ManageError::Damaged(format!("{what} of key {id} cannot be read"));
    let pubkey: Option<[u8; 32]> = row.get("pubkey")?;
    let record = ApiKey {
        name: row.get("name")?,
        tenant: row
            .get::<String>("tenant")?
            .parse()
            .map_err(|_| damaged("tenant"))?,
        scopes: Scopes::known(row.get::<String>("scopes")?.split_ascii_whitespace()),
        nostr_key: pubkey.map(|key| PublicKey(key).to_string()),
        created_at: row.get("created_at")?,
        expires_at: row.get("expires_at")?,
        revoked_at: row.get("revoked_at")?,
        used_at: row.get("used_at")?,
        id,
    };
    Ok(KnownKey::new(
        record,
        row.get("hash")?,
        pubkey.map(PublicKey),
    ))
}

pub(super) fn tenant(row: &Row) -> Result<TenantRecord, ManageError> {
    let name: String = row.get("name")?;
    Ok(TenantRecord {
        name: name.parse()?,
        created_at: row.get("created_at")?,
        disabled_at: row.get("disabled_at")?,
    })
}
