//! Public keys as an operator writes them.

use std::collections::HashSet;

use stentor_event::PublicKey;

use super::ConfigError;

/// Reads a key: 64 lower-case hex digits, or `npub1…` (NIP-19).
pub fn parse_key(text: &str) -> Option<PublicKey> {
    if let Some(key) = PublicKey::from_hex(text.as_bytes()) {
        return Some(key);
    }
    let (prefix, bytes) = bech32::decode(text).ok()?;
    if prefix.as_str() != "npub" {
        return None;
    }
    Some(PublicKey(bytes.try_into().ok()?))
}

/// Reads a list of keys; `at` is the dotted key of the list.
pub(crate) fn parse_keys(at: &str, keys: &[String]) -> Result<HashSet<PublicKey>, ConfigError> {
    let one = |(index, text): (usize, &String)| {
        parse_key(text).ok_or_else(|| {
            ConfigError::new(
                format!("{at}[{index}]"),
                "is no key: 64 lower-case hex digits or npub1…",
            )
        })
    };
    keys.iter().enumerate().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_hex_and_as_npub() {
        // The example of NIP-19.
        let hex = "7e7e9c42a91bfef19fa929e5fda1b72e0ebc1a4c1141673e2794234d86addf4e";
        let npub = "npub10elfcs4fr0l0r8af98jlmgdh9c8tcxjvz9qkw038js35mp4dma8qzvjptg";
        let key = PublicKey::from_hex(hex.as_bytes());
        assert!(key.is_some());
        assert_eq!(parse_key(hex), key);
        assert_eq!(parse_key(npub), key);
    }

    #[test]
    fn what_is_no_public_key_is_named() {
        let nsec = "nsec1vl029mgpspedva04g90vltkh6fvh240zqtv9k0t9af8935ke9laqsnlfe5";
        for text in ["", "abc", nsec, "npub1qqqq"] {
            assert_eq!(parse_key(text), None, "{text}");
        }
        let error = parse_keys("policy.keys.allow", &["no".to_owned()]).unwrap_err();
        assert_eq!(error.key, "policy.keys.allow[0]");
    }
}
