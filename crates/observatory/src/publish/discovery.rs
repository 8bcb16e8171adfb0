//! What is said of a relay: an event 30166 (NIP-66). Only what was measured, or what the relay says of itself; what was not tested is
//! not there, neither as true nor as false. Of what kinds a relay takes, and of what type it is (`k`, `T`), nothing is known.

use serde_json::Value;
use stentor_event::Kind;

use super::statement::Statement;
use crate::relay_url::RelayUrl;

/// The kind of the event.
pub(super) const DISCOVERY: Kind = Kind(30_166);
/// Bytes of a NIP-11 document that is passed on; a longer one is left out, as relays refuse large events.
const DOCUMENT: usize = 32 * 1_024;
/// NIPs that are passed on.
const NIPS: usize = 100;
/// Characters of a text that is passed on.
const CHARACTERS: usize = 200;
/// The namespace of codes of countries in labels (NIP-32).
const COUNTRIES: &str = "ISO-3166-1:alpha-2";
/// The namespace of numbers of networks in labels.
const NETWORKS: &str = "host.asn";

/// A relay that was reached in its last check, and what is known of it since. What is `None` was not tested, or is not known.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reached {
    /// Its URL.
    pub url: RelayUrl,
    /// Milliseconds to open a connection.
    pub open_ms: Option<u64>,
    /// Milliseconds to the answer to a query.
    pub read_ms: Option<u64>,
    /// Milliseconds to the answer to an event.
    pub write_ms: Option<u64>,
    /// Whether it takes authentication.
    pub auth: Option<bool>,
    /// Whether it takes payment.
    pub payment: Option<bool>,
    /// Whether only some may write.
    pub writes: Option<bool>,
    /// The name or URL of its program.
    pub software: Option<String>,
    /// The geohash of its place.
    pub geohash: Option<String>,
    /// The ISO 3166-1 code of its country, of two letters.
    pub country: Option<String>,
    /// The number of the network that it is in.
    pub asn: Option<u64>,
    /// Its NIP-11 document.
    pub document: Option<String>,
}

/// What is said of a relay.
pub(crate) fn discovery(reached: &Reached) -> Statement {
    let document = reached.document.as_deref();
    let parsed = document.and_then(|text| serde_json::from_str::<Value>(text).ok());
    let parsed = parsed.unwrap_or_default();
    let mut said = Statement::new(DISCOVERY);
    said.tag(["d", reached.url.as_str()]);
    said.tag(["n", reached.url.network().as_str()]);
    for (name, time) in [
        ("rtt-open", reached.open_ms),
        ("rtt-read", reached.read_ms),
        ("rtt-write", reached.write_ms),
    ] {
        if let Some(time) = time {
            said.tag([name.to_owned(), time.to_string()]);
        }
    }
    let difficulty = parsed.pointer("/limitation/min_pow_difficulty");
    for (name, required) in [
        ("auth", reached.auth),
        ("payment", reached.payment),
        ("writes", reached.writes),
        (
            "pow",
            difficulty.and_then(Value::as_u64).map(|bits| bits > 0),
        ),
    ] {
        if let Some(required) = required {
            let not = if required { "" } else { "!" };
            said.tag(["R".to_owned(), format!("{not}{name}")]);
        }
    }
    for nip in nips(&parsed) {
        said.tag(["N".to_owned(), nip.to_string()]);
    }
    known(&mut said, reached);
    if let Some(text) = document.filter(|text| text.len() <= DOCUMENT) {
        text.clone_into(&mut said.content);
    }
    said
}

/// What is good to know.
fn known(said: &mut Statement, reached: &Reached) {
    let shortened = |text: &String| text.chars().take(CHARACTERS).collect::<String>();
    if let Some(software) = reached.software.as_ref().filter(|text| !text.is_empty()) {
        said.tag(["s".to_owned(), shortened(software)]);
    }
    if let Some(geohash) = &reached.geohash {
        said.tag(["g", geohash]);
    }
    if let Some(country) = &reached.country {
        said.tag(["L", COUNTRIES]);
        said.tag(["l", country, COUNTRIES]);
    }
    if let Some(asn) = reached.asn {
        said.tag(["L", NETWORKS]);
        said.tag(["l", &asn.to_string(), NETWORKS]);
    }
}

/// The NIPs that a relay says it supports, ascending, each once.
fn nips(document: &Value) -> Vec<u64> {
    let named = document.get("supported_nips").and_then(Value::as_array);
    let mut nips: Vec<u64> = named
        .into_iter()
        .flatten()
        .filter_map(Value::as_u64)
        .filter(|nip| *nip <= u64::from(u16::MAX))
        .collect();
    nips.sort_unstable();
    nips.dedup();
    nips.truncate(NIPS);
    nips
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn bare(url: &str) -> Reached {
        Reached {
            url: RelayUrl::parse(url).unwrap(),
            open_ms: None,
            read_ms: None,
            write_ms: None,
            auth: None,
            payment: None,
            writes: None,
            software: None,
            geohash: None,
            country: None,
            asn: None,
            document: None,
        }
    }

    fn tags(said: &Statement) -> Vec<String> {
        said.tags.iter().map(|tag| tag.join(" ")).collect()
    }

    #[test]
    fn o2_5_nothing_untested_is_claimed() {
        let said = discovery(&bare("ws://abc.onion"));
        assert_eq!(tags(&said), ["d ws://abc.onion/", "n tor"]);
        assert_eq!(said.content, "");
        // A document without limits says nothing of them.
        let said = discovery(&Reached {
            document: Some(r#"{"name":"x","limitation":{}}"#.into()),
            ..bare("wss://a.example")
        });
        assert_eq!(tags(&said), ["d wss://a.example/", "n clearnet"]);
        assert_eq!(said.content, r#"{"name":"x","limitation":{}}"#);
    }

    #[test]
    fn o2_5_core_tags_come_first() {
        let said = discovery(&Reached {
            open_ms: Some(12),
            read_ms: Some(34),
            write_ms: Some(56),
            auth: Some(true),
            payment: Some(false),
            writes: Some(false),
            software: Some("git+https://example.com/relay".into()),
            geohash: Some("u33db".into()),
            country: Some("DE".into()),
            asn: Some(64_496),
            document: Some(
                r#"{"supported_nips":[11,1,11,"x",70000,-1],"limitation":{"min_pow_difficulty":0}}"#.into(),
            ),
            ..bare("wss://a.example")
        });
        assert_eq!(
            tags(&said),
            [
                "d wss://a.example/",
                "n clearnet",
                "rtt-open 12",
                "rtt-read 34",
                "rtt-write 56",
                "R auth",
                "R !payment",
                "R !writes",
                "R !pow",
                "N 1",
                "N 11",
                "s git+https://example.com/relay",
                "g u33db",
                "L ISO-3166-1:alpha-2",
                "l DE ISO-3166-1:alpha-2",
                "L host.asn",
                "l 64496 host.asn",
            ]
        );
    }

    #[test]
    fn o2_5_a_relay_cannot_make_the_event_large() {
        let nips: Vec<u32> = (0..60_000).collect();
        let said = discovery(&Reached {
            software: Some("x".repeat(100_000)),
            document: Some(serde_json::json!({ "supported_nips": nips }).to_string()),
            ..bare("wss://a.example")
        });
        assert_eq!(said.content, "");
        assert_eq!(said.tags.len(), 2 + NIPS + 1);
        assert!(tags(&said).join("").len() < 2_000);
    }

    #[test]
    fn o2_5_round_trips_alone_are_no_change() {
        let before = discovery(&bare("wss://a.example"));
        let timed = discovery(&Reached {
            open_ms: Some(1),
            ..bare("wss://a.example")
        });
        assert_eq!(before.hash(), timed.hash());
        for other in [
            Reached {
                auth: Some(false),
                ..bare("wss://a.example")
            },
            Reached {
                document: Some("{}".into()),
                ..bare("wss://a.example")
            },
            bare("wss://b.example"),
        ] {
            assert_ne!(before.hash(), discovery(&other).hash());
        }
    }
}
