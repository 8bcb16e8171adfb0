//! What is delivered: a CloudEvent (G1.1).

use std::fmt::Write;
use std::sync::OnceLock;

use sha2::{Digest, Sha256};
use stentor_event::Event;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::{Builder, Uuid};

use crate::{EventType, Log};

/// What an envelope carries.
#[derive(Debug, Clone)]
pub enum Data {
    /// An event of Nostr, as it is stored.
    Event(Event),
    /// JSON.
    Json(String),
}

impl Data {
    /// The JSON.
    pub fn json(&self) -> &str {
        match self {
            // What is no UTF-8 is no event.
            Self::Event(event) => str::from_utf8(event.json()).unwrap_or("null"),
            Self::Json(text) => text,
        }
    }
}

/// Something that has happened.
#[derive(Debug)]
pub struct Envelope {
    /// What tells it from all others, however often it is read (UUIDv7).
    pub id: Uuid,
    /// What has happened.
    pub event_type: EventType,
    /// To what: the id of an event, or of a job.
    pub subject: Option<String>,
    /// When, in Unix milliseconds.
    pub time_ms: u64,
    /// The position in its log; `None` for what is in no log.
    pub seq: Option<u64>,
    /// The tenant that it belongs to; public ones belong to none.
    pub tenant: Option<String>,
    /// Whose it is within the tenant. Not told to anybody.
    pub owner: Option<String>,
    /// Who did it.
    pub actor: Option<String>,
    /// The trace that it belongs to (W3C Trace Context).
    pub traceparent: Option<String>,
    /// What it carries.
    pub data: Data,
    /// What only readers with a right to it see, as JSON.
    pub(crate) detail: Option<String>,
    /// The text, made when it is first asked for and shared by all who are given it.
    pub(crate) text: OnceLock<String>,
    /// The text with the detail.
    pub(crate) full_text: OnceLock<String>,
}

impl Envelope {
    /// As CloudEvents 1.0 writes it in JSON (structured mode), without the detail.
    pub fn json(&self) -> &str {
        self.text.get_or_init(|| self.write(self.data.json()))
    }

    /// The same with the detail, if there is one, as `detail` in the data.
    pub fn full_json(&self) -> &str {
        let Some(detail) = &self.detail else {
            return self.json();
        };
        self.full_text.get_or_init(|| {
            let data = self.data.json();
            match data.strip_suffix('}') {
                Some("{") => self.write(&format!(r#"{{"detail":{detail}}}"#)),
                Some(data) => self.write(&format!(r#"{data},"detail":{detail}}}"#)),
                None => self.write(data),
            }
        })
    }

    /// The same without its data, for receivers for whom they are too large: `dataref` says where they are (CloudEvents' extension
    /// of that name).
    pub fn reference(&self, dataref: &str) -> String {
        let mut out = String::with_capacity(1_024);
        self.write_head(&mut out);
        let _ = write!(out, r#","dataref":{}}}"#, quoted(dataref));
        out
    }

    fn write(&self, data: &str) -> String {
        let mut out = String::with_capacity(data.len() + 512);
        self.write_head(&mut out);
        out.push_str(r#","data":"#);
        out.push_str(data);
        out.push('}');
        out
    }

    /// Everything but the data, without the brace at the end.
    fn write_head(&self, out: &mut String) {
        let source = self.event_type.log().source();
        let (id, name, version) = (self.id, self.event_type.name(), self.event_type.version());
        // Writing to a string does not fail.
        let _ = write!(
            out,
            r#"{{"specversion":"1.0","id":"{id}","source":"{source}","type":"{name}","time":"{}","#,
            rfc3339(self.time_ms)
        );
        let _ = write!(
            out,
            r#""datacontenttype":"application/json","dataschema":"urn:stentor:{name}:{version}""#
        );
        let seq = self.seq.map(|seq| seq.to_string());
        for (name, value) in [
            ("subject", &self.subject),
            ("seq", &seq),
            ("tenant", &self.tenant),
            ("actor", &self.actor),
            ("traceparent", &self.traceparent),
        ] {
            if let Some(value) = value {
                let _ = write!(out, r#","{name}":{}"#, quoted(value));
            }
        }
    }
}

/// A text as JSON.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A moment as RFC 3339 writes it, in UTC, to the millisecond. The year 1970 for one that has no place in the calendar.
pub fn rfc3339(time_ms: u64) -> String {
    let nanoseconds = i128::from(time_ms) * 1_000_000;
    let moment = OffsetDateTime::from_unix_timestamp_nanos(nanoseconds);
    let moment = moment.unwrap_or(OffsetDateTime::UNIX_EPOCH);
    moment.format(&Rfc3339).unwrap_or_default()
}

/// The id of what stands at a place in a log: the same whenever it is read.
pub(crate) fn id_at(epoch: u64, log: Log, seq: u64, time_ms: u64) -> Uuid {
    let mut hash = Sha256::new();
    hash.update(b"stentor-bus");
    hash.update(epoch.to_be_bytes());
    hash.update(log.source());
    hash.update(seq.to_be_bytes());
    let hash: [u8; 32] = hash.finalize().into();
    let bits = hash.first_chunk().copied().unwrap_or_default();
    Builder::from_unix_timestamp_millis(time_ms, &bits).into_uuid()
}

/// A new id (UUIDv7).
///
/// # Errors
/// When the system has no randomness.
pub fn new_id(time_ms: u64) -> Result<Uuid, getrandom::Error> {
    let mut bits = [0; 10];
    getrandom::fill(&mut bits)?;
    Ok(Builder::from_unix_timestamp_millis(time_ms, &bits).into_uuid())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use stentor_event::{EventBuilder, Kind, SecretKey, Timestamp};

    use super::*;

    fn envelope(data: Data) -> Envelope {
        Envelope {
            id: id_at(7, Log::Nostr, 5, 1_700_000_000_123),
            event_type: EventType::NostrEventStored,
            subject: Some("a\"b".into()),
            time_ms: 1_700_000_000_123,
            seq: Some(5),
            tenant: None,
            owner: Some("hidden".into()),
            actor: Some("nostr:ab".into()),
            traceparent: None,
            data,
            detail: None,
            text: OnceLock::new(),
            full_text: OnceLock::new(),
        }
    }

    #[test]
    fn g2_4_the_detail_is_in_the_full_text_alone() {
        for (data, whole) in [
            ("{}", r#"{"detail":"raw"}"#),
            (r#"{"a":{}}"#, r#"{"a":{},"detail":"raw"}"#),
        ] {
            let mut envelope = envelope(Data::Json(data.into()));
            assert_eq!(envelope.json(), envelope.full_json());
            envelope.detail = Some("\"raw\"".into());
            assert!(envelope.json().ends_with(&format!(r#""data":{data}}}"#)));
            assert!(
                envelope
                    .full_json()
                    .ends_with(&format!(r#""data":{whole}}}"#))
            );
        }
    }

    #[test]
    fn g1_1_an_envelope_is_a_cloudevent() {
        let event = EventBuilder::new(Kind(1), Timestamp(1))
            .content("\"quoted\"\n")
            .sign(&SecretKey::from_bytes([1; 32]).unwrap());
        let envelope = envelope(Data::Event(event.clone()));
        let value: Value = serde_json::from_str(envelope.json()).unwrap();
        assert_eq!(value["specversion"], "1.0");
        assert_eq!(value["type"], "nostr.event.stored");
        assert_eq!(value["source"], "/nostr");
        assert_eq!(value["time"], "2023-11-14T22:13:20.123Z");
        assert_eq!(value["seq"], "5", "a decimal string");
        assert_eq!(value["subject"], "a\"b");
        assert_eq!(value["data"]["id"], event.id().to_string());
        assert_eq!(value["data"]["content"], "\"quoted\"\n");
        assert!(value.get("tenant").is_none() && !envelope.json().contains("hidden"));
        let names = value.as_object().unwrap().keys();
        let fits = |name: &String| name.chars().all(|c| c.is_ascii_lowercase());
        assert!(names.clone().all(fits), "as CloudEvents names attributes");
    }

    #[test]
    fn g4_6_a_reference_is_the_envelope_without_its_data() {
        let envelope = envelope(Data::Json(r#"{"a":1}"#.into()));
        let mut whole: Value = serde_json::from_str(envelope.json()).unwrap();
        let reference: Value = serde_json::from_str(&envelope.reference("/x?\"y")).unwrap();
        assert_eq!(reference["dataref"], "/x?\"y");
        let whole = whole.as_object_mut().unwrap();
        assert_eq!(whole.remove("data"), Some(serde_json::json!({ "a": 1 })));
        whole.insert("dataref".into(), "/x?\"y".into());
        assert_eq!(&reference, &Value::Object(whole.clone()));
    }

    #[test]
    fn g1_1_ids_are_version_7_and_belong_to_one_place() {
        let id = id_at(7, Log::Nostr, 5, 1_700_000_000_123);
        assert_eq!(id.get_version_num(), 7);
        assert_eq!(id, id_at(7, Log::Nostr, 5, 1_700_000_000_123));
        for other in [
            id_at(8, Log::Nostr, 5, 1_700_000_000_123),
            id_at(7, Log::Records, 5, 1_700_000_000_123),
            id_at(7, Log::Nostr, 6, 1_700_000_000_123),
            new_id(1_700_000_000_123).unwrap(),
        ] {
            assert_ne!(id, other);
        }
        assert!(id < id_at(7, Log::Nostr, 1, 1_700_000_000_124));
    }
}
