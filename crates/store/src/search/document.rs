//! What of an event is searched.

use serde_json::{Map, Value};
use stentor_event::{EventView, Kind};

/// Kinds whose content is a JSON object that describes somebody or something: NIP-01, NIP-28, NIP-15, NIP-89.
const PROFILES: [Kind; 6] = [
    Kind::METADATA,
    Kind(40),
    Kind(41),
    Kind(30_017),
    Kind(30_018),
    Kind(31_990),
];
/// What of such an object weighs more.
const NAMES: [&str; 6] = [
    "name",
    "display_name",
    "displayName",
    "username",
    "title",
    "nip05",
];
/// What else of it is searched.
const DESCRIPTIONS: [&str; 2] = ["about", "description"];
/// Tags that name an event: long-form content (NIP-23), pictures, videos, classifieds, calendars, repositories.
const TITLE_TAGS: [&[u8]; 4] = [b"title", b"subject", b"name", b"summary"];
/// Tags that describe it.
const BODY_TAGS: [&[u8]; 1] = [b"description"];

/// The texts of an event that are searched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Document {
    /// What it is called: a hit here weighs more.
    pub title: String,
    /// Everything else.
    pub body: String,
}

impl Document {
    /// The texts of this event. The content of a profile that is not the JSON object it should be is taken as it is.
    pub fn of(event: &EventView<'_>) -> Self {
        let mut document = Self::default();
        match profile(event) {
            Some(profile) => {
                NAMES
                    .iter()
                    .for_each(|name| add(&mut document.title, &text(&profile, name)));
                DESCRIPTIONS
                    .iter()
                    .for_each(|name| add(&mut document.body, &text(&profile, name)));
            }
            None => document
                .body
                .push_str(&String::from_utf8_lossy(&event.content())),
        }
        for tag in event.tags() {
            let name = tag.name();
            let Some(value) = tag.value() else { continue };
            if TITLE_TAGS.iter().any(|title| name.is(title)) {
                add(&mut document.title, &value.to_text());
            } else if BODY_TAGS.iter().any(|body| name.is(body)) {
                add(&mut document.body, &value.to_text());
            }
        }
        document
    }
}

fn add(to: &mut String, text: &str) {
    if !text.is_empty() {
        if !to.is_empty() {
            to.push('\n');
        }
        to.push_str(text);
    }
}

/// The object in the content of a profile.
fn profile(event: &EventView<'_>) -> Option<Map<String, Value>> {
    if !PROFILES.contains(&event.kind()) {
        return None;
    }
    serde_json::from_slice(&event.content()).ok()
}

/// The text of a field; of numbers as they are written, as some clients send them.
fn text(profile: &Map<String, Value>, field: &str) -> String {
    match profile.get(field) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

/// The name that the author of a kind 0 claims to have (NIP-05): what stands before the `@` and behind it, in lower case.
pub(super) fn claimed_name(event: &EventView<'_>) -> Option<(String, String)> {
    if event.kind() != Kind::METADATA {
        return None;
    }
    let name = text(&profile(event)?, "nip05").to_lowercase();
    let (local, domain) = name.trim().rsplit_once('@')?;
    let domain = domain.trim_end_matches('.');
    (!local.is_empty() && !domain.is_empty()).then(|| (local.to_owned(), domain.to_owned()))
}

/// Whether an event says of itself that it is not for everybody's eyes: a content warning (NIP-36), or the hashtag `nsfw`.
pub(super) fn is_nsfw(event: &EventView<'_>) -> bool {
    event.tags().into_iter().any(|tag| {
        let hashtag = || {
            tag.value()
                .is_some_and(|value| value.to_text().eq_ignore_ascii_case("nsfw"))
        };
        tag.name().is(b"content-warning") || (tag.name().is(b"t") && hashtag())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use stentor_event::{Event, EventBuilder, SecretKey, Timestamp};

    fn event(kind: u16, content: &str, tags: &[&[&str]]) -> Event {
        let builder = EventBuilder::new(Kind(kind), Timestamp(1)).content(content);
        let builder = tags
            .iter()
            .fold(builder, |builder, tag| builder.tag(tag.iter().copied()));
        builder.sign(&SecretKey::from_bytes([1; 32]).unwrap())
    }

    fn document(kind: u16, content: &str, tags: &[&[&str]]) -> (String, String) {
        let event = event(kind, content, tags);
        let document = Document::of(&event.view());
        (document.title, document.body)
    }

    #[test]
    fn r6_profiles_by_their_fields() {
        let content = r#"{"name":"alice","display_name":"Alice \u00c4","nip05":"alice@example.com","about":"hi","picture":"https://x","lud16":7}"#;
        let expected = (
            "alice\nAlice Ä\nalice@example.com".to_owned(),
            "hi".to_owned(),
        );
        assert_eq!(document(0, content, &[]), expected);
        assert_eq!(
            document(0, r#"{"name":42,"about":null,"displayName":["x"]}"#, &[]),
            ("42".into(), String::new())
        );
        assert_eq!(
            document(0, "not {json", &[]),
            (String::new(), "not {json".into()),
            "tolerated"
        );
        assert_eq!(document(0, "", &[]), (String::new(), String::new()));
    }

    #[test]
    fn r6_long_form_by_title_and_summary_too() {
        let tags: &[&[&str]] = &[
            &["title", "On \"trees\""],
            &["summary", "short"],
            &["d", "x"],
            &["title"],
        ];
        assert_eq!(
            document(30_023, "text", tags),
            ("On \"trees\"\nshort".into(), "text".into())
        );
        assert_eq!(
            document(1, "{\"name\":\"x\"}", &[]),
            (String::new(), "{\"name\":\"x\"}".into())
        );
    }

    #[test]
    fn r6_names_and_warnings() {
        let name = |content: &str| claimed_name(&event(0, content, &[]).view());
        let claimed = Some(("_".to_owned(), "example.com".to_owned()));
        assert_eq!(name(r#"{"nip05":" _@Example.com. "}"#), claimed);
        for content in [
            "{}",
            r#"{"nip05":"example.com"}"#,
            r#"{"nip05":"@"}"#,
            r#"{"nip05":"a@"}"#,
        ] {
            assert_eq!(name(content), None, "{content}");
        }
        let warned = |tags: &[&[&str]]| is_nsfw(&event(1, "", tags).view());
        assert!(warned(&[&["content-warning"]]) && warned(&[&["t", "NSFW"]]));
        assert!(!warned(&[&["t", "sfw"], &["nsfw", "t"]]));
    }
}
