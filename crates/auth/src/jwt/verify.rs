//! Whether a signed token is genuine, for us, and of this time (RFC 7515, 7519, 8725). Pure.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Validation};
use serde::Deserialize;
use serde_json::{Map, Value};
use stentor_event::{Timestamp, hexadecimal};

use super::key::VerifyKey;
use crate::failure::Category;
use crate::random;

/// The longest token that is looked at, in bytes.
pub(crate) const MAX_BYTES: usize = 8_192;
/// How far clocks may differ, in seconds.
pub(crate) const SKEW_SECONDS: u64 = 60;
/// Longest subject and longest id of a token, in bytes.
const MAX_NAME: usize = 255;

/// What a token says of itself before anything is verified: enough to find its key.
pub(crate) struct Peek<'a> {
    token: &'a str,
    head: Head,
    /// Who has issued it, as it says.
    pub issuer: String,
}

#[derive(Deserialize)]
struct Head {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<Value>,
}

#[derive(Deserialize)]
struct Issued {
    iss: String,
}

/// What a token has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rules {
    pub issuer: String,
    pub audience: String,
    /// The longest that it may be good from its `iat` on, in seconds; 0: as long as it says.
    pub max_seconds: u64,
    /// The type that its header has to name, in lower case.
    pub typ: Option<&'static str>,
}

/// A token that is genuine, for us, and of this time.
#[derive(Debug, PartialEq)]
pub(crate) struct Verified {
    /// `sub`.
    pub subject: String,
    /// `jti`, or the hash of the token.
    pub id: String,
    /// When it ends.
    pub expires_at: Timestamp,
    /// All of its claims.
    pub claims: Map<String, Value>,
}

/// Whether this has the form of a signed token: three parts, each base64url.
pub(crate) fn has_form(token: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    token.split('.').count() == 3 && token.split('.').all(|part| part.bytes().all(fits))
}

impl<'a> Peek<'a> {
    /// Reads the header and the issuer.
    pub fn at(token: &'a str) -> Result<Self, Category> {
        let mut parts = token.split('.');
        let (Some(head), Some(claims), Some(_), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Category::Malformed);
        };
        if token.len() > MAX_BYTES {
            return Err(Category::Malformed);
        }
        let head: Head = part(head)?;
        // Who does not know what is critical must not accept (RFC 7515, 4.1.11); nothing is known here.
        if head.crit.is_some() {
            return Err(Category::Malformed);
        }
        let issued: Issued = part(claims).map_err(|_| Category::Claims)?;
        Ok(Self {
            token,
            head,
            issuer: issued.iss,
        })
    }

    /// The key that it names.
    pub fn kid(&self) -> Option<&str> {
        self.head.kid.as_deref()
    }

    /// Verifies it with this key, in the way of the key.
    pub fn verify(
        &self,
        key: &VerifyKey,
        rules: &Rules,
        now: Timestamp,
    ) -> Result<Verified, Category> {
        if self.head.alg != name(key.algorithm) {
            return Err(Category::Algorithm);
        }
        let typ = self.head.typ.as_ref().map(|typ| typ.to_ascii_lowercase());
        if rules
            .typ
            .is_some_and(|wanted| typ.as_deref() != Some(wanted))
        {
            return Err(Category::Malformed);
        }
        let mut validation = Validation::new(key.algorithm);
        // Time is judged below, by the clock that is an argument.
        validation.validate_exp = false;
        validation.set_audience(&[&rules.audience]);
        validation.set_issuer(&[&rules.issuer]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        let data = jsonwebtoken::decode::<Map<String, Value>>(self.token, &key.key, &validation)
            .map_err(|error| category(error.kind()))?;
        self.judged(data.claims, rules, now)
    }

    fn judged(
        &self,
        claims: Map<String, Value>,
        rules: &Rules,
        now: Timestamp,
    ) -> Result<Verified, Category> {
        if claims.get("iss").and_then(Value::as_str) != Some(&rules.issuer) {
            return Err(Category::Issuer);
        }
        let expires_at = judge_time(&claims, rules.max_seconds, now)?;
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        let fits = |text: &&str| (1..=MAX_NAME).contains(&text.len());
        let subject = text("sub").filter(fits).ok_or(Category::Claims)?.to_owned();
        let own = text("jti").filter(fits).map(str::to_owned);
        let id = own.unwrap_or_else(|| hexadecimal::encode(&random::hash(self.token.as_bytes())));
        Ok(Verified {
            subject,
            id,
            expires_at,
            claims,
        })
    }
}

/// Checks `exp`, `nbf` and `iat`; when the token ends.
fn judge_time(
    claims: &Map<String, Value>,
    max_seconds: u64,
    now: Timestamp,
) -> Result<Timestamp, Category> {
    let issued = time(claims, "iat")?;
    let mut end = time(claims, "exp")?.ok_or(Category::Claims)?;
    if max_seconds != 0 {
        end = end.min(issued.ok_or(Category::Claims)?.saturating_add(max_seconds));
    }
    let latest = now.0.saturating_add(SKEW_SECONDS);
    let begins = [issued, time(claims, "nbf")?];
    if begins.into_iter().flatten().any(|begin| begin > latest) {
        return Err(Category::NotYet);
    }
    let last = end.saturating_add(SKEW_SECONDS);
    if last <= now.0 {
        return Err(Category::Expired);
    }
    // Who comes in late by our clock stays as long as clocks may differ, else the end is the end.
    let end = if end <= now.0 { last } else { end };
    Ok(Timestamp(end.min(Timestamp::MAX.0)))
}

/// A time in whole seconds, rounded down; `None` where there is none.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked to be in range"
)]
fn time(claims: &Map<String, Value>, name: &str) -> Result<Option<u64>, Category> {
    let Some(value) = claims.get(name) else {
        return Ok(None);
    };
    let whole = value.as_u64();
    let broken = || {
        value
            .as_f64()
            .filter(|time| (0.0..1e15).contains(time))
            .map(|time| time as u64)
    };
    whole.or_else(broken).map(Some).ok_or(Category::Claims)
}

fn part<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, Category> {
    let json = BASE64_URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| Category::Malformed)?;
    serde_json::from_slice(&json).map_err(|_| Category::Malformed)
}

/// How a header has to call the algorithm of a key.
const fn name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::EdDSA => "EdDSA",
        Algorithm::ES256 => "ES256",
        Algorithm::RS256 => "RS256",
        // No key has another.
        _ => "",
    }
}

fn category(kind: &ErrorKind) -> Category {
    match kind {
        ErrorKind::InvalidSignature => Category::Forged,
        ErrorKind::InvalidAudience => Category::Audience,
        ErrorKind::MissingRequiredClaim(claim) if claim == "aud" => Category::Audience,
        ErrorKind::InvalidIssuer => Category::Issuer,
        ErrorKind::InvalidAlgorithm => Category::Algorithm,
        ErrorKind::MissingRequiredClaim(_) | ErrorKind::InvalidClaimFormat(_) => Category::Claims,
        _ => Category::Malformed,
    }
}
