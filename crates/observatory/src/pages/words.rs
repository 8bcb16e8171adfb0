//! What stands in the records as a word, as people read it.

use std::borrow::Cow;

use stentor_console::component::{Coverage, State};

/// What came of a check: `online`, or why not.
pub(super) fn outcome(word: &str) -> Cow<'_, str> {
    let said = match word {
        "online" => "online",
        "dns" => "its name is not found (DNS)",
        "tcp" => "no connection (TCP)",
        "proxy" => "the proxy does not connect",
        "tls" => "no TLS, or a bad certificate",
        "protocol" => "does not speak the protocol",
        "timeout" => "takes too long",
        "refused" => "refused by our own guard",
        "mute" => "connects and says nothing",
        "own_network" => "not known: our own network was down",
        "no_proxy" => "not known: no proxy leads there",
        "unknown" => "not known",
        other => match other.strip_prefix("http_") {
            Some(status) => return Cow::Owned(format!("answers with HTTP status {status}")),
            None => return Cow::Borrowed(other),
        },
    };
    Cow::Borrowed(said)
}

/// How a relay is, from its status and whether it is slower than usual.
pub(super) fn state(status: &str, degraded: Option<bool>) -> State {
    match (status, degraded) {
        ("online", Some(true)) => State::Degraded,
        ("online", _) => State::Online,
        ("offline", _) => State::Offline,
        _ => State::Unknown,
    }
}

/// A state of coverage.
pub(super) fn coverage(word: &str) -> Coverage {
    match word {
        "complete" => Coverage::Complete,
        "capped" => Coverage::Capped,
        "refused" => Coverage::Refused,
        _ => Coverage::Failed,
    }
}

/// How a relay was asked.
pub(super) fn method(word: &str) -> Cow<'_, str> {
    Cow::Borrowed(match word {
        "negentropy" => "comparison (NIP-77)",
        "hints" => "pages with hints (NIP-67)",
        "windows" => "pages with verified ends",
        other => other,
    })
}

/// At most so many characters of a text that somebody else has written.
pub(super) fn clipped(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{}…", text.get(..end).unwrap_or_default())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Reason;

    #[test]
    fn o4_4_each_reason_has_words() {
        let reasons = [
            Reason::Dns,
            Reason::Tcp,
            Reason::Proxy,
            Reason::Tls,
            Reason::Protocol,
            Reason::Timeout,
            Reason::Refused,
            Reason::Mute,
            Reason::Http(503),
        ];
        for reason in reasons {
            let word = reason.word();
            assert_ne!(outcome(&word), word);
        }
        assert_eq!(outcome("http_503"), "answers with HTTP status 503");
        assert_eq!(outcome("later"), "later");
    }

    #[test]
    fn o4_4_what_is_not_known_is_not_offline() {
        assert_eq!(state("unknown", None), State::Unknown);
        assert_eq!(state("online", None), State::Online);
        assert_eq!(state("offline", Some(true)), State::Offline);
    }

    #[test]
    fn o4_4_texts_are_cut_between_characters() {
        assert_eq!(clipped("süß", 3), "süß");
        assert_eq!(clipped("süßer", 3), "süß…");
    }
}
