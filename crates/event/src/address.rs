//! Addresses of replaceable and addressable events: `kind:pubkey:d` (NIP-01).

use std::borrow::Cow;
use std::fmt;

use crate::keys::PublicKey;
use crate::kind::Kind;

/// What an `a` tag refers to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address<'a> {
    /// The kind of the event.
    pub kind: Kind,
    /// Its author.
    pub pubkey: PublicKey,
    /// The value of its `d` tag; empty for replaceable events. It may contain colons.
    pub identifier: Cow<'a, [u8]>,
}

impl<'a> Address<'a> {
    /// Reads `kind:pubkey:d`. `None` when it has another form or the kind is out of range.
    pub fn parse(text: Cow<'a, [u8]>) -> Option<Self> {
        let (kind, pubkey, start) = head(&text)?;
        let identifier = match text {
            Cow::Borrowed(text) => Cow::Borrowed(text.get(start..)?),
            Cow::Owned(mut text) => Cow::Owned(text.split_off(start)),
        };
        Some(Self {
            kind,
            pubkey,
            identifier,
        })
    }
}

/// Kind, author and where the identifier begins.
fn head(text: &[u8]) -> Option<(Kind, PublicKey, usize)> {
    let colon = memchr::memchr(b':', text)?;
    let digits = text.get(..colon)?;
    let padded = digits.len() > 1 && digits.first() == Some(&b'0');
    if padded || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let kind = std::str::from_utf8(digits).ok()?.parse().ok()?;
    let pubkey = PublicKey::from_hex(text.get(colon + 1..colon + 65)?)?;
    (text.get(colon + 65) == Some(&b':')).then_some((Kind(kind), pubkey, colon + 66))
}

impl fmt::Display for Address<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}:{}",
            self.kind,
            self.pubkey,
            String::from_utf8_lossy(&self.identifier)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r1_5_addresses_are_kind_key_and_identifier() {
        let key = "ab".repeat(32);
        for (text, kind, identifier) in [
            (format!("30023:{key}:a:b"), 30_023, "a:b"),
            (format!("0:{key}:"), 0, ""),
            (format!("65535:{key}:é"), 65_535, "é"),
        ] {
            let address = Address::parse(text.as_bytes().into()).unwrap();
            assert_eq!(
                (address.kind.0, &*address.identifier),
                (kind, identifier.as_bytes())
            );
            assert_eq!(address.to_string(), text);
            assert_eq!(
                Address::parse(text.clone().into_bytes().into()).unwrap(),
                address
            );
        }
        let upper = "AB".repeat(32);
        for bad in [
            format!("30023:{key}"),
            format!("030023:{key}:"),
            format!("65536:{key}:"),
            format!("-1:{key}:"),
            format!("+1:{key}:"),
            format!(":{key}:"),
            format!("30023:{upper}:"),
            format!("30023:{key}0:"),
            "30023::a".into(),
            String::new(),
        ] {
            assert_eq!(Address::parse(bad.as_bytes().into()), None, "{bad}");
        }
    }
}
