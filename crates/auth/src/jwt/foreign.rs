//! An issuer elsewhere: its keys, fetched and kept, and what its tokens mean here.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::RwLock;
use stentor_event::Timestamp;
use stentor_net::dial::{Dialer, Target};
use stentor_net::http::{Excess, Request, StatusCode};
use tokio::sync::Mutex;

use super::key::{KeySet, VerifyKey};
use super::verify::{Peek, Rules};
use crate::config::{Issuer, Mapping};
use crate::failure::Category;
use crate::{AuthFailure, Credential, Principal, metrics};

/// Largest key set, in bytes.
const MAX_BYTES: usize = 256 * 1024;
/// How long fetching one may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Seconds between two fetches, whatever keys tokens name.
const AT_MOST_EVERY: u64 = 30;
/// Seconds after which a set is fetched anew by itself, so that keys that were taken out of it are forgotten.
const FETCHED_EVERY: u64 = 600;
/// Seconds after which a set that could not be fetched anew is good no more.
const LONGEST_KEPT: u64 = 86_400;

/// An issuer elsewhere.
pub(crate) struct Foreign {
    rules: Rules,
    mapping: Mapping,
    target: Target,
    dialer: Dialer,
    keys: RwLock<Kept>,
    /// One fetch at a time; others wait for its outcome.
    fetching: Arc<Mutex<()>>,
    /// When the last fetch began; 0: never.
    tried_at: AtomicU64,
}

/// The keys and when they were fetched.
#[derive(Default)]
struct Kept {
    keys: KeySet,
    fetched_at: Timestamp,
}

impl Foreign {
    /// An issuer whose keys are at an admitted address. Nothing is fetched yet.
    pub fn new(config: &Issuer, mapping: Mapping, target: Target, dialer: Dialer) -> Self {
        Self {
            rules: Rules {
                issuer: config.issuer.clone(),
                audience: config.audience.clone(),
                max_seconds: config.max_seconds,
                typ: None,
            },
            mapping,
            target,
            dialer,
            keys: RwLock::default(),
            fetching: Arc::default(),
            tried_at: AtomicU64::new(0),
        }
    }

    /// What its tokens say in `iss`.
    pub fn issuer(&self) -> &str {
        &self.rules.issuer
    }

    /// The principal of one of its tokens.
    pub async fn authenticate(
        self: &Arc<Self>,
        peek: &Peek<'_>,
        now: Timestamp,
    ) -> Result<Principal, AuthFailure> {
        let key = self.key(peek.kid(), now).await?;
        let verified = peek
            .verify(&key, &self.rules, now)
            .map_err(AuthFailure::invalid)?;
        let credential = Credential::Token {
            issuer: self.rules.issuer.clone(),
            id: verified.id,
        };
        let tenant = self.mapping.tenant(&verified.claims);
        Ok(Principal {
            // With the issuer, so that nobody elsewhere can call somebody as a principal of ours.
            subject: format!("{}|{}", self.rules.issuer, verified.subject),
            tenant: tenant.ok_or_else(|| AuthFailure::of(Category::Tenant, credential.id()))?,
            scopes: self.mapping.scopes(&verified.claims),
            credential,
            minted_by: Vec::new(),
            keys: Vec::new(),
            expires_at: Some(verified.expires_at),
        })
    }

    /// The key of this name, fetched if it is not known yet.
    async fn key(
        self: &Arc<Self>,
        kid: Option<&str>,
        now: Timestamp,
    ) -> Result<VerifyKey, AuthFailure> {
        if let Some(key) = self.known(kid, now) {
            return Ok(key);
        }
        self.fetch(AT_MOST_EVERY, now).await;
        match self.known(kid, now) {
            Some(key) => Ok(key),
            None if self.has_keys(now) => Err(AuthFailure::invalid(Category::UnknownKey)),
            None => Err(AuthFailure::unavailable()),
        }
    }

    fn known(&self, kid: Option<&str>, now: Timestamp) -> Option<VerifyKey> {
        let is_good = self.has_keys(now);
        self.keys.read().keys.find(kid).filter(|_| is_good).cloned()
    }

    fn has_keys(&self, now: Timestamp) -> bool {
        let kept = self.keys.read();
        kept.keys.len() > 0 && now.0.saturating_sub(kept.fetched_at.0) <= LONGEST_KEPT
    }

    /// Fetches the keys anew if they are old. To be called now and then.
    pub async fn refresh(self: &Arc<Self>, now: Timestamp) {
        if self.keys.read().fetched_at.0.saturating_add(FETCHED_EVERY) <= now.0 {
            self.fetch(AT_MOST_EVERY, now).await;
        }
    }

    /// Fetches the keys, unless that was tried within so many seconds, or waits for the fetch that is going on. It is made to its end,
    /// also when who caused it has gone: else somebody could keep it from ever being made by coming and going.
    async fn fetch(self: &Arc<Self>, seconds: u64, now: Timestamp) {
        let Ok(turn) = Arc::clone(&self.fetching).try_lock_owned() else {
            drop(self.fetching.lock().await);
            return;
        };
        let tried_at = self.tried_at.load(Ordering::Relaxed);
        if tried_at != 0 && now.0 < tried_at.saturating_add(seconds) {
            return;
        }
        self.tried_at.store(now.0, Ordering::Relaxed);
        let own = Arc::clone(self);
        let fetch = tokio::spawn(async move {
            own.replace_keys(now).await;
            drop(turn);
        });
        // It has no way to fail but the end of the program.
        let _ = fetch.await;
    }

    async fn replace_keys(&self, now: Timestamp) {
        match self.fetched().await {
            Ok(keys) => {
                metrics::fetched("ok");
                let fetched_at = now;
                *self.keys.write() = Kept { keys, fetched_at };
            }
            Err(problem) => {
                metrics::fetched("failed");
                tracing::warn!(
                    issuer = self.issuer(),
                    problem,
                    "the keys of an issuer could not be fetched"
                );
            }
        }
    }

    async fn fetched(&self) -> Result<KeySet, String> {
        let request = Request::get(self.target.clone())
            .within(PATIENCE)
            .at_most(MAX_BYTES, Excess::Fail);
        let answer = self
            .dialer
            .request(&request)
            .await
            .map_err(|error| error.to_string())?;
        if answer.status != StatusCode::OK {
            return Err(format!("status {}", answer.status.as_u16()));
        }
        let keys = KeySet::parse(&answer.body).filter(|keys| keys.len() > 0);
        keys.ok_or_else(|| "no set of keys that can be used here".to_owned())
    }
}
