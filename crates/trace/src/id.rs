//! The names of traces and spans (W3C Trace Context, section 3.2.2).

use std::fmt;

use rand::Rng;

/// The name of a trace: 16 random bytes, not all of them zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId([u8; 16]);

/// The name of a span in its trace: 8 random bytes, not all of them zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanId([u8; 8]);

impl TraceId {
    pub(crate) fn random() -> Self {
        Self(rand::rng().random_range(1..=u128::MAX).to_be_bytes())
    }

    /// The bytes.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl SpanId {
    pub(crate) fn random() -> Self {
        Self(rand::rng().random_range(1..=u64::MAX).to_be_bytes())
    }

    /// The bytes.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl fmt::Display for TraceId {
    /// 32 hex digits in lower case.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Display for SpanId {
    /// 16 hex digits in lower case.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p3_a_name_is_written_with_its_zeros() {
        let mut bytes = [0; 16];
        bytes[15] = 10;
        assert_eq!(TraceId(bytes).to_string(), format!("{}0a", "0".repeat(30)));
        assert_ne!(TraceId::random(), TraceId::random());
    }
}
