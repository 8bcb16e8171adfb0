//! What the words of another relay mean for what is sent to it. Pure.

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
    fn r5_2_refusals_of_events_are_understood_and_counted() {
        assert_eq!(unsent(Some("error")), Unsent::Later);
        assert_eq!(unsent(None), Unsent::Never);
        assert_eq!(counted("pow: 3 bits missing"), "pow");
        assert_eq!(counted(""), "no reason given");
        assert_eq!(counted("you said: no"), "you said: no");
    }
}
