//! What the words of a relay mean. Pure.

/// Why a relay does not do what it was asked for: a reconciliation (NIP-77), or a REQ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The set is too large: a smaller one may be had.
    TooLarge,
    /// It wants to know who we are first (NIP-42).
    Auth,
    /// Not now.
    Later,
    /// We may not.
    Forbidden,
    /// It cannot.
    Unsupported,
}

/// Reads the reason of a NEG-ERR. Relays word it each in their own way.
#[must_use]
pub fn refused(reason: &str) -> Refused {
    let (prefix, _) = reason.split_once(':').unwrap_or((reason, ""));
    let lower = reason.to_ascii_lowercase();
    let large = [
        "too many",
        "too big",
        "too large",
        "max records",
        "results_too_big",
    ];
    if large.iter().any(|words| lower.contains(words)) {
        return Refused::TooLarge;
    }
    match prefix.trim().to_ascii_lowercase().as_str() {
        // The NIP's words for a set that is too large, and for a session that took too long.
        "blocked" | "closed" => Refused::TooLarge,
        "auth-required" => Refused::Auth,
        "rate-limited" => Refused::Later,
        "restricted" => Refused::Forbidden,
        _ => Refused::Unsupported,
    }
}

/// Whether a NOTICE is the answer of a relay that does not know NEG-OPEN.
#[must_use]
pub fn does_not_know(notice: &str) -> bool {
    let lower = notice.to_ascii_lowercase();
    let signs = [
        "neg",
        "unknown",
        "unrecogni",
        "unsupported",
        "not supported",
        "invalid",
        "bad msg",
        "could not parse",
        "unable to parse",
        "failed to parse",
    ];
    signs.iter().any(|sign| lower.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r5_2_reasons_are_understood() {
        for (reason, expected) in [
            ("blocked: this query is too big", Refused::TooLarge),
            ("RESULTS_TOO_BIG", Refused::TooLarge),
            ("error: too many query results", Refused::TooLarge),
            ("closed: you took too long to respond!", Refused::TooLarge),
            ("auth-required: who are you?", Refused::Auth),
            ("rate-limited: later", Refused::Later),
            ("restricted: members only", Refused::Forbidden),
            (
                "unsupported: this relay does not offer negentropy",
                Refused::Unsupported,
            ),
            ("negentropy disabled", Refused::Unsupported),
            ("", Refused::Unsupported),
        ] {
            assert_eq!(refused(reason), expected, "{reason}");
        }
        assert!(does_not_know("ERROR: bad msg: unknown cmd"));
        assert!(does_not_know("unrecognised message"));
        assert!(!does_not_know("welcome"));
    }
}
