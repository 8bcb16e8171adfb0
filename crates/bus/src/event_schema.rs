//! The forms of the data that envelopes carry (G1.3), as JSON Schema (2020-12). A reader may meet properties that are not named here,
//! and `detail` wherever something is told to readers with a right to details.
//!
//! A form whose readers have to change has a new version in the catalogue; `tests/catalogue.json` is what has been promised.

use serde_json::{Map, Value, json};

use crate::EventType;
use crate::jobs::{JobKind, Reason, Status};

impl EventType {
    /// The form of its data.
    pub fn schema(self) -> Value {
        use EventType as T;
        match self {
            T::NostrEventStored | T::NostrEventEphemeral => event(),
            T::NostrEventDeleted => object(
                &[
                    ("id", hex(64)),
                    ("kind", kind()),
                    (
                        "reason",
                        json!({ "type": "string", "examples": ["deleted"] }),
                    ),
                ],
                &["id", "reason"],
            ),
            T::RelayMemberAdded => object(
                &[
                    ("pubkey", hex(64)),
                    ("by", one_of(["invite", "admin"])),
                    ("role", text()),
                ],
                &["pubkey", "by"],
            ),
            T::RelayMemberRemoved => object(&[("pubkey", hex(64))], &["pubkey"]),
            T::RelayMemberChanged => object(
                &[
                    ("pubkey", hex(64)),
                    ("role", text()),
                    ("assigned", json!({ "type": "boolean" })),
                ],
                &["pubkey", "role", "assigned"],
            ),
            T::RelayRoleChanged => object(
                &[
                    ("role", text()),
                    ("change", one_of(["created", "edited", "deleted"])),
                ],
                &["role", "change"],
            ),
            T::RelayBanAdded | T::RelayBanLifted | T::RelayAllowAdded | T::RelayAllowRemoved => {
                object(
                    &[
                        ("target", one_of(["pubkey", "event", "kind", "address"])),
                        ("value", text()),
                    ],
                    &["target"],
                )
            }
            T::RelayProfileChanged => object(
                &[
                    ("field", one_of(["name", "description", "icon"])),
                    ("value", text()),
                ],
                &["field", "value"],
            ),
            T::RelayModerationQueued => object(&[("event", hex(64))], &["event"]),
            T::WebhookEndpointCreated | T::WebhookEndpointDeleted | T::WebhookEndpointResynced => {
                object(&[("endpoint", uuid())], &["endpoint"])
            }
            T::WebhookEndpointUpdated => object(
                &[("endpoint", uuid()), ("change", text())],
                &["endpoint", "change"],
            ),
            T::WebhookEndpointDisabled => object(
                &[("endpoint", uuid()), ("reason", text())],
                &["endpoint", "reason"],
            ),
            T::WebhookDeliveryDead => object(
                &[
                    ("endpoint", uuid()),
                    ("delivery", uuid()),
                    ("event", uuid()),
                    ("type", text()),
                    ("attempts", json!({ "type": "integer", "minimum": 0 })),
                    ("outcome", text()),
                ],
                &[
                    "endpoint", "delivery", "event", "type", "attempts", "outcome",
                ],
            ),
            T::RelayMonitorDown => object(
                &[
                    ("relay", uri()),
                    ("reason", text()),
                    ("since", moment()),
                    ("checks", json!({ "type": "integer", "minimum": 1 })),
                ],
                &["relay", "reason", "since", "checks"],
            ),
            T::RelayMonitorRecovered => object(
                &[("relay", uri()), ("since", moment())],
                &["relay", "since"],
            ),
            T::RelayMonitorCertificate => object(
                &[("relay", uri()), ("until", moment())],
                &["relay", "until"],
            ),
            T::JobQueued | T::JobStarted | T::JobProgress | T::JobCompleted | T::JobFailed => job(),
        }
    }
}

fn object(properties: &[(&str, Value)], required: &[&str]) -> Value {
    let named = properties.iter();
    let properties: Map<String, Value> = named
        .map(|(name, schema)| ((*name).to_owned(), schema.clone()))
        .collect();
    json!({ "type": "object", "properties": properties, "required": required })
}

fn text() -> Value {
    json!({ "type": "string" })
}

fn uri() -> Value {
    json!({ "type": "string", "format": "uri" })
}

fn moment() -> Value {
    json!({ "type": "string", "format": "date-time" })
}

fn uuid() -> Value {
    json!({ "type": "string", "format": "uuid" })
}

fn hex(digits: usize) -> Value {
    json!({ "type": "string", "pattern": format!("^[0-9a-f]{{{digits}}}$") })
}

fn kind() -> Value {
    json!({ "type": "integer", "minimum": 0, "maximum": 65535 })
}

fn one_of<'a>(words: impl IntoIterator<Item = &'a str>) -> Value {
    json!({ "enum": words.into_iter().collect::<Vec<_>>() })
}

/// An event as NIP-01 has it.
fn event() -> Value {
    let tags =
        json!({ "type": "array", "items": { "type": "array", "items": { "type": "string" } } });
    object(
        &[
            ("id", hex(64)),
            ("pubkey", hex(64)),
            ("created_at", json!({ "type": "integer", "minimum": 0 })),
            ("kind", kind()),
            ("tags", tags),
            ("content", text()),
            ("sig", hex(128)),
        ],
        &[
            "id",
            "pubkey",
            "created_at",
            "kind",
            "tags",
            "content",
            "sig",
        ],
    )
}

fn job() -> Value {
    object(
        &[
            ("job", uuid()),
            ("kind", one_of(JobKind::ALL.iter().map(|one| one.as_str()))),
            ("status", one_of(Status::ALL.iter().map(|one| one.as_str()))),
            (
                "percent",
                json!({ "type": "integer", "minimum": 0, "maximum": 100 }),
            ),
            ("reason", one_of(Reason::ALL.iter().map(|one| one.as_str()))),
        ],
        &["job", "kind", "status", "percent"],
    )
}
