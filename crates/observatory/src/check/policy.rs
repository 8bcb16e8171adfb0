//! Refusals that are a relay's right (O2.2): policies, not failures. Pure.

use serde::Serialize;

/// Why a relay does not do for us what it does for others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Policy {
    /// It wants to know who we are (NIP-42).
    AuthRequired,
    /// It does not take this kind of event, or nothing from us.
    Blocked,
    /// Only some may.
    Restricted,
    /// It wants work (NIP-13).
    Pow,
    /// Not so often.
    RateLimited,
    /// It wants to be paid.
    Payment,
}

impl Policy {
    const ALL: [Self; 6] = [
        Self::AuthRequired,
        Self::Blocked,
        Self::Restricted,
        Self::Pow,
        Self::RateLimited,
        Self::Payment,
    ];

    /// Its word in the records and answers: the prefix of NIP-01 and NIP-42 where there is one.
    pub const fn word(self) -> &'static str {
        match self {
            Self::AuthRequired => "auth-required",
            Self::Blocked => "blocked",
            Self::Restricted => "restricted",
            Self::Pow => "pow",
            Self::RateLimited => "rate-limited",
            Self::Payment => "payment",
        }
    }

    /// The policy in a relay's own words; `None` when they tell of something else. The prefix decides; payment has none of its own
    /// and is told by its words under any prefix. Words alone decide where there is no prefix at all.
    pub fn of(reason: &str) -> Option<Self> {
        let lower = reason.to_lowercase();
        let (prefix, text) = match lower.split_once(':') {
            Some((prefix, text)) if is_prefix(prefix) => (Some(prefix), text),
            _ => (None, lower.as_str()),
        };
        let says = |signs: &[&str]| signs.iter().any(|sign| text.contains(sign));
        let known = Self::ALL
            .into_iter()
            .find(|policy| Some(policy.word()) == prefix);
        let pays = says(&["payment", "pay to", "paid", "invoice", "lnbc"]);
        match (known, prefix) {
            (Some(Self::Blocked | Self::Restricted) | None, _) if pays => Some(Self::Payment),
            (Some(policy), _) => Some(policy),
            (None, Some(_)) => None,
            (None, None) => [
                (Self::AuthRequired, ["authenticat", "auth required"]),
                (Self::RateLimited, ["rate limit", "too many"]),
                (Self::Pow, ["proof of work", "difficulty"]),
                (Self::Restricted, ["whitelist", "members only"]),
                (Self::Blocked, ["not allowed", "not accepted"]),
            ]
            .into_iter()
            .find_map(|(policy, signs)| says(&signs).then_some(policy)),
        }
    }
}

fn is_prefix(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
    !text.is_empty() && text.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o2_2_a_refusal_by_policy_is_told_from_a_failure() {
        for (reason, expected) in [
            ("auth-required: who are you?", Some(Policy::AuthRequired)),
            ("restricted: members", Some(Policy::Restricted)),
            ("restricted: payment required", Some(Policy::Payment)),
            ("blocked: kind 1", Some(Policy::Blocked)),
            ("pow: 20 bits", Some(Policy::Pow)),
            ("rate-limited: slow down", Some(Policy::RateLimited)),
            ("This relay is paid, see https://a.b", Some(Policy::Payment)),
            ("Event kind not allowed", Some(Policy::Blocked)),
            ("error: disk full", None),
            ("error: not allowed to open the database", None),
            ("invalid: signature", None),
            ("", None),
        ] {
            assert_eq!(Policy::of(reason), expected, "{reason}");
        }
        for policy in Policy::ALL {
            assert_eq!(Policy::of(&format!("{}: x", policy.word())), Some(policy));
        }
    }
}
