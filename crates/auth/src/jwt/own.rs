//! Our own issuer: signs tokens, and tells the world and the other nodes with which keys.
//!
//! Each node has a private key of its own, which never leaves its folder of secrets. The public keys are in the records, so that all
//! nodes verify what any of them has signed. A new key signs after `key_days`; an old one is known until its last token has ended.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jsonwebtoken::{Algorithm, Header};
use parking_lot::RwLock;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use stentor_event::{PublicKey, Timestamp};

use super::key::VerifyKey;
use super::provider;
use super::signing_key::SigningKey;
use super::verify::{Peek, Rules, SKEW_SECONDS};
use crate::SecretError;
use crate::config::Tokens;
use crate::failure::Category;
use crate::registry::Signer;
use crate::{AuthFailure, Credential, ManageError, Principal, Registry, Scopes, Tenant, random};

/// The type of our tokens (RFC 9068), so that no other token of the same key can be taken for one.
const TYP: &str = "at+jwt";

/// Tokens made with tokens made with tokens, and so on: so many times.
const LONGEST_CHAIN: usize = 4;

/// Signs and verifies the tokens of this deployment.
pub(crate) struct Own {
    config: Tokens,
    rules: Rules,
    folder: PathBuf,
    registry: Arc<Registry>,
    signing: RwLock<Arc<SigningKey>>,
}

/// The claims of our tokens.
#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: String,
    iat: u64,
    exp: u64,
    jti: String,
    tenant: Tenant,
    scope: String,
    /// Nostr keys, in hex.
    #[serde(default)]
    nostr: Vec<String>,
    /// The credentials that it was made with.
    #[serde(default)]
    minted_by: Vec<Credential>,
}

/// A token that was issued.
#[derive(Debug)]
pub struct Issued {
    /// The token.
    pub token: SecretString,
    /// What it is called when it is to be revoked.
    pub credential: Credential,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl Own {
    /// Reads the key in the folder of secrets; makes one when there is none, or when it is too old.
    pub async fn open(
        config: &Tokens,
        folder: &Path,
        registry: Arc<Registry>,
        now: Timestamp,
    ) -> Result<Self, OwnError> {
        provider::install();
        let key = match SigningKey::read(folder)? {
            Some(key) if !is_old(&key, config, now) => key,
            _ => SigningKey::replace(folder, now)?,
        };
        let own = Self {
            rules: Rules {
                issuer: config.issuer.clone(),
                audience: config.audience.clone(),
                max_seconds: 0,
                typ: Some(TYP),
            },
            config: config.clone(),
            folder: folder.to_owned(),
            registry,
            signing: RwLock::new(Arc::new(key)),
        };
        let key = Arc::clone(&own.signing.read());
        own.tell(&key, now).await?;
        Ok(own)
    }

    /// What its tokens say in `iss`.
    pub fn issuer(&self) -> &str {
        &self.config.issuer
    }

    /// Signs with a new key from now on, if the old one has served its time. To be called now and then.
    pub async fn rotate(&self, now: Timestamp) -> Result<(), OwnError> {
        if !is_old(&self.signing.read(), &self.config, now) {
            return Ok(());
        }
        let folder = self.folder.clone();
        let made = tokio::task::spawn_blocking(move || SigningKey::replace(&folder, now));
        let key = Arc::new(made.await.map_err(|_| ManageError::Signing)??);
        self.tell(&key, now).await?;
        *self.signing.write() = key;
        tracing::info!("tokens are signed with a new key");
        Ok(())
    }

    /// Writes the public key into the records: nothing is signed before that.
    async fn tell(&self, key: &SigningKey, now: Timestamp) -> Result<(), ManageError> {
        let days = self.config.key_days.saturating_mul(86_400);
        let last = key.created_at.0.saturating_add(days).max(now.0);
        let until = last.saturating_add(self.config.seconds + 2 * SKEW_SECONDS);
        let signer = Signer {
            kid: key.kid.clone(),
            public: key.public,
            until: Timestamp(until),
        };
        self.registry.add_signer(signer, now).await
    }

    /// Issues a token for a principal, with these scopes of its own, for so many seconds at most. It ends before, when what the
    /// principal has shown ends.
    pub fn issue(
        &self,
        principal: &Principal,
        scopes: Scopes,
        seconds: u64,
        now: Timestamp,
    ) -> Result<Issued, ManageError> {
        // An answer about an opaque token holds for seconds and on one node, anybody needs no token, and a ticket is for streams.
        let passes = matches!(
            principal.credential,
            Credential::ApiKey(_) | Credential::Nostr(_) | Credential::Token { .. }
        );
        if !passes || principal.minted_by.len() >= LONGEST_CHAIN {
            return Err(ManageError::NotForThis);
        }
        let longest = now.0.saturating_add(seconds.min(self.config.seconds));
        let end = principal
            .expires_at
            .map_or(longest, |end| end.0.min(longest));
        if end <= now.0 {
            return Err(ManageError::Expired);
        }
        let claims = Claims {
            iss: self.config.issuer.clone(),
            sub: principal.subject.clone(),
            aud: self.config.audience.clone(),
            iat: now.0,
            exp: end,
            jti: random::id()?,
            tenant: principal.tenant.clone(),
            scope: scopes.within(principal.scopes).to_string(),
            nostr: principal.keys.iter().map(ToString::to_string).collect(),
            minted_by: principal.credentials().cloned().collect(),
        };
        self.sign(&claims)
    }

    fn sign(&self, claims: &Claims) -> Result<Issued, ManageError> {
        let key = Arc::clone(&self.signing.read());
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(TYP.to_owned());
        header.kid = Some(key.kid.clone());
        let token =
            jsonwebtoken::encode(&header, claims, &key.key).map_err(|_| ManageError::Signing)?;
        Ok(Issued {
            token: token.into(),
            credential: Credential::Token {
                issuer: claims.iss.clone(),
                id: claims.jti.clone(),
            },
            expires_at: Timestamp(claims.exp),
        })
    }

    /// The principal of one of our tokens.
    pub async fn authenticate(
        &self,
        peek: &Peek<'_>,
        now: Timestamp,
    ) -> Result<Principal, AuthFailure> {
        let key = self.key(peek.kid(), now).await?;
        let verified = peek
            .verify(&key, &self.rules, now)
            .map_err(AuthFailure::invalid)?;
        let credential = Credential::Token {
            issuer: self.config.issuer.clone(),
            id: verified.id,
        };
        let claims: Claims = serde_json::from_value(Value::Object(verified.claims))
            .map_err(|_| AuthFailure::of(Category::Claims, credential.id()))?;
        let keys = claims
            .nostr
            .iter()
            .map(|key| PublicKey::from_hex(key.as_bytes()));
        Ok(Principal {
            subject: verified.subject,
            tenant: claims.tenant,
            scopes: Scopes::known(claims.scope.split_ascii_whitespace()),
            keys: keys
                .collect::<Option<_>>()
                .ok_or_else(|| AuthFailure::invalid(Category::Claims))?,
            credential,
            minted_by: claims.minted_by,
            expires_at: Some(verified.expires_at),
        })
    }

    async fn key(&self, kid: Option<&str>, now: Timestamp) -> Result<VerifyKey, AuthFailure> {
        let unknown = AuthFailure::invalid(Category::UnknownKey);
        let Some(kid) = kid else { return Err(unknown) };
        let known = match self.registry.signer(kid, now) {
            Some(public) => Some(public),
            None => {
                // Another node may have made it a moment ago.
                self.registry.look_again(now).await;
                self.registry.signer(kid, now)
            }
        };
        known
            .map(|public| VerifyKey::ed25519(kid.to_owned(), &public))
            .ok_or(unknown)
    }

    /// The public keys, as a JWK set (RFC 7517, RFC 8037).
    pub fn jwks(&self, now: Timestamp) -> Value {
        let key = |signer: Signer| {
            let x = random::text(&signer.public);
            json!({"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": signer.kid, "x": x})
        };
        let keys: Vec<_> = self.registry.signers(now).into_iter().map(key).collect();
        json!({ "keys": keys })
    }
}

/// Whether a key has signed for as long as it may.
fn is_old(key: &SigningKey, config: &Tokens, now: Timestamp) -> bool {
    let days = config.key_days.saturating_mul(86_400);
    key.created_at.0.saturating_add(days) <= now.0
}

/// Why the own issuer cannot work.
#[derive(Debug, thiserror::Error)]
pub enum OwnError {
    /// Its key.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The records.
    #[error(transparent)]
    Manage(#[from] ManageError),
}
