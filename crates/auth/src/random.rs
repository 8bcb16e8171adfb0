//! Secrets and names that nobody can guess, and what is kept of secrets.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use stentor_event::hexadecimal;
use subtle::ConstantTimeEq;

use crate::ManageError;

/// Bytes of a secret.
pub(crate) const SECRET_BYTES: usize = 32;
/// Characters of a secret in base64url.
pub(crate) const SECRET_CHARS: usize = 43;
/// Bytes of a public id: enough that two are never the same.
const ID_BYTES: usize = 8;
/// Characters of a public id.
pub(crate) const ID_CHARS: usize = 2 * ID_BYTES;

/// So many bytes of the system's generator.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], ManageError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| ManageError::NoRandomness)?;
    Ok(bytes)
}

/// A public id: lower-case hex.
pub(crate) fn id() -> Result<String, ManageError> {
    Ok(hexadecimal::encode(&bytes::<ID_BYTES>()?))
}

/// Whether this is written as [`id`] writes.
pub(crate) fn is_id(text: &str) -> bool {
    hexadecimal::decode_array::<ID_BYTES>(text.as_bytes()).is_some()
}

/// Bytes in base64url without padding (RFC 4648, 5).
pub(crate) fn text(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads what [`text`] writes, and nothing that differs from it in a bit.
pub(crate) fn from_text(text: &str) -> Option<Vec<u8>> {
    BASE64_URL_SAFE_NO_PAD.decode(text).ok()
}

/// What is kept of a secret. It has 256 random bits, so that no salt and no slow hash is needed.
pub(crate) fn hash(secret: &[u8]) -> [u8; 32] {
    Sha256::digest(secret).into()
}

/// Whether two are the same, in a time that does not depend on where they differ.
pub(crate) fn are_same(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}

/// Reads `<prefix>_<id>_<secret>`: an id of [`ID_CHARS`] hex digits, a secret of [`SECRET_CHARS`] characters. Both keep their
/// places, as a secret may hold `_`.
pub(crate) fn id_and_secret<'a>(
    text: &'a str,
    prefix: &str,
) -> Option<(&'a str, [u8; SECRET_BYTES])> {
    let rest = text.strip_prefix(prefix)?.strip_prefix('_')?;
    let (id, rest) = rest.split_at_checked(ID_CHARS)?;
    let secret = rest
        .strip_prefix('_')
        .filter(|secret| secret.len() == SECRET_CHARS)?;
    let secret = from_text(secret)?.try_into().ok()?;
    is_id(id).then_some((id, secret))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn g2_1_ids_and_secrets_have_their_lengths() {
        assert_eq!(id().unwrap().len(), ID_CHARS);
        assert_eq!(text(&[255; SECRET_BYTES]).len(), SECRET_CHARS);
        assert_ne!(bytes::<32>().unwrap(), bytes::<32>().unwrap());
        assert!(are_same(b"ab", b"ab") && !are_same(b"ab", b"ac") && !are_same(b"ab", b"a"));
    }

    proptest! {
        #[test]
        fn g2_1_a_text_has_one_form(id in any::<[u8; ID_BYTES]>(), secret in any::<[u8; 32]>()) {
            let id = hexadecimal::encode(&id);
            let whole = format!("stk_{id}_{}", text(&secret));
            prop_assert_eq!(id_and_secret(&whole, "stk"), Some((id.as_str(), secret)));
            prop_assert_eq!(id_and_secret(&whole, "stt"), None);
            for end in 0..whole.len() {
                prop_assert_eq!(id_and_secret(&whole[..end], "stk"), None);
            }
            let longer = format!("{whole}A");
            prop_assert_eq!(id_and_secret(&longer, "stk"), None);
        }

        #[test]
        fn g2_1_any_text_is_read_or_refused(text in "(stk_)?\\PC{0,80}") {
            let _ = id_and_secret(&text, "stk");
        }
    }

    #[test]
    fn g2_1_a_secret_with_other_last_bits_is_another_text() {
        let id = "0123456789abcdef";
        let whole = format!("stk_{id}_{}A", "A".repeat(42));
        assert!(id_and_secret(&whole, "stk").is_some());
        // 43 characters carry 258 bits: the last two have to be 0.
        let other = format!("stk_{id}_{}B", "A".repeat(42));
        assert_eq!(id_and_secret(&other, "stk"), None);
    }
}
