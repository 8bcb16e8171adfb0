//! What an endpoint is sent: the envelope as its body, and the headers of Standard Webhooks (G4.2, G4.6).
//!
//! The body is a CloudEvent in structured mode. Its media type is `application/json` all the same: that is what the body parsers of
//! frameworks take in their defaults, and what Standard Webhooks' examples are written for; with `application/cloudevents+json` many
//! receivers would see an empty body, and find its signature wrong.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use sha2::{Digest, Sha256};
use stentor_bus::Envelope;
use uuid::{Builder, Uuid};

use super::signature::{self, Key, KeyError};

/// A message to an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    /// `webhook-id`.
    pub id: String,
    pub body: String,
    pub traceparent: Option<String>,
}

/// The id of the delivery of an envelope to an endpoint: always the same, so that receivers know a double however it comes about.
pub(crate) fn delivery_id(endpoint: Uuid, envelope: Uuid) -> Uuid {
    let mut hash = Sha256::new();
    hash.update(b"stentor-webhook");
    hash.update(endpoint.as_bytes());
    hash.update(envelope.as_bytes());
    let hash: [u8; 32] = hash.finalize().into();
    let bytes = hash.first_chunk().copied().unwrap_or_default();
    Builder::from_custom_bytes(bytes).into_uuid()
}

/// The `webhook-id` of a delivery.
pub(crate) fn message_id(delivery: Uuid) -> String {
    format!("msg_{}", delivery.simple())
}

/// The text of an envelope, within so many bytes: with a reference in the place of its data where they are too large.
pub(crate) fn body(envelope: &Envelope, most: usize) -> String {
    let whole = envelope.json();
    if whole.len() <= most {
        return whole.to_owned();
    }
    let (subject, name) = (envelope.subject.as_deref(), envelope.event_type.name());
    let subject = subject.map_or(String::new(), |subject| format!("&subject={subject}"));
    envelope.reference(&format!("/api/v1/events/history?types={name}{subject}"))
}

impl Message {
    /// The headers, signed with these keys at this time (Unix seconds).
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn headers(&self, keys: &[Key], timestamp: u64) -> Result<HeaderMap, KeyError> {
        let signature = signature::header(keys, &self.id, timestamp, self.body.as_bytes())?;
        let mut headers = HeaderMap::new();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
        headers.insert(
            HeaderName::from_static("webhook-timestamp"),
            timestamp.into(),
        );
        let texts = [
            ("webhook-id", Some(self.id.as_str())),
            ("webhook-signature", Some(signature.as_str())),
            ("traceparent", self.traceparent.as_deref()),
        ];
        for (name, text) in texts {
            // What is no header value, as a trace that others have named may be, is left out.
            if let Some(Ok(value)) = text.map(HeaderValue::from_str) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        Ok(headers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhook::signature::Scheme;

    #[test]
    fn g4_3_a_delivery_has_one_id_and_no_other_has_it() {
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let id = delivery_id(one, other);
        assert_eq!(id, delivery_id(one, other));
        assert_ne!(id, delivery_id(other, one));
        let text = message_id(id);
        let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        assert!(text.starts_with("msg_") && text.bytes().all(is_safe));
    }

    #[test]
    fn g4_2_the_headers_are_those_of_standard_webhooks() {
        let message = Message {
            id: "msg_1".into(),
            body: "{}".into(),
            traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
        };
        let key = Key::generate(Scheme::Shared).unwrap();
        let signature = key.sign("msg_1", 7, b"{}").unwrap();
        let headers = message.headers(&[key], 7).unwrap();
        assert_eq!(headers["webhook-id"], "msg_1");
        assert_eq!(headers["webhook-timestamp"], "7");
        assert_eq!(headers["webhook-signature"], signature);
        assert_eq!(headers[header::CONTENT_TYPE], "application/json");
        assert!(headers.contains_key("traceparent"));
        let odd = Message {
            traceparent: Some("a\nb".into()),
            ..message
        };
        assert!(!odd.headers(&[], 7).unwrap().contains_key("traceparent"));
    }
}
