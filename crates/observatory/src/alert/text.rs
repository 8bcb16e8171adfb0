//! What a message says: which relay, what, why and since when.

use stentor_bus::rfc3339;

use super::judge::Alert;

/// Characters of a URL or a reason that a message repeats.
const CHARACTERS: usize = 300;

/// The text of a message.
pub(super) fn text(alert: Alert, url: &str, reason: Option<&str>, now_ms: u64) -> String {
    let url = shortened(url);
    match alert {
        Alert::Down { since_ms, checks } => {
            let why = reason.map_or_else(|| "not known".to_owned(), explained);
            let (since, checks) = (rfc3339(since_ms), in_a_row(checks));
            format!("{url} is down since {since}, found so by {checks}. Why: {why}.")
        }
        Alert::Recovered { since_ms } => {
            let (now, since) = (rfc3339(now_ms), rfc3339(since_ms));
            format!("{url} has recovered at {now}. It was down since {since}.")
        }
        Alert::Certificate { until_ms } => {
            let until = rfc3339(until_ms);
            if until_ms <= now_ms {
                format!("The certificate of {url} has expired at {until}.")
            } else {
                format!("The certificate of {url} expires at {until}.")
            }
        }
    }
}

fn in_a_row(checks: u64) -> String {
    match checks {
        1 => "one check".to_owned(),
        checks => format!("{checks} checks in a row"),
    }
}

/// The word of a check in a sentence. A word that is not known here stands for itself.
fn explained(reason: &str) -> String {
    let words = match reason {
        "dns" => "its name is not found",
        "tcp" => "there is no connection to it",
        "tls" => "its TLS or its certificate does not stand up",
        "protocol" => "what answers is not a relay",
        "timeout" => "it did not answer in time",
        "mute" => "it takes connections and says nothing",
        "refused" => "its address is one that is not connected to",
        other => {
            return match other.strip_prefix("http_") {
                Some(status) => format!("it answers with the HTTP status {}", shortened(status)),
                None => shortened(other),
            };
        }
    };
    format!("{words} ({reason})")
}

fn shortened(text: &str) -> String {
    text.chars().take(CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o4_5_a_message_says_what_which_why_and_since_when() {
        let down = Alert::Down {
            since_ms: 1_700_000_000_000,
            checks: 2,
        };
        let url = "wss://relay.example.com/";
        assert_eq!(
            text(down, url, Some("dns"), 0),
            "wss://relay.example.com/ is down since 2023-11-14T22:13:20Z, found so by 2 checks in a row. Why: its name is not found (dns)."
        );
        assert!(text(down, url, Some("http_503"), 0).contains("HTTP status 503"));
        assert!(text(down, url, None, 0).contains("not known"));
        let up = Alert::Recovered { since_ms: 0 };
        assert!(text(up, url, None, 1_000).contains("recovered at 1970-01-01T00:00:01Z"));
        let certificate = Alert::Certificate { until_ms: 10 };
        assert!(text(certificate, url, None, 9).contains(" expires at "));
        assert!(text(certificate, url, None, 10).contains(" has expired at "));
        let long = text(down, &"x".repeat(5_000), Some(&"y".repeat(5_000)), 0);
        assert!(long.len() < 1_000);
    }
}
