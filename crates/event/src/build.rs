//! Making and signing events: for the relay's own key, tests and benchmarks.

use std::fmt;

use bytes::Bytes;
use secp256k1::{Keypair, schnorr};
use thiserror::Error;

use crate::canonical::Parts;
use crate::event::Event;
use crate::hex;
use crate::id;
use crate::keys::PublicKey;
use crate::kind::Kind;
use crate::text::quote_into;
use crate::timestamp::Timestamp;

/// A secret key with its public key. Never printed: `Debug` shows the public key.
#[derive(Clone)]
pub struct SecretKey {
    pair: Keypair,
}

/// The bytes are not a secret key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "a secret key is 64 lower-case hex digits of a number between 1 and the order of secp256k1"
)]
pub struct SecretKeyError;

impl SecretKey {
    /// From 32 bytes.
    ///
    /// # Errors
    /// When the number is 0 or not below the order of the curve.
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, SecretKeyError> {
        let pair = Keypair::from_secret_bytes(bytes).map_err(|_| SecretKeyError)?;
        Ok(Self { pair })
    }

    /// From 64 lower-case hex digits.
    ///
    /// # Errors
    /// When the text is not hex or the number is out of range.
    pub fn from_hex(text: &[u8]) -> Result<Self, SecretKeyError> {
        Self::from_bytes(hex::decode_array(text).ok_or(SecretKeyError)?)
    }

    /// The public key.
    pub fn public_key(&self) -> PublicKey {
        PublicKey(self.pair.x_only_public_key().0.to_byte_array())
    }

    /// The 32 secret bytes, for writing them to a file of the owner.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.pair.to_secret_bytes()
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey(of {})", self.public_key())
    }
}

/// Puts an event together; [`EventBuilder::sign`] finishes it.
#[derive(Clone, Debug)]
pub struct EventBuilder {
    created_at: Timestamp,
    kind: Kind,
    tags: Vec<Vec<String>>,
    content: String,
}

impl EventBuilder {
    /// An event without tags and content.
    pub const fn new(kind: Kind, created_at: Timestamp) -> Self {
        Self {
            created_at,
            kind,
            tags: Vec::new(),
            content: String::new(),
        }
    }

    /// Sets the content.
    #[must_use]
    pub fn content(mut self, content: impl Into<String>) -> Self {
        self.content = content.into();
        self
    }

    /// Adds a tag. An empty one is left out, as events cannot have such.
    #[must_use]
    pub fn tag<S: Into<String>>(mut self, strings: impl IntoIterator<Item = S>) -> Self {
        let tag: Vec<String> = strings.into_iter().map(Into::into).collect();
        if !tag.is_empty() {
            self.tags.push(tag);
        }
        self
    }

    /// Hashes and signs.
    pub fn sign(self, key: &SecretKey) -> Event {
        sign(key, self.created_at, self.kind, &self.tags, &self.content)
    }
}

/// Makes a signed event. Empty tags are left out, as events cannot have such; times beyond 2^63−1 become that.
#[allow(clippy::expect_used)]
pub fn sign(
    key: &SecretKey,
    created_at: Timestamp,
    kind: Kind,
    tags: &[Vec<String>],
    content: &str,
) -> Event {
    let created_at = created_at.min(Timestamp::MAX);
    let pubkey = hex::encode(&key.public_key().0);
    let tags = tags_json(tags);
    let mut text = Vec::with_capacity(content.len() + 16);
    crate::text::escape_into(content.as_bytes(), &mut text);
    let id = id::hash(pubkey.as_bytes(), created_at.0, kind.0, &tags, &text);
    let signature = schnorr::sign_no_aux_rand(&id.0, &key.pair);
    let parts = Parts {
        id: hex::encode(&id.0).as_bytes(),
        pubkey: pubkey.as_bytes(),
        created_at: created_at.to_string().as_bytes(),
        kind: kind.to_string().as_bytes(),
        tags: &tags,
        content: &text,
        sig: hex::encode(signature.as_byte_array()).as_bytes(),
    }
    .write();
    // Only an event of more than 4 GiB has no canonical form.
    Event::from_canonical(Bytes::from(parts.0))
        .expect("an event that was just written is canonical")
}

fn tags_json(tags: &[Vec<String>]) -> Vec<u8> {
    let mut out = vec![b'['];
    for tag in tags.iter().filter(|tag| !tag.is_empty()) {
        if out.len() > 1 {
            out.push(b',');
        }
        for (index, string) in tag.iter().enumerate() {
            out.push(if index == 0 { b'[' } else { b',' });
            quote_into(string.as_bytes(), &mut out);
        }
        out.push(b']');
    }
    out.push(b']');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_is_valid_and_canonical() {
        let key = SecretKey::from_hex("03".repeat(32).as_bytes()).unwrap();
        let event = EventBuilder::new(Kind(30_023), Timestamp(u64::MAX))
            .tag(["d", "a\"b\n\u{1b}\0😀"])
            .tag(Vec::<String>::new())
            .tag(["-"])
            .content("\u{7}\t\u{2028}\"")
            .sign(&key);
        assert_eq!(event.check_id(), Ok(()));
        assert_eq!(event.verify_signature(), Ok(()));
        assert_eq!(Event::parse(event.json()).unwrap(), event);
        assert_eq!(event.pubkey(), key.public_key());
        assert_eq!(event.created_at(), Timestamp::MAX);
        assert_eq!(
            event.identifier().as_deref(),
            Some("a\"b\n\u{1b}\0😀".as_bytes())
        );
        assert_eq!(event.view().tags().count(), 2);
    }

    #[test]
    fn secret_keys_are_checked_and_not_shown() {
        let order = b"fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
        for bad in [
            &b"00"[..],
            "0".repeat(64).as_bytes(),
            order,
            "0G".repeat(32).as_bytes(),
        ] {
            assert!(SecretKey::from_hex(bad).is_err());
        }
        // The generator: BIP-340's key for the number 1.
        let one = format!("{:064x}", 1);
        let key = SecretKey::from_hex(one.as_bytes()).unwrap();
        let public = "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
        assert_eq!(key.public_key().to_string(), public);
        assert_eq!(format!("{key:?}"), format!("SecretKey(of {public})"));
        assert_eq!(
            SecretKey::from_bytes(key.to_bytes()).unwrap().public_key(),
            key.public_key()
        );
    }
}
