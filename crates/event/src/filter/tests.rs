use super::*;
use crate::{Event, EventBuilder, SecretKey};

fn parse(json: &str) -> Result<Filter, FilterError> {
    Filter::parse(json.as_bytes())
}

fn event(kind: u16, at: u64, tags: &[&[&str]]) -> Event {
    let builder = EventBuilder::new(Kind(kind), Timestamp(at));
    tags.iter()
        .fold(builder, |builder, tag| builder.tag(tag.iter().copied()))
        .sign(&SecretKey::from_bytes([3; 32]).unwrap())
}

fn matches(filter: &str, event: &Event) -> bool {
    parse(filter).unwrap().matches(&event.view())
}

#[test]
fn r1_6_no_condition_matches_everything() {
    assert!(matches("{}", &event(1, 0, &[])));
    assert!(matches(" {\n} ", &event(1, 0, &[])));
    assert!(!parse("{}").unwrap().matches_nothing());
}

#[test]
fn r1_6_all_conditions_must_hold() {
    let event = event(7, 100, &[&["e", &"ab".repeat(32)], &["t", "x"]]);
    let (id, author) = (event.id(), event.pubkey());
    let whole = format!(
        r##"{{"ids":["{id}"],"authors":["{author}"],"kinds":[7],"#e":["{}"],"#t":["y","x"],"since":100,"until":100,"limit":0}}"##,
        "ab".repeat(32)
    );
    assert!(matches(&whole, &event));
    for (old, new) in [
        (id.to_string(), "0".repeat(64)),
        (author.to_string(), "0".repeat(64)),
        ("[7]".into(), "[6,8]".into()),
        ("ab".repeat(32), "ac".repeat(32)),
        ("\"x\"".into(), "\"X\"".into()),
        ("\"since\":100".into(), "\"since\":101".into()),
        ("\"until\":100".into(), "\"until\":99".into()),
    ] {
        assert!(
            !matches(&whole.replacen(&old, &new, 1), &event),
            "{old} → {new}"
        );
    }
}

#[test]
fn r1_6_empty_array_matches_nothing() {
    for filter in [
        r#"{"ids":[]}"#,
        r#"{"authors":[]}"#,
        r#"{"kinds":[]}"#,
        r##"{"#t":[]}"##,
    ] {
        assert!(parse(filter).unwrap().matches_nothing());
        assert!(!matches(filter, &event(1, 1, &[&["t", ""]])));
    }
}

#[test]
fn r1_6_since_after_until_matches_nothing() {
    assert!(parse(r#"{"since":2,"until":1}"#).unwrap().matches_nothing());
    assert!(!parse(r#"{"since":1,"until":1}"#).unwrap().matches_nothing());
}

#[test]
fn r1_6_malformed_hex_matches_nothing() {
    let key = "ab".repeat(32);
    for bad in [
        "",
        "ab",
        &key[2..],
        &key.to_uppercase(),
        &format!("{key}0"),
        &"xy".repeat(32),
    ] {
        for field in ["ids", "authors", "#e", "#p"] {
            let filter = parse(&format!(r#"{{"{field}":["{bad}"]}}"#)).unwrap();
            assert!(filter.matches_nothing(), "{field} {bad}");
            let both = parse(&format!(r#"{{"{field}":["{bad}","{key}"]}}"#)).unwrap();
            assert!(!both.matches_nothing());
        }
        let other = parse(&format!(r##"{{"#E":["{bad}"]}}"##)).unwrap();
        assert!(
            !other.matches_nothing(),
            "only e and p hold nothing but hex"
        );
    }
}

#[test]
fn r1_6_any_letter_in_both_cases() {
    for letter in (b'a'..=b'z')
        .chain(b'A'..=b'Z')
        .map(char::from)
        .filter(|letter| !"ep".contains(*letter))
    {
        let name = letter.to_string();
        let event = event(1, 1, &[&["x1", "v"], &[&name, "v", "w"]]);
        assert!(matches(&format!(r##"{{"#{name}":["v"]}}"##), &event));
        assert!(
            !matches(&format!(r##"{{"#{name}":["w"]}}"##), &event),
            "only the first value"
        );
        let swapped = if letter.is_lowercase() {
            name.to_uppercase()
        } else {
            name.to_lowercase()
        };
        let value = "ab".repeat(32);
        assert!(!matches(
            &format!(r##"{{"#{swapped}":["v","{value}"]}}"##),
            &event
        ));
    }
}

#[test]
fn r1_6_values_are_compared_as_text() {
    let event = Event::parse(
        String::from_utf8(event(1, 1, &[&["t", "TAG"], &["r", ""]]).json().to_vec())
            .unwrap()
            .replace("TAG", r"\u00e9\/\n\ud83d\ude00")
            .as_bytes(),
    )
    .unwrap();
    assert!(matches(r##"{"#t":["é/\n😀"]}"##, &event));
    assert!(matches(
        r##"{"#t":["\u00E9/\u000a\uD83D\uDE00","other"]}"##,
        &event
    ));
    assert!(!matches(r##"{"#t":["\\u00e9"]}"##, &event));
    assert!(matches(r##"{"#r":[""]}"##, &event));
}

#[test]
fn r1_6_no_prefix_matching() {
    let event = event(1, 1, &[&["t", "nostr"]]);
    let id = event.id().to_string();
    assert!(!matches(&format!(r#"{{"ids":["{}"]}}"#, &id[..10]), &event));
    assert!(!matches(r##"{"#t":["nost"]}"##, &event));
    assert!(!matches(r##"{"#t":["nostrr"]}"##, &event));
}

#[test]
fn r1_6_unknown_fields_are_unsupported() {
    for (field, name) in [
        ("&t", "&t"),
        ("#tt", "#tt"),
        ("#1", "#1"),
        ("#", "#"),
        ("#é", "#é"),
        ("foo", "foo"),
        ("Kinds", "Kinds"),
        ("", ""),
    ] {
        let error = parse(&format!(r#"{{"{field}":["a"]}}"#)).unwrap_err();
        assert_eq!(error, FilterError::UnsupportedField(name.into()));
        assert_eq!(error.prefix(), "unsupported");
    }
    let long = parse(&format!(r#"{{"{}":1}}"#, "x".repeat(1_000))).unwrap_err();
    assert!(long.to_string().len() < 100);
}

#[test]
fn r1_6_search_is_read() {
    let filter = parse(r#"{"search":"best \"nostr\" apps"}"#).unwrap();
    assert_eq!(filter.search.as_deref(), Some("best \"nostr\" apps"));
    assert!(
        filter.matches(&event(1, 1, &[]).view()),
        "matching is up to who searches"
    );
}

#[test]
fn r1_6_numbers_are_non_negative_integers() {
    let time =
        parse(r#"{"since":0,"until":9223372036854775807,"limit":18446744073709551615}"#).unwrap();
    assert_eq!(
        (time.since, time.until, time.limit),
        (Some(Timestamp(0)), Some(Timestamp::MAX), Some(u64::MAX))
    );
    for field in ["since", "until", "limit"] {
        for bad in [
            "-1",
            "1.0",
            "1e3",
            "\"1\"",
            "null",
            "[1]",
            "true",
            "18446744073709551616",
            "00",
        ] {
            let error = parse(&format!(r#"{{"{field}":{bad}}}"#)).unwrap_err();
            assert!(
                matches!(&error, FilterError::Field { field: name, .. } if name == field),
                "{field} {bad}: {error}"
            );
            assert_eq!(error.prefix(), "invalid");
        }
    }
    assert!(parse(r#"{"until":9223372036854775808}"#).is_err());
}

#[test]
fn r1_6_lists_have_the_right_type() {
    for bad in [
        r#"{"ids":"x"}"#,
        r#"{"ids":[1]}"#,
        r#"{"authors":null}"#,
        r#"{"authors":[null]}"#,
        r#"{"kinds":["1"]}"#,
        r#"{"kinds":[65536]}"#,
        r#"{"kinds":[-1]}"#,
        r#"{"kinds":[1.0]}"#,
        r#"{"kinds":1}"#,
        r##"{"#t":"x"}"##,
        r##"{"#t":[1]}"##,
        r#"{"search":1}"#,
    ] {
        assert!(
            matches!(parse(bad), Err(FilterError::Field { .. })),
            "{bad}"
        );
    }
}

#[test]
fn r1_6_malformed_json_is_refused() {
    for bad in [
        "",
        "{",
        "[]",
        "null",
        r#"{"ids"}"#,
        r#"{"ids":[}"#,
        r#"{"ids":["a",]}"#,
        r#"{"kinds":[1]"#,
        r#"{"kinds":[1],}"#,
        "{} x",
    ] {
        assert!(
            matches!(parse(bad), Err(FilterError::Malformed(_))),
            "{bad}"
        );
    }
    assert_eq!(
        Filter::parse(b"{\"search\":\"\xff\"}"),
        Err(FilterError::Malformed(SyntaxError::Utf8))
    );
    for twice in [
        r#"{"kinds":[1],"kinds":[2]}"#,
        r##"{"#t":["a"],"#t":["b"]}"##,
        r#"{"limit":1,"\u006cimit":2}"#,
    ] {
        assert!(
            matches!(parse(twice), Err(FilterError::DuplicateField(_))),
            "{twice}"
        );
    }
}

#[test]
fn lists_are_sorted_and_without_duplicates() {
    let (a, b) = ("aa".repeat(32), "bb".repeat(32));
    let json = format!(r##"{{"authors":["{b}","{a}","{b}"],"kinds":[7,1,7],"#t":["z","a","z"]}}"##);
    let filter = parse(&json).unwrap();
    assert_eq!(
        filter.authors,
        Some(vec![PublicKey([0xaa; 32]), PublicKey([0xbb; 32])])
    );
    assert_eq!(filter.kinds, Some(vec![Kind(1), Kind(7)]));
    assert_eq!(
        filter.tags,
        [TagFilter {
            letter: b't',
            values: vec![(*b"a").into(), (*b"z").into()],
            first: 1
        }]
    );
    assert_eq!(parse(&filter.to_json()).unwrap(), filter);
    assert_eq!(
        filter.to_json(),
        format!(r##"{{"authors":["{a}","{b}"],"kinds":[1,7],"#t":["z","a"]}}"##)
    );
    assert_eq!(Filter::default().to_json(), "{}");
}

#[test]
fn r4_5_lists_are_limited() {
    let limits = FilterLimits {
        max_ids: 1,
        max_authors: 2,
        max_tag_values: 3,
        max_kinds: 4,
        max_value_bytes: 5,
        max_search_bytes: 6,
    };
    let within = |json: &str| Filter::parse_within(json.as_bytes(), &limits);
    for (field, max) in [("ids", 1), ("authors", 2), ("#t", 3)] {
        let list = |count: usize| format!(r#"{{"{field}":[{}]}}"#, vec!["\"x\""; count].join(","));
        assert!(within(&list(max)).is_ok());
        assert_eq!(
            within(&list(max + 1)),
            Err(FilterError::TooMany {
                field: field.into(),
                max
            })
        );
        assert!(parse(&list(max + 1)).is_ok());
    }
    assert!(within(r#"{"kinds":[1,2,3,4]}"#).is_ok());
    let field = |name: &str| name.to_owned();
    assert_eq!(
        within(r#"{"kinds":[1,1,1,1,1]}"#),
        Err(FilterError::TooMany {
            field: field("kinds"),
            max: 4
        })
    );
    for (good, bad, name, max) in [
        (
            r##"{"#t":["äbcd","x"]}"##,
            r##"{"#t":["x","äbcde"]}"##,
            "#t",
            5,
        ),
        (
            r#"{"search":"äbcde"}"#,
            r#"{"search":"äbcdef"}"#,
            "search",
            6,
        ),
    ] {
        assert!(within(good).is_ok() && parse(bad).is_ok());
        let too_long = FilterError::TooLong {
            field: field(name),
            max,
        };
        assert_eq!(too_long.prefix(), "invalid");
        assert_eq!(within(bad), Err(too_long));
    }
}

#[test]
fn r4_5_the_memory_of_a_filter_is_known() {
    let key = "ab".repeat(32);
    let json = format!(
        r##"{{"ids":["{key}"],"authors":["{key}"],"kinds":[1,2],"#t":["abc","de"],"search":"word"}}"##
    );
    let values = 32 + 32 + 2 * 2 + (16 + 3) + (16 + 2) + 4;
    assert_eq!(parse(&json).unwrap().value_bytes(), values);
    assert_eq!(Filter::default().value_bytes(), 0);
}
