//! Close codes (RFC 6455, section 7.4) and the body of a close frame.

use std::borrow::Cow;

/// Longest reason that fits a control frame beside the two bytes of the code.
pub const MAX_REASON: usize = 123;

/// A close code. Only codes that may appear in a frame can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CloseCode(u16);

impl CloseCode {
    /// 1000: the purpose is fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// 1001: an endpoint goes away.
    pub const GOING_AWAY: Self = Self(1001);
    /// 1002: the peer broke the protocol.
    pub const PROTOCOL: Self = Self(1002);
    /// 1003: a type of data that is not accepted (binary frames, R1.14).
    pub const UNSUPPORTED: Self = Self(1003);
    /// 1007: text that is not UTF-8, or data that does not inflate.
    pub const INVALID_DATA: Self = Self(1007);
    /// 1008: a policy was violated; also a client that is too slow (R8.1).
    pub const POLICY: Self = Self(1008);
    /// 1009: a message above the limit.
    pub const TOO_BIG: Self = Self(1009);
    /// 1011: an error inside the server, or no answer to a ping.
    pub const INTERNAL: Self = Self(1011);
    /// 1012: the service restarts; come back (R8.3).
    pub const RESTART: Self = Self(1012);
    /// 1013: try again later.
    pub const TRY_AGAIN: Self = Self(1013);

    /// The code, when RFC 6455 and its registry allow it on the wire.
    #[must_use]
    pub const fn new(code: u16) -> Option<Self> {
        match code {
            1000..=1003 | 1007..=1014 | 3000..=4999 => Some(Self(code)),
            _ => None,
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }
}

/// Code and reason of a close frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloseFrame {
    /// The code.
    pub code: CloseCode,
    /// A reason for people; cut to [`MAX_REASON`] bytes when it is sent.
    pub reason: Cow<'static, str>,
}

impl CloseFrame {
    /// A close frame.
    pub fn new(code: CloseCode, reason: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            reason: reason.into(),
        }
    }

    /// Appends the body: two bytes of code, then the reason cut at a character boundary.
    pub fn write_body(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.code.get().to_be_bytes());
        let mut end = self.reason.len().min(MAX_REASON);
        while !self.reason.is_char_boundary(end) {
            end -= 1;
        }
        out.extend_from_slice(self.reason.as_bytes().get(..end).unwrap_or_default());
    }

    /// Reads the body of a received close frame. `Ok(None)` for an empty one.
    ///
    /// # Errors
    /// The close frame to answer with: 1002 for a body of one byte or a code that may not be sent, 1007 for a reason that
    /// is not UTF-8.
    pub fn parse(body: &[u8]) -> Result<Option<Self>, Self> {
        let Some((code, reason)) = body.split_first_chunk::<2>() else {
            return if body.is_empty() {
                Ok(None)
            } else {
                Err(Self::new(CloseCode::PROTOCOL, "close body of one byte"))
            };
        };
        let Some(code) = CloseCode::new(u16::from_be_bytes(*code)) else {
            return Err(Self::new(CloseCode::PROTOCOL, "invalid close code"));
        };
        match simdutf8::basic::from_utf8(reason) {
            Ok(reason) => Ok(Some(Self::new(code, reason.to_owned()))),
            Err(_) => Err(Self::new(
                CloseCode::INVALID_DATA,
                "close reason is not UTF-8",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_codes_are_refused() {
        for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535] {
            assert_eq!(CloseCode::new(code), None, "{code}");
        }
        for code in [1000, 1003, 1007, 1014, 3000, 4999] {
            assert!(CloseCode::new(code).is_some(), "{code}");
        }
    }

    #[test]
    fn a_long_reason_is_cut_at_a_character() {
        let mut body = Vec::new();
        CloseFrame::new(CloseCode::POLICY, "é".repeat(100)).write_body(&mut body);
        assert_eq!(body.len(), 2 + 122);
        assert!(CloseFrame::parse(&body).unwrap().is_some());
    }

    #[test]
    fn bodies_are_checked() {
        assert_eq!(CloseFrame::parse(&[]).unwrap(), None);
        assert_eq!(
            CloseFrame::parse(&[3]).unwrap_err().code,
            CloseCode::PROTOCOL
        );
        assert_eq!(
            CloseFrame::parse(&[3, 237]).unwrap_err().code,
            CloseCode::PROTOCOL
        );
        assert_eq!(
            CloseFrame::parse(&[3, 232, 0xff]).unwrap_err().code,
            CloseCode::INVALID_DATA
        );
    }
}
