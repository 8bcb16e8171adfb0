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
