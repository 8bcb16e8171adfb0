//! Keys, tenants and revocations in memory, as they stand in the records.
//!
//! Asking costs no query: each node knows all of them (their number is limited) and reads every two seconds what has changed
//! since, by a version that each change takes in its transaction. So what is revoked on one node ends on all within these two
//! seconds and the second in which streams ask [`Registry::still_good`].
//!
//! While the database cannot be reached, what is known stays good for [`Limits::outage_seconds`]. After that nothing that needs
//! the database is good any more: who could revoke it could not be heard.

mod keys;
mod load;
mod minting;
mod revoked;
mod signers;
mod tenants;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;
use stentor_event::Timestamp;
use stentor_sql::Database;
use tokio::sync::watch;

use crate::config::Limits;
use crate::schema::MIGRATIONS;
use crate::{Credential, EndReason, ManageError, Principal, Tenant, metrics};

pub(crate) use keys::KnownKey;
pub use keys::{ApiKey, KeyText, KeyTextError};
pub use minting::{Minted, NewKey};
pub(crate) use signers::Signer;
pub use tenants::TenantRecord;

/// Seconds that ended keys are kept for the list and for a better answer than "unknown".
const ENDED_KEPT: u64 = 90 * 86_400;

/// The keys, tenants and revocations of a deployment.
pub struct Registry {
    records: Database,
    limits: Limits,
    state: RwLock<State>,
    /// Tells of every change, by its version.
    changes: watch::Sender<i64>,
    /// One poll at a time.
    polling: tokio::sync::Mutex<()>,
    /// The second of the last poll that an unknown id caused.
    looked_at: AtomicU64,
}

/// What is known.
struct State {
    version: i64,
    keys: HashMap<String, Arc<KnownKey>>,
    /// Those that are not disabled.
    tenants: HashSet<Tenant>,
    /// Public ids of credentials that were revoked, and until when that has to be known.
    revoked: HashMap<String, Timestamp>,
    /// Public keys of our own issuer, by name.
    signers: HashMap<String, Signer>,
    /// When it was last known to be all there is.
    seen_at: Timestamp,
}

impl Registry {
    /// Brings the tables up to date and reads them.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn open(
        records: Database,
        limits: &Limits,
        now: Timestamp,
    ) -> Result<Self, ManageError> {
        records.migrate(&MIGRATIONS).await?;
        let registry = Self {
            records,
            limits: limits.clone(),
            state: RwLock::new(State::empty()),
            changes: watch::Sender::new(-1),
            polling: tokio::sync::Mutex::default(),
            looked_at: AtomicU64::new(0),
        };
        registry.poll(now).await?;
        Ok(registry)
    }

    /// The database behind it.
    pub fn records(&self) -> &Database {
        &self.records
    }

    /// Its limits.
    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Reads what has changed. To be called every two seconds ([`Authenticator::run`](crate::Authenticator::run) does).
    ///
    /// # Errors
    /// Those of the database. What is known stays as it is.
    pub async fn poll(&self, now: Timestamp) -> Result<(), ManageError> {
        let _turn = self.polling.lock().await;
        let known = self.state.read().version;
        let changes = match load::changes(&self.records, known).await {
            Ok(changes) => changes,
            Err(error) => {
                metrics::poll_failed();
                return Err(error);
            }
        };
        let version = changes.version;
        let keys = {
            let mut state = self.state.write();
            state.apply(changes, now);
            state.keys.len()
        };
        metrics::known(keys);
        self.changes
            .send_if_modified(|known| std::mem::replace(known, version) != version);
        Ok(())
    }

    /// A receiver that wakes up after every change of keys, tenants and revocations that this node has heard of: for who wants to ask
    /// [`Authenticator::still_good`](crate::Authenticator::still_good) at once.
    pub fn watch(&self) -> watch::Receiver<i64> {
        self.changes.subscribe()
    }

    /// Reads what has changed because of something that is not known here: at most once a second, whoever asks.
    pub(crate) async fn look_again(&self, now: Timestamp) {
        if self.looked_at.fetch_max(now.0, Ordering::Relaxed) < now.0
            && let Err(error) = self.poll(now).await
        {
            tracing::warn!(%error, "news of keys and tenants could not be read");
        }
    }

    /// After a change that this node has made. What could not be read comes with the next poll.
    async fn changed(&self, now: Timestamp) {
        if let Err(error) = self.poll(now).await {
            tracing::warn!(%error, "a change of keys or tenants will be in force with the next poll");
        }
    }

    /// Whether the database was heard of within the time that is tolerated.
    pub(crate) fn is_fresh(&self, now: Timestamp) -> bool {
        let age = now.0.saturating_sub(self.state.read().seen_at.0);
        age <= self.limits.outage_seconds
    }

    /// Whether there is such a tenant, not disabled.
    pub fn has_tenant(&self, tenant: &Tenant) -> bool {
        self.state.read().tenants.contains(tenant)
    }

    /// The key of this id.
    pub(crate) fn key(&self, id: &str) -> Option<Arc<KnownKey>> {
        self.state.read().keys.get(id).cloned()
    }

    /// Whether a principal is still good, as far as the records can tell: a look-up in memory, made to be asked each second for each
    /// stream.
    ///
    /// # Errors
    /// Why its stream has to end.
    pub(crate) fn still_good(
        &self,
        principal: &Principal,
        now: Timestamp,
    ) -> Result<(), EndReason> {
        if principal.is_expired(now) {
            return Err(EndReason::Expired);
        }
        let needs_records = principal.credential != Credential::Public;
        if needs_records && !self.is_fresh(now) {
            return Err(EndReason::Unverified);
        }
        let state = self.state.read();
        if !state.tenants.contains(&principal.tenant) {
            return Err(EndReason::TenantDisabled);
        }
        principal
            .credentials()
            .try_for_each(|credential| state.judge(credential, now))
    }
}

impl State {
    /// Nothing yet. The records begin with version 0.
    fn empty() -> Self {
        Self {
            version: -1,
            keys: HashMap::new(),
            tenants: HashSet::new(),
            revoked: HashMap::new(),
            signers: HashMap::new(),
            seen_at: Timestamp(0),
        }
    }

    /// Whether this credential was revoked or has expired.
    fn judge(&self, credential: &Credential, now: Timestamp) -> Result<(), EndReason> {
        if let Credential::ApiKey(id) = credential {
            return self.keys.get(id).ok_or(EndReason::Revoked)?.judge(now);
        }
        if !self.revoked.is_empty() && self.revoked.contains_key(&credential.id()) {
            return Err(EndReason::Revoked);
        }
        Ok(())
    }

    /// Takes changes over, and forgets what nobody needs to know any more.
    fn apply(&mut self, changes: load::Changes, now: Timestamp) {
        self.seen_at = self.seen_at.max(now);
        self.revoked.retain(|_, until| *until > now);
        if changes.version == self.version {
            return;
        }
        self.version = changes.version;
        for key in changes.keys {
            let known = self.keys.get(&key.record.id);
            let used_at = known.map_or(0, |known| known.used_at());
            key.has_been_used_at(used_at);
            self.keys.insert(key.record.id.clone(), Arc::new(key));
        }
        for id in changes.damaged {
            self.keys.remove(&id);
        }
        for tenant in changes.tenants {
            if tenant.disabled_at.is_some() {
                self.tenants.remove(&tenant.name);
            } else {
                self.tenants.insert(tenant.name);
            }
        }
        self.revoked.extend(
            changes
                .revoked
                .into_iter()
                .filter(|(_, until)| *until > now),
        );
        let signers = changes.signers.into_iter();
        self.signers
            .extend(signers.map(|signer| (signer.kid.clone(), signer)));
        self.signers.retain(|_, signer| signer.until > now);
        self.keys.retain(|_, key| !key.record.has_long_ended(now));
    }
}
