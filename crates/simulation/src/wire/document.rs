//! What is answered to a request that is no WebSocket handshake: the information document (NIP-11), mostly.

use serde_json::{Map, Value, json};

use super::respond::Response;
use crate::character::Character;
use crate::manners::{Auth, Information, Manners, Reconciling, Writes};

const NOSTR_JSON: &str = "application/nostr+json";
/// Bytes of a document that is too large.
const HUGE: usize = (1 << 20) + 4_096;

/// What a document is about.
pub(crate) struct Profile<'a> {
    pub(crate) character: Character,
    pub(crate) manners: &'a Manners,
    /// Where a document is redirected to.
    pub(crate) elsewhere: &'a str,
    /// URLs that it names.
    pub(crate) mentions: &'a [String],
}

/// The answer to a request for the document.
pub(crate) fn information(profile: &Profile<'_>) -> Response {
    let document = |document: Value| Response::new(200, NOSTR_JSON, document.to_string());
    match profile.manners.information {
        Information::Plain => document(plain(profile).into()),
        Information::ShuttingDown => {
            let mut fields = plain(profile);
            let words = "This relay is shutting down for good at the end of the month.";
            fields.insert("description".into(), words.into());
            document(fields.into())
        }
        Information::Huge => {
            let mut fields = plain(profile);
            fields.insert("description".into(), "x".repeat(HUGE).into());
            document(fields.into())
        }
        Information::Invalid => Response::new(200, NOSTR_JSON, r#"{"name": "cut off", "supp"#),
        Information::Lying => document(lying()),
        Information::Absent => Response::new(404, "text/plain", "there is no such document\n"),
        Information::Redirects => Response {
            location: Some(profile.elsewhere.to_owned()),
            ..Response::new(302, "text/plain", "")
        },
    }
}

fn plain(profile: &Profile<'_>) -> Map<String, Value> {
    let (name, manners) = (profile.character.name(), profile.manners);
    let mut nips = vec![1, 11];
    if manners.auth != Auth::NotWanted {
        nips.push(42);
    }
    if manners.hints {
        nips.push(67);
    }
    if manners.reconciling != Reconciling::No {
        nips.push(77);
    }
    let mut fields = Map::new();
    fields.insert("name".into(), format!("simulated: {name}").into());
    let description = profile.character.description();
    fields.insert("description".into(), description.into());
    fields.insert("supported_nips".into(), nips.into());
    fields.insert("software".into(), "stentor-simulation".into());
    fields.insert("version".into(), env!("CARGO_PKG_VERSION").into());
    if !profile.mentions.is_empty() {
        fields.insert("mirrors".into(), profile.mentions.into());
    }
    let limitation = limitation(manners);
    if !limitation.is_empty() {
        fields.insert("limitation".into(), limitation.into());
    }
    fields
}

fn limitation(manners: &Manners) -> Map<String, Value> {
    let mut limitation = Map::new();
    if let (Some(cap), true) = (manners.cap, manners.cap_told) {
        limitation.insert("max_limit".into(), cap.into());
    }
    if manners.auth != Auth::NotWanted {
        limitation.insert("auth_required".into(), true.into());
    }
    match manners.writes {
        Writes::Work(bits) => limitation.insert("min_pow_difficulty".into(), bits.into()),
        Writes::Blocked | Writes::EphemeralOnly => {
            limitation.insert("restricted_writes".into(), true.into())
        }
        Writes::Taken | Writes::Lost => None,
    };
    limitation
}

fn lying() -> Value {
    json!({
        "name": 7,
        "description": null,
        "pubkey": "not a key",
        "supported_nips": ["1", 11, null, -4, 70_000, "seventy-seven"],
        "software": ["a", "list"],
        "version": 1.5,
        "limitation": {
            "max_limit": "3", "max_subscriptions": null, "auth_required": "yes", "min_pow_difficulty": -1,
            "payment_required": true,
        },
        "fees": null,
    })
}
