//! Event ids, public keys and signatures: fixed-size bytes that print as lower-case hex.

use std::cmp::Ordering;
use std::fmt;

use crate::hex;

#[inline]
fn first_word(bytes: &[u8]) -> u64 {
    bytes
        .first_chunk()
        .map_or(0, |word| u64::from_be_bytes(*word))
}

macro_rules! bytes_type {
    ($(#[$doc:meta])* $name:ident, $size:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
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

        impl Ord for $name {
            /// The order of the bytes and of the hex digits. Nearly always the first eight bytes decide.
            #[inline]
            fn cmp(&self, other: &Self) -> Ordering {
                first_word(&self.0).cmp(&first_word(&other.0)).then_with(|| self.0.cmp(&other.0))
            }
        }

        impl PartialOrd for $name {
            #[inline]
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r1_6_the_order_is_that_of_the_hex_digits() {
        let ids = [[0; 32], [1; 32], [0x80; 32], [0xff; 32]];
        let mut low = ids[1];
        low[31] = 0;
        for (left, right) in ids
            .iter()
            .chain([&low])
            .flat_map(|left| ids.map(|right| (EventId(*left), EventId(right))))
        {
            assert_eq!(left.cmp(&right), left.to_string().cmp(&right.to_string()));
        }
    }
}
