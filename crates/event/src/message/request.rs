//! What clients send: each function appends the text of one message to a buffer.

use super::subscription::SubscriptionId;
use crate::filter::Filter;
use crate::hex;
use crate::text::quote_into;

/// `["EVENT",<event>]`
pub fn event(out: &mut Vec<u8>, canonical: &[u8]) {
    whole(out, b"EVENT", canonical);
}

/// `["AUTH",<event>]` (NIP-42)
pub fn auth(out: &mut Vec<u8>, canonical: &[u8]) {
    whole(out, b"AUTH", canonical);
}

/// `["REQ","<sub>",<filter>,…]`
pub fn req(out: &mut Vec<u8>, sub: &SubscriptionId, filters: &[Filter]) {
    query(out, b"REQ", sub, filters);
}

/// `["COUNT","<sub>",<filter>,…]` (NIP-45)
pub fn count(out: &mut Vec<u8>, sub: &SubscriptionId, filters: &[Filter]) {
    query(out, b"COUNT", sub, filters);
}

/// `["CLOSE","<sub>"]`
pub fn close(out: &mut Vec<u8>, sub: &SubscriptionId) {
    begin(out, b"CLOSE", sub);
    out.push(b']');
}

/// `["NEG-OPEN","<sub>",<filter>,"<hex>"]` (NIP-77)
pub fn neg_open(out: &mut Vec<u8>, sub: &SubscriptionId, filter: &Filter, message: &[u8]) {
    begin(out, b"NEG-OPEN", sub);
    out.push(b',');
    filter.write_json(out);
    binary(out, message);
}

/// `["NEG-MSG","<sub>","<hex>"]` (NIP-77)
pub fn neg_msg(out: &mut Vec<u8>, sub: &SubscriptionId, message: &[u8]) {
    begin(out, b"NEG-MSG", sub);
    binary(out, message);
}

/// `["NEG-CLOSE","<sub>"]` (NIP-77)
pub fn neg_close(out: &mut Vec<u8>, sub: &SubscriptionId) {
    begin(out, b"NEG-CLOSE", sub);
    out.push(b']');
}

fn whole(out: &mut Vec<u8>, verb: &[u8], canonical: &[u8]) {
    out.extend_from_slice(b"[\"");
    out.extend_from_slice(verb);
    out.extend_from_slice(b"\",");
    out.extend_from_slice(canonical);
    out.push(b']');
}

fn query(out: &mut Vec<u8>, verb: &[u8], sub: &SubscriptionId, filters: &[Filter]) {
    begin(out, verb, sub);
    for filter in filters {
        out.push(b',');
        filter.write_json(out);
    }
    out.push(b']');
}

fn begin(out: &mut Vec<u8>, verb: &[u8], sub: &SubscriptionId) {
    out.extend_from_slice(b"[\"");
    out.extend_from_slice(verb);
    out.extend_from_slice(b"\",");
    quote_into(sub.as_str().as_bytes(), out);
}

fn binary(out: &mut Vec<u8>, message: &[u8]) {
    out.extend_from_slice(b",\"");
    hex::encode_into(message, out);
    out.extend_from_slice(b"\"]");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ClientMessage, EventBuilder, Kind, ParseLimits, SecretKey, Timestamp, parse_client_message,
    };

    #[test]
    fn what_is_written_is_what_our_relay_reads() {
        let sub = SubscriptionId::new("a\"\\").unwrap();
        let filters = || {
            [r##"{"kinds":[1],"#t":["x\"y"]}"##, r#"{"limit":0}"#]
                .map(|json| Filter::parse(json.as_bytes()).unwrap())
        };
        let filter = || Filter::parse(br#"{"since":5}"#).unwrap();
        let event = EventBuilder::new(Kind::NOTE, Timestamp(5))
            .sign(&SecretKey::from_bytes([3; 32]).unwrap());
        type Case<'a> = (&'a dyn Fn(&mut Vec<u8>), ClientMessage<'a>);
        let cases: [Case<'_>; 8] = [
            (
                &|out| super::event(out, event.json()),
                ClientMessage::Event(event.clone()),
            ),
            (
                &|out| auth(out, event.json()),
                ClientMessage::Auth(event.clone()),
            ),
            (
                &|out| req(out, &sub, &filters()),
                ClientMessage::Req {
                    sub: sub.clone(),
                    filters: filters().into(),
                },
            ),
            (
                &|out| count(out, &sub, &filters()),
                ClientMessage::Count {
                    sub: sub.clone(),
                    filters: filters().into(),
                },
            ),
            (&|out| close(out, &sub), ClientMessage::Close(sub.clone())),
            (
                &|out| neg_open(out, &sub, &filter(), &[0x61]),
                ClientMessage::NegOpen {
                    sub: sub.clone(),
                    filter: filter(),
                    message: vec![0x61],
                },
            ),
            (
                &|out| neg_msg(out, &sub, &[0x61, 0xff]),
                ClientMessage::NegMsg {
                    sub: sub.clone(),
                    message: vec![0x61, 0xff],
                },
            ),
            (
                &|out| neg_close(out, &sub),
                ClientMessage::NegClose(sub.clone()),
            ),
        ];
        for (write, expected) in cases {
            let mut text = Vec::new();
            write(&mut text);
            assert_eq!(
                parse_client_message(&text, &ParseLimits::default()),
                Ok(expected)
            );
        }
    }
}
