//! Schnorr signatures (BIP-340) by libsecp256k1. Verification uses static tables and a context of the thread: threads share nothing
//! that is written.

use secp256k1::{XOnlyPublicKey, schnorr};

use crate::error::EventError;
use crate::view::EventView;

impl EventView<'_> {
    /// Whether the signature is the author's over the id. The id itself is not checked.
    ///
    /// # Errors
    /// [`EventError::PublicKey`] when the author is not a point of the curve, [`EventError::Signature`] when the signature is not
    /// the author's.
    pub fn verify_signature(&self) -> Result<(), EventError> {
        let key =
            XOnlyPublicKey::from_byte_array(self.pubkey().0).map_err(|_| EventError::PublicKey)?;
        let signature = schnorr::Signature::from_byte_array(self.sig().0);
        schnorr::verify(&signature, &self.id().0, &key).map_err(|_| EventError::Signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Event, EventBuilder, Kind, SecretKey, Timestamp};

    fn changed(event: &Event, old: &str, new: &str) -> Event {
        let text = String::from_utf8(event.json().to_vec()).unwrap();
        Event::parse(text.replacen(old, new, 1).as_bytes()).unwrap()
    }

    #[test]
    fn r1_1_only_the_authors_signature_of_this_id_is_valid() {
        let event =
            EventBuilder::new(Kind(1), Timestamp(1)).sign(&SecretKey::from_bytes([3; 32]).unwrap());
        let other = SecretKey::from_bytes([4; 32])
            .unwrap()
            .public_key()
            .to_string();
        assert_eq!(event.verify_signature(), Ok(()));
        assert_eq!(
            changed(&event, &event.pubkey().to_string(), &other).verify_signature(),
            Err(EventError::Signature)
        );
        let id = changed(&event, &event.id().to_string(), &"0".repeat(64));
        assert_eq!(id.verify_signature(), Err(EventError::Signature));
        let sig = changed(&event, &event.sig().to_string(), &"f".repeat(128));
        assert_eq!(sig.verify_signature(), Err(EventError::Signature));
    }

    #[test]
    fn r1_1_a_key_that_is_no_point_is_refused() {
        let event =
            EventBuilder::new(Kind(1), Timestamp(1)).sign(&SecretKey::from_bytes([3; 32]).unwrap());
        let key = changed(&event, &event.pubkey().to_string(), &"f".repeat(64));
        assert_eq!(key.verify_signature(), Err(EventError::PublicKey));
    }
}
