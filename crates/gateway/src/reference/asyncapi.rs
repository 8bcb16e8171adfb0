//! The AsyncAPI document: what the streams carry, made from the catalogue of types (G1.3).

use serde_json::{Map, Value, json};
use stentor_bus::EventType;

/// The document, version 3.0 of AsyncAPI.
pub(crate) fn document() -> Value {
    let events = message_refs("events", EventType::ALL.iter().map(|one| one.name()));
    let from_client: Vec<&str> = REQUESTS.iter().map(|(name, ..)| *name).collect();
    let from_server: Vec<&str> = ANSWERS.iter().map(|(name, ..)| *name).collect();
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Stentor",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What happens in a node, as streams carry it. Each envelope is an event of CloudEvents 1.0.",
            "license": { "name": "MIT OR Apache-2.0" },
        },
        "defaultContentType": "application/json",
        "channels": {
            "events": {
                "address": "/api/v1/events",
                "title": "Server-Sent Events",
                "description": "Each envelope is the data of an event without a name; its id is a cursor, which comes back as Last-Event-ID.",
                "messages": messages(EventType::ALL.iter().map(|one| one.name())),
            },
            "socket": {
                "address": "/api/v1/ws",
                "title": "WebSocket",
                "description": "Frames are JSON objects, and `op` says what they are. An envelope is `event` in a frame of op `event`.",
                "messages": messages(from_client.iter().chain(&from_server).copied()),
            },
        },
        "operations": {
            "receiveEvents": {
                "action": "send",
                "channel": { "$ref": "#/channels/events" },
                "messages": events,
            },
            "receiveFrames": {
                "action": "send",
                "channel": { "$ref": "#/channels/socket" },
                "messages": message_refs("socket", from_server.iter().copied()),
            },
            "sendFrames": {
                "action": "receive",
                "channel": { "$ref": "#/channels/socket" },
                "messages": message_refs("socket", from_client.iter().copied()),
            },
        },
        "components": { "messages": components(), "schemas": { "Envelope": envelope() } },
    })
}

/// Frames of a client: name, what it means, required and optional properties beside `op`.
const REQUESTS: [(&str, &str, &[&str], &[&str]); 4] = [
    (
        "subscribe",
        "Begins a subscription, under a name.",
        &["id"],
        &["ref", "types", "subject", "filter", "since", "coalesce"],
    ),
    (
        "resume",
        "Begins a subscription behind a cursor.",
        &["id", "cursor"],
        &["ref", "types", "subject", "filter", "coalesce"],
    ),
    ("unsubscribe", "Ends a subscription.", &["id"], &["ref"]),
    ("ping", "Asks whether anybody is there.", &[], &["ref"]),
];

/// Frames of the server.
const ANSWERS: [(&str, &str, &[&str], &[&str]); 9] = [
    (
        "subscribed",
        "The subscription has begun.",
        &["id"],
        &["ref"],
    ),
    (
        "unsubscribed",
        "The subscription has ended.",
        &["id"],
        &["ref"],
    ),
    ("pong", "Somebody is there.", &[], &["ref"]),
    (
        "error",
        "What was sent cannot be done; `code` is for programs.",
        &["code", "detail"],
        &["ref"],
    ),
    (
        "event",
        "An envelope of a subscription.",
        &["id", "cursor", "event"],
        &[],
    ),
    (
        "position",
        "The subscription has got so far, without anything for it.",
        &["id", "cursor"],
        &[],
    ),
    (
        "resync_required",
        "What came before the oldest cursor cannot be told; the subscription goes on behind it.",
        &["id", "oldest"],
        &[],
    ),
    (
        "lagged",
        "The client was too slow: so many envelopes are missing. The connection closes.",
        &["id", "missed"],
        &[],
    ),
    (
        "end",
        "The credential has ended. The connection closes.",
        &["reason"],
        &[],
    ),
];

fn messages<'a>(names: impl Iterator<Item = &'a str>) -> Value {
    let reference = |name: &str| json!({ "$ref": format!("#/components/messages/{name}") });
    let named = names.map(|name| (name.to_owned(), reference(name)));
    Value::Object(named.collect())
}

fn message_refs<'a>(channel: &str, names: impl Iterator<Item = &'a str>) -> Value {
    let reference = |name| json!({ "$ref": format!("#/channels/{channel}/messages/{name}") });
    names.map(reference).collect()
}

fn components() -> Value {
    let mut messages: Map<String, Value> = EventType::ALL
        .iter()
        .map(|one| (one.name().to_owned(), of_type(*one)))
        .collect();
    for (name, summary, required, optional) in REQUESTS.iter().chain(&ANSWERS) {
        let payload = frame(name, required, optional);
        let message = json!({ "name": name, "summary": summary, "payload": payload });
        messages.insert((*name).to_owned(), message);
    }
    Value::Object(messages)
}

/// The message of a type.
fn of_type(one: EventType) -> Value {
    let (name, source) = (one.name(), one.log().source());
    json!({
        "name": name,
        "title": name,
        "summary": one.summary().trim(),
        "x-schema-version": one.version(),
        "x-scope": scope(one),
        "payload": { "allOf": [
            { "$ref": "#/components/schemas/Envelope" },
            { "type": "object", "properties": {
                "type": { "const": name },
                "source": { "const": source },
                "data": one.schema(),
            } },
        ] },
        "examples": [{ "name": "data", "payload": { "type": name, "data": one.example() } }],
    })
}

/// The scope that it takes to see a type.
pub(crate) fn scope(one: EventType) -> String {
    let family = one.family();
    let breadth = if family.is_owned() { ":own|all" } else { "" };
    format!("events:{}:read{breadth}", family.word())
}

fn frame(name: &str, required: &[&str], optional: &[&str]) -> Value {
    let mut properties = Map::new();
    properties.insert("op".into(), json!({ "const": name }));
    for name in required.iter().chain(optional) {
        properties.insert((*name).to_owned(), property(name));
    }
    let required: Vec<&str> = ["op"].iter().chain(required).copied().collect();
    json!({ "type": "object", "properties": properties, "required": required })
}

fn property(name: &str) -> Value {
    let texts = json!({ "type": "array", "items": { "type": "string" }, "maxItems": 50 });
    match name {
        "types" | "subject" => texts,
        "filter" => {
            json!({ "type": "object", "description": "A filter of NIP-01 without limit and search." })
        }
        "coalesce" => json!({ "type": "boolean" }),
        "missed" => json!({ "type": "integer", "minimum": 1 }),
        "event" => json!({ "$ref": "#/components/schemas/Envelope" }),
        "id" | "ref" => json!({ "type": "string", "minLength": 1, "maxLength": 64 }),
        "since" => json!({ "type": "string", "description": "A cursor, `now` or `oldest`." }),
        _ => json!({ "type": "string" }),
    }
}

/// What all envelopes have.
fn envelope() -> Value {
    json!({
        "type": "object",
        "properties": {
            "specversion": { "const": "1.0" },
            "id": { "type": "string", "format": "uuid", "description": "The same whenever the same envelope is given." },
            "source": { "enum": ["/nostr", "/records"], "description": "In which log it stands." },
            "type": { "type": "string" },
            "subject": { "type": "string" },
            "time": { "type": "string", "format": "date-time" },
            "datacontenttype": { "const": "application/json" },
            "dataschema": { "type": "string", "format": "uri" },
            "seq": { "type": "string", "pattern": "^[0-9]+$", "description": "The position in its log. Ephemeral events have none." },
            "tenant": { "type": "string" },
            "actor": { "type": "string" },
            "traceparent": { "type": "string", "description": "W3C Trace Context." },
            "data": { "type": "object" },
        },
        "required": ["specversion", "id", "source", "type", "time", "datacontenttype", "dataschema", "data"],
    })
}
