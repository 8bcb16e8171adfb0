//! API keys: how they are written, what is kept of them, how one is checked.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use stentor_event::{PublicKey, Timestamp};

use super::{ENDED_KEPT, Registry};
use crate::failure::Category;
use crate::random::{self, SECRET_BYTES};
use crate::{AuthFailure, Credential, EndReason, ManageError, Principal, Scopes, Tenant};

/// What every key begins with, so that scanners for leaked secrets find them.
pub(super) const PREFIX: &str = "stk";
/// Seconds between two notes of a key's use.
const NOTED_EVERY: u64 = 60;
/// Uses that are noted in one transaction.
const NOTED_AT_ONCE: usize = 500;

/// An API key as its holder has it: `stk_<id>_<secret>`, 16 hex digits and 32 bytes in base64url. The id is public.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyText {
    pub(super) id: String,
    pub(super) secret: [u8; SECRET_BYTES],
}

/// Not of the form of an API key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an API key")]
pub struct KeyTextError;

impl FromStr for KeyText {
    type Err = KeyTextError;

    fn from_str(text: &str) -> Result<Self, KeyTextError> {
        let (id, secret) = random::id_and_secret(text, PREFIX).ok_or(KeyTextError)?;
        let id = id.to_owned();
        Ok(Self { id, secret })
    }
}

impl KeyText {
    /// The public part.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl fmt::Debug for KeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyText({})", self.id)
    }
}

/// What is kept of an API key, for lists. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApiKey {
    /// Its public id.
    pub id: String,
    /// What it is for, as its maker has called it.
    pub name: String,
    /// Whose it is.
    pub tenant: Tenant,
    /// What it may do.
    pub scopes: Scopes,
    /// The Nostr key that was assigned to it, in hex: it is shown that key's private events.
    pub nostr_key: Option<String>,
    /// When it was made, in Unix seconds, as all times here.
    pub created_at: u64,
    /// When it ends.
    pub expires_at: Option<u64>,
    /// When it was revoked.
    pub revoked_at: Option<u64>,
    /// When it was last used, to within a minute or two.
    pub used_at: Option<u64>,
}

impl ApiKey {
    /// Whether it ended so long ago that nobody has to know it any more.
    pub(super) fn has_long_ended(&self, now: Timestamp) -> bool {
        let end = self.revoked_at.or(self.expires_at);
        end.is_some_and(|end| end.saturating_add(ENDED_KEPT) <= now.0)
    }
}

/// A key in memory.
pub(crate) struct KnownKey {
    pub(super) record: ApiKey,
    pub(super) hash: [u8; 32],
    pub(super) key: Option<PublicKey>,
    used_at: AtomicU64,
    noted_at: AtomicU64,
}

impl KnownKey {
    pub(super) fn new(record: ApiKey, hash: [u8; 32], key: Option<PublicKey>) -> Self {
        let noted = record.used_at.unwrap_or(0);
        Self {
            record,
            hash,
            key,
            used_at: AtomicU64::new(noted),
            noted_at: AtomicU64::new(noted),
        }
    }

    pub(super) fn used_at(&self) -> u64 {
        self.used_at.load(Ordering::Relaxed)
    }

    pub(super) fn has_been_used_at(&self, second: u64) {
        self.used_at.fetch_max(second, Ordering::Relaxed);
    }

    /// Whether it is still good.
    pub(super) fn judge(&self, now: Timestamp) -> Result<(), EndReason> {
        if self.record.revoked_at.is_some() {
            return Err(EndReason::Revoked);
        }
        match self.record.expires_at {
            Some(end) if end <= now.0 => Err(EndReason::Expired),
            _ => Ok(()),
        }
    }

    /// Whether its use has to be noted in the records now.
    fn is_due(&self) -> bool {
        let noted = self.noted_at.load(Ordering::Relaxed);
        self.used_at() >= noted.saturating_add(NOTED_EVERY)
    }

    fn principal(&self) -> Principal {
        Principal {
            subject: format!("key:{}", self.record.id),
            tenant: self.record.tenant.clone(),
            scopes: self.record.scopes,
            credential: Credential::ApiKey(self.record.id.clone()),
            minted_by: Vec::new(),
            keys: self.key.into_iter().collect(),
            expires_at: self.record.expires_at.map(Timestamp),
        }
    }
}

impl Registry {
    /// The principal of an API key.
    ///
    /// # Errors
    /// [`AuthFailure::Invalid`] and [`AuthFailure::Unavailable`].
    pub(crate) async fn authenticate(
        &self,
        text: &KeyText,
        now: Timestamp,
    ) -> Result<Principal, AuthFailure> {
        let known = match self.key(&text.id) {
            Some(known) => Some(known),
            None => {
                // It may have been made on another node a moment ago.
                self.look_again(now).await;
                self.key(&text.id)
            }
        };
        if !self.is_fresh(now) {
            return Err(AuthFailure::unavailable());
        }
        let public = Credential::ApiKey(text.id.clone()).id();
        let Some(known) = known else {
            return Err(AuthFailure::of(Category::Unknown, public));
        };
        // First the secret: who does not have it learns nothing of the key.
        if !random::are_same(&random::hash(&text.secret), &known.hash) {
            return Err(AuthFailure::of(Category::Forged, public));
        }
        let principal = known.principal();
        self.still_good(&principal, now).map_err(|reason| {
            let category = match reason {
                EndReason::Expired => Category::Expired,
                EndReason::TenantDisabled => Category::Tenant,
                _ => Category::Revoked,
            };
            AuthFailure::of(category, public)
        })?;
        known.has_been_used_at(now.0);
        Ok(principal)
    }

    /// Writes down when keys were last used: of each at most once a minute, many in one transaction.
    ///
    /// # Errors
    /// Those of the database; it is tried again with the next call.
    pub(crate) async fn note_uses(&self) -> Result<(), ManageError> {
        let due: Vec<_> = {
            let state = self.state.read();
            let due = state.keys.values().filter(|key| key.is_due());
            due.take(NOTED_AT_ONCE).cloned().collect()
        };
        if due.is_empty() {
            return Ok(());
        }
        let uses: Vec<_> = due
            .iter()
            .map(|key| (key.record.id.clone(), key.used_at() as i64))
            .collect();
        let noted = uses.clone();
        self.records
            .write(move |tx| {
                for (id, at) in &noted {
                    tx.execute(
                        "UPDATE auth_keys SET used_at = ? WHERE id = ? AND (used_at IS NULL OR used_at < ?)",
                        (*at, id, *at),
                    )?;
                }
                Ok::<_, ManageError>(())
            })
            .await?;
        for (key, (_, at)) in due.iter().zip(uses) {
            key.noted_at.fetch_max(at as u64, Ordering::Relaxed);
        }
        Ok(())
    }
}
