//! Principals of Nostr keys (NIP-98): what each key may do.

use std::collections::HashMap;

use stentor_event::{PublicKey, Timestamp};

use crate::config::{ConfigError, Nostr};
use crate::{Credential, Principal, Scopes, Tenant};

/// Tenants and scopes by key, and what any key may do.
pub(crate) struct NostrKeys {
    any: Scopes,
    by_key: HashMap<PublicKey, (Tenant, Scopes)>,
    session_seconds: u64,
}

impl NostrKeys {
    /// As configured.
    pub fn new(config: &Nostr) -> Result<Self, ConfigError> {
        Ok(Self {
            any: config.any(),
            by_key: config.by_key()?,
            session_seconds: config.session_seconds,
        })
    }

    /// The principal of a key that has signed a request; `None` when it may do nothing.
    pub fn principal(&self, key: PublicKey, now: Timestamp) -> Option<Principal> {
        let own = self.by_key.get(&key).cloned();
        let (tenant, scopes) = own.unwrap_or_else(|| (Tenant::default(), self.any));
        let end = now.0.saturating_add(self.session_seconds);
        (!scopes.is_empty()).then(|| Principal {
            subject: format!("nostr:{key}"),
            tenant,
            scopes,
            credential: Credential::nostr(&key),
            minted_by: Vec::new(),
            keys: vec![key],
            expires_at: Some(Timestamp(end)),
        })
    }
}
