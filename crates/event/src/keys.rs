//! Event ids, public keys and signatures: fixed-size bytes that print as lower-case hex.

use std::fmt;

use crate::hex;

macro_rules! bytes_type {
    ($(#[$doc:meta])* $name:ident, $size:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $size]);

        impl $name {
            /// Reads exactly the lower-case hex digits of NIP-01; anything else is `None`.
            #[inline]
            pub fn from_hex(text: &[u8]) -> Option<Self> {
                hex::decode_array(text).map(Self)
            }

            /// The bytes.
            #[inline]
            pub const fn as_bytes(&self) -> &[u8; $size] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }
    };
}

bytes_type!(
    /// SHA-256 over the serialised event (NIP-01).
    EventId,
    32
);
bytes_type!(
    /// X-only secp256k1 public key (NIP-01, BIP-340). Not necessarily a point of the curve: only verification finds out.
    PublicKey,
    32
);
bytes_type!(
    /// BIP-340 Schnorr signature of an event id.
    Signature,
    64
);
