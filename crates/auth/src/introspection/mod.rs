//! Tokens that only their issuer can read: it is asked about them (RFC 7662).
//!
//! A good answer holds for three seconds. While a stream lives by a token, its issuer is asked again every two seconds or so, which
//! is why the token is kept in memory for as long; nowhere else.

mod issuer;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;
use secrecy::SecretString;
use serde_json::{Map, Value};
use stentor_event::{Timestamp, hexadecimal};
use stentor_net::dial::Dialer;
use tokio::task::JoinSet;

use issuer::Issuer;

use crate::config::{Introspection as Config, Mapping};
use crate::failure::Category;
use crate::{AuthFailure, Credential, EndReason, OpenError, Principal, metrics, random};

/// The longest token that somebody is asked about, in bytes.
const MAX_TOKEN: usize = 4_096;
/// Seconds that an answer holds.
const HOLDS: u64 = 3;
/// An answer that streams live by is asked for again when it is as old as this, in seconds.
const ASKED_AGAIN: u64 = 2;
/// A token whose answer nobody has needed for so many seconds is forgotten.
const FORGOTTEN: u64 = 60;

/// Asks about tokens, and remembers the answers.
pub(crate) struct Introspection {
    audience: Option<String>,
    mapping: Mapping,
    issuer: Issuer,
    most: usize,
    /// By the hash of the token, in hex.
    answers: RwLock<HashMap<String, Arc<Answer>>>,
}

/// What is known of a token.
struct Answer {
    token: SecretString,
    outcome: Result<Principal, AuthFailure>,
    checked_at: Timestamp,
    needed_at: AtomicU64,
}

impl Answer {
    fn needed_at(&self) -> u64 {
        self.needed_at.load(Ordering::Relaxed)
    }
}

impl Introspection {
    /// Reads the secret. `None` when nobody is to be asked.
    pub fn open(config: &Config, dialer: &Dialer) -> Result<Option<Self>, OpenError> {
        let Some(url) = &config.url else {
            return Ok(None);
        };
        let target = crate::authenticator::admit(dialer, "introspection.url", url)?;
        let path = Path::new(&config.secret_file);
        let secret =
            crate::secret_file::read(path)?.ok_or_else(|| OpenError::NoSecret(path.to_owned()))?;
        let secret = SecretString::from(secret.trim().to_owned());
        Ok(Some(Self {
            audience: config.audience.clone(),
            mapping: config.mapping()?,
            issuer: Issuer::new(target, dialer.clone(), config, &secret),
            most: config.remembered,
            answers: RwLock::default(),
        }))
    }

    /// The principal of a token.
    pub async fn authenticate(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Result<Principal, AuthFailure> {
        if token.is_empty()
            || token.len() > MAX_TOKEN
            || !token.bytes().all(|byte| byte.is_ascii_graphic())
        {
            return Err(AuthFailure::invalid(Category::Malformed));
        }
        let hash = hexadecimal::encode(&random::hash(token.as_bytes()));
        if let Some(answer) = self.fresh(&hash, now) {
            answer.needed_at.fetch_max(now.0, Ordering::Relaxed);
            return answer.outcome.clone();
        }
        self.ask(&hash, token.to_owned().into(), now.0, now).await
    }

    fn fresh(&self, hash: &str, now: Timestamp) -> Option<Arc<Answer>> {
        let answers = self.answers.read();
        let fresh = |answer: &&Arc<Answer>| now.0 < answer.checked_at.0.saturating_add(HOLDS);
        answers.get(hash).filter(fresh).cloned()
    }

    /// Asks, and remembers the answer. No answer is not remembered.
    async fn ask(
        &self,
        hash: &str,
        token: SecretString,
        needed_at: u64,
        now: Timestamp,
    ) -> Result<Principal, AuthFailure> {
        let claims = self.issuer.ask(&token).await?;
        let outcome = self.judge(hash, &claims, now);
        metrics::introspected(if outcome.is_ok() { "active" } else { "refused" });
        let answer = Answer {
            token,
            outcome: outcome.clone(),
            checked_at: now,
            needed_at: AtomicU64::new(needed_at),
        };
        self.remember(hash, answer);
        outcome
    }

    /// Remembers an answer. Where there is no room, refusals go first and a refusal is not remembered at all: who shows many bad
    /// tokens must not end the streams of others.
    fn remember(&self, hash: &str, answer: Answer) {
        let mut answers = self.answers.write();
        if let Some(known) = answers.get(hash) {
            // Answers may come in another order than they were asked for.
            if known.checked_at > answer.checked_at {
                return;
            }
            let needed_at = known.needed_at();
            answer.needed_at.fetch_max(needed_at, Ordering::Relaxed);
        } else if answers.len() >= self.most {
            let least = answers
                .iter()
                .min_by_key(|(_, known)| (known.outcome.is_ok(), known.needed_at()))
                .map(|(hash, known)| (hash.clone(), known.outcome.is_ok()));
            match least {
                Some((_, true)) if answer.outcome.is_err() => return,
                Some((least, _)) => answers.remove(&least),
                None => None,
            };
        }
        answers.insert(hash.to_owned(), Arc::new(answer));
    }

    fn judge(
        &self,
        hash: &str,
        claims: &Map<String, Value>,
        now: Timestamp,
    ) -> Result<Principal, AuthFailure> {
        let credential = Credential::Opaque(hash.to_owned());
        let wrong = |category| AuthFailure::of(category, credential.id());
        if claims.get("active") != Some(&Value::Bool(true)) {
            return Err(wrong(Category::Unknown));
        }
        if !self.is_for_us(claims.get("aud")) {
            return Err(wrong(Category::Audience));
        }
        let expires_at = claims.get("exp").and_then(Value::as_u64).map(Timestamp);
        if expires_at.is_some_and(|end| end <= now) {
            return Err(wrong(Category::Expired));
        }
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        let subject = text("sub")
            .or_else(|| text("client_id"))
            .filter(|subject| subject.len() <= 255);
        Ok(Principal {
            subject: format!(
                "introspected|{}",
                subject.ok_or_else(|| wrong(Category::Claims))?
            ),
            tenant: self
                .mapping
                .tenant(claims)
                .ok_or_else(|| wrong(Category::Tenant))?,
            scopes: self.mapping.scopes(claims),
            minted_by: Vec::new(),
            keys: Vec::new(),
            expires_at,
            credential,
        })
    }

    fn is_for_us(&self, audience: Option<&Value>) -> bool {
        let Some(wanted) = &self.audience else {
            return true;
        };
        match audience {
            Some(Value::String(audience)) => audience == wanted,
            Some(Value::Array(all)) => all.iter().any(|one| one.as_str() == Some(wanted)),
            _ => false,
        }
    }

    /// Whether a token that a stream lives by is still good, by the last answer; that it is needed is noted, so that it is asked about
    /// again. An answer that could not be renewed holds for `outage` seconds.
    pub fn still_good(&self, hash: &str, outage: u64, now: Timestamp) -> Result<(), EndReason> {
        let answers = self.answers.read();
        let answer = answers.get(hash).ok_or(EndReason::Unverified)?;
        answer.needed_at.fetch_max(now.0, Ordering::Relaxed);
        match &answer.outcome {
            Err(AuthFailure::Invalid {
                category: Category::Expired,
                ..
            }) => Err(EndReason::Expired),
            Err(_) => Err(EndReason::Revoked),
            Ok(_) if answer.checked_at.0.saturating_add(outage) < now.0 => {
                Err(EndReason::Unverified)
            }
            Ok(_) => Ok(()),
        }
    }

    /// Asks again about the tokens that streams live by, and forgets those that nobody needs. To be called each second.
    pub async fn recheck(self: &Arc<Self>, now: Timestamp) {
        let due: Vec<_> = {
            let mut answers = self.answers.write();
            answers.retain(|_, answer| answer.needed_at().saturating_add(FORGOTTEN) > now.0);
            let due = answers.iter().filter(|(_, answer)| {
                let needed = answer.needed_at().saturating_add(HOLDS) >= now.0;
                needed
                    && answer.outcome.is_ok()
                    && answer.checked_at.0.saturating_add(ASKED_AGAIN) <= now.0
            });
            due.map(|(hash, answer)| (hash.clone(), Arc::clone(answer)))
                .collect()
        };
        let mut questions = JoinSet::new();
        for (hash, answer) in due {
            let own = Arc::clone(self);
            questions.spawn(async move {
                // An outcome that could not be had is not remembered, and the old one grows older.
                let _ = own
                    .ask(&hash, answer.token.clone(), answer.needed_at(), now)
                    .await;
            });
        }
        while questions.join_next().await.is_some() {}
    }
}
