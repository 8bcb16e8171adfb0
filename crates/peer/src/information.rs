//! A relay's information document (NIP-11), read leniently: the documents of real relays have texts for numbers and nulls for lists.

use std::time::Duration;

use serde_json::{Map, Value};
use stentor_event::nip11::{Limitation, RelayInformation};
use stentor_net::dial::{Dialer, Family, Trust};
use stentor_net::http::{
    Excess, HeaderMap, HeaderValue, HttpError, Request, Response, StatusCode, header,
};
use thiserror::Error;

/// Bytes of a document.
const MAX_BYTES: usize = 256 * 1024;
/// How long the exchange may take.
const TIME: Duration = Duration::from_secs(15);
/// Entries of its lists that are kept.
const MAX_ENTRIES: usize = 1_000;

/// What a relay tells about itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Information {
    /// What could be read of it.
    pub document: RelayInformation,
    /// All of it.
    pub raw: Value,
}

/// Why there is no document.
#[derive(Debug, Error)]
pub enum InformationError {
    /// No answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// An answer without a document. Redirects are not followed.
    #[error("HTTP status {0}")]
    Status(StatusCode),
    /// The answer is no JSON object.
    #[error("not a document")]
    Document,
}

/// Asks the relay at a `ws` or `wss` URL for its information document. At most 256 KiB, within 15 seconds.
///
/// # Errors
/// [`InformationError`].
pub async fn fetch_information(
    dialer: &Dialer,
    url: &str,
    trust: Trust,
) -> Result<Information, InformationError> {
    Information::of(&ask_information(dialer, url, trust).await?)
}

/// As [`fetch_information`], for whoever wants to know how the relay answers, whatever it answers.
///
/// # Errors
/// [`HttpError`]. An answer without a document is none.
pub async fn ask_information(
    dialer: &Dialer,
    url: &str,
    trust: Trust,
) -> Result<Response, HttpError> {
    let relay = dialer.admit(url, Family::Relay, trust)?;
    // The canonical URL begins with ws: or wss:.
    let address = relay.url().replacen("ws", "http", 1);
    let target = dialer.admit(&address, Family::Web, trust)?;
    let mut headers = HeaderMap::new();
    let kind = HeaderValue::from_static("application/nostr+json");
    headers.insert(header::ACCEPT, kind);
    let request = Request::get(target)
        .headers(headers)
        .within(TIME)
        .at_most(MAX_BYTES, Excess::Fail);
    dialer.request(&request).await
}

impl Information {
    /// The document in an answer.
    ///
    /// # Errors
    /// [`InformationError::Status`] and [`InformationError::Document`].
    pub fn of(response: &Response) -> Result<Self, InformationError> {
        if response.status != StatusCode::OK {
            return Err(InformationError::Status(response.status));
        }
        let raw: Value =
            serde_json::from_slice(&response.body).map_err(|_| InformationError::Document)?;
        let document = raw.as_object().map(document);
        Ok(Self {
            document: document.ok_or(InformationError::Document)?,
            raw,
        })
    }
}

/// Reads what is what it should be, and leaves out the rest.
fn document(object: &Map<String, Value>) -> RelayInformation {
    let text = |key: &str| {
        let text = object.get(key)?.as_str()?.trim();
        (!text.is_empty()).then(|| text.to_owned())
    };
    RelayInformation {
        name: text("name"),
        description: text("description"),
        banner: text("banner"),
        icon: text("icon"),
        pubkey: text("pubkey"),
        self_key: text("self"),
        contact: text("contact"),
        supported_nips: nips(object.get("supported_nips")),
        supported_extensions: texts(object.get("supported_extensions")),
        software: text("software"),
        version: text("version"),
        terms_of_service: text("terms_of_service"),
        limitation: object
            .get("limitation")
            .and_then(Value::as_object)
            .map(limitation),
        payments_url: text("payments_url"),
    }
}

fn entries(list: Option<&Value>) -> impl Iterator<Item = &Value> {
    let list = list.and_then(Value::as_array);
    list.into_iter().flatten().take(MAX_ENTRIES)
}

/// Numbers, also those written as texts, ascending and once each.
fn nips(list: Option<&Value>) -> Vec<u16> {
    let mut nips: Vec<u16> = entries(list)
        .filter_map(|entry| u16::try_from(number(entry)?).ok())
        .collect();
    nips.sort_unstable();
    nips.dedup();
    nips
}

fn texts(list: Option<&Value>) -> Vec<String> {
    entries(list)
        .filter_map(|entry| entry.as_str().map(str::to_owned))
        .collect()
}

fn limitation(object: &Map<String, Value>) -> Limitation {
    let limit = |key: &str| number(object.get(key)?);
    let flag = |key: &str| object.get(key)?.as_bool();
    Limitation {
        max_message_length: limit("max_message_length"),
        max_subscriptions: limit("max_subscriptions"),
        max_limit: limit("max_limit"),
        default_limit: limit("default_limit"),
        max_subid_length: limit("max_subid_length"),
        max_event_tags: limit("max_event_tags"),
        max_content_length: limit("max_content_length"),
        min_pow_difficulty: limit("min_pow_difficulty"),
        auth_required: flag("auth_required"),
        payment_required: flag("payment_required"),
        restricted_writes: flag("restricted_writes"),
        created_at_lower_limit: limit("created_at_lower_limit"),
        created_at_upper_limit: limit("created_at_upper_limit"),
    }
}

/// An unsigned integer, also as a text or with an empty fraction.
fn number(value: &Value) -> Option<u64> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        Value::Number(number) => number.as_u64().or_else(|| {
            let float = number.as_f64()?;
            let whole = float.fract() == 0.0 && (0.0..9e15).contains(&float);
            whole.then_some(float as u64)
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: &Value) -> RelayInformation {
        document(value.as_object().unwrap())
    }

    #[test]
    fn what_our_relay_writes_is_read_back() {
        let information = RelayInformation {
            name: Some("a".into()),
            self_key: Some("ab".into()),
            supported_nips: vec![1, 11, 77],
            supported_extensions: vec!["x".into()],
            limitation: Some(Limitation {
                max_limit: Some(500),
                auth_required: Some(false),
                created_at_upper_limit: Some(900),
                ..Limitation::default()
            }),
            ..RelayInformation::default()
        };
        assert_eq!(
            read(&serde_json::to_value(&information).unwrap()),
            information
        );
    }

    #[test]
    fn what_is_not_what_it_should_be_is_left_out() {
        let information = read(&json!({
            "name": 5, "description": "  ", "icon": null, "contact": {"a": 1},
            "supported_nips": [11, "1", 1, -1, 70000, 42.0, 4.5, null, "x"],
            "limitation": {"max_limit": "500", "max_subscriptions": -1, "auth_required": "yes", "payment_required": true},
            "fees": [],
        }));
        assert_eq!(information.supported_nips, [1, 11, 42]);
        let limitation = information.limitation.clone().unwrap();
        assert_eq!(
            (limitation.max_limit, limitation.max_subscriptions),
            (Some(500), None)
        );
        assert_eq!(
            (limitation.auth_required, limitation.payment_required),
            (None, Some(true))
        );
        let rest = RelayInformation {
            supported_nips: vec![],
            limitation: None,
            ..information
        };
        assert_eq!(rest, RelayInformation::default());
        assert_eq!(
            read(&json!({"limitation": [], "supported_nips": {}})),
            RelayInformation::default()
        );
    }
}
