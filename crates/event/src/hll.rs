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

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(json: &str) -> Filter {
        Filter::parse(json.as_bytes()).unwrap()
    }

    #[test]
    fn r1_9_the_offset_is_the_digit_at_32_plus_8() {
        // Position 32 of the digits is the upper half of byte 16.
        let id = format!("{}{}{}", "0".repeat(32), "b", "0".repeat(31));
        let of = |json: &str| offset(&filter(json));
        assert_eq!(
            of(&format!("{{\"#e\":[\"{id}\"],\"kinds\":[7]}}")),
            Some(11 + 8)
        );
        assert_eq!(of(&format!("{{\"#a\":[\"30023:{id}:x\"]}}")), Some(11 + 8));
        assert_eq!(of(&format!("{{\"#p\":[\"{}\"]}}", "0".repeat(64))), Some(8));
        assert_eq!(
            of(&format!("{{\"#p\":[\"{}\"]}}", "f".repeat(64))),
            Some(23)
        );
        // sha256("bitcoin") = 6b88c087247aa2f07ee1c5956b8e1a9f 4c7f892a70e324f1bb3d161e05ca107b
        assert_eq!(of("{\"#t\":[\"bitcoin\"]}"), Some(4 + 8));
        assert_eq!(of("{\"kinds\":[1]}"), None);
        assert_eq!(of("{\"#t\":[]}"), None);
    }

    #[test]
    fn r1_9_the_first_item_of_the_first_tag_as_sent_decides() {
        let (low, high) = ("0".repeat(64), "f".repeat(64));
        let of = |json: String| offset(&filter(&json));
        assert_eq!(
            of(format!(
                "{{\"#t\":[\"{high}\",\"{low}\"],\"#e\":[\"{low}\"]}}"
            )),
            Some(23)
        );
        assert_eq!(
            of(format!(
                "{{\"#t\":[\"{low}\",\"{high}\"],\"#e\":[\"{high}\"]}}"
            )),
            Some(8)
        );
    }

    #[test]
    fn r1_9_registers_by_hand() {
        let mut registers = Registers::new();
        // Offset 10: byte 10 is the register, the zeros are counted from byte 11 on.
        let mut key = [0xff; 32];
        (key[10], key[11], key[12]) = (5, 0, 0b0001_0000);
        registers.add(10, &PublicKey(key));
        assert_eq!(registers.0[5], 8 + 3 + 1);
        // Fewer zeros change nothing, more do.
        key[11] = 0b1000_0000;
        registers.add(10, &PublicKey(key));
        assert_eq!(registers.0[5], 12);
        (key[11], key[12]) = (0, 0);
        registers.add(10, &PublicKey(key));
        assert_eq!(registers.0[5], 17);
        // Another register, no zeros.
        (key[10], key[11]) = (255, 0x80);
        registers.add(10, &PublicKey(key));
        assert_eq!(registers.0[255], 1);
        // Zeros up to the end of the key.
        let mut all = [0; 32];
        all[23] = 9;
        registers.add(23, &PublicKey(all));
        assert_eq!(registers.0[9], 64 + 1);
        let hex = registers.to_hex();
        assert_eq!(
            (hex.len(), &hex[10..12], &hex[18..20], &hex[510..]),
            (512, "11", "41", "01")
        );
        assert_eq!(Registers::from_hex(hex.as_bytes()), Some(registers));
    }

    #[test]
    fn r1_9_merging_takes_the_larger() {
        let (mut left, mut right) = (Registers::new(), Registers::new());
        (left.0[0], left.0[1], right.0[1], right.0[2]) = (3, 4, 5, 6);
        left.merge(&right);
        assert_eq!(left.0[..4], [3, 5, 6, 0]);
    }

    #[test]
    fn r1_9_the_estimate_is_near() {
        assert_eq!(Registers::new().estimate(), 0);
        for count in [10_u64, 200, 3_000, 50_000] {
            let mut registers = Registers::new();
            for number in 0..count {
                let hash = digest(&SHA256, &number.to_le_bytes());
                registers.add(8, &PublicKey(hash.as_ref().try_into().unwrap()));
            }
            let estimate = registers.estimate();
            assert!(
                estimate.abs_diff(count) * 5 < count,
                "{estimate} for {count}"
            );
        }
    }
}
