//! What the words of another relay mean for a synchronisation. Pure.

/// Why the other side does not reconcile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
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
pub(crate) fn refused(reason: &str) -> Refused {
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
pub(crate) fn does_not_know(notice: &str) -> bool {
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

/// What becomes of an event that the other side did not take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unsent {
    /// It may be taken later.
    Later,
    /// It will not be taken.
    Never,
}

/// Reads the reason of an OK with `false`.
pub(crate) fn unsent(prefix: Option<&str>) -> Unsent {
    match prefix {
        Some("rate-limited" | "error") => Unsent::Later,
        _ => Unsent::Never,
    }
}

/// A reason as it is counted: the prefix where there is one, else its beginning. What differs from event to event would make one
/// count of each.
pub(crate) fn counted(reason: &str) -> String {
    match reason.split_once(':') {
        Some((prefix, _)) if !prefix.is_empty() && prefix.len() <= 32 && !prefix.contains(' ') => {
            prefix.to_owned()
        }
        _ if reason.is_empty() => "no reason given".to_owned(),
        _ => reason.chars().take(60).collect(),
    }
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
        assert_eq!(unsent(Some("error")), Unsent::Later);
        assert_eq!(unsent(None), Unsent::Never);
        assert_eq!(counted("pow: 3 bits missing"), "pow");
        assert_eq!(counted(""), "no reason given");
        assert_eq!(counted("you said: no"), "you said: no");
    }
}
