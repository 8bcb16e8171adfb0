//! What logs and traces say of a message that is refused: which message, and the prefix of the reason. The rest of a reason may name
//! keys, or be a plugin's own words.

use stentor_trace::Trace;

/// The prefixes of NIP-01, 42, 45 and 77, and of this relay.
const PREFIXES: [&str; 11] = [
    "auth-required",
    "blocked",
    "closed",
    "duplicate",
    "error",
    "invalid",
    "mute",
    "pow",
    "rate-limited",
    "restricted",
    "unsupported",
];

/// Notes that a message is answered with a refusal for this reason. Refusals are common, so the log has them at `debug`.
pub(crate) fn note(verb: &'static str, reason: &str, trace: &mut Trace) {
    tracing::debug!(
        target: "stentor_relay::refusal",
        verb,
        reason = prefix(reason),
        trace_id = trace.id().map(tracing::field::display),
        "refused"
    );
    if trace.is_on() {
        let prefix = prefix(reason);
        trace.outcome("refused");
        trace.set("stentor.reason", prefix);
        if prefix == "error" {
            trace.fail();
        }
    }
}

/// The prefix of a reason; `other` for one that is not among those known.
pub(crate) fn prefix(reason: &str) -> &'static str {
    let word = reason.split(':').next().unwrap_or_default();
    let known = PREFIXES.into_iter().find(|prefix| *prefix == word);
    known.unwrap_or("other")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p3_of_a_reason_only_a_known_prefix_is_told() {
        assert_eq!(prefix("rate-limited: too many events"), "rate-limited");
        assert_eq!(prefix("blocked"), "blocked");
        assert_eq!(prefix("npub1secret: is not welcome"), "other");
        assert_eq!(prefix(""), "other");
    }
}
