//! Credentials that are not kept here, such as signed tokens, and were revoked before their end.

use stentor_event::Timestamp;
use stentor_sql::Transaction;

use super::Registry;
use crate::{Credential, ManageError, schema};

/// Seconds that a revocation outlives what it is about, as clocks differ and what has ended is let in for as long.
const OUTLIVES: u64 = 120;

impl Registry {
    /// Revokes a credential on all nodes until this time, after which it has ended by itself: a token, a Nostr key, a ticket, a
    /// token that its issuer is asked about. API keys have [`Registry::revoke`].
    ///
    /// # Errors
    /// [`ManageError::NotForThis`] for an API key and for nothing, [`ManageError::TooMany`], or those of the database.
    pub async fn revoke_credential(
        &self,
        credential: &Credential,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<(), ManageError> {
        if matches!(credential, Credential::ApiKey(_) | Credential::Public) {
            return Err(ManageError::NotForThis);
        }
        let (id, most) = (credential.id(), self.limits.revoked);
        self.records
            .write(move |tx| insert(tx, &id, until, most, now))
            .await?;
        self.changed(now).await;
        Ok(())
    }
}

fn insert(
    tx: &mut Transaction<'_>,
    id: &str,
    until: Timestamp,
    most: u64,
    now: Timestamp,
) -> Result<(), ManageError> {
    tx.execute("DELETE FROM auth_revoked WHERE until <= ?", (now.0 as i64,))?;
    let (revoked,): (u64,) = tx.fetch_one("SELECT COUNT(*) FROM auth_revoked", ())?;
    if most != 0 && revoked >= most {
        let what = "revoked credentials";
        return Err(ManageError::TooMany { what, most });
    }
    let (version, until) = (
        schema::next_version(tx)?,
        until.0.saturating_add(OUTLIVES).min(Timestamp::MAX.0) as i64,
    );
    tx.execute(
        "INSERT INTO auth_revoked (credential, until, version) VALUES (?, ?, ?)
         ON CONFLICT (credential) DO UPDATE SET until = excluded.until, version = excluded.version",
        (id, until, version),
    )?;
    Ok(())
}
