//! Public keys of issuers, and sets of them (JWK, RFC 7517).

use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

use super::provider;

/// Keys that are looked at in one set.
const MOST_KEYS: usize = 64;

/// A key that tokens are verified with. What it is decides how: the header of a token has no say.
#[derive(Clone)]
pub(crate) struct VerifyKey {
    /// Its name within the set.
    pub kid: Option<String>,
    /// The one algorithm that it is for.
    pub algorithm: Algorithm,
    pub(super) key: DecodingKey,
}

/// The keys of one issuer.
#[derive(Clone, Default)]
pub(crate) struct KeySet(Vec<VerifyKey>);

/// What is read of a JWK. Those that are no public keys for signatures are left out.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    crv: Option<String>,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Jwk {
    /// The key, when it is one that signatures can be verified with here.
    fn verify_key(self) -> Option<VerifyKey> {
        let for_signatures = self
            .purpose
            .as_deref()
            .is_none_or(|purpose| purpose == "sig");
        let verifies =
            |operations: &Vec<String>| operations.iter().any(|operation| operation == "verify");
        if !for_signatures || !self.key_ops.as_ref().is_none_or(verifies) {
            return None;
        }
        let (algorithm, names, key): (_, &[&str], _) =
            match (self.kty.as_str(), self.crv.as_deref()) {
                ("RSA", _) => {
                    let key = DecodingKey::from_rsa_components(&self.n?, &self.e?);
                    (Algorithm::RS256, &["RS256"], key)
                }
                ("EC", Some("P-256")) => {
                    let key = DecodingKey::from_ec_components(&self.x?, &self.y?);
                    (Algorithm::ES256, &["ES256"], key)
                }
                ("OKP", Some("Ed25519")) => {
                    let key = DecodingKey::from_ed_components(&self.x?);
                    (Algorithm::EdDSA, &["EdDSA", "Ed25519"], key)
                }
                _ => return None,
            };
        let named = self.alg.as_deref().is_none_or(|alg| names.contains(&alg));
        Some(VerifyKey {
            kid: self.kid,
            algorithm,
            key: key.ok().filter(|_| named)?,
        })
    }
}

impl VerifyKey {
    /// A key of Ed25519.
    pub fn ed25519(kid: String, public: &[u8; 32]) -> Self {
        provider::install();
        Self {
            kid: Some(kid),
            algorithm: Algorithm::EdDSA,
            key: DecodingKey::from_ed_der(public),
        }
    }
}

impl KeySet {
    /// Reads a document. Keys of other kinds and uses are left out, and those after the 64th.
    pub fn parse(document: &[u8]) -> Option<Self> {
        provider::install();
        let mut document: Value = serde_json::from_slice(document).ok()?;
        let Value::Array(keys) = document.get_mut("keys")?.take() else {
            return None;
        };
        let read = |key| serde_json::from_value::<Jwk>(key).ok()?.verify_key();
        Some(Self(
            keys.into_iter().take(MOST_KEYS).filter_map(read).collect(),
        ))
    }

    /// The key of this name; for a token that names none, the only one there is.
    pub fn find(&self, kid: Option<&str>) -> Option<&VerifyKey> {
        match (kid, self.0.as_slice()) {
            (Some(kid), keys) => keys.iter().find(|key| key.kid.as_deref() == Some(kid)),
            (None, [key]) => Some(key),
            (None, _) => None,
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}
