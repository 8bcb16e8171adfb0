use super::client::{ClientMessage, parse_client_message};
use super::error::{MessageError, Verb};
use super::limits::ParseLimits;
use super::relay::{self, EoseHint};
use super::subscription::SubscriptionId;
use crate::hll::Registers;
use crate::{Event, EventBuilder, EventId, Filter, FilterError, Kind, SecretKey, Timestamp};

fn parse(text: &str) -> Result<ClientMessage<'_>, MessageError> {
    parse_client_message(text, &ParseLimits::default())
}

fn sub(text: &str) -> SubscriptionId {
    SubscriptionId::new(text).unwrap()
}

fn event() -> Event {
    EventBuilder::new(Kind(1), Timestamp(1))
        .tag(["t", "x"])
        .sign(&SecretKey::from_bytes([3; 32]).unwrap())
}

fn event_json() -> String {
    String::from_utf8(event().json().to_vec()).unwrap()
}

/// The answer to a message that is refused.
fn answer(text: &str) -> String {
    let mut out = Vec::new();
    parse(text).unwrap_err().write_answer(&mut out);
    let text = String::from_utf8(out).unwrap();
    assert!(
        serde_json::from_str::<Vec<serde_json::Value>>(&text).is_ok(),
        "{text}"
    );
    text
}

#[test]
fn r1_1_messages_of_clients() {
    let filter = |json: &str| Filter::parse(json.as_bytes()).unwrap();
    assert_eq!(
        parse(&format!("[\"EVENT\",{}]", event_json())),
        Ok(ClientMessage::Event(event()))
    );
    assert_eq!(
        parse(&format!(" [ \"AUTH\" , {} ] ", event_json())),
        Ok(ClientMessage::Auth(event()))
    );
    assert_eq!(
        parse("[\"REQ\",\"a\",{},{\"kinds\":[1]}]"),
        Ok(ClientMessage::Req {
            sub: sub("a"),
            filters: vec![filter("{}"), filter("{\"kinds\":[1]}")]
        })
    );
    assert_eq!(
        parse("[\"COUNT\",\"a\",{}]"),
        Ok(ClientMessage::Count {
            sub: sub("a"),
            filters: vec![filter("{}")]
        })
    );
    assert_eq!(
        parse("[\"CLOSE\",\"a\"]"),
        Ok(ClientMessage::Close(sub("a")))
    );
    assert_eq!(
        parse("[\"NEG-OPEN\",\"a\",{},\"6100ff\"]"),
        Ok(ClientMessage::NegOpen {
            sub: sub("a"),
            filter: filter("{}"),
            message: vec![0x61, 0, 0xff]
        })
    );
    assert_eq!(
        parse("[\"NEG-MSG\",\"a\",\"61\"]"),
        Ok(ClientMessage::NegMsg {
            sub: sub("a"),
            message: vec![0x61]
        })
    );
    assert_eq!(
        parse("[\"NEG-CLOSE\",\"a\"]"),
        Ok(ClientMessage::NegClose(sub("a")))
    );
    assert_eq!(
        parse("[\"PING\",1,null]"),
        Ok(ClientMessage::Unknown("PING".into()))
    );
    assert_eq!(
        parse("[\"\\u0043LOSE\",\"\\u0061\"]"),
        Ok(ClientMessage::Close(sub("a")))
    );
    assert_eq!(
        parse("[\"CLOSE\",\"a\",{\"further\":[1]}]"),
        Ok(ClientMessage::Close(sub("a")))
    );
    let long = format!("[\"{}\"]", "é".repeat(1_000));
    assert_eq!(
        parse(&long),
        Ok(ClientMessage::Unknown("é".repeat(40).into()))
    );
}

#[test]
fn r1_14_what_cannot_be_parsed_gets_a_notice() {
    for text in [
        "",
        "x",
        "{}",
        "null",
        "[]",
        "[1]",
        "[\"CLOSE\"",
        "[\"CLOSE\"]",
        "[\"CLOSE\",1]",
        "[\"CLOSE\",\"\"]",
        "[\"CLOSE\",\"a\"] x",
        "[\"CLOSE\",\"a\",nul]",
        "[\"REQ\"]",
        "[\"REQ\",{}]",
        "[\"REQ\",null,{}]",
        "[\"PING\",]",
        "[\"EVENT\"]",
        "[\"EVENT\",{}]",
        "[\"EVENT\",\"a\"]",
        "[\"NEG-OPEN\",\"\",{},\"\"]",
        "[\"CLOSE\" \"a\"]",
    ] {
        assert!(
            answer(text).starts_with("[\"NOTICE\",\"invalid: "),
            "{text}: {}",
            answer(text)
        );
    }
    let bytes: &[u8] = b"[\"CLOSE\",\"\xff\"]";
    assert!(matches!(
        parse_client_message(bytes, &ParseLimits::NONE),
        Err(MessageError::Malformed(_))
    ));
}

#[test]
fn r1_1_refused_events_are_named() {
    let id = event().id();
    for (old, new) in [
        ("\"kind\":1", "\"kind\":70000"),
        ("[[\"t\",\"x\"]]", "[[]]"),
        ("\"sig\":\"", "\"sig\":\"x"),
        ("}", ",\"id\":1}"),
    ] {
        for verb in ["EVENT", "AUTH"] {
            let text = format!("[\"{verb}\",{}]", event_json().replacen(old, new, 1));
            let start = format!("[\"OK\",\"{id}\",false,\"invalid: ");
            assert!(answer(&text).starts_with(&start), "{}", answer(&text));
        }
    }
    let cut = format!("[\"EVENT\",{}", event_json());
    assert!(answer(&cut).starts_with("[\"OK\","));
    assert!(matches!(
        parse(&cut),
        Err(MessageError::Event {
            verb: Verb::Event,
            id: Some(_),
            ..
        })
    ));
}

#[test]
fn r1_6_refused_filters_close_the_subscription() {
    for (text, reason) in [
        ("[\"REQ\",\"a\",{\"foo\":1}]", "unsupported: "),
        ("[\"REQ\",\"a\",{\"&t\":[\"x\"]}]", "unsupported: "),
        ("[\"COUNT\",\"a\",{\"kinds\":1}]", "invalid: "),
        ("[\"REQ\",\"a\",{}", "invalid: "),
        ("[\"REQ\",\"a\",[]]", "invalid: "),
        ("[\"REQ\",\"a\",]", "invalid: "),
        ("[\"REQ\",\"a\"]", "invalid: REQ needs at least one filter"),
        ("[\"COUNT\",\"a\"]", "invalid: "),
    ] {
        assert!(
            answer(text).starts_with(&format!("[\"CLOSED\",\"a\",\"{reason}")),
            "{text}: {}",
            answer(text)
        );
    }
    for text in [
        "[\"NEG-OPEN\",\"a\",{\"foo\":1},\"61\"]",
        "[\"NEG-OPEN\",\"a\",{},\"6\"]",
        "[\"NEG-OPEN\",\"a\"]",
        "[\"NEG-MSG\",\"a\",\"XX\"]",
        "[\"NEG-MSG\",\"a\"]",
    ] {
        assert!(
            answer(text).starts_with("[\"NEG-ERR\",\"a\",\""),
            "{text}: {}",
            answer(text)
        );
    }
}

#[test]
fn r1_1_subscription_ids_have_1_to_64_characters() {
    for good in ["a", &"x".repeat(64), &"😀".repeat(64), "\"quoted\"\n"] {
        assert_eq!(SubscriptionId::new(good).unwrap().as_str(), good);
    }
    for bad in ["", &"x".repeat(65), &"😀".repeat(65), &"x".repeat(100_000)] {
        assert_eq!(SubscriptionId::new(bad), None);
        assert!(matches!(
            parse(&format!("[\"REQ\",\"{bad}\",{{}}]")),
            Err(MessageError::SubscriptionId {
                verb: Verb::Req,
                max: 64
            })
        ));
    }
    let limits = ParseLimits {
        max_subscription_chars: 100,
        ..ParseLimits::default()
    };
    assert!(parse_client_message(&format!("[\"CLOSE\",\"{}\"]", "x".repeat(100)), &limits).is_ok());
    assert!(
        parse_client_message(&format!("[\"CLOSE\",\"{}\"]", "x".repeat(101)), &limits).is_err()
    );
}

#[test]
fn r4_5_messages_are_limited() {
    let filters = |count: usize| format!("[\"REQ\",\"a\",{}]", vec!["{}"; count].join(","));
    assert!(parse(&filters(16)).is_ok());
    assert_eq!(
        answer(&filters(17)),
        "[\"CLOSED\",\"a\",\"invalid: more than 16 filters\"]"
    );
    assert!(parse_client_message(&filters(100), &ParseLimits::NONE).is_ok());
    let limits = ParseLimits {
        max_event_bytes: 100,
        ..ParseLimits::NONE
    };
    let text = format!("[\"EVENT\",{}]", event_json());
    let error = parse_client_message(&text, &limits).unwrap_err();
    assert_eq!(error.event_id(), Some(event().id()));
    assert_eq!(error.reason(), "invalid: larger than 100 bytes");
    let many = format!(
        "[\"COUNT\",\"a\",{{\"#t\":[{}]}}]",
        vec!["\"x\""; 257].join(",")
    );
    assert_eq!(
        parse(&many),
        Err(MessageError::Filter {
            verb: Verb::Count,
            sub: sub("a"),
            error: FilterError::TooMany {
                field: "#t".into(),
                max: 256
            }
        })
    );
}

#[test]
fn messages_of_relays() {
    let written = |write: &dyn Fn(&mut Vec<u8>)| {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    };
    let (id, a) = (EventId([0xab; 32]), sub("a\"\\"));
    let hex = "ab".repeat(32);
    assert_eq!(
        written(&|out| relay::ok(out, &id, true, "")),
        format!("[\"OK\",\"{hex}\",true,\"\"]")
    );
    assert_eq!(
        written(&|out| relay::ok(out, &id, false, "blocked: \"x\"\n")),
        format!(r#"["OK","{hex}",false,"blocked: \"x\"\n"]"#)
    );
    assert_eq!(
        written(&|out| relay::event(out, &a, b"{}")),
        r#"["EVENT","a\"\\",{}]"#
    );
    assert_eq!(
        written(&|out| relay::eose(out, &a, None)),
        r#"["EOSE","a\"\\"]"#
    );
    assert_eq!(
        written(&|out| relay::eose(out, &a, Some(EoseHint::Finish))),
        r#"["EOSE","a\"\\",["finish"]]"#
    );
    assert_eq!(
        written(&|out| relay::eose(out, &a, Some(EoseHint::More))),
        r#"["EOSE","a\"\\",["more"]]"#
    );
    assert_eq!(
        written(&|out| relay::closed(out, &a, "error: x")),
        r#"["CLOSED","a\"\\","error: x"]"#
    );
    assert_eq!(written(&|out| relay::notice(out, "x")), r#"["NOTICE","x"]"#);
    assert_eq!(written(&|out| relay::auth(out, "x")), r#"["AUTH","x"]"#);
    assert_eq!(
        written(&|out| relay::count(out, &a, 5, None)),
        r#"["COUNT","a\"\\",{"count":5}]"#
    );
    let registers = Registers::new();
    let hll = "0".repeat(512);
    assert_eq!(
        written(&|out| relay::count(out, &a, 0, Some(&registers))),
        format!(r#"["COUNT","a\"\\",{{"count":0,"hll":"{hll}"}}]"#)
    );
    assert_eq!(
        written(&|out| relay::neg_msg(out, &a, &[0x61, 0])),
        r#"["NEG-MSG","a\"\\","6100"]"#
    );
    assert_eq!(
        written(&|out| relay::neg_err(out, &a, "blocked: x", None)),
        r#"["NEG-ERR","a\"\\","blocked: x"]"#
    );
    assert_eq!(
        written(&|out| relay::neg_err(out, &a, "blocked: x", Some(7))),
        r#"["NEG-ERR","a\"\\","blocked: x",7]"#
    );
}
