//! The relays that an event mentions (O1.1). Pure.
//!
//! Events are by strangers: what is no URL of a relay is passed over, and both what is tried and what is found have a limit for each
//! event, so that one event can neither cost much nor fill the records.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use serde::de::IgnoredAny;
use stentor_event::{EventView, JsonStr, Kind, Tag};

use super::source::Source;
use crate::relay_url::{MAX_BYTES, RelayUrl};

/// The most mentions that are taken from one event.
pub(crate) const MAX_MENTIONS: usize = 200;
/// The most different texts of one event that are looked at more closely, in its content and in its tags each.
const MAX_TRIED: usize = 2 * MAX_MENTIONS;
/// The most mentions that are taken from its content: neither does that hide the tags, nor they it.
const MAX_IN_CONTENT: usize = MAX_MENTIONS / 2;

/// What another monitor says of a relay (NIP-66).
pub(super) const MONITORED: Kind = Kind(30_166);

/// The relays that an event mentions, each once for each way of mentioning it, at most [`MAX_MENTIONS`].
pub(crate) fn mentions<'a>(
    event: &EventView<'a>,
) -> impl Iterator<Item = (RelayUrl, Source)> + use<'a> {
    let kind = event.kind();
    let in_tags = event.tags().filter_map(move |tag| in_tag(kind, tag));
    let mut found = HashSet::new();
    parsed(in_content(event))
        .take(MAX_IN_CONTENT)
        .chain(parsed(in_tags))
        .filter(move |mention| found.insert(mention.clone()))
        .take(MAX_MENTIONS)
}

/// The URLs among texts. One that is written over and over is tried once.
fn parsed<'a>(
    texts: impl Iterator<Item = (Cow<'a, str>, Source)>,
) -> impl Iterator<Item = (RelayUrl, Source)> {
    let mut tried = HashSet::new();
    texts
        .filter(|(text, _)| may_be_url(text))
        .filter(move |text| tried.insert(text.clone()))
        .take(MAX_TRIED)
        .filter_map(|(text, source)| Some((RelayUrl::parse(&text).ok()?, source)))
}

/// The text of a tag that may be the URL of a relay.
fn in_tag<'a>(kind: Kind, tag: Tag<'a>) -> Option<(Cow<'a, str>, Source)> {
    let name = tag.name();
    let (index, source) = if name.is(b"r") {
        let list = kind == Kind::RELAY_LIST;
        (1, if list { Source::RelayList } else { Source::Tag })
    } else if name.is(b"relay") {
        (1, list_of(kind).unwrap_or(Source::Tag))
    } else if kind == MONITORED && name.is(b"d") {
        (1, Source::Monitor)
    } else if matches!(tag.letter(), Some(b'e' | b'p' | b'a' | b'q')) {
        (2, Source::Hint)
    } else {
        return None;
    };
    Some((text(tag.get(index)?)?, source))
}

/// The list that `relay` tags of this kind make.
const fn list_of(kind: Kind) -> Option<Source> {
    Some(match kind.0 {
        10_006 => Source::BlockedRelays,
        10_007 => Source::SearchRelays,
        10_012 => Source::FavouriteRelays,
        10_050 => Source::MessageRelays,
        10_051 => Source::KeyPackageRelays,
        30_002 => Source::RelaySet,
        _ => return None,
    })
}

/// The keys of the object that the content of a contact list may be.
fn in_content<'a>(event: &EventView<'a>) -> impl Iterator<Item = (Cow<'a, str>, Source)> + use<'a> {
    let wanted = event.kind() == Kind::FOLLOWS && !event.content_raw().is_empty();
    let object = wanted
        .then(|| serde_json::from_slice::<BTreeMap<String, IgnoredAny>>(&event.content()).ok())
        .flatten();
    let keys = object.into_iter().flat_map(BTreeMap::into_keys);
    keys.map(|url| (Cow::Owned(url), Source::Contacts))
}

/// The text, unless it is too long for a URL however it is escaped.
fn text(string: JsonStr<'_>) -> Option<Cow<'_, str>> {
    // An escape takes at most six bytes for one.
    (string.raw().len() <= 6 * MAX_BYTES).then(|| string.to_text())
}

/// Whether it is worth parsing: most texts in the places where URLs stand are empty or something else.
fn may_be_url(text: &str) -> bool {
    let start = text.trim_start().get(..3);
    start
        .is_some_and(|start| start.eq_ignore_ascii_case("ws:") || start.eq_ignore_ascii_case("wss"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use stentor_event::{Event, EventBuilder, Timestamp};

    use super::*;
    use crate::testing::key;

    fn event(kind: u16, tags: &[&[&str]], content: &str) -> Event {
        let builder = EventBuilder::new(Kind(kind), Timestamp(1_700_000_000)).content(content);
        let tagged = |builder: EventBuilder, tag: &&[&str]| builder.tag(tag.iter().copied());
        tags.iter().fold(builder, tagged).sign(&key(7))
    }

    fn found(event: &Event) -> Vec<(String, &'static str)> {
        let view = event.view();
        let words = |(url, source): (RelayUrl, Source)| (url.to_string(), source.as_str());
        mentions(&view).map(words).collect()
    }

    fn one(kind: u16, tag: &[&str]) -> Vec<(String, &'static str)> {
        found(&event(kind, &[tag], ""))
    }

    #[test]
    fn o1_1_relay_lists_are_read_with_and_without_markers() {
        let tags: [&[&str]; 4] = [
            &["r", "wss://a.example"],
            &["r", "WSS://B.example/", "read"],
            &["r", "wss://c.example", "write"],
            &["r", "https://d.example"],
        ];
        let urls = ["wss://a.example/", "wss://b.example/", "wss://c.example/"];
        let expected: Vec<_> = urls.map(|url| (url.to_owned(), "kind_10002")).into();
        assert_eq!(found(&event(10_002, &tags, "")), expected);
    }

    #[test]
    fn o1_1_every_kind_of_list_is_a_source_of_its_own() {
        for kind in [10_006, 10_007, 10_012, 10_050, 10_051, 30_002] {
            let source = format!("kind_{kind}");
            let found = one(kind, &["relay", "wss://a.example"]);
            assert_eq!(found.len(), 1);
            assert_eq!(found[0].1, source);
        }
        let monitored = one(30_166, &["d", "wss://a.example/x/"]);
        assert_eq!(monitored, [("wss://a.example/x".to_owned(), "kind_30166")]);
        assert!(one(30_023, &["d", "wss://a.example"]).is_empty());
    }

    #[test]
    fn o1_1_contacts_name_relays_in_their_content() {
        let content =
            r#"{"wss://a.example":{"read":true,"write":false},"b":{},"ws:\/\/c.example":1}"#;
        let expected = ["ws://c.example/", "wss://a.example/"];
        let expected = expected.map(|url| (url.to_owned(), "kind_3"));
        assert_eq!(found(&event(3, &[], content)), expected);
        assert!(found(&event(1, &[], content)).is_empty());
        for content in ["", "[]", "{", "wss://a.example", r#"{"wss://a.example""#] {
            assert!(found(&event(3, &[], content)).is_empty(), "{content}");
        }
    }

    #[test]
    fn o1_1_tags_and_hints_of_any_event_are_read() {
        let tags: [&[&str]; 9] = [
            &["r", "wss://a.example"],
            &["relay", "wss://b.example"],
            &["e", "00", "wss://c.example", "reply"],
            &["p", "00", "wss://d.example"],
            &["a", "30023:00:x", "wss://e.example"],
            &["q", "00", "wss://f.example"],
            &["t", "x", "wss://g.example"],
            &["e", "wss://h.example"],
            &["p", "00", ""],
        ];
        let sources: Vec<_> = found(&event(1, &tags, ""))
            .into_iter()
            .map(|(url, source)| {
                let host = url.trim_start_matches("wss://").split('.').next().unwrap();
                format!("{host}:{source}")
            })
            .collect();
        assert_eq!(
            sources,
            ["a:tag", "b:tag", "c:hint", "d:hint", "e:hint", "f:hint"]
        );
    }

    #[test]
    fn o1_1_one_event_gives_each_mention_once_and_not_too_many() {
        let same: [&[&str]; 3] = [
            &["p", "00", "wss://a.example"],
            &["p", "01", "wss://A.example/"],
            &["r", "wss://a.example"],
        ];
        assert_eq!(found(&event(1, &same, "")).len(), 2);
        let urls: Vec<String> = (0..500).map(|n| format!("wss://{n}.example")).collect();
        let tags: Vec<[&str; 2]> = urls.iter().map(|url| ["r", url.as_str()]).collect();
        let tags: Vec<&[&str]> = tags.iter().map(|tag| tag.as_slice()).collect();
        assert_eq!(found(&event(1, &tags, "")).len(), MAX_MENTIONS);
        let no_urls: Vec<String> = (0..MAX_TRIED).map(|n| format!("wss://a {n}")).collect();
        let no_urls: Vec<[&str; 2]> = no_urls.iter().map(|text| ["r", text.as_str()]).collect();
        let no_urls = no_urls.iter().map(|tag| tag.as_slice());
        let tags: Vec<&[&str]> = no_urls.chain([same[2]]).collect();
        assert!(found(&event(1, &tags, "")).is_empty());
    }

    #[test]
    fn o1_1_a_hint_that_is_written_often_hides_no_other() {
        let mut tags: Vec<&[&str]> = vec![&["p", "00", "wss://a.example"]; 3 * MAX_TRIED];
        tags.push(&["p", "01", "wss://b.example"]);
        let expected = ["wss://a.example/", "wss://b.example/"].map(|url| (url.to_owned(), "hint"));
        assert_eq!(found(&event(1, &tags, "")), expected);
    }

    #[test]
    fn o1_1_tags_and_content_hide_not_each_other() {
        let hints: Vec<String> = (0..500).map(|n| format!("wss://{n}.example")).collect();
        let tags: Vec<[&str; 3]> = hints.iter().map(|url| ["p", "00", url.as_str()]).collect();
        let tags: Vec<&[&str]> = tags.iter().map(|tag| tag.as_slice()).collect();
        let content: Vec<String> = hints.iter().map(|url| format!(r#""{url}":{{}}"#)).collect();
        let content = format!("{{{}}}", content.join(","));
        let count = |found: &[(String, &str)], source: &str| {
            found.iter().filter(|(_, one)| *one == source).count()
        };
        let both = found(&event(3, &tags, &content));
        assert_eq!((count(&both, "kind_3"), count(&both, "hint")), (100, 100));
        let one = found(&event(3, &tags, r#"{"wss://x.example":{}}"#));
        assert_eq!((count(&one, "kind_3"), count(&one, "hint")), (1, 199));
    }

    proptest! {
        #[test]
        fn o1_1_whatever_an_event_says_its_mentions_are_few_and_canonical(
            kind in prop_oneof![Just(1_u16), Just(3), Just(10_002), Just(10_050), Just(30_166)],
            tags in prop::collection::vec(("(r|relay|e|p|d)", "((wss?|WS)://)?[a-z.:/@\\\\\" \u{e4}]{0,12}", "(wss://[a-z.]{0,9}|\\PC{0,9})"), 0..40),
            content in "(\\{(\"wss://[a-z.]{1,9}\":(\\{\\}|1),){0,3}\"wss://x.y\":0\\}|\\PC{0,20})",
        ) {
            let tags: Vec<[&str; 3]> = tags.iter().map(|(a, b, c)| [a.as_str(), b.as_str(), c.as_str()]).collect();
            let tags: Vec<&[&str]> = tags.iter().map(|tag| tag.as_slice()).collect();
            let event = event(kind, &tags, &content);
            let found: Vec<_> = mentions(&event.view()).collect();
            prop_assert!(found.len() <= MAX_MENTIONS);
            let distinct: HashSet<_> = found.iter().collect();
            prop_assert_eq!(distinct.len(), found.len());
            for (url, _) in &found {
                let again = RelayUrl::parse(url.as_str());
                prop_assert_eq!(again.as_ref(), Ok(url));
            }
        }
    }
}
