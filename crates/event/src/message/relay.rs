//! What relays send: each function appends the text of one message to a buffer. Reasons come with their NIP-01 prefix.

use super::subscription::SubscriptionId;
use crate::hex;
use crate::hll::Registers;
use crate::keys::EventId;
use crate::text::quote_into;

/// Whether a subscription has been sent everything that is stored (NIP-67).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EoseHint {
    /// Every stored match was sent.
    Finish,
    /// Further matches are stored.
    More,
}

/// `["OK","<id>",<accepted>,"<reason>"]`
pub fn ok(out: &mut Vec<u8>, id: &EventId, accepted: bool, reason: &str) {
    out.extend_from_slice(b"[\"OK\",\"");
    hex::encode_into(&id.0, out);
    out.extend_from_slice(if accepted { b"\",true," } else { b"\",false," });
    quote_into(reason.as_bytes(), out);
    out.push(b']');
}

/// `["EVENT","<sub>",`: the canonical event and `]` complete the message.
pub fn event_prefix(out: &mut Vec<u8>, sub: &SubscriptionId) {
    begin(out, b"EVENT", sub);
    out.push(b',');
}

/// `["EVENT","<sub>",<event>]`
pub fn event(out: &mut Vec<u8>, sub: &SubscriptionId, canonical: &[u8]) {
    event_prefix(out, sub);
    out.extend_from_slice(canonical);
    out.push(b']');
}

/// `["EOSE","<sub>"]`, with `["finish"]` or `["more"]` as third element (NIP-67).
pub fn eose(out: &mut Vec<u8>, sub: &SubscriptionId, hint: Option<EoseHint>) {
    begin(out, b"EOSE", sub);
    out.extend_from_slice(match hint {
        None => b"]",
        Some(EoseHint::Finish) => b",[\"finish\"]]",
        Some(EoseHint::More) => b",[\"more\"]]",
    });
}

/// `["CLOSED","<sub>","<reason>"]`
pub fn closed(out: &mut Vec<u8>, sub: &SubscriptionId, reason: &str) {
    begin(out, b"CLOSED", sub);
    text(out, reason);
}

/// `["NOTICE","<text>"]`
pub fn notice(out: &mut Vec<u8>, message: &str) {
    out.extend_from_slice(b"[\"NOTICE\"");
    text(out, message);
}

/// `["AUTH","<challenge>"]` (NIP-42)
pub fn auth(out: &mut Vec<u8>, challenge: &str) {
    out.extend_from_slice(b"[\"AUTH\"");
    text(out, challenge);
}

/// `["COUNT","<sub>",{"count":N}]`, with `hll` when registers are given (NIP-45).
pub fn count(out: &mut Vec<u8>, sub: &SubscriptionId, count: u64, registers: Option<&Registers>) {
    begin(out, b"COUNT", sub);
    out.extend_from_slice(b",{\"count\":");
    out.extend_from_slice(count.to_string().as_bytes());
    if let Some(registers) = registers {
        out.extend_from_slice(b",\"hll\":\"");
        hex::encode_into(&registers.0, out);
        out.push(b'"');
    }
    out.extend_from_slice(b"}]");
}

/// `["COUNT","<sub>",{"count":<count>,"approximate":true}]` (NIP-45)
pub fn approximate_count(out: &mut Vec<u8>, sub: &SubscriptionId, count: u64) {
    begin(out, b"COUNT", sub);
    out.extend_from_slice(b",{\"count\":");
    out.extend_from_slice(count.to_string().as_bytes());
    out.extend_from_slice(b",\"approximate\":true}]");
}

/// `["NEG-MSG","<sub>","<hex>"]` (NIP-77)
pub fn neg_msg(out: &mut Vec<u8>, sub: &SubscriptionId, message: &[u8]) {
    begin(out, b"NEG-MSG", sub);
    out.extend_from_slice(b",\"");
    hex::encode_into(message, out);
    out.extend_from_slice(b"\"]");
}

/// `["NEG-ERR","<sub>","<reason>"]` (NIP-77), with the most records that can be reconciled as fourth element when given.
pub fn neg_err(out: &mut Vec<u8>, sub: &SubscriptionId, reason: &str, most: Option<u64>) {
    begin(out, b"NEG-ERR", sub);
    out.push(b',');
    quote_into(reason.as_bytes(), out);
    if let Some(most) = most {
        out.push(b',');
        out.extend_from_slice(most.to_string().as_bytes());
    }
    out.push(b']');
}

fn begin(out: &mut Vec<u8>, verb: &[u8], sub: &SubscriptionId) {
    out.extend_from_slice(b"[\"");
    out.extend_from_slice(verb);
    out.extend_from_slice(b"\",");
    quote_into(sub.as_str().as_bytes(), out);
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.push(b',');
    quote_into(text.as_bytes(), out);
    out.push(b']');
}
