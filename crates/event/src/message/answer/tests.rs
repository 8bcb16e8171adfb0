use super::*;
use crate::event::Event;
use crate::{EventBuilder, Kind, SecretKey, SubscriptionId, Timestamp, relay_message};

fn parse(text: &str) -> Result<RelayMessage<'_>> {
    parse_relay_message(text, &ParseLimits::default())
}

fn lacks(text: &str) -> &'static str {
    match parse(text) {
        Err(RelayMessageError::Element { what, .. }) => what,
        other => panic!("{text}: {other:?}"),
    }
}

fn event() -> Event {
    EventBuilder::new(Kind::NOTE, Timestamp(5))
        .content("a\"b")
        .sign(&SecretKey::from_bytes([3; 32]).unwrap())
}

#[test]
fn what_our_relay_writes_is_read_back() {
    let sub = SubscriptionId::new("a\"\\é").unwrap();
    let name = || Cow::Borrowed(sub.as_str());
    let (event, reason) = (event(), "error: \"x\"\n");
    let registers = Registers([7; 256]);
    type Case<'a> = (&'a dyn Fn(&mut Vec<u8>), RelayMessage<'a>);
    let cases: [Case<'_>; 11] = [
        (
            &|out| relay_message::event(out, &sub, event.json()),
            RelayMessage::Event {
                sub: name(),
                event: event.clone().into(),
            },
        ),
        (
            &|out| relay_message::ok(out, &event.id(), true, ""),
            RelayMessage::Ok {
                id: event.id(),
                accepted: true,
                reason: "".into(),
            },
        ),
        (
            &|out| relay_message::ok(out, &event.id(), false, reason),
            RelayMessage::Ok {
                id: event.id(),
                accepted: false,
                reason: reason.into(),
            },
        ),
        (
            &|out| relay_message::eose(out, &sub, Some(EoseHint::More)),
            RelayMessage::Eose {
                sub: name(),
                hint: Some(EoseHint::More),
            },
        ),
        (
            &|out| relay_message::closed(out, &sub, reason),
            RelayMessage::Closed {
                sub: name(),
                reason: reason.into(),
            },
        ),
        (
            &|out| relay_message::notice(out, reason),
            RelayMessage::Notice(reason.into()),
        ),
        (
            &|out| relay_message::auth(out, "chal\"lenge"),
            RelayMessage::Auth("chal\"lenge".into()),
        ),
        (
            &|out| relay_message::count(out, &sub, 5, None),
            RelayMessage::Count {
                sub: name(),
                count: 5,
                approximate: false,
                registers: None,
            },
        ),
        (
            &|out| relay_message::count(out, &sub, u64::MAX, Some(&registers)),
            RelayMessage::Count {
                sub: name(),
                count: u64::MAX,
                approximate: false,
                registers: Some(Box::new(registers.clone())),
            },
        ),
        (
            &|out| relay_message::neg_msg(out, &sub, &[0x61, 0]),
            RelayMessage::NegMsg {
                sub: name(),
                message: vec![0x61, 0],
            },
        ),
        (
            &|out| relay_message::neg_err(out, &sub, reason, None),
            RelayMessage::NegErr {
                sub: name(),
                reason: reason.into(),
            },
        ),
    ];
    for (write, expected) in cases {
        let mut text = Vec::new();
        write(&mut text);
        assert_eq!(
            parse_relay_message(&text, &ParseLimits::default()),
            Ok(expected)
        );
    }
}

#[test]
fn nip_67_hints_are_read_and_others_ignored() {
    for (text, hint) in [
        (r#"["EOSE","a"]"#, None),
        (r#"["EOSE","a",[]]"#, None),
        (r#"["EOSE","a",["finish"]]"#, Some(EoseHint::Finish)),
        (
            r#" [ "EOSE" , "a" , [ "soon" , "finish" ] , 5 ] "#,
            Some(EoseHint::Finish),
        ),
        (r#"["EOSE","a",["finish","more"]]"#, Some(EoseHint::More)),
        (r#"["EOSE","a",[{"more":1},["more"]]]"#, None),
        (r#"["EOSE","a","finish"]"#, None),
        (r#"["EOSE","a",null]"#, None),
    ] {
        let sub = "a".into();
        assert_eq!(parse(text), Ok(RelayMessage::Eose { sub, hint }), "{text}");
    }
}

#[test]
fn what_relays_leave_out_or_add_is_forgiven() {
    let id = event().id();
    let ok = |accepted, reason: &'static str| {
        Ok(RelayMessage::Ok {
            id,
            accepted,
            reason: reason.into(),
        })
    };
    assert_eq!(parse(&format!(r#"["OK","{id}",true]"#)), ok(true, ""));
    assert_eq!(
        parse(&format!(r#"["OK","{id}",false,null]"#)),
        ok(false, "")
    );
    assert_eq!(
        parse(&format!(r#"["OK","{id}",false,"pow: more",{{}}]"#)),
        ok(false, "pow: more")
    );
    assert_eq!(
        parse(r#"["CLOSED","a"]"#),
        Ok(RelayMessage::Closed {
            sub: "a".into(),
            reason: "".into()
        })
    );
    assert_eq!(
        parse(r#"["COUNT","a",{"hll":"xyz","approximate":true,"x":[{}],"count":3},1]"#),
        Ok(RelayMessage::Count {
            sub: "a".into(),
            count: 3,
            approximate: true,
            registers: None
        })
    );
    assert_eq!(
        parse(r#"["HELLO",{}]"#),
        Ok(RelayMessage::Unknown("HELLO".into()))
    );
}

#[test]
fn what_would_change_the_meaning_is_not_forgiven() {
    let id = event().id();
    assert_eq!(lacks(r#"["EOSE"]"#), "a subscription id");
    assert_eq!(lacks(r#"["EVENT",{}]"#), "a subscription id");
    assert_eq!(lacks(r#"["OK","abc",true,""]"#), "an event id");
    assert_eq!(
        lacks(&format!(r#"["OK","{id}","true",""]"#)),
        "true or false"
    );
    assert_eq!(lacks(&format!(r#"["OK","{id}"]"#)), "true or false");
    assert_eq!(lacks(r#"["COUNT","a",{}]"#), "a count");
    assert_eq!(lacks(r#"["COUNT","a",{"count":-1}]"#), "a count");
    assert_eq!(lacks(r#"["COUNT","a",5]"#), "a count");
    assert_eq!(lacks(r#"["NEG-MSG","a","6"]"#), "a message in hex");
    assert_eq!(lacks(r#"["AUTH",5]"#), "a text");
    for text in ["", "{}", "[]", "[5]", "EVENT"] {
        assert_eq!(parse(text), Err(RelayMessageError::NotAMessage), "{text}");
    }
    for text in [
        r#"["NOTICE","a""#,
        r#"["NOTICE","a"]]"#,
        r#"["HELLO",]"#,
        r#"["EOSE","a",tru]"#,
    ] {
        assert!(
            matches!(parse(text), Err(RelayMessageError::Malformed(_))),
            "{text}: {:?}",
            parse(text)
        );
    }
    let small = ParseLimits {
        max_event_bytes: 50,
        ..ParseLimits::NONE
    };
    let mut text = b"[\"EVENT\",\"a\",".to_vec();
    text.extend_from_slice(event().json());
    text.push(b']');
    assert_eq!(
        parse_relay_message(&text, &small),
        Err(RelayMessageError::Event(EventError::TooLarge(50)))
    );
}
