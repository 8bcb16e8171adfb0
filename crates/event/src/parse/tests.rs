use crate::error::SyntaxError;
use crate::{Event, EventError};

const ID: &str = "0021f50ca06c3a226ce589567b319fc360803d8fce3867b984c5020e80a5beec";
const KEY: &str = "22e804d26ed16b68db5259e78449e96dab5d464c8f470bda3eb1a70467f2c793";

fn sig() -> String {
    "0123456789abcdef".repeat(8)
}

/// The fields of an event in canonical order.
fn fields() -> Vec<(&'static str, String)> {
    vec![
        ("id", format!("\"{ID}\"")),
        ("pubkey", format!("\"{KEY}\"")),
        ("created_at", "1652272396".into()),
        ("kind", "1".into()),
        ("tags", r#"[["e","x"],["-"]]"#.into()),
        ("content", r#""hello \"you\"""#.into()),
        ("sig", format!("\"{}\"", sig())),
    ]
}

fn object(fields: &[(&str, String)]) -> String {
    let members: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("\"{name}\":{value}"))
        .collect();
    format!("{{{}}}", members.join(","))
}

fn canonical() -> String {
    object(&fields())
}

/// The canonical event with another value for one field.
fn with(field: &str, value: &str) -> String {
    let mut fields = fields();
    for (name, old) in &mut fields {
        if *name == field {
            *old = value.into();
        }
    }
    object(&fields)
}

/// The same event, so that the pass for canonical bytes does not apply.
fn reversed(text: &str) -> String {
    format!(" {}", text.replacen('{', "{ ", 1))
}

fn parse(text: &str) -> Result<Event, EventError> {
    let exact = Event::parse(text.as_bytes());
    assert_eq!(
        exact,
        Event::parse(reversed(text).as_bytes()).map_err(shift),
        "both passes agree on {text}"
    );
    exact
}

/// Positions are two bytes further on behind the added white space.
fn shift(error: EventError) -> EventError {
    use SyntaxError::*;
    let EventError::Syntax(error) = error else {
        return error;
    };
    EventError::Syntax(match error {
        Unexpected(at) => Unexpected(at - 2),
        ControlCharacter(at) => ControlCharacter(at - 2),
        Escape(at) => Escape(at - 2),
        LoneSurrogate(at) => LoneSurrogate(at - 2),
        Number(at) => Number(at - 2),
        Depth(at) => Depth(at - 2),
        Trailing(at) => Trailing(at - 2),
        End => End,
        Utf8 => Utf8,
    })
}

#[test]
fn r1_1_canonical_bytes_stay_as_they_are() {
    let event = parse(&canonical()).unwrap();
    assert_eq!(event.json(), canonical().as_bytes());
    assert_eq!(event.id().to_string(), ID);
    assert_eq!(event.pubkey().to_string(), KEY);
    assert_eq!((event.created_at().0, event.kind().0), (1_652_272_396, 1));
    assert_eq!(event.sig().to_string(), sig());
    assert_eq!(&*event.view().content(), b"hello \"you\"");
    assert!(event.is_protected());
    let tags: Vec<Vec<_>> = event
        .view()
        .tags()
        .map(|tag| tag.iter().map(|s| s.to_text().into_owned()).collect())
        .collect();
    assert_eq!(tags, [vec!["e", "x"], vec!["-"]]);
}

#[test]
fn r1_1_any_order_and_white_space_give_the_canonical_form() {
    let mut fields = fields();
    for _ in 0..fields.len() {
        fields.rotate_left(1);
        let text = object(&fields);
        assert_eq!(
            Event::parse(text.as_bytes()).unwrap().json(),
            canonical().as_bytes()
        );
        let spaced = text
            .replace(',', " ,\n")
            .replace(':', "\t: ")
            .replace('[', "[ ")
            .replace(']', " ]\r\n");
        assert_eq!(
            Event::parse(spaced.as_bytes()).unwrap().json(),
            canonical().as_bytes()
        );
    }
}

#[test]
fn r1_1_white_space_inside_of_strings_stays() {
    let text = with("tags", r#"[ [ "a , ] [", "\" [" ] ]"#);
    let event = parse(&text).unwrap();
    assert_eq!(event.view().tags_raw(), br#"[["a , ] [","\" ["]]"#);
}

#[test]
fn r1_1_unknown_fields_are_ignored_and_dropped() {
    for value in [
        "1.5e-3",
        "null",
        "[[{\"a\":[]}]]",
        "{\"id\":1}",
        "-0",
        "\"x\"",
        "false",
    ] {
        let text = canonical().replacen('{', &format!("{{\"seen_on\":{value},"), 1);
        assert_eq!(
            parse(&text).unwrap().json(),
            canonical().as_bytes(),
            "{value}"
        );
    }
    for value in [
        "01", "1.", ".5", "+1", "nul", "[1,]", "{\"a\"}", "{a:1}", "\"", "1e", "--1", "",
    ] {
        let text = canonical().replacen('{', &format!("{{\"seen_on\":{value},"), 1);
        assert!(
            matches!(parse(&text), Err(EventError::Syntax(_))),
            "{value}"
        );
    }
}

#[test]
fn r1_1_duplicate_keys_are_refused() {
    for (name, value) in fields() {
        let text = canonical().replacen('{', &format!("{{\"{name}\":{value},"), 1);
        assert_eq!(parse(&text), Err(EventError::DuplicateField(name.into())));
    }
    let unknown = canonical().replacen('{', "{\"x\":1,\"\\u0078\":2,", 1);
    assert_eq!(parse(&unknown), Err(EventError::DuplicateField("x".into())));
    let spelled = canonical().replacen('{', "{\"\\u006bind\":1,", 1);
    assert_eq!(
        parse(&spelled),
        Err(EventError::DuplicateField("kind".into()))
    );
}

#[test]
fn r1_1_every_field_is_needed() {
    for (index, (name, _)) in fields().into_iter().enumerate() {
        let mut fields = fields();
        fields.remove(index);
        assert_eq!(parse(&object(&fields)), Err(EventError::MissingField(name)));
    }
    assert!(matches!(parse("{}"), Err(EventError::MissingField(_))));
}

#[test]
fn r1_1_hex_is_lower_case_and_of_the_exact_length() {
    for (field, digits) in [("id", 64), ("pubkey", 64), ("sig", 128)] {
        let good = "0123456789abcdef".repeat(digits / 16);
        assert!(parse(&with(field, &format!("\"{good}\""))).is_ok());
        let upper = good.replacen('a', "A", 1);
        let escaped = good.replacen('1', "\\u0031", 1);
        for bad in [
            &upper,
            &escaped,
            &good[1..],
            &format!("{good}0"),
            &good.replacen('0', "g", 1),
            "",
        ] {
            let text = with(field, &format!("\"{bad}\""));
            assert_eq!(
                parse(&text),
                Err(EventError::Hex(field, digits)),
                "{field} {bad}"
            );
        }
        assert_eq!(
            parse(&with(field, "null")),
            Err(EventError::Hex(field, digits))
        );
    }
}

#[test]
fn r1_1_created_at_is_an_integer_up_to_2_63_minus_1() {
    for good in ["0", "1", "9223372036854775807"] {
        assert_eq!(
            parse(&with("created_at", good))
                .unwrap()
                .created_at()
                .to_string(),
            good
        );
    }
    for bad in [
        "-1",
        "-0",
        "1.0",
        "1e3",
        "1E3",
        "01",
        "00",
        "9223372036854775808",
        "18446744073709551616",
        "\"1\"",
        "null",
        "true",
        "[1]",
    ] {
        assert_eq!(
            parse(&with("created_at", bad)),
            Err(EventError::CreatedAt),
            "{bad}"
        );
    }
}

#[test]
fn r1_1_kind_is_an_integer_up_to_65535() {
    for good in ["0", "65535"] {
        assert_eq!(parse(&with("kind", good)).unwrap().kind().to_string(), good);
    }
    for bad in [
        "65536",
        "-1",
        "1.0",
        "1e0",
        "\"1\"",
        "null",
        "99999999999999999999",
    ] {
        assert_eq!(parse(&with("kind", bad)), Err(EventError::Kind), "{bad}");
    }
}

#[test]
fn r1_1_tags_are_non_empty_arrays_of_strings() {
    for good in [
        "[]",
        r#"[[""]]"#,
        r#"[["a"],["a","b","c"]]"#,
        r#"[["[","]"],["\\"],["\""]]"#,
    ] {
        assert_eq!(
            parse(&with("tags", good)).unwrap().view().tags_raw(),
            good.as_bytes()
        );
    }
    for bad in [
        "[[]]",
        "null",
        "{}",
        r#"["a"]"#,
        r#"[["a",null]]"#,
        r#"[["a",1]]"#,
        r#"[[["a"]]]"#,
        r#"[["a",true]]"#,
        r#"[["a"],[]]"#,
        "\"\"",
        "3",
    ] {
        assert_eq!(parse(&with("tags", bad)), Err(EventError::Tags), "{bad}");
    }
    for bad in [
        r#"[["a"],]"#,
        r#"[["a",]]"#,
        r#"[,]"#,
        r#"[["a"]["b"]]"#,
        r#"[["a" "b"]]"#,
        r#"[["a"]"#,
    ] {
        assert!(
            matches!(parse(&with("tags", bad)), Err(EventError::Syntax(_))),
            "{bad}"
        );
    }
}

#[test]
fn r1_1_strings_are_strict() {
    let content = |text: &str| parse(&with("content", &format!("\"{text}\"")));
    for good in [
        r"\u0000",
        r"\ud83d\ude00",
        r"\/\b\f\n\r\t",
        r"\uFFFF",
        "😀\u{7f}\u{2028}",
    ] {
        assert_eq!(
            content(good).unwrap().view().content_raw().raw(),
            good.as_bytes()
        );
    }
    for lone in [
        r"\ud83d",
        r"\ud83dx",
        r"\ude00",
        r"\ud83d\ud83d",
        r"\ud83d\n",
        r"\uDBFF\u0041",
    ] {
        assert!(
            matches!(
                content(lone),
                Err(EventError::Syntax(SyntaxError::LoneSurrogate(_)))
            ),
            "{lone}"
        );
    }
    for bad in [r"\x", r"\u12", r"\u12g4", r"\U0041", r"\'", r"\u+123"] {
        assert!(
            matches!(
                content(bad),
                Err(EventError::Syntax(
                    SyntaxError::Escape(_) | SyntaxError::End
                ))
            ),
            "{bad}"
        );
    }
    for raw in ["\0", "\n", "\t", "\u{1f}"] {
        assert!(
            matches!(
                content(raw),
                Err(EventError::Syntax(SyntaxError::ControlCharacter(_)))
            ),
            "{raw:?}"
        );
    }
    assert_eq!(parse(&with("content", "null")), Err(EventError::Content));
}

#[test]
fn r1_1_nul_round_trips() {
    let event = parse(&with("content", r#""a\u0000b""#)).unwrap();
    assert_eq!(&*event.view().content(), b"a\0b");
    assert_eq!(Event::parse(event.json()).unwrap(), event);
}

#[test]
fn r1_1_invalid_utf_8_is_refused() {
    for bytes in [
        &b"\xff"[..],
        b"\xc0\x80",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xe2\x82",
    ] {
        let mut text = canonical().into_bytes();
        let at = text
            .windows(5)
            .position(|window| window == b"hello")
            .unwrap();
        text.splice(at..at, bytes.iter().copied());
        assert_eq!(
            Event::parse(&text),
            Err(EventError::Syntax(SyntaxError::Utf8))
        );
    }
}

#[test]
fn r1_1_only_one_object_is_an_event() {
    for text in ["[]", "null", "\"\"", "1"] {
        assert_eq!(Event::parse(text.as_bytes()), Err(EventError::NotAnObject));
    }
    assert_eq!(Event::parse(b""), Err(EventError::Syntax(SyntaxError::End)));
    for tail in ["x", "{}", ",", "\0"] {
        let text = canonical() + tail;
        assert!(matches!(
            Event::parse(text.as_bytes()),
            Err(EventError::Syntax(SyntaxError::Trailing(_)))
        ));
    }
    let padded = format!("\n\t {}\r\n ", canonical());
    assert_eq!(
        Event::parse(padded.as_bytes()).unwrap().json(),
        canonical().as_bytes()
    );
    for end in 0..canonical().len() {
        assert!(Event::parse(&canonical().as_bytes()[..end]).is_err());
    }
}

#[test]
fn r1_1_nesting_is_bounded() {
    let nested = |depth: usize| {
        canonical().replacen(
            '{',
            &format!("{{\"x\":{}{},", "[".repeat(depth), "]".repeat(depth)),
            1,
        )
    };
    assert!(parse(&nested(60)).is_ok());
    assert!(matches!(
        parse(&nested(100)),
        Err(EventError::Syntax(SyntaxError::Depth(_)))
    ));
    assert!(matches!(
        parse(&nested(200_000)),
        Err(EventError::Syntax(SyntaxError::Depth(_)))
    ));
}

#[test]
fn r1_1_unknown_fields_are_bounded() {
    let many: Vec<String> = (0..65).map(|number| format!("\"x{number}\":0,")).collect();
    let text = canonical().replacen('{', &format!("{{{}", many.concat()), 1);
    assert_eq!(parse(&text), Err(EventError::TooManyFields));
}

#[test]
fn r4_5_size_and_tags_are_limited() {
    let text = canonical();
    assert!(Event::parse_within(text.as_bytes(), text.len(), 2).is_ok());
    assert_eq!(
        Event::parse_within(text.as_bytes(), text.len() - 1, 2),
        Err(EventError::TooLarge(text.len() - 1))
    );
    assert_eq!(
        Event::parse_within(text.as_bytes(), 0, 1),
        Err(EventError::TooManyTags(1))
    );
    assert!(Event::parse_within(text.as_bytes(), 0, 0).is_ok());
}

#[test]
fn the_id_of_an_invalid_event_is_saved() {
    let saved = |text: &str| super::salvage_id(text.as_bytes()).map(|id| id.to_string());
    assert_eq!(saved(&with("kind", "70000")).as_deref(), Some(ID));
    assert_eq!(
        saved(&format!("{{\"x\":[],\"id\":\"{ID}\",\"kind\":tru")).as_deref(),
        Some(ID)
    );
    for text in [
        "",
        "[]",
        "{}",
        "{\"id\":1}",
        "{\"id\":\"00\"}",
        &format!("{{\"x\":nul,\"id\":\"{ID}\"}}"),
    ] {
        assert_eq!(saved(text), None, "{text}");
    }
}
