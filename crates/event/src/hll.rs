//! HyperLogLog of NIP-45: estimates how many authors there are, mergeable between relays.

use ring::digest::{SHA256, digest};

use crate::address::Address;
use crate::filter::Filter;
use crate::hex;
use crate::keys::PublicKey;

/// How many registers there are.
pub const REGISTERS: usize = 256;

/// The 256 registers.
#[derive(Clone, PartialEq, Eq)]
pub struct Registers(pub [u8; REGISTERS]);

/// The offset for a filter: by the first item of its first tag attribute. `None` for filters without one, for which the NIP
/// defines nothing.
pub fn offset(filter: &Filter) -> Option<usize> {
    let first = filter.tags.first()?;
    Some(offset_of(first.values.get(first.first)?))
}

/// The offset for one tag value (an event id, a key, an address or anything else), 8 to 23.
pub fn offset_of(value: &[u8]) -> usize {
    let bytes: [u8; 32] = match (hex::decode_array(value), Address::parse(value.into())) {
        (Some(bytes), _) => bytes,
        (None, Some(address)) => address.pubkey.0,
        (None, None) => digest(&SHA256, value)
            .as_ref()
            .try_into()
            .unwrap_or([0; 32]),
    };
    // The character at position 32 is the upper half of this byte.
    let byte = bytes[16];
    usize::from(byte >> 4) + 8
}

impl Registers {
    /// All registers 0.
    pub const fn new() -> Self {
        Self([0; REGISTERS])
    }

    /// Counts an author under an offset from [`offset`].
    pub fn add(&mut self, offset: usize, pubkey: &PublicKey) {
        let Some((&index, rest)) = pubkey.0.get(offset..).and_then(<[u8]>::split_first) else {
            return;
        };
        let zeros = rest.iter().take_while(|byte| **byte == 0).count();
        let partial = rest.get(zeros).map_or(0, |byte| byte.leading_zeros());
        let rank = u8::try_from(zeros * 8 + partial as usize + 1).unwrap_or(u8::MAX);
        if let Some(register) = self.0.get_mut(usize::from(index)) {
            *register = rank.max(*register);
        }
    }

    /// Takes the larger of each pair of registers.
    pub fn merge(&mut self, other: &Self) {
        for (register, other) in self.0.iter_mut().zip(other.0) {
            *register = other.max(*register);
        }
    }

    /// 512 hex digits.
    pub fn to_hex(&self) -> String {
        hex::encode(&self.0)
    }

    /// From 512 lower-case hex digits.
    pub fn from_hex(text: &[u8]) -> Option<Self> {
        hex::decode_array(text).map(Self)
    }

    /// The estimated number of different authors, with the usual correction for few of them.
    pub fn estimate(&self) -> u64 {
        let size = REGISTERS as f64;
        let sum: f64 = self
            .0
            .iter()
            .map(|&rank| 0.5_f64.powi(i32::from(rank)))
            .sum();
        let raw = 0.7213 / (1.0 + 1.079 / size) * size * size / sum;
        let empty = self.0.iter().filter(|rank| **rank == 0).count();
        let value = if raw <= 2.5 * size && empty > 0 {
            size * (size / empty as f64).ln()
        } else {
            raw
        };
        value.round() as u64
    }
}

impl Default for Registers {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Registers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Registers(about {})", self.estimate())
    }
}
