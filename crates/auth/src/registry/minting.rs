//! Making, listing and revoking API keys.

use secrecy::SecretString;
use stentor_event::{PublicKey, Timestamp};
use stentor_sql::{Row, Transaction};

use super::keys::{ApiKey, PREFIX};
use super::load::{self, KEY_COLUMNS};
use super::{ENDED_KEPT, Registry};
use crate::random::{self, SECRET_BYTES};
use crate::{ManageError, Scopes, Tenant, schema};

/// Most keys in one page of a list.
const MOST_LISTED: u32 = 1_000;
/// Most characters of a name.
const NAME_CHARS: usize = 100;

/// A key that is to be made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewKey {
    /// What it is for: 1 to 100 characters.
    pub name: String,
    /// Whose it is to be.
    pub tenant: Tenant,
    /// What it may do.
    pub scopes: Scopes,
    /// A Nostr key whose private events it is shown, if any.
    pub nostr_key: Option<PublicKey>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// A key that was made.
#[derive(Debug, Clone)]
pub struct Minted {
    /// What is kept of it.
    pub key: ApiKey,
    /// The key itself, to be shown once: it cannot be had again.
    pub text: SecretString,
}

impl NewKey {
    fn check(&self, now: Timestamp) -> Result<(), ManageError> {
        let fits = (1..=NAME_CHARS).contains(&self.name.chars().count());
        if !fits || self.name.chars().any(char::is_control) {
            return Err(ManageError::Name);
        }
        if self
            .expires_at
            .is_some_and(|end| end <= now || end > Timestamp::MAX)
        {
            return Err(ManageError::Expired);
        }
        Ok(())
    }

    fn record(&self, id: String, now: Timestamp) -> ApiKey {
        ApiKey {
            id,
            name: self.name.clone(),
            tenant: self.tenant.clone(),
            scopes: self.scopes,
            nostr_key: self.nostr_key.map(|key| key.to_string()),
            created_at: now.0,
            expires_at: self.expires_at.map(|end| end.0),
            revoked_at: None,
            used_at: None,
        }
    }
}

impl Registry {
    /// Makes a key. `Ok` means that it is kept; it is in force here at once, elsewhere within two seconds.
    ///
    /// # Errors
    /// [`ManageError`]: a name or an end that cannot be, a tenant that there is not, as many keys as there may be.
    pub async fn mint(&self, new: NewKey, now: Timestamp) -> Result<Minted, ManageError> {
        new.check(now)?;
        let (id, secret) = (random::id()?, random::bytes::<SECRET_BYTES>()?);
        let text = SecretString::from(format!("{PREFIX}_{id}_{}", random::text(&secret)));
        let (hash, most) = (random::hash(&secret), self.limits.api_keys);
        let key = new.record(id, now);
        let kept = key.clone();
        self.records
            .write(move |tx| {
                require_tenant(tx, &kept.tenant)?;
                require_room(tx, most, now)?;
                insert(tx, &kept, &hash, new.nostr_key)
            })
            .await?;
        self.changed(now).await;
        Ok(Minted { key, text })
    }

    /// Keys in the order of their ids, from after this one on; those of one tenant, or of all. Ended ones are listed for 90 days.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn keys(
        &self,
        tenant: Option<&Tenant>,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<ApiKey>, ManageError> {
        let tenant = tenant.map(Tenant::as_str);
        let sql = format!(
            "SELECT {KEY_COLUMNS} FROM auth_keys WHERE id > ? AND (tenant = ? OR ? = '')
             ORDER BY id LIMIT ?"
        );
        let any = tenant.unwrap_or_default();
        let params = (after.unwrap_or_default(), any, any, limit.min(MOST_LISTED));
        let rows: Vec<Row> = self
            .records
            .fetch_all(std::borrow::Cow::Owned(sql), params)
            .await?;
        // What cannot be read is no key, and was told of when it was loaded.
        let keys = rows.iter().filter_map(|row| load::key(row).ok());
        Ok(keys.map(|key| key.record).collect())
    }

    /// Revokes a key, of this tenant where one is given. `false`: it was revoked already.
    ///
    /// # Errors
    /// [`ManageError::NoSuchKey`], or those of the database.
    pub async fn revoke(
        &self,
        id: &str,
        tenant: Option<&Tenant>,
        now: Timestamp,
    ) -> Result<bool, ManageError> {
        let (id, tenant) = (id.to_owned(), tenant.cloned());
        let revoked = self
            .records
            .write(move |tx| revoke(tx, &id, tenant.as_ref(), now))
            .await?;
        self.changed(now).await;
        Ok(revoked)
    }
}

/// Refuses a tenant that there is not, or that is disabled.
pub(super) fn require_tenant(tx: &mut Transaction<'_>, tenant: &Tenant) -> Result<(), ManageError> {
    let found: Option<(i64,)> = tx.fetch_optional(
        "SELECT created_at FROM auth_tenants WHERE name = ? AND disabled_at IS NULL",
        (tenant.as_str(),),
    )?;
    let missing = || ManageError::NoSuchTenant(tenant.to_string());
    found.map(drop).ok_or_else(missing)
}

/// Removes what ended long ago, and refuses when there are as many as there may be.
fn require_room(tx: &mut Transaction<'_>, most: u64, now: Timestamp) -> Result<(), ManageError> {
    let ended = now.0.saturating_sub(ENDED_KEPT) as i64;
    tx.execute(
        "DELETE FROM auth_keys WHERE revoked_at <= ? OR expires_at <= ?",
        (ended, ended),
    )?;
    let (keys,): (u64,) = tx.fetch_one("SELECT COUNT(*) FROM auth_keys", ())?;
    if most != 0 && keys >= most {
        return Err(ManageError::TooMany { what: "keys", most });
    }
    Ok(())
}

fn insert(
    tx: &mut Transaction<'_>,
    key: &ApiKey,
    hash: &[u8; 32],
    nostr_key: Option<PublicKey>,
) -> Result<(), ManageError> {
    let version = schema::next_version(tx)?;
    tx.execute(
        "INSERT INTO auth_keys (id, hash, name, tenant, scopes, pubkey, created_at, expires_at, version)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            &key.id,
            hash,
            &key.name,
            key.tenant.as_str(),
            key.scopes.to_string(),
            nostr_key.map(|key| key.0),
            key.created_at as i64,
            key.expires_at.map(|end| end as i64),
            version,
        ),
    )?;
    Ok(())
}

fn revoke(
    tx: &mut Transaction<'_>,
    id: &str,
    tenant: Option<&Tenant>,
    now: Timestamp,
) -> Result<bool, ManageError> {
    let found: Option<(String, Option<i64>)> = tx.fetch_optional(
        "SELECT tenant, revoked_at FROM auth_keys WHERE id = ?",
        (id,),
    )?;
    let of_tenant = |owner: &str| tenant.is_none_or(|tenant| tenant.as_str() == owner);
    let (_, revoked) = found
        .filter(|(owner, _)| of_tenant(owner))
        .ok_or(ManageError::NoSuchKey)?;
    if revoked.is_some() {
        return Ok(false);
    }
    let version = schema::next_version(tx)?;
    tx.execute(
        "UPDATE auth_keys SET revoked_at = ?, version = ? WHERE id = ?",
        (now.0 as i64, version, id),
    )?;
    Ok(true)
}
