//! An endpoint: where to, what, in whose name, and how it is with it.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use stentor_auth::{Credential, Principal, Scopes, Tenant};
use stentor_bus::{Cursor, Interest};
use stentor_event::{Filter, PublicKey, Timestamp};
use utoipa::ToSchema;
use uuid::Uuid;

use super::sealed::{Vault, VaultError};
use super::signature::{Key, KeyError, Scheme};
use crate::asked::{Query, QueryError};
use crate::config::Streams;

/// An endpoint.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    pub id: Uuid,
    pub tenant: String,
    /// Who made it.
    pub owner: String,
    /// In whose name it is given anything.
    pub grant: Grant,
    pub url: String,
    pub description: String,
    pub choice: Choice,
    pub scheme: Scheme,
    /// Encrypted.
    pub secret: Vec<u8>,
    /// The secret before, encrypted, and until when it is still signed with.
    pub former: Option<(Vec<u8>, u64)>,
    pub disabled: Option<Disabled>,
    /// Attempts in any minute.
    pub rate: u32,
    /// Attempts at once.
    pub concurrency: u32,
    /// Everything before was delivered or has a row of its own.
    pub place: Cursor,
    /// Since when no attempt has succeeded, if the last has not.
    pub failing_since: Option<u64>,
    pub created_ms: u64,
    pub updated_ms: u64,
    /// Changes with each setting.
    pub version: i64,
}

/// Why an endpoint is given nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Disabled {
    /// Somebody asked for it.
    ByHand,
    /// It answered 410.
    Gone,
    /// Nothing but failure for five days.
    Failing,
    /// Its URL may not be dialed.
    Refused,
    /// The credential that it was made with was revoked or has expired.
    Credential,
}

impl Disabled {
    pub const ALL: [Self; 5] = [
        Self::ByHand,
        Self::Gone,
        Self::Failing,
        Self::Refused,
        Self::Credential,
    ];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ByHand => "by_hand",
            Self::Gone => "gone",
            Self::Failing => "failing",
            Self::Refused => "refused",
            Self::Credential => "credential",
        }
    }

    /// The one of this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == word)
    }
}

/// What an endpoint is to be given.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Choice {
    pub types: Vec<String>,
    pub subjects: Vec<String>,
    pub filter: Option<Value>,
}

impl Choice {
    /// Checks it as the query of a stream is checked.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, limits: &Streams) -> Result<Interest, QueryError> {
        let query = Query {
            types: self.types.join(","),
            subject: self.subjects.join(","),
            filter: self.filter.as_ref().map(Value::to_string),
            ..Query::default()
        };
        query.interest(limits)
    }

    /// What was checked before. A filter that cannot be read any more lets nothing through.
    pub fn interest(&self) -> Interest {
        let filter = self.filter.as_ref().map(|filter| {
            let read = Filter::parse(filter.to_string().as_bytes());
            read.unwrap_or_else(|_| Filter {
                ids: Some(Vec::new()),
                ..Filter::default()
            })
        });
        Interest {
            types: self.types.clone(),
            subjects: self.subjects.clone(),
            filter,
            coalesce: false,
        }
    }
}

/// In whose name an endpoint is given anything: the principal, as it was when it decided where to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Grant {
    pub subject: String,
    scopes: Scopes,
    credential: Credential,
    minted_by: Vec<Credential>,
    /// In hex.
    keys: Vec<String>,
    /// In Unix seconds.
    expires_at: Option<u64>,
}

impl Grant {
    /// What this principal may see.
    pub fn of(principal: &Principal) -> Self {
        // A request that a Nostr key has signed is good for a moment; the key is until it is revoked.
        let is_key = matches!(principal.credential, Credential::Nostr(_));
        Self {
            subject: principal.subject.clone(),
            scopes: principal.scopes,
            credential: principal.credential.clone(),
            minted_by: principal.minted_by.clone(),
            keys: principal.keys.iter().map(PublicKey::to_string).collect(),
            expires_at: principal.expires_at.filter(|_| !is_key).map(|at| at.0),
        }
    }

    /// The principal; `None` for a tenant that cannot have been one.
    pub fn principal(&self, tenant: &str) -> Option<Principal> {
        let keys = self.keys.iter();
        let keys = keys.filter_map(|key| PublicKey::from_hex(key.as_bytes()));
        Some(Principal {
            subject: self.subject.clone(),
            tenant: tenant.parse::<Tenant>().ok()?,
            scopes: self.scopes,
            credential: self.credential.clone(),
            minted_by: self.minted_by.clone(),
            keys: keys.collect(),
            expires_at: self.expires_at.map(Timestamp),
        })
    }
}

/// A secret that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SecretError {
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl Endpoint {
    /// What its secrets are sealed for.
    pub fn seal_name(id: Uuid) -> String {
        format!("webhook:{id}")
    }

    /// The keys in force: the newest first, so that receivers who look at one signature alone find the right one.
    ///
    /// # Errors
    /// [`SecretError`], when the master key is another one.
    pub fn keys(&self, vault: &Vault, now_ms: u64) -> Result<Vec<Key>, SecretError> {
        let former = self.former.as_ref();
        let former = former.filter(|(_, until)| *until > now_ms);
        let sealed = std::iter::once(&self.secret).chain(former.map(|(sealed, _)| sealed));
        let open = |sealed: &Vec<u8>| {
            let text = vault.open(sealed, &Self::seal_name(self.id))?;
            Ok(Key::parse(secrecy::ExposeSecret::expose_secret(&text))?)
        };
        sealed.map(open).collect()
    }
}

impl Scheme {
    /// Its word.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Shared => "v1",
            Self::KeyPair => "v1a",
        }
    }

    /// The one of this word.
    pub(crate) fn of_word(word: &str) -> Option<Self> {
        [Self::Shared, Self::KeyPair]
            .into_iter()
            .find(|one| one.as_str() == word)
    }
}

#[cfg(test)]
mod tests {
    use stentor_auth::Scope;

    use super::*;

    #[test]
    fn g2_3_a_grant_is_the_principal_and_no_more() {
        let principal = Principal {
            subject: "key:1".into(),
            tenant: "a".parse().unwrap(),
            scopes: Scopes::NONE.with(Scope::JobsReadOwn),
            credential: Credential::ApiKey("1".into()),
            minted_by: vec![Credential::ApiKey("2".into())],
            keys: vec![PublicKey([7; 32])],
            expires_at: Some(Timestamp(9)),
        };
        let text = serde_json::to_string(&Grant::of(&principal)).unwrap();
        let grant: Grant = serde_json::from_str(&text).unwrap();
        assert_eq!(grant.principal("a"), Some(principal.clone()));
        let signed = Principal {
            credential: Credential::nostr(&PublicKey([7; 32])),
            ..principal
        };
        let lasting = Grant::of(&signed).principal("a").unwrap();
        assert_eq!(lasting.expires_at, None, "the key outlives its request");
    }

    #[test]
    fn g4_1_a_choice_is_checked_as_a_stream_is() {
        let mut choice = Choice {
            types: vec!["nostr.event".into(), "job".into()],
            subjects: vec!["a".into()],
            filter: Some(serde_json::json!({ "kinds": [1] })),
        };
        let limits = Streams::default();
        assert_eq!(choice.check(&limits), Ok(choice.interest()));
        choice.filter = Some(serde_json::json!({ "limit": 1 }));
        assert_eq!(choice.check(&limits), Err(QueryError::FilterPart));
        choice.types = vec!["nostr.ev".into()];
        assert_eq!(
            choice.check(&limits),
            Err(QueryError::Type("nostr.ev".into()))
        );
    }
}
