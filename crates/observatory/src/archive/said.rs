//! What it means that a relay has closed a REQ (NIP-01's prefixes). Pure.

use super::coverage::{Coverage, reason};
use super::walk::Why;

/// What follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    /// Not now.
    Later,
    /// We may not.
    Refused,
    /// It did not work.
    Failed,
}

/// Reads the reason of a CLOSED.
pub(super) fn said(words: &str) -> Said {
    let (prefix, _) = words.split_once(':').unwrap_or((words, ""));
    match prefix.trim().to_ascii_lowercase().as_str() {
        "rate-limited" => Said::Later,
        "auth-required" | "restricted" | "blocked" | "pow" | "payment-required" => Said::Refused,
        _ => Said::Failed,
    }
}

/// What is kept of the reason of a CLOSED.
pub(crate) fn kept(words: &str) -> String {
    said(words).verdict(words).1.into_owned()
}

impl Said {
    /// What is known of what was asked for, and why.
    pub(super) fn verdict(self, words: &str) -> (Coverage, Why) {
        let (state, word) = match self {
            Self::Later => (Coverage::Failed, "has us wait"),
            Self::Refused => (Coverage::Refused, "refused"),
            Self::Failed => (Coverage::Failed, "closed"),
        };
        (state, Why::Owned(reason(word, words).to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o3_1_what_a_relay_says_is_told_apart() {
        for (words, expected) in [
            ("rate-limited: slow down", Said::Later),
            ("auth-required: who are you?", Said::Refused),
            ("restricted: members only", Said::Refused),
            ("blocked: you", Said::Refused),
            ("error: the database is not there", Said::Failed),
            ("", Said::Failed),
        ] {
            assert_eq!(said(words), expected, "{words}");
        }
        let (state, why) = Said::Refused.verdict("restricted: members only");
        assert_eq!(
            (state, &*why),
            (Coverage::Refused, "refused: restricted: members only")
        );
    }
}
