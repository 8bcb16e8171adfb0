//! What all pages say in the same words. What was not tested is neither a yes nor a no, and is said so.

use std::borrow::Cow;

use maud::{Markup, html};
use stentor_console::component::{Coverage, State, badge, badge_with};
use stentor_console::format::number;

use crate::answer::RelaySummary;

/// What was not tested, or is not known.
pub(super) fn untested() -> Markup {
    nothing("not tested")
}

/// A dash for the eye, and a word for who does not see it.
pub(super) fn nothing(word: &str) -> Markup {
    html! { span class="none" title=(word) { span aria-hidden="true" { "–" } span class="unseen" { (word) } } }
}

/// Something that may be unknown.
pub(super) fn known<T>(value: Option<T>, shown: impl FnOnce(T) -> Markup) -> Markup {
    value.map_or_else(untested, shown)
}

/// A count that may be unknown.
pub(super) fn count(value: Option<u64>) -> Markup {
    known(value, |value| html! { (number(value)) })
}

/// Yes, no, or not tested.
pub(super) fn truth(value: Option<bool>, yes: &str, no: &str) -> Markup {
    match value {
        Some(true) => html! { (yes) },
        Some(false) => html! { (no) },
        None => html! { span class="none" { "not tested" } },
    }
}

/// How a relay does, as a badge.
pub(super) fn status(relay: &RelaySummary) -> Markup {
    if relay.state == "candidate" {
        return badge_with(State::Unknown, "candidate");
    }
    badge(state(&relay.status, relay.degraded))
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

/// What came of a check: online, or why not.
pub(super) fn outcome(word: &str) -> String {
    let known = match word {
        "own_network" => "not known: our own network was down",
        "no_proxy" => "not known: no proxy leads there",
        "unknown" => "not known",
        other => return reason(other),
    };
    known.to_owned()
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

/// How the archive has asked a relay.
pub(super) fn method(word: &str) -> &str {
    match word {
        "negentropy" => "reconciliation (NIP-77)",
        "hints" => "pages with hints (NIP-67)",
        "windows" => "pages whose boundaries are verified",
        other => other,
    }
}

/// At most so many characters of a text that somebody else has written.
pub(super) fn clipped(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{}…", text.get(..end).unwrap_or_default())),
    }
}

/// Why a relay is offline, in words.
pub(super) fn reason(word: &str) -> String {
    let known = match word {
        "dns" => "its name is not found",
        "tcp" => "no connection",
        "proxy" => "not through the proxy",
        "tls" => "TLS fails",
        "protocol" => "does not speak Nostr",
        "timeout" => "takes too long",
        "mute" => "answers nothing",
        "refused" => "refused by our own guard",
        other => {
            return match other.strip_prefix("http_") {
                Some(status) => format!("HTTP status {status}"),
                None => other.replace(['_', '-'], " "),
            };
        }
    };
    known.to_owned()
}

/// What became of a write test, in words. A refusal by policy is no failure (O2.2).
pub(super) fn write_outcome(word: &str) -> String {
    let known = match word {
        "accepted" => "accepted",
        "taken" => "took an ephemeral event",
        "lost" => "accepted, and not there afterwards",
        "unverified" => "accepted, not read back",
        "unanswered" => "no answer",
        "failed" => "failed",
        "auth-required" => "policy: wants to know who writes",
        "blocked" => "policy: not this, or not from us",
        "restricted" => "policy: only some may",
        "pow" => "policy: wants work (NIP-13)",
        "rate-limited" => "policy: not so often",
        "payment" => "policy: wants payment",
        other => return other.replace(['_', '-'], " "),
    };
    known.to_owned()
}

/// A URL without what nearly all have in common.
pub(super) fn short_url(url: &str) -> &str {
    match url.strip_prefix("wss://") {
        Some(rest) => rest.strip_suffix('/').unwrap_or(rest),
        None => url,
    }
}

/// The name of software without where its source is kept.
pub(super) fn short_software(name: &str) -> &str {
    let rest = name.strip_prefix("git+").unwrap_or(name);
    let rest = ["https://", "http://", "git://"]
        .iter()
        .find_map(|scheme| rest.strip_prefix(scheme))
        .unwrap_or(rest);
    let rest = [
        "github.com/",
        "www.github.com/",
        "gitlab.com/",
        "codeberg.org/",
    ]
    .iter()
    .find_map(|host| rest.strip_prefix(host))
    .unwrap_or(rest);
    let rest = rest.trim_end_matches('/');
    let short = rest.strip_suffix(".git").unwrap_or(rest);
    if short.is_empty() { name } else { short }
}

/// The page of a relay. Numbers, as a percent-encoded slash does not get through every proxy; URLs are understood too.
pub(super) fn relay_page(id: i64) -> String {
    format!("/observatory/relays/{id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o4_4_names_are_short_and_never_empty() {
        for (name, short) in [
            (
                "git+https://github.com/hoytech/strfry.git",
                "hoytech/strfry",
            ),
            ("https://github.com/a/b/", "a/b"),
            ("strfry", "strfry"),
            ("https://github.com/", "https://github.com/"),
            ("", ""),
        ] {
            assert_eq!(short_software(name), short);
        }
        assert_eq!(short_url("wss://r.example/"), "r.example");
        assert_eq!(short_url("wss://r.example/x"), "r.example/x");
        assert_eq!(short_url("ws://r.example/"), "ws://r.example/");
    }

    #[test]
    fn o4_4_not_tested_is_neither_yes_nor_no() {
        let said = [Some(true), Some(false), None].map(|it| truth(it, "yes", "no").into_string());
        assert_eq!((&*said[0], &*said[1]), ("yes", "no"));
        assert!(said[2].contains("not tested"));
        assert!(count(None).into_string().contains("not tested"));
        assert_eq!(count(Some(0)).into_string(), "0");
    }

    #[test]
    fn o4_4_reasons_have_words() {
        assert_eq!(reason("http_503"), "HTTP status 503");
        assert_eq!(reason("mute"), "answers nothing");
        assert_eq!(reason("own_network"), "own network");
    }

    #[test]
    fn o4_4_what_is_not_known_is_not_offline() {
        assert_eq!(state("unknown", None), State::Unknown);
        assert_eq!(state("online", None), State::Online);
        assert_eq!(state("offline", Some(true)), State::Offline);
        assert!(outcome("own_network").starts_with("not known"));
        assert_eq!(outcome("http_503"), "HTTP status 503");
    }

    #[test]
    fn o4_4_texts_are_cut_between_characters() {
        assert_eq!(clipped("süß", 3), "süß");
        assert_eq!(clipped("süßer", 3), "süß…");
    }
}
