//! What a viewer must be shown, by the words of the requirement alone. Nothing of the relay's own code is used.

use ring::digest::{SHA256, digest};
use serde_json::Value;

use crate::harness::*;

/// Kinds for the parties only: those of the requirement, and those that the test configures.
pub const PRIVATE: [u64; 8] = [4, 7, 1_059, 5_555, 20_555, 21_059, 30_555, 4_321];
/// Of these, the configured ones.
pub const CONFIGURED: [u16; 5] = [7, 5_555, 20_555, 30_555, 4_321];
/// The kind that only a filter with `#h` shows.
const GROUP: u64 = 445;
/// Kinds whose author is a key used once.
const WRAPS: [u64; 2] = [1_059, 21_059];

/// Whether a request is answered at all.
#[derive(Debug, PartialEq, Eq)]
pub enum Door {
    Open,
    AuthRequired,
    Restricted,
}

impl Door {
    /// The prefix of the reason with which the request is refused.
    pub fn prefix(&self) -> Option<&'static str> {
        match self {
            Self::Open => None,
            Self::AuthRequired => Some("auth-required: "),
            Self::Restricted => Some("restricted: "),
        }
    }
}

/// The strings of a list in a filter, if the filter has it.
fn list<'a>(filter: &'a Value, field: &str) -> Option<Vec<&'a str>> {
    let values = filter.get(field)?.as_array().unwrap();
    Some(values.iter().map(|value| value.as_str().unwrap()).collect())
}

/// The kinds of a filter, if it has any.
fn kinds(filter: &Value) -> Option<Vec<u64>> {
    let values = filter.get("kinds")?.as_array().unwrap();
    Some(values.iter().map(|value| value.as_u64().unwrap()).collect())
}

/// The values of the event's tags of this name.
fn tagged<'a>(event: &'a Value, name: &str) -> Vec<&'a str> {
    let tags = event["tags"].as_array().unwrap().iter();
    tags.filter(|tag| tag[0] == name)
        .filter_map(|tag| tag[1].as_str())
        .collect()
}

/// Whether the event matches the filter, as NIP-01 says.
pub fn matches(event: &Value, filter: &Value) -> bool {
    let kind = event["kind"].as_u64().unwrap();
    let at = event["created_at"].as_u64().unwrap();
    let is = |field: &str, own: &str| {
        list(filter, field).is_none_or(|list| list.contains(&event[own].as_str().unwrap()))
    };
    let tags = filter.as_object().unwrap().keys();
    let mut tags = tags.filter_map(|field| field.strip_prefix('#').map(|name| (field, name)));
    is("ids", "id")
        && is("authors", "pubkey")
        && kinds(filter).is_none_or(|kinds| kinds.contains(&kind))
        && filter
            .get("since")
            .is_none_or(|since| at >= since.as_u64().unwrap())
        && filter
            .get("until")
            .is_none_or(|until| at <= until.as_u64().unwrap())
        && tags.all(|(field, name)| {
            let wanted = list(filter, field).unwrap();
            tagged(event, name)
                .iter()
                .any(|value| wanted.contains(value))
        })
}

/// R2.1: private kinds for a party (author or `p`), kind 445 through a filter with `#h`, all else for everybody.
pub fn may_see(event: &Value, keys: &[u8], through: &Value) -> bool {
    let kind = event["kind"].as_u64().unwrap();
    if kind == GROUP {
        return through.get("#h").is_some();
    }
    let is_party = |key: &u8| {
        let key = public(*key);
        event["pubkey"] == key.as_str() || tagged(event, "p").contains(&key.as_str())
    };
    !PRIVATE.contains(&kind) || keys.iter().any(is_party)
}

/// What is to be shown of these events: newest first, the lower id first within a second.
pub fn shown<'a>(events: &'a [Value], filters: &[Value], keys: &[u8]) -> Vec<&'a Value> {
    let one = |event: &&Value| {
        let through = |filter: &Value| matches(event, filter) && may_see(event, keys, filter);
        filters.iter().any(through)
    };
    let mut shown: Vec<&Value> = events.iter().filter(one).collect();
    shown.sort_by(|a, b| {
        let (newer, older) = (b["created_at"].as_u64(), a["created_at"].as_u64());
        newer
            .cmp(&older)
            .then_with(|| a["id"].as_str().cmp(&b["id"].as_str()))
    });
    shown
}

/// Whether a request with these filters is answered: when all of them name private kinds only, somebody must have
/// authenticated who can be a party. The author of a gift wrap is a key used once, so that, unless the filter names
/// authors, only `#p` tells whether a key can be.
pub fn door(filters: &[Value], keys: &[u8]) -> Door {
    let private = |filter: &Value| {
        let named = kinds(filter).filter(|kinds| !kinds.is_empty());
        named.is_some_and(|kinds| kinds.iter().all(|kind| PRIVATE.contains(kind)))
    };
    let can_be_party = |filter: &Value, key: &str| {
        let wraps = kinds(filter)
            .unwrap()
            .iter()
            .all(|kind| WRAPS.contains(kind));
        let author = list(filter, "authors").map_or(!wraps, |authors| authors.contains(&key));
        author || list(filter, "#p").is_none_or(|recipients| recipients.contains(&key))
    };
    let any = |key: &u8| {
        let key = public(*key);
        filters.iter().any(|filter| can_be_party(filter, &key))
    };
    if !filters.iter().all(private) {
        Door::Open
    } else if keys.is_empty() {
        Door::AuthRequired
    } else if keys.iter().any(any) {
        Door::Open
    } else {
        Door::Restricted
    }
}

/// The registers of NIP-45 for these events: by the first item of the first tag of the filter as it is sent.
pub fn registers(events: &[&Value], filter: &Value) -> Option<String> {
    let mut fields = filter.as_object().unwrap().iter();
    let (_, values) = fields.find(|(field, _)| field.starts_with('#'))?;
    let value = values[0].as_str().unwrap();
    let hashed = || {
        let hash = digest(&SHA256, value.as_bytes());
        let bytes = hash.as_ref().iter();
        bytes.map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let is_hex = value.len() == 64 && value.bytes().all(|byte| byte.is_ascii_hexdigit());
    let text = if is_hex { value.to_owned() } else { hashed() };
    let offset = usize::from_str_radix(&text[32..33], 16).unwrap() + 8;
    let mut registers = [0_u8; 256];
    for event in events {
        let author = event["pubkey"].as_str().unwrap();
        let byte = |at: usize| u8::from_str_radix(&author[2 * at..2 * at + 2], 16).unwrap();
        let bits = (offset + 1..32).flat_map(|at| (0..8).rev().map(move |bit| byte(at) >> bit & 1));
        let zeros = bits.take_while(|bit| *bit == 0).count() as u8;
        let register = &mut registers[usize::from(byte(offset))];
        *register = (*register).max(zeros + 1);
    }
    let digits = registers.iter().map(|register| format!("{register:02x}"));
    Some(digits.collect())
}
