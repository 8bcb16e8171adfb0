//! Who is asking, whatever they have shown for it.

use std::fmt;

use serde::{Deserialize, Serialize};
use stentor_event::{PublicKey, Timestamp, hexadecimal};

use crate::random;
use crate::{Scopes, Tenant};

/// Who is asking: what every surface decides by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Who it is, within the tenant: the owner of what is made in this name. `key:…` for an API key, a subject with its issuer
    /// for a token, the key in hex for a Nostr key, `public` for anybody.
    pub subject: String,
    /// To whom it belongs.
    pub tenant: Tenant,
    /// What it may do.
    pub scopes: Scopes,
    /// What it has shown.
    pub credential: Credential,
    /// With what the credential was made, where it was not the operator who made it: a ticket's credential, a token's key. All
    /// of them have to be good as well.
    pub minted_by: Vec<Credential>,
    /// Nostr keys that it has proven to hold, or that the operator has assigned to it. Private events are shown by these.
    pub keys: Vec<PublicKey>,
    /// When it ends; `None`: not by itself.
    pub expires_at: Option<Timestamp>,
}

/// What somebody has shown. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Credential {
    /// An API key, by its id.
    ApiKey(String),
    /// A signed token (RFC 7519).
    Token {
        /// Who has issued it.
        issuer: String,
        /// Its `jti`, or where there is none the hash of the token.
        id: String,
    },
    /// A token that its issuer is asked about (RFC 7662), by its SHA-256 in hex.
    Opaque(String),
    /// A Nostr key that has signed the request (NIP-98), in hex.
    Nostr(String),
    /// A stream ticket.
    Ticket {
        /// Its id.
        id: String,
        /// The how many-eth use of it this is: with the next one, this one ends.
        number: u64,
    },
    /// Nothing: a surface that the operator has opened to anybody.
    Public,
}

/// Why a principal that was good is so no more, for who reads its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndReason {
    /// The credential has expired.
    Expired,
    /// The credential was revoked.
    Revoked,
    /// The tenant was disabled.
    TenantDisabled,
    /// The ticket has been used for a newer connection.
    Superseded,
    /// Whether the credential is good could not be told for longer than is tolerated.
    Unverified,
}

impl EndReason {
    /// A word for clients and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::TenantDisabled => "tenant_disabled",
            Self::Superseded => "superseded",
            Self::Unverified => "unverified",
        }
    }
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Credential {
    /// A Nostr key.
    pub fn nostr(key: &PublicKey) -> Self {
        Self::Nostr(key.to_string())
    }

    /// A short text for limits, the audit and the log: tells it from all others, and is of no use to who reads it.
    pub fn id(&self) -> String {
        match self {
            Self::ApiKey(id) => format!("key:{id}"),
            Self::Token { issuer, id } => format!("token:{}", short(&[issuer, id])),
            Self::Opaque(hash) => format!("opaque:{}", hash.get(..32).unwrap_or(hash)),
            Self::Nostr(key) => format!("nostr:{key}"),
            Self::Ticket { id, .. } => format!("ticket:{id}"),
            Self::Public => "public".to_owned(),
        }
    }

    /// What kind of credential it is, for metrics.
    pub const fn method(&self) -> &'static str {
        match self {
            Self::ApiKey(_) => "api_key",
            Self::Token { .. } => "token",
            Self::Opaque(_) => "opaque",
            Self::Nostr(_) => "nostr",
            Self::Ticket { .. } => "ticket",
            Self::Public => "public",
        }
    }
}

/// Half of the hash of these, each with its length, so that none runs into the next.
fn short(parts: &[&String]) -> String {
    let mut whole = Vec::new();
    for part in parts {
        whole.extend_from_slice(&(part.len() as u64).to_be_bytes());
        whole.extend_from_slice(part.as_bytes());
    }
    let mut text = hexadecimal::encode(&random::hash(&whole));
    text.truncate(32);
    text
}

impl Principal {
    /// Anybody, where the operator has opened something: with these scopes, in the default tenant.
    pub fn public(scopes: Scopes) -> Self {
        Self {
            subject: "public".to_owned(),
            tenant: Tenant::default(),
            scopes,
            credential: Credential::Public,
            minted_by: Vec::new(),
            keys: Vec::new(),
            expires_at: None,
        }
    }

    /// Whether its time is over.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }

    /// Its credential, then those that this was made with.
    pub fn credentials(&self) -> impl Iterator<Item = &Credential> {
        std::iter::once(&self.credential).chain(&self.minted_by)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g2_5_the_public_id_of_a_credential_is_short_and_its_own() {
        let token = |issuer: &str, id: &str| Credential::Token {
            issuer: issuer.to_owned(),
            id: id.to_owned(),
        };
        let all = [
            Credential::ApiKey("00aa".into()),
            token("https://a.example", "1"),
            token("https://a.example1", ""),
            token("https://a.example", &"x".repeat(5_000)),
            Credential::Opaque("ab".repeat(32)),
            Credential::nostr(&PublicKey([1; 32])),
            Credential::Ticket {
                id: "00aa".into(),
                number: 3,
            },
            Credential::Public,
        ];
        for (place, credential) in all.iter().enumerate() {
            let id = credential.id();
            assert!(id.len() <= 70, "{id}");
            assert!(all.iter().skip(place + 1).all(|other| other.id() != id));
            let json = serde_json::to_string(credential).unwrap();
            assert_eq!(
                &serde_json::from_str::<Credential>(&json).unwrap(),
                credential
            );
        }
    }

    #[test]
    fn g2_2_the_end_is_the_first_second_that_is_not_good() {
        let mut principal = Principal::public(Scopes::NONE);
        assert!(!principal.is_expired(Timestamp::MAX));
        principal.expires_at = Some(Timestamp(10));
        assert!(!principal.is_expired(Timestamp(9)) && principal.is_expired(Timestamp(10)));
    }
}
