//! The challenge that a connection has to sign.

use std::fmt;

/// Random bytes in a challenge: enough that none can be guessed or met twice.
const BYTES: usize = 16;

/// The challenge of one connection (NIP-42), valid as long as the connection lasts. Shown as lower-case hex.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Challenge([u8; BYTES]);

impl Challenge {
    /// Draws a challenge from the operating system's generator.
    ///
    /// # Errors
    /// When the operating system has no random numbers to give; the connection must then be refused.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// Whether this text is the challenge.
    pub fn is(&self, text: &[u8]) -> bool {
        text.len() == BYTES * 2
            && text
                .chunks_exact(2)
                .zip(self.0)
                .all(|(pair, byte)| pair == hex(byte))
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for Challenge {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Challenge({self})")
    }
}

/// The two lower-case digits of a byte.
fn hex(byte: u8) -> [u8; 2] {
    let digit = |nibble: u8| {
        if nibble < 10 {
            b'0' + nibble
        } else {
            b'a' + nibble - 10
        }
    };
    [digit(byte >> 4), digit(byte & 15)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r1_11_challenge_knows_its_own_text_only() {
        let challenge = Challenge::random().unwrap();
        let text = challenge.to_string();
        assert_eq!(text.len(), 32);
        assert!(challenge.is(text.as_bytes()));
        assert!(
            !challenge.is(text.to_uppercase().as_bytes())
                || text.bytes().all(|b| b.is_ascii_digit())
        );
        assert!(!challenge.is(&text.as_bytes()[..30]));
        assert!(!challenge.is(b""));
    }

    #[test]
    fn r1_11_challenges_differ() {
        assert_ne!(Challenge::random().unwrap(), Challenge::random().unwrap());
    }
}
